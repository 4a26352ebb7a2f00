"""What other programs read in a file of music: notes of each part as (start, duration, pitch) in quarters, grace notes of duration 0.

None of musicgen's own readers plays a part.
"""

from __future__ import annotations

import io
import subprocess
import tempfile
import warnings
from collections import defaultdict
from collections.abc import Iterable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import mido

from musicgen.music.score import Score

Sound = tuple[Fraction, Fraction, int]
Heard = list[list[Sound]]


def sounds(score: Score, graces: bool = True) -> Heard:
    """What any reader should find."""
    unit = score.ticks_per_quarter
    return [
        sorted((Fraction(n.start, unit), Fraction(n.duration, unit), n.pitch) for n in part.notes if n.duration or graces)
        for part in score.parts
        if part.notes
    ]


def names(score: Score) -> list[list[tuple[Fraction, str]]]:
    unit = score.ticks_per_quarter
    return [sorted((Fraction(n.start, unit), str(n.spelling)) for n in part.notes) for part in score.parts if part.notes]


# --- music21


def music21_of(data: bytes, kind: str) -> Any:
    """`kind`: musicxml, humdrum or abc. The notes as they sound."""
    from music21 import converter

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        piece = converter.parseData(data.decode() if kind != "musicxml" else data, format=kind)
        return piece.toSoundingPitch()


def heard_in(piece: Any) -> tuple[Heard, list[list[tuple[Fraction, str]]]]:
    """The sounds of a music21 stream by part, ties joined, and the names of its notes."""
    parts = list(piece.parts) or [piece]
    read = [_joined(_written(part)) for part in parts]
    return [[each[:3] for each in notes] for notes in read], [sorted((each[0], each[3]) for each in notes) for notes in read]


def _written(part: Any) -> list[tuple[Fraction, Fraction, int, str, str]]:
    from music21.common.numberTools import opFrac
    from music21.harmony import ChordSymbol

    found = []
    for element in part.recurse().notes:
        if isinstance(element, ChordSymbol):
            continue
        start = _at(element, part)
        length = Fraction(0) if element.duration.isGrace else Fraction(opFrac(element.quarterLength))
        for note in element.notes if element.isChord else [element]:
            tie = note.tie.type if note.tie is not None else ""
            found.append((start, length, int(note.pitch.ps), note.pitch.nameWithOctave.replace("-", "b"), tie))
    return sorted(found)


def _joined(written: Iterable[tuple[Fraction, Fraction, int, str, str]]) -> list[tuple[Fraction, Fraction, int, str]]:
    notes: list[tuple[Fraction, Fraction, int, str]] = []
    waiting: dict[tuple[Fraction, int], int] = {}
    for start, length, pitch, name, tie in written:
        index = waiting.pop((start, pitch), None) if tie in ("stop", "continue") else None
        if index is None:
            index = len(notes)
            notes.append((start, length, pitch, name))
        else:
            notes[index] = (notes[index][0], notes[index][1] + length, pitch, notes[index][3])
        if tie in ("start", "continue"):
            waiting[start + length, pitch] = index
    return sorted(notes)


def frame_in(piece: Any) -> dict[str, list[Any]]:
    """The bar lines of the first part of a music21 stream, its meters and its keys' signs, each with where it begins."""
    from music21 import key, meter, stream

    part = next(iter(piece.parts), piece)

    def found(kind: type) -> list[tuple[Fraction, Any]]:
        return [(_at(each, part), each) for each in part.recurse().getElementsByClass(kind)]

    return {
        "bars": [start for start, _ in found(stream.Measure)],
        "meters": _changes([(start, each.ratioString) for start, each in found(meter.TimeSignature)]),
        "keys": _changes([(start, each.sharps) for start, each in found(key.KeySignature)]),
    }


def frame(score: Score) -> dict[str, list[Any]]:
    """What `frame_in` should find: a pick-up is where the second bar says it is."""
    unit = score.ticks_per_quarter
    return {
        "bars": [Fraction(tick, unit) for tick in score.bar_starts()[:-1]],
        "meters": _changes([(Fraction(change.start, unit), str(change.meter)) for change in score.meters]),
        "keys": _changes([(Fraction(change.start, unit), change.key.fifths) for change in score.keys]),
    }


def _at(element: Any, part: Any) -> Fraction:
    from music21.common.numberTools import opFrac

    return Fraction(opFrac(element.getOffsetInHierarchy(part)))


def _changes(values: Sequence[tuple[Fraction, Any]]) -> list[tuple[Fraction, Any]]:
    return [each for index, each in enumerate(values) if index == 0 or each[1] != values[index - 1][1]]


# --- through MIDI


def heard_in_midi(data: bytes, pickup: Fraction = Fraction(0)) -> Heard:
    """Notes of each track that has any, `pickup` quarters earlier, on a grid of 1/480."""
    file = mido.MidiFile(file=io.BytesIO(data))
    parts = [_in_track(track, file.ticks_per_beat) for track in file.tracks]
    return [sorted((start - pickup, length, pitch) for start, length, pitch in part) for part in parts if part]


def _in_track(track: mido.MidiTrack, ticks: int) -> list[Sound]:
    now, found = 0, []
    sounding: dict[tuple[int, int], list[int]] = defaultdict(list)
    for message in track:
        now += message.time
        if message.type == "note_on" and message.velocity:
            sounding[message.channel, message.note].append(now)
        elif message.type in ("note_on", "note_off") and sounding[message.channel, message.note]:
            start = sounding[message.channel, message.note].pop(0)
            found.append((Fraction(start, ticks), Fraction(now - start, ticks), message.note))
    return found


def heard_by_verovio(data: bytes, kind: str) -> Heard:
    """`kind`: musicxml, humdrum or abc."""
    import base64

    import verovio

    verovio.enableLog(verovio.LOG_OFF)
    toolkit = verovio.toolkit()
    toolkit.setOptions({"inputFrom": "xml" if kind == "musicxml" else kind})
    assert toolkit.loadData(data.decode()), "verovio refuses it"
    return heard_in_midi(base64.b64decode(toolkit.renderToMIDI()))


def heard_by_abc2midi(data: bytes) -> tuple[Heard, str]:
    """And what it complains about."""
    with tempfile.TemporaryDirectory() as folder:
        source, result = Path(folder, "x.abc"), Path(folder, "x.mid")
        source.write_bytes(data)
        done = subprocess.run(["abc2midi", source, "-o", result, "-silent", "-NFER", "-NGRA"], capture_output=True, text=True, check=False)
        said = (done.stdout + done.stderr).splitlines()
        return heard_in_midi(result.read_bytes()), "\n".join(row for row in said if "rror" in row or "arning" in row)


def heard_by_lilypond(sources: Sequence[bytes]) -> list[tuple[Heard, str]]:
    """All of them in one run, since it takes seconds to begin; with the warnings of each."""
    with tempfile.TemporaryDirectory() as folder:
        for number, data in enumerate(sources):
            Path(folder, f"x{number}.ly").write_bytes(data)
        files = [f"x{number}.ly" for number in range(len(sources))]
        command = ["lilypond", "-dno-print-pages", "--loglevel=WARNING", *files]
        said = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False).stderr.splitlines()
        found = []
        for file in files:
            made = [*Path(folder).glob(file.replace(".ly", ".mid*"))]
            warnings = "\n".join(row for row in said if row.startswith(f"{file}:"))
            found.append((heard_in_midi(made[0].read_bytes()) if made else [], warnings))
    return found


# --- how they differ


def differences(heard: Heard, expected: Heard, near: Fraction = Fraction(0)) -> list[str]:
    """One line for each part in which something is heard otherwise; `near`: quarters that a start or an end may be off.

    Where a reader takes the voices of a part for parts, all parts are compared as one.
    """
    if len(heard) > len(expected):
        heard, expected = [sorted(each for part in heard for each in part)], [sorted(each for part in expected for each in part)]
    if len(heard) < len(expected):
        return [f"{len(heard)} parts instead of {len(expected)}"]
    found = []
    for index, (ours, theirs) in enumerate(zip(map(sorted, expected), map(sorted, heard), strict=True)):
        off = [(a, b) for a, b in zip(ours, theirs, strict=False) if not _same(a, b, near)]
        if off or len(ours) != len(theirs):
            example = f", {_text(off[0][1])} for {_text(off[0][0])}" if off else ""
            found.append(f"part {index + 1}: {len(theirs)} notes of {len(ours)}{example}")
    return found


def without_graces(heard: Heard, shortest: Fraction = Fraction(1, 20)) -> Heard:
    """As sound has them grace notes are short, and take their time from a neighbour, whose length says nothing then."""
    return [[each for each in part if each[1] > shortest] for part in heard]


def _same(one: Sound, other: Sound, near: Fraction) -> bool:
    return one[2] == other[2] and abs(one[0] - other[0]) <= near and abs(one[0] + one[1] - other[0] - other[1]) <= near


def _text(sound: Sound) -> str:
    return f"{sound[2]} at {float(sound[0]):g} for {float(sound[1]):g}"
