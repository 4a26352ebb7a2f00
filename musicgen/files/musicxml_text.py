"""Text in elements of MusicXML."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

_ILLEGAL = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def add_text(parent: ET.Element, tag: str, text: object, **attributes: str) -> ET.Element:
    """A child with text, less the characters that XML forbids."""
    element = ET.SubElement(parent, tag, attributes)
    element.text = _ILLEGAL.sub("", str(text))
    return element
