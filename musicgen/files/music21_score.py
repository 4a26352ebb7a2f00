"""A music21 stream as a Score. Positions are Fractions of a quarter until the ticks that hold them all are known."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import chain
from os import PathLike
from typing import Any

from music21 import bar, chord, expressions, harmony, note, repeat, spanner, stream

from musicgen.errors import FileError, NotationError
from musicgen.files.music21_maps import bars_of, changes, decimal, irregular_bars, keys_of, measures, meters_of, quarters, tempos_of
from musicgen.files.music21_told import NOTHING, Told, attach
from musicgen.files.music21_words import is_sung, lyrics_of
from musicgen.files.musicxml_sounding import Writing
from musicgen.files.untrusted import MAX_QUARTERS, MAX_TICKS_PER_QUARTER
from musicgen.music.colors import written_color
from musicgen.music.pitch import Spelling
from musicgen.music.score import CHORDS_LEFT_OUT, ColoredRest, KeyAt, Lyric, MeterAt, Note, Part, Score, TempoAt, counted
from musicgen.music.separate import voice_of

MAX_TIMES = 16  # of one repeat
_DEFAULT_PROGRAM = 52
_FILE_SUFFIXES = (".xml", ".mxl", ".musicxml", ".krn", ".abc", ".mid", ".midi")

Path = str | PathLike[str]


@dataclass(frozen=True, slots=True)
class RawNote:
    start: Fraction
    end: Fraction
    spelling: Spelling
    fermata: bool
    tie: str  # "", start, continue or stop
    voice: int
    place: str
    color: str | None = None
    lyrics: tuple[Lyric, ...] = ()


@dataclass(frozen=True, slots=True)
class RawRest:
    """A colored one; the others are the gaps between notes."""

    start: Fraction
    end: Fraction
    voice: int
    place: str
    color: str


def score_of(
    piece: Any,
    path: Path,
    remarks: Iterable[str] = (),
    written: Mapping[str, Writing] | None = None,
    told: Told = NOTHING,
) -> Score:
    """Notes, maps and title of what music21 parsed, at sounding pitch; `written`: how parts are written, by their ids.

    `path` is for messages. Raises FileError, or whatever music21 does.
    """
    said = list(remarks)
    piece = one_piece(piece, said)
    attach(list(piece.parts) or [piece], told, said)
    said += _left_out(piece)
    piece = unrolled(piece, said)
    streams = list(piece.parts) or [piece]
    voices = [joined(_raw_notes(part, path, _name(part, index), said), said) for index, part in enumerate(streams)]
    if not any(voices):
        raise FileError(path, "there are no notes with a pitch in it; choose a file with a tune")
    rests = [_raw_rests(part, path, _name(part, index)) for index, part in enumerate(streams)]
    signatures = meters_of(streams, path)
    if not signatures:
        said.append("the file names no meter; read as 4/4")
    bars = bars_of(streams)
    meters, pickup = irregular_bars(bars, signatures)
    keys, tempos = keys_of(streams, path, _last_bass(voices)), tempos_of(streams, path)
    bar_lengths = [meter.bar_quarters for meter in meters.values()]
    raws: list[RawNote | RawRest] = [*chain.from_iterable(voices), *chain.from_iterable(rests)]
    tpq = _ticks_per_quarter(raws, [*meters, *keys, *tempos, *bar_lengths, pickup], path)
    parts = [
        part
        for index, part in enumerate(streams)
        for part in _parts(part, _name(part, index), voices[index], rests[index], written or {}, tpq)
    ]
    written_end = (bars[-1].start + bars[-1].length) * tpq if bars else Fraction(0)
    return Score(
        tuple(parts),
        tpq,
        tuple(MeterAt(int(start * tpq), value) for start, value in sorted(meters.items())),
        tuple(KeyAt(int(start * tpq), value) for start, value in changes(keys)),
        tuple(TempoAt(int(start * tpq), value) for start, value in changes(tempos)),
        int(pickup * tpq),
        _title(piece, path),
        tuple(dict.fromkeys(said)),
        int(written_end) if written_end.denominator == 1 else 0,
    )


def _last_bass(voices: Iterable[Sequence[RawNote]]) -> int:
    notes = [each for part in voices for each in part]
    end = max(each.end for each in notes)
    return min(each.spelling.pitch for each in notes if each.end == end)


# --- the whole piece


def one_piece(piece: Any, remarks: list[str]) -> Any:
    if isinstance(piece, stream.Opus):
        scores = list(piece.scores)
        if len(scores) > 1:
            remarks.append(f"the file holds {len(scores)} pieces; the first was read")
        return scores[0]
    return piece


def _left_out(piece: Any) -> list[str]:
    """What a Score does not hold, as a remark."""
    notes = list(piece.recurse().notes)
    marks = {
        "slur": sum(not is_sung(slur) for slur in piece.recurse().getElementsByClass(spanner.Slur)),
        "articulation": sum(len(each.articulations) for each in notes),
        "ornament": sum(isinstance(mark, expressions.Ornament) for each in notes for mark in each.expressions),
    }
    remark = ", ".join(counted(count, what) for what, count in marks.items() if count)
    return [f"left out: {remark}"] if remark else []


def unrolled(piece: Any, remarks: list[str]) -> Any:
    marks = list(piece.recurse().getElementsByClass(repeat.RepeatMark))
    if not marks:
        return piece
    try:
        if any(isinstance(mark, bar.Repeat) and (mark.times or 2) > MAX_TIMES for mark in marks):
            raise repeat.ExpanderException
        expanded = piece.expandRepeats()
        if len({part.highestTime for part in expanded.parts}) > 1:
            raise repeat.ExpanderException
    except Exception:  # music21's expander fails in many ways, all of them harmless here
        remarks.append("repeat marks could not be followed; the music was read once through")
        return piece
    remarks.append("repeats were written out")
    return expanded


def _title(piece: Any, path: Path) -> str:
    """music21 writes file names and its own name where a title is missing."""
    known = piece.metadata
    for title in (known.title, known.movementName) if known is not None else ():
        if title and title != "Music21 Fragment" and not title.lower().endswith(_FILE_SUFFIXES):
            return " ".join(title.split())
    return ""


# --- notes


def _name(part: Any, index: int) -> str:
    found = part.getInstrument(returnDefault=False)
    name = part.partName or (found.partName or found.instrumentName if found is not None else None)
    return " ".join(str(name).split()) if name else f"Part {index + 1}"


def _elements(part: Any, name: str, kind: type) -> Iterator[tuple[Any, Fraction, int, str]]:
    """Notes or rests, each with its start, voice and place."""
    for measure in measures(part):
        base = quarters(measure.offset) if measure is not part else Fraction(0)
        for voice, layer in [(0, measure), *enumerate(measure.voices)]:
            for element in layer.getElementsByClass(kind):
                offset = quarters(element.offset)
                place = f"{name}, bar {measure.number} beat {decimal(1 + offset)}" if measure is not part else name
                yield element, base + offset, voice, place


def _raw_notes(part: Any, path: Path, name: str, remarks: list[str]) -> list[RawNote]:
    return [
        raw
        for element, start, voice, place in _elements(part, name, note.NotRest)
        for raw in _raw_chord(element, start, voice, place, path, remarks)
    ]


def _raw_rests(part: Any, path: Path, name: str) -> list[RawRest]:
    rests = []
    for element, start, voice, place in _elements(part, name, note.Rest):
        color = _color(element)
        if color is not None:
            rests.append(RawRest(start, start + _length(element, place, path), voice, place, color))
    return rests


def _color(*elements: Any) -> str | None:
    """That of the first that has one."""
    found = (written_color(element.style.color) for element in elements if element.hasStyleInformation)
    return next((color for color in found if color is not None), None)


def _length(element: Any, place: str, path: Path) -> Fraction:
    length = Fraction(0) if element.duration.isGrace else quarters(element.duration.quarterLength)
    if length > MAX_QUARTERS:
        raise FileError(path, f"{place}: a note of {float(length):g} quarters; at most {MAX_QUARTERS} are read")
    return length


def _raw_chord(element: Any, start: Fraction, voice: int, place: str, path: Path, remarks: list[str]) -> list[RawNote]:
    if isinstance(element, harmony.Harmony):
        remarks.append(CHORDS_LEFT_OUT)
        return []
    members = [element] if isinstance(element, note.Note) else list(element.notes) if isinstance(element, chord.Chord) else []
    if not members:
        remarks.append("unpitched percussion is not read")
        return []
    length = _length(element, place, path)
    top = max(members, key=lambda member: member.pitch.ps)
    fermata = any(isinstance(mark, expressions.Fermata) for mark in element.expressions)
    return [
        RawNote(
            start,
            start + length,
            _spelling(member.pitch, place, path),
            fermata or any(isinstance(mark, expressions.Fermata) for mark in member.expressions),
            member.tie.type if member.tie is not None and length else "",
            voice,
            place,
            _color(member, element),
            lyrics_of(element) if member is top and length else (),
        )
        for member in members
    ]


def _spelling(pitch: Any, place: str, path: Path) -> Spelling:
    if pitch.ps != int(pitch.ps):
        raise FileError(path, f"{place}: {pitch.nameWithOctave} lies between two semitones; write it as one of its neighbours")
    try:
        spelling = Spelling(pitch.step, int(pitch.alter), pitch.implicitOctave)
        Note(0, 0, spelling.pitch)
    except NotationError as error:
        raise FileError(path, f"{place}: {error}") from error
    return spelling


def joined(raw: Iterable[RawNote], remarks: list[str]) -> list[RawNote]:
    """Ties joined: a note that ends a tie continues the one of its name that stops where it starts, if it can in its own voice.

    It has the first color of its pieces: who marks a note often marks but one of them.
    """
    notes: list[RawNote] = []
    waiting: dict[tuple[Spelling, Fraction], list[int]] = defaultdict(list)
    for each in sorted(raw, key=lambda each: (each.start, each.end, each.spelling.pitch, each.voice)):
        held = waiting[each.spelling, each.start] if each.tie in ("stop", "continue") else []
        if held:
            index = min(held, key=lambda index: notes[index].voice != each.voice)
            held.remove(index)
            first = notes[index]
            if first.color and each.color and first.color != each.color:
                remarks.append(f"{first.place}: {first.spelling} is tied over with another color; the whole note was read as {first.color}")
            notes[index] = replace(
                first,
                end=each.end,
                fermata=first.fermata or each.fermata,
                color=first.color or each.color,
                lyrics=first.lyrics or each.lyrics,
            )
        else:
            index = len(notes)
            notes.append(each)
        if each.tie in ("start", "continue"):
            waiting[each.spelling, each.end].append(index)
    return notes


def _parts(part: Any, name: str, raw: Sequence[RawNote], rests: Sequence[RawRest], written: Mapping[str, Writing], tpq: int) -> list[Part]:
    """One part for each voice of the staff that has notes or colored rests; `Soprano/Alto` lends each voice its name.

    Parts named after the voices of a choir get the clefs of a choir, whatever old clefs they were written in.
    """
    used = sorted({each.voice for each in raw} | {each.voice for each in rests})
    names = name.split("/")
    if len(used) == 1:
        names = [name]
    elif len(names) != len(used):
        names = [f"{name} (voice {index + 1})" for index in range(len(used))]
    found = part.getInstrument(returnDefault=False)
    program = found.midiProgram if found is not None and found.midiProgram is not None else _DEFAULT_PROGRAM
    is_drum = found is not None and found.midiChannel == 9
    writing = written.get(str(found.partId), Writing()) if found is not None else Writing()
    return [
        Part(
            voice_name.strip(),
            tuple(_note(each, tpq) for each in raw if each.voice == voice),
            program,
            is_drum,
            tuple(_rest(each, tpq) for each in rests if each.voice == voice),
            writing.transposition,
            writing.clef if len(used) == 1 and not voice_of(name) else None,
        )
        for voice, voice_name in zip(used, names, strict=True)
    ]


def _note(raw: RawNote, tpq: int) -> Note:
    start, end = int(raw.start * tpq), int(raw.end * tpq)
    return Note(start, end - start, raw.spelling.pitch, spelling=raw.spelling, fermata=raw.fermata, color=raw.color, lyrics=raw.lyrics)


def _rest(raw: RawRest, tpq: int) -> ColoredRest:
    return ColoredRest(int(raw.start * tpq), int(raw.end * tpq), raw.color)


def _ticks_per_quarter(notes: Iterable[RawNote | RawRest], others: Iterable[Any], path: Path) -> int:
    tpq = 4
    for other in others:
        tpq = math.lcm(tpq, Fraction(other).denominator)
    for each in notes:
        tpq = math.lcm(tpq, each.start.denominator, each.end.denominator)
        if tpq > MAX_TICKS_PER_QUARTER:
            raise FileError(path, f"{each.place}: its rhythm needs more than {MAX_TICKS_PER_QUARTER} ticks a quarter; simplify its tuplet")
    return tpq
