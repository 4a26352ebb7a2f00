"""What music21 loses of words in MusicXML, said in a way that it keeps: which verse a text belongs to, and lines that hold a syllable."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

HELD = "\ue0f0"  # private: after a text that a line holds on
_STRAY = f" _|{HELD}"


def clean(text: str) -> str:
    """Without the marks that say how long a syllable is held."""
    return text.strip().strip(_STRAY).strip()


def number_verses(root: ET.Element) -> None:
    """Changes the tree: numbers from 1, also where programs name verses (`part1verse2`, `chorus`), and each line as a mark in its text."""
    for note in root.iter("note"):
        lyrics = note.findall("lyric")
        for place, lyric in enumerate(lyrics, 1):
            text = lyric.findall("text")[-1:]
            if not text:
                note.remove(lyric)  # a line's end
                continue
            number = re.search(r"[1-9][0-9]?$", lyric.get("number", "").strip())
            lyric.set("number", number[0] if number else str(place))
            if lyric.find("extend") is not None:
                text[0].text = (text[0].text or "").strip() + HELD
