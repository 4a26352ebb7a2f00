"""Text in ABC, of titles, names and words, to letters and back: backslashes, entities, and where a comment begins. Knows no music.

Programs differ in which escapes they know, so that few are written: signs that would cut or shift the text have others that look like them.
"""

from __future__ import annotations

import html
import re
import unicodedata

_ACCENTS = {"`": "\u0300", "'": "\u0301", "^": "\u0302", "~": "\u0303", '"': "\u0308", ",": "\u0327", "=": "\u0304"}
_LETTERS = {"aa": "å", "AA": "Å", "ae": "æ", "AE": "Æ", "oe": "œ", "OE": "Œ", "ss": "ß", "/o": "ø", "/O": "Ø"}
_ESCAPE = re.compile(
    r"""\\(?:u(?P<code>[0-9A-Fa-f]{4})|(?P<letter>aa|AA|ae|AE|oe|OE|ss|/o|/O)|(?P<accent>[`'^~",=])(?P<base>[A-Za-z])|(?P<sign>.))"""
)
_COMMENT = re.compile(r"(?<!\\)%.*")
_ENTITY = re.compile(r"&#?\w+;")
_LIKE = str.maketrans({"%": "\uff05", "*": "\u2217", "|": "\u2223", "_": "\uff3f", "~": "\u223c"})


def uncommented(line: str) -> str:
    return _COMMENT.sub("", line)


def decoded(text: str) -> str:
    """What a text without its comment says."""
    return _ENTITY.sub(lambda entity: html.unescape(entity[0]), _ESCAPE.sub(_letter, text)).strip()


def _letter(found: re.Match[str]) -> str:
    if found["code"]:
        return chr(int(found["code"], 16))
    if found["letter"]:
        return _LETTERS[found["letter"]]
    if found["accent"]:
        return unicodedata.normalize("NFC", found["base"] + _ACCENTS[found["accent"]])
    return found["sign"].replace("&", "&amp;")


def encoded(text: str) -> str:
    """On one line, as a title."""
    plain = " ".join(text.split()).replace("\\", "\\\\").replace("%", "\\%")
    return _ENTITY.sub(lambda entity: f"\\{entity[0]}", plain)


def quoted(text: str) -> str:
    """As a name, or as words over the music: between quotes, and without a comment's sign, which would cut the notes after it."""
    return f'"{encoded(text.translate({ord("%"): _LIKE[ord("%")]})).replace(chr(34), chr(39) * 2)}"'


def syllable(text: str) -> str:
    """Of a line of words, without the signs that part, hold or pass over."""
    return encoded(text.translate(_LIKE)).replace("-", "\\-").replace(" ", "~")


def title(text: str) -> str:
    """That of the first tune of a file; empty if it has none."""
    found = re.search(r"^T:(.*)$", text, re.MULTILINE)
    return decoded(uncommented(found[1])) if found else ""
