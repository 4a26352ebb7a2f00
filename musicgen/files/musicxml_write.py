"""A Score as MusicXML 4.0: which parts share a staff, its clef, where the bars lie, and the head of the file.

The bytes depend on the score alone, never on the day.
"""

from __future__ import annotations

import math
import xml.etree.ElementTree as ET
from collections.abc import Iterable, Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from statistics import median
from typing import Literal

from musicgen.errors import NotationError
from musicgen.files.musicxml_bars import add_bar
from musicgen.files.musicxml_text import add_text
from musicgen.files.musicxml_words import Words
from musicgen.files.notation import Bar, into_voices, write_voice
from musicgen.files.page import Line, Page, Staff
from musicgen.music.resolution import needed_resolution, rescaled
from musicgen.music.score import Clef, Note, Part, Score, counted
from musicgen.music.transposition import CONCERT
from musicgen.music.words import has_words

Layout = Literal["open", "two-staff"]

_DOCTYPE = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    '<!DOCTYPE score-partwise PUBLIC "-//Recordare//DTD MusicXML 4.0 Partwise//EN" "http://www.musicxml.org/dtds/partwise.dtd">\n'
)
_TREBLE, _TREBLE_8, _BASS, _PERCUSSION = ("G", 2, 0), ("G", 2, -1), ("F", 4, 0), ("percussion", 0, 0)


def musicxml_bytes(score: Score, layout: Layout = "open") -> bytes:
    """Uncompressed MusicXML. Layout "two-staff" puts four parts on two staves, as in a hymn book.

    Raises NotationError with part, bar and beat where no note value fits.
    """
    score, bars, staves = laid_out(score, layout)
    root = ET.Element("score-partwise", version="4.0")
    _add_header(root, score, staves)
    for index, staff in enumerate(staves):
        part = ET.SubElement(root, "part", id=f"P{index + 1}")
        for number in range(len(bars)):
            add_bar(part, Page(score, staff, f"P{index + 1}"), bars, number)
    ET.indent(root, " ")
    return (_DOCTYPE + ET.tostring(root, encoding="unicode") + "\n").encode()


def laid_out(score: Score, layout: Layout = "open") -> tuple[Score, list[Bar], list[Staff]]:
    """What every written form shows: the score in ticks that hold each value of it, its bars, and its staves with all their events."""
    score = _refined(score)
    bars = _bars(score)
    return score, bars, _with_marks(_staves(score, bars, layout), score)


def _refined(score: Score) -> Score:
    """The same music with ticks for every beat, and for the halves, quarters and eighths where a note may be cut."""
    meters = [change.meter for change in score.meters]
    denominators = [quarters.denominator for meter in meters for quarters in (meter.beat_quarters, meter.bar_quarters)]
    return rescaled(score, math.lcm(needed_resolution(score), 8, *denominators))


# --- bars and staves


def _bars(score: Score) -> list[Bar]:
    """The last bar is as much shorter as the pick-up is long, where the music lets it."""
    graces = [note.start + 1 for part in score.parts for note in part.notes if not note.duration]
    rests = [rest.end for part in score.parts for rest in part.colored_rests]
    until = max([score.end, *graces, *rests, 1])
    starts = score.bar_starts(until)
    if not any(part.notes for part in score.parts):
        raise NotationError("the score has no notes; there is nothing to write")
    first = 0 if score.pickup else 1
    bars = []
    for index, (start, end) in enumerate(pairwise(starts)):
        meter = score.meter_at(max(start, score.pickup))
        length = int(meter.bar_quarters * score.ticks_per_quarter)
        is_pickup = index == 0 and score.pickup > 0
        is_last = index == len(starts) - 2
        if is_last and score.pickup and not is_pickup and until <= start + length - score.pickup:
            end = start + length - score.pickup
        lead = Fraction(length - (end - start), score.ticks_per_quarter) if is_pickup else Fraction(0)
        bars.append(Bar(first + index, start, end, meter, lead))
    return bars


def _staves(score: Score, bars: Sequence[Bar], layout: Layout) -> list[Staff]:
    parts = [part for part in score.parts if part.notes or part.colored_rests] if layout == "open" else list(score.parts)
    if layout == "open":
        return [_staff(score, bars, part.name or f"Part {index + 1}", (part,), _clef(part), index == 0) for index, part in enumerate(parts)]
    if len(parts) != 4 or any(part.is_drum for part in parts):
        raise NotationError(
            f'the layout "two-staff" is for four voices, this score has {counted(len(parts), "part")}; use the layout "open"'
        )
    upper, lower = tuple(parts[:2]), tuple(parts[2:])
    names = ["/".join(part.name for part in pair) for pair in (upper, lower)]
    sung = next((part for part in parts if has_words(part)), None)
    clefs = _shared_clef(upper, _TREBLE), _shared_clef(lower, _BASS)
    staves = [_staff(score, bars, names[0], upper, clefs[0], True), _staff(score, bars, names[1], lower, clefs[1], False)]
    return [replace(staff, lines=tuple(_sung_by(line, staff.parts[line.part] is sung) for line in staff.lines)) for staff in staves]


def _shared_clef(parts: Sequence[Part], usual: Clef) -> Clef:
    """That of both, as two altos or two tenors have it, or else the usual one of the staff."""
    first, second = (_clef(part) for part in parts)
    return first if first == second else usual


def _sung_by(line: Line, is_sung: bool) -> Line:
    """Two staves have the words of one voice, as in a hymn book."""
    return line if is_sung else replace(line, words=None)


def _with_marks(staves: Sequence[Staff], score: Score) -> list[Staff]:
    last = len(staves) - 1
    places = [(index == 0, index == last) for index in range(len(staves))]  # whether over, whether under
    marks = [tuple(mark for mark in score.marks if (over if mark.is_above else under)) for over, under in places]
    return [replace(staff, marks=own) for staff, own in zip(staves, marks, strict=True)]


def _clef(part: Part) -> Clef:
    name = part.name.lower() if part.transposition == CONCERT else ""
    if part.is_drum:
        return _PERCUSSION
    if part.clef is not None:
        return part.clef
    if "tenor" in name:
        return _TREBLE_8
    if "bass" in name:
        return _BASS
    if "soprano" in name or "alto" in name:
        return _TREBLE
    return _TREBLE if not part.notes or median(note.pitch for note in part.notes) + part.transposition.semitones >= 58 else _BASS


def _staff(score: Score, bars: Sequence[Bar], name: str, parts: tuple[Part, ...], clef: Clef, has_tempos: bool) -> Staff:
    changes = [change.start for change in score.keys]
    bass = next((part for part in reversed(score.parts) if part.notes and not part.is_drum), None)
    lines = []
    for number, part in enumerate(parts):
        voices = into_voices(part.notes)
        for index, (voice, graces) in enumerate(zip(voices, _shared_graces(part.notes, voices), strict=True)):
            cuts = [*changes, *_rest_cuts(part, voice)]
            events = write_voice(voice, graces, bars, cuts, score.ticks_per_quarter, part.name or name)
            is_bass = index == 0 and bool(score.figures) and part is bass
            lines.append(Line(number, index == 0, tuple(map(tuple, events)), Words.of(part.notes), is_bass))
    return Staff(name, parts, clef, tuple(lines), has_tempos)


def _rest_cuts(part: Part, voice: Iterable[tuple[Note, ...]]) -> list[int]:
    """Where a colored rest begins or ends and no note sounds."""
    cuts = {tick for rest in part.colored_rests for tick in (rest.start, rest.end)}
    return sorted(cuts - {tick for chord in voice for tick in cuts if chord[0].start < tick < chord[0].end}) if cuts else []


def _shared_graces(notes: Iterable[Note], voices: Sequence[Sequence[tuple[Note, ...]]]) -> list[list[Note]]:
    """Grace notes go to the first voice in which a note begins where they stand."""
    starts = [{chord[0].start for chord in voice} for voice in voices]
    graces: list[list[Note]] = [[] for _ in voices]
    for note in notes:
        if not note.duration:
            graces[next((index for index, begins in enumerate(starts) if note.start in begins), 0)].append(note)
    return graces


# --- header


def _add_header(root: ET.Element, score: Score, staves: Sequence[Staff]) -> None:
    if score.title:
        add_text(ET.SubElement(root, "work"), "work-title", score.title)
    encoding = ET.SubElement(ET.SubElement(root, "identification"), "encoding")
    add_text(encoding, "software", "musicgen")
    for element in ("accidental", "beam"):
        ET.SubElement(encoding, "supports", element=element, type="yes")
    part_list = ET.SubElement(root, "part-list")
    if len(staves) > 1:
        group = ET.SubElement(part_list, "part-group", type="start", number="1")
        add_text(group, "group-symbol", "bracket")
        is_sung = any(line.words for staff in staves for line in staff.lines)
        add_text(group, "group-barline", "yes" if staves[0].is_shared and not is_sung else "no")
    channels = [channel for channel in range(1, 17) if channel != 10]
    for index, staff in enumerate(staves):
        _add_score_part(part_list, f"P{index + 1}", staff, 10 if staff.parts[0].is_drum else channels[index % len(channels)])
    if len(staves) > 1:
        ET.SubElement(part_list, "part-group", type="stop", number="1")


def _add_score_part(part_list: ET.Element, part_id: str, staff: Staff, channel: int) -> None:
    part = staff.parts[0]
    element = ET.SubElement(part_list, "score-part", id=part_id)
    add_text(element, "part-name", staff.name)
    drums = sorted({note.pitch for note in part.notes}) if part.is_drum else []
    instruments = [f"{part_id}-I{pitch}" for pitch in drums] or [f"{part_id}-I1"]
    for instrument in instruments:
        add_text(ET.SubElement(element, "score-instrument", id=instrument), "instrument-name", staff.name)
    for index, instrument in enumerate(instruments):
        midi = ET.SubElement(element, "midi-instrument", id=instrument)
        add_text(midi, "midi-channel", channel)
        add_text(midi, "midi-program", part.program + 1)
        if drums:
            add_text(midi, "midi-unpitched", drums[index] + 1)
