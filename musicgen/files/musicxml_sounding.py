"""MusicXML as it sounds: the notes and keys of transposing instruments, brought to sounding pitch before music21 sees them.

music21 gives an instrument its usual transposition by its name or program, whether the file transposes or not. Here only the file counts.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from dataclasses import dataclass, field
from os import PathLike
from typing import NamedTuple

from musicgen.errors import FileError, NotationError
from musicgen.music.pitch import NATURAL, Key, Spelling
from musicgen.music.score import Clef
from musicgen.music.transposition import CONCERT, Transposition

Path = str | PathLike[str]

MOST_SIGNS = 7
USUAL_LINES = {"G": 2, "F": 4, "C": 3}


class Writing(NamedTuple):
    """How a part is written; None for a clef that is not known."""

    transposition: Transposition = CONCERT
    clef: Clef | None = None


def read_writing(root: ET.Element, path: Path, remarks: list[str]) -> dict[str, Writing]:
    """By the parts' ids; brings the tree to sounding pitch."""
    transpositions = to_sounding_pitch(root, path, remarks)
    ids = {part.get("id", ""): part for part in root.findall("part")}
    return {name: Writing(transpositions.get(name, CONCERT), _clef(part)) for name, part in ids.items()}


def _clef(part: ET.Element) -> Clef | None:
    """The first, of a part of one staff."""
    clef = part.find("measure/attributes/clef")
    if clef is None or part.find("measure/attributes/staves") is not None:
        return None
    sign = clef.findtext("sign", "").strip()
    line, octaves = _whole(clef.find("line")) or USUAL_LINES.get(sign, 0), _whole(clef.find("clef-octave-change")) or 0
    return (sign, line, octaves) if sign in USUAL_LINES and 1 <= line <= 5 and abs(octaves) <= 2 else None


def to_sounding_pitch(root: ET.Element, path: Path, remarks: list[str]) -> dict[str, Transposition]:
    """Changes the tree, and returns how each transposing part, by its id, was written at first."""
    found = {}
    for part in root.findall("part"):
        written = _part_to_sounding(part, path)
        if written != CONCERT:
            found[part.get("id", "")] = written
    if found:
        remarks.append("transposing instruments were read at sounding pitch")
    return found


@dataclass
class _State:
    """What holds at a place of a part, by the number of the staff; None for all staves: from written to sounding, and the written keys."""

    sounding: dict[str | None, Transposition] = field(default_factory=lambda: {None: CONCERT})
    keys: dict[str | None, Key] = field(default_factory=lambda: {None: Key()})

    def at(self, staff: str | None) -> Transposition:
        """Such that the sounding key has a signature."""
        sounding = self.sounding.get(staff, self.sounding[None])
        return sounding.in_key(self.keys.get(staff, self.keys[None]), MOST_SIGNS)


def _part_to_sounding(part: ET.Element, path: Path) -> Transposition:
    """The first transposition of the part, from sounding to written."""
    if part.find("measure/attributes/transpose") is None:
        return CONCERT
    state, first = _State(), CONCERT
    for measure in part.findall("measure"):
        where = f"part {part.get('id', '?')}, bar {measure.get('number', '?')}"
        for element in measure:
            if element.tag == "attributes":
                _change_attributes(element, state, path, where)
                first = state.at(None).reversed() if first == CONCERT else first
            elif element.tag == "note":
                _change_note(element, state.at(element.findtext("staff", "1").strip()))
    return first


def _change_attributes(attributes: ET.Element, state: _State, path: Path, where: str) -> None:
    for transpose in attributes.findall("transpose"):
        attributes.remove(transpose)
        state.sounding[transpose.get("number")] = _read(transpose, path, where)
    for key in attributes.findall("key"):
        fifths = key.find("fifths")
        number = _whole(fifths)
        if fifths is None or number is None or abs(number) > MOST_SIGNS:
            continue  # for the reader of keys to refuse
        state.keys[key.get("number")] = Key(number)
        fifths.text = str(state.at(key.get("number")).key(Key(number)).fifths)


def _read(transpose: ET.Element, path: Path, where: str) -> Transposition:
    """From written to sounding. A file without its diatonic steps gets the usual ones."""
    octaves, semitones = _whole(transpose.find("octave-change")) or 0, _whole(transpose.find("chromatic"))
    if semitones is None:
        raise FileError(path, f"{where}: a transposition without a whole number of semitones; export the file again")
    steps = _whole(transpose.find("diatonic"))
    try:
        return Transposition(semitones + 12 * octaves, (round(7 * semitones / 12) if steps is None else steps) + 7 * octaves)
    except NotationError as error:
        raise FileError(path, f"{where}: {error}; export the file again") from error


def _change_note(note: ET.Element, sounding: Transposition) -> None:
    pitch = note.find("pitch")
    if pitch is None or sounding == CONCERT:
        return
    step, octave = pitch.findtext("step", "").strip(), _whole(pitch.find("octave"))
    alter = 0 if pitch.find("alter") is None else _whole(pitch.find("alter"))
    if step not in NATURAL or octave is None or alter is None or abs(alter) > 3:
        return  # for music21 to refuse
    name = sounding.spelling(Spelling(step, alter, octave))
    pitch.clear()
    for tag, value in (("step", name.letter), ("alter", name.alteration), ("octave", name.octave)):
        ET.SubElement(pitch, tag).text = str(value)
    for accidental in note.findall("accidental"):
        note.remove(accidental)  # it is that of the written note


def _whole(element: ET.Element | None) -> int | None:
    """The whole number in an element, also as `-1.0`."""
    text = (element.text or "").strip() if element is not None else ""
    return int(text.partition(".")[0]) if re.fullmatch(r"[+-]?[0-9]{1,3}(\.0*)?", text) else None
