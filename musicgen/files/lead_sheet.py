"""Chord symbols of a lead sheet, MusicXML or ABC, where they sound once repeats are written out, as in the score that `read_score` gives.

music21 drops what it cannot read without a word, so each symbol is read here first, and music21 only carries it to its time: in MusicXML as
words, in ABC under the name that it knows.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from fractions import Fraction
from os import PathLike
from pathlib import Path
from typing import Any

from musicgen.errors import FileError, NotationError
from musicgen.files.io import check_input
from musicgen.files.musicxml import parsed, quiet
from musicgen.files.musicxml_sounding import to_sounding_pitch
from musicgen.files.untrusted import check_text, parse_musicxml, read_bytes, read_text, unzipped_score
from musicgen.music.chord_names import NO_CHORD, SUFFIXES, music21_figure
from musicgen.music.pitch import Spelling
from musicgen.music.transposition import CONCERT, Transposition

SHEETS = (".musicxml", ".xml", ".mxl", ".abc")
# MusicXML's kinds of chords.
KINDS = {
    **{"major": "", "minor": "m", "augmented": "aug", "diminished": "dim", "power": "5"},
    **{"dominant": "7", "major-seventh": "maj7", "minor-seventh": "m7", "diminished-seventh": "dim7", "augmented-seventh": "7#5"},
    **{"half-diminished": "m7b5", "major-minor": "mM7", "major-sixth": "6", "minor-sixth": "m6"},
    **{"dominant-ninth": "9", "major-ninth": "maj9", "minor-ninth": "m9", "suspended-second": "sus2", "suspended-fourth": "sus4"},
}
# Kinds with degrees that are added, altered or taken out: value, alteration, type.
ALTERED = {
    ("dominant", "9 -1 add"): "7b9",
    ("dominant", "9 1 add"): "7#9",
    ("dominant", "5 -1 alter"): "7b5",
    ("dominant", "5 1 alter"): "7#5",
    ("minor-seventh", "5 -1 alter"): "m7b5",
    ("major", "9 0 add"): "add9",
    ("suspended-fourth", "7 0 add"): "7sus4",
    ("suspended-fourth", "7 -1 add"): "7sus4",
}
_MARK = "chord symbol: "
_ANNOTATION = re.compile(r'"([^"\n]*)"')
# Text that begins like a chord is one; `Fine`, `Coda` and `D.C.` do not.
_LIKE_CHORD = re.compile(r"[A-G](#|b|-|m|M|\d|maj|min|dim|aug|sus|add|/|\+|o7?$|°|ø|$)")


def read_chords(path: str | PathLike[str]) -> list[tuple[Fraction, str]]:
    """Chord symbols with their beginnings in quarters, in order of time, at sounding pitch; of the first part that has any.

    Raises FileError for a file that cannot be read or has none, and for a symbol that is not known.
    """
    check_input(path)
    suffix = Path(path).suffix.lower()
    if suffix not in SHEETS:
        raise FileError(path, f"chord symbols are read from {', '.join(SHEETS)}; export it as one of these")
    data = read_bytes(path)
    if suffix == ".abc":
        text = read_text(path, data)
        check_text(path, text, suffix)
        text, kind = _ANNOTATION.sub(lambda match: f'"{_abc_symbol(path, match[1])}"', text), "abc"
    else:
        root = parse_musicxml(path, unzipped_score(path, data) if suffix == ".mxl" else data)
        _symbols_as_words(path, root, to_sounding_pitch(root, Path(path), []))
        text, kind = ET.tostring(root, encoding="unicode"), "musicxml"
    with quiet(path):
        found = _found(parsed(text, kind))
    if not found:
        raise FileError(path, "there are no chord symbols in it; choose a lead sheet, or name the chords yourself")
    return found


def _found(piece: Any) -> list[tuple[Fraction, str]]:
    from music21 import expressions, harmony

    from musicgen.files.music21_maps import quarters
    from musicgen.files.music21_score import one_piece, unrolled

    score = unrolled(one_piece(piece, []), [])
    for part in list(score.parts) or [score]:
        found = []
        for element in part.recurse().getElementsByClass((harmony.Harmony, expressions.TextExpression)):
            text = element.figure if isinstance(element, harmony.Harmony) else element.content.removeprefix(_MARK)
            if isinstance(element, harmony.Harmony) or element.content.startswith(_MARK):
                found.append((quarters(element.getOffsetInHierarchy(part)), text.replace("-", "b")))
        if found:
            return sorted(found, key=lambda symbol: symbol[0])
    return []


# --- ABC


def _abc_symbol(path: str | PathLike[str], text: str) -> str:
    """What music21 reads without fail; an annotation is left as it is."""
    name = text.strip().strip("()")
    if name in NO_CHORD or not _LIKE_CHORD.match(name):
        return text
    try:
        return music21_figure(name)
    except NotationError as error:
        raise FileError(path, str(error)) from error


# --- MusicXML


def _symbols_as_words(path: str | PathLike[str], root: ET.Element, written: dict[str, Transposition]) -> None:
    parts = [part for part in root.findall("part") if part.find("measure/harmony") is not None]
    for part in parts:
        shift = written.get(part.get("id", ""), CONCERT).fifths if part is parts[0] else 0
        for measure in part.findall("measure"):
            for index, element in enumerate(list(measure)):
                if element.tag == "harmony" and part is parts[0]:
                    measure[index] = _direction(element, _name(path, element, shift, f"bar {measure.get('number')}"))
    for part in parts[1:]:
        for measure in part.findall("measure"):
            for symbol in measure.findall("harmony"):
                measure.remove(symbol)


def _direction(symbol: ET.Element, name: str) -> ET.Element:
    direction = ET.Element("direction")
    words = ET.SubElement(ET.SubElement(direction, "direction-type"), "words")
    words.text = _MARK + name
    direction.extend(symbol.findall("offset"))
    return direction


def _name(path: str | PathLike[str], symbol: ET.Element, shift: int, place: str) -> str:
    kind = (symbol.findtext("kind") or "").strip()
    if kind == "none":
        return NO_CHORD[0]
    step, low = symbol.findtext("root/root-step"), symbol.findtext("bass/bass-step")
    if step is None:
        raise FileError(path, f"{place}: a chord symbol without a root; write it by the letter of its root, like Am")
    suffix = _suffix(symbol, kind)
    if suffix is None or (symbol.findtext("inversion", "0").strip() != "0" and low is None):
        said = _written_kind(symbol) or ""
        kinds = ", ".join(f"C{known}" for known in SUFFIXES if SUFFIXES[known] == known)
        raise FileError(path, f"{place}: a chord symbol {step}{said} of kind {kind!r} is not known; there are {kinds}, and basses like C/E")
    bass = f"/{_letter(path, symbol, 'bass', shift, place)}" if low is not None else ""
    return _letter(path, symbol, "root", shift, place) + suffix + bass


def _suffix(symbol: ET.Element, kind: str) -> str | None:
    tags = ("degree-value", "degree-alter", "degree-type")
    degrees = [" ".join(degree.findtext(tag, "0").strip() for tag in tags) for degree in symbol.findall("degree")]
    known = ALTERED.get((kind, ", ".join(degrees))) if degrees else KINDS.get(kind)
    written = _written_kind(symbol)
    return written if known is None and written in SUFFIXES else known


def _written_kind(symbol: ET.Element) -> str | None:
    """As it is printed after the root: `m7`."""
    kind = symbol.find("kind")
    return kind.get("text") if kind is not None else None


def _letter(path: str | PathLike[str], symbol: ET.Element, what: str, shift: int, place: str) -> str:
    """`Bb`, brought to sounding pitch by so many fifths down."""
    step, alter = symbol.findtext(f"{what}/{what}-step", "").strip(), symbol.findtext(f"{what}/{what}-alter", "0").strip()
    try:
        fifths = Spelling(step, int(float(alter)), 4).fifths - shift
        return str(Spelling.at_fifths(fifths, 60 + 7 * fifths % 12)).rstrip("-0123456789")
    except (ValueError, NotationError) as error:
        raise FileError(path, f"{place}: a chord symbol on {step} altered by {alter}, which is no note; write one from A to G") from error
