"""A music21 stream as a Score. Positions are Fractions of a quarter until the ticks that hold them all are known."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from os import PathLike
from typing import Any

from music21 import bar, chord, expressions, harmony, instrument, key, meter, note, repeat, stream, tempo
from music21.common.numberTools import opFrac

from musicgen.errors import FileError, NotationError
from musicgen.files.untrusted import MAX_QUARTERS, MAX_TICKS_PER_QUARTER
from musicgen.music.pitch import Key, Spelling
from musicgen.music.score import KeyAt, Meter, MeterAt, Note, Part, Score, TempoAt

MAX_TIMES = 16  # of one repeat
_DEFAULT_PROGRAM = 52
_MINOR_MODES = ("minor", "aeolian", "dorian", "phrygian", "locrian")
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


@dataclass(frozen=True, slots=True)
class RawBar:
    start: Fraction
    length: Fraction


def score_of(piece: Any, path: Path, remarks: Iterable[str] = ()) -> Score:
    """`path` is for messages. Raises FileError, or whatever music21 does."""
    said = list(remarks)
    piece = _unrolled(_at_sounding_pitch(_one_piece(piece, said), said), said)
    streams = list(piece.parts) or [piece]
    voices = [joined(_raw_notes(part, path, _name(part, index), said)) for index, part in enumerate(streams)]
    if not any(voices):
        raise FileError(path, "there are no notes with a pitch in it; choose a file with a tune")
    signatures = _meters(streams, path)
    if not signatures:
        said.append("the file names no meter; read as 4/4")
    meters, pickup = irregular_bars(_bars(streams), signatures)
    keys, tempos = _keys(streams, path, _last_bass(voices)), _tempos(streams, path)
    tpq = _ticks_per_quarter([raw for part in voices for raw in part], [*meters, *keys, *tempos, pickup], path)
    parts = [part for index, part in enumerate(streams) for part in _parts(part, _name(part, index), voices[index], tpq)]
    return Score(
        tuple(parts),
        tpq,
        tuple(MeterAt(int(start * tpq), value) for start, value in sorted(meters.items())),
        tuple(KeyAt(int(start * tpq), value) for start, value in _changes(keys)),
        tuple(TempoAt(int(start * tpq), value) for start, value in _changes(tempos)),
        int(pickup * tpq),
        _title(piece, path),
        tuple(dict.fromkeys(said)),
    )


def _quarters(value: Any) -> Fraction:
    return Fraction(opFrac(value))


def _changes(values: dict[Fraction, Any]) -> list[tuple[Fraction, Any]]:
    """Sorted, less those that repeat what already holds."""
    ordered = sorted(values.items())
    return [item for index, item in enumerate(ordered) if index == 0 or ordered[index - 1][1] != item[1]]


# --- the whole piece


def _one_piece(piece: Any, remarks: list[str]) -> Any:
    if isinstance(piece, stream.Opus):
        scores = list(piece.scores)
        if len(scores) > 1:
            remarks.append(f"the file holds {len(scores)} pieces; the first was read")
        return scores[0]
    return piece


def _at_sounding_pitch(piece: Any, remarks: list[str]) -> Any:
    transposing = [found for found in piece.recurse().getElementsByClass(instrument.Instrument) if found.transposition is not None]
    if not transposing:
        return piece
    remarks.append("transposing instruments were read at sounding pitch")
    return piece.toSoundingPitch()


def _unrolled(piece: Any, remarks: list[str]) -> Any:
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


def _measures(part: Any) -> list[Any]:
    return list(part.getElementsByClass(stream.Measure)) or [part]


def _raw_notes(part: Any, path: Path, name: str, remarks: list[str]) -> list[RawNote]:
    raw = []
    for measure in _measures(part):
        base = _quarters(measure.offset) if measure is not part else Fraction(0)
        layers = [(0, measure), *enumerate(measure.voices)]
        for voice, layer in layers:
            for element in layer.notes:
                offset = _quarters(element.offset)
                place = f"{name}, bar {measure.number} beat {_decimal(1 + offset)}" if measure is not part else name
                raw += _raw_chord(element, base + offset, voice, place, path, remarks)
    return raw


def _decimal(value: Fraction) -> str:
    return f"{float(value):.2f}".rstrip("0").rstrip(".")


def _raw_chord(element: Any, start: Fraction, voice: int, place: str, path: Path, remarks: list[str]) -> list[RawNote]:
    if isinstance(element, harmony.Harmony):
        remarks.append("chord symbols are not read")
        return []
    members = [element] if isinstance(element, note.Note) else list(element.notes) if isinstance(element, chord.Chord) else []
    if not members:
        remarks.append("unpitched percussion is not read")
        return []
    length = Fraction(0) if element.duration.isGrace else _quarters(element.duration.quarterLength)
    if length > MAX_QUARTERS:
        raise FileError(path, f"{place}: a note of {float(length):g} quarters; at most {MAX_QUARTERS} are read")
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


def joined(raw: Iterable[RawNote]) -> list[RawNote]:
    """Ties joined: a note that ends a tie continues the one of its name that stops where it starts, if it can in its own voice."""
    notes: list[RawNote] = []
    waiting: dict[tuple[Spelling, Fraction], list[int]] = defaultdict(list)
    for each in sorted(raw, key=lambda each: (each.start, each.end, each.spelling.pitch, each.voice)):
        held = waiting[each.spelling, each.start] if each.tie in ("stop", "continue") else []
        if held:
            index = min(held, key=lambda index: notes[index].voice != each.voice)
            held.remove(index)
            notes[index] = replace(notes[index], end=each.end, fermata=notes[index].fermata or each.fermata)
        else:
            index = len(notes)
            notes.append(each)
        if each.tie in ("start", "continue"):
            waiting[each.spelling, each.end].append(index)
    return notes


def _parts(part: Any, name: str, raw: Sequence[RawNote], tpq: int) -> list[Part]:
    """One part for each voice of the staff that has notes; `Soprano/Alto` lends each voice its name."""
    used = sorted({each.voice for each in raw})
    names = name.split("/")
    if len(used) == 1:
        names = [name]
    elif len(names) != len(used):
        names = [f"{name} (voice {index + 1})" for index in range(len(used))]
    found = part.getInstrument(returnDefault=False)
    program = found.midiProgram if found is not None and found.midiProgram is not None else _DEFAULT_PROGRAM
    is_drum = found is not None and found.midiChannel == 9
    return [
        Part(voice_name.strip(), tuple(_note(each, tpq) for each in raw if each.voice == voice), program, is_drum)
        for voice, voice_name in zip(used, names, strict=True)
    ]


def _note(raw: RawNote, tpq: int) -> Note:
    start, end = int(raw.start * tpq), int(raw.end * tpq)
    return Note(start, end - start, raw.spelling.pitch, spelling=raw.spelling, fermata=raw.fermata)


def _ticks_per_quarter(notes: Iterable[RawNote], others: Iterable[Any], path: Path) -> int:
    tpq = 4
    for other in others:
        tpq = math.lcm(tpq, Fraction(other).denominator)
    for each in notes:
        tpq = math.lcm(tpq, each.start.denominator, each.end.denominator)
        if tpq > MAX_TICKS_PER_QUARTER:
            raise FileError(path, f"{each.place}: its rhythm needs more than {MAX_TICKS_PER_QUARTER} ticks a quarter; simplify its tuplet")
    return tpq


# --- bars


def _bars(streams: Sequence[Any]) -> list[RawBar]:
    """Of the part with the most; a bar reaches to the next one, the last as far as its notes."""
    longest = max(streams, key=lambda part: len(_measures(part)))
    measures = _measures(longest)
    starts = [_quarters(measure.offset) if measure is not longest else Fraction(0) for measure in measures]
    ends = [*starts[1:], starts[-1] + _quarters(measures[-1].highestTime)]
    return [RawBar(start, end - start) for start, end in zip(starts, ends, strict=True) if end > start]


def irregular_bars(bars: Sequence[RawBar], signatures: dict[Fraction, Meter]) -> tuple[dict[Fraction, Meter], Fraction]:
    """Meters by start, and the pick-up. A bar shorter than its meter, unless the next completes it, makes the next begin a meter again."""
    current = signatures[min(signatures)] if signatures else Meter()
    pickup = bars[0].length if len(bars) > 1 and bars[0].length < current.bar_quarters else Fraction(0)
    meters = {Fraction(0): current}
    filled = Fraction(0)
    for each in bars[1:] if pickup else bars:
        signature = _in_force(each, signatures)
        if (signature is not None and signature != current) or (filled and filled + each.length > current.bar_quarters):
            current = signature or current
            meters[each.start] = current
            filled = Fraction(0)
        longer = _longer_meter(each.length, current)
        if longer is not None and not filled and each is not bars[-1]:
            meters[each.start] = longer
            meters[each.start + each.length] = current
        else:
            filled = (filled + each.length) % current.bar_quarters
    return meters, pickup


def _in_force(each: RawBar, signatures: dict[Fraction, Meter]) -> Meter | None:
    starts = sorted(signatures)
    index = bisect_right(starts, each.start) - 1
    return signatures[starts[index]] if index >= 0 else None


def _longer_meter(length: Fraction, current: Meter) -> Meter | None:
    beats = length * current.unit / 4
    if length <= current.bar_quarters or beats.denominator != 1 or beats > 64:
        return None
    return Meter(int(beats), current.unit)


# --- meters, keys, tempos


def _found(streams: Sequence[Any], kind: type) -> list[tuple[Fraction, Any]]:
    return [
        (_quarters(element.getOffsetInHierarchy(part)), element) for part in streams for element in part.recurse().getElementsByClass(kind)
    ]


def _meters(streams: Sequence[Any], path: Path) -> dict[Fraction, Meter]:
    meters: dict[Fraction, Meter] = {}
    for start, found in _found(streams, meter.TimeSignature):
        try:
            meters.setdefault(start, Meter(found.numerator, found.denominator))
        except NotationError as error:
            raise FileError(path, f"quarter {_decimal(start)}: {error}") from error
    return meters


def _keys(streams: Sequence[Any], path: Path, last_bass: int) -> dict[Fraction, Key]:
    """A signature with its mode goes before one without."""
    keys: dict[Fraction, Key] = {}
    with_mode: set[Fraction] = set()
    for start, found in _found(streams, key.KeySignature):
        if found.sharps is None or start in with_mode or (start in keys and not isinstance(found, key.Key)):
            continue
        if abs(found.sharps) > 7:
            raise FileError(path, f"quarter {_decimal(start)}: a key of {abs(found.sharps)} signs, at most 7 can be written")
        if isinstance(found, key.Key):
            with_mode.add(start)
            keys[start] = Key(found.sharps, "minor" if found.mode in _MINOR_MODES else "major")
        else:
            minor = Key(found.sharps, "minor")
            keys[start] = minor if last_bass % 12 == minor.tonic else Key(found.sharps)
    return keys


def _last_bass(voices: Iterable[Sequence[RawNote]]) -> int:
    notes = [each for part in voices for each in part]
    end = max(each.end for each in notes)
    return min(each.spelling.pitch for each in notes if each.end == end)


def _tempos(streams: Sequence[Any], path: Path) -> dict[Fraction, float]:
    """Numbers only: a word such as Allegro says no tempo."""
    tempos: dict[Fraction, float] = {}
    for start, mark in _found(streams, tempo.MetronomeMark):
        quarters = None if mark.numberImplicit else mark.getQuarterBPM()
        if quarters is None:
            continue
        if not 1 <= quarters <= 2000:
            raise FileError(path, f"quarter {_decimal(start)}: a tempo of {quarters:g}; 1 to 2000 quarters a minute are read")
        tempos[start] = float(quarters)
    return tempos
