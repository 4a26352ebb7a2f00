"""Chorale: four (or V) voices on a grid of sixteenths, and its text form.

Shapes: V voices top to bottom, T steps. A step is a sixteenth; a cell is one voice at one step.
The text form, one line a voice, for tests and for reading:

    4/4, G major, pickup 4
    S  B4  -   -   -^  | D5 ...     a name starts a note, - holds it, . rests, ^ marks a fermata, | is for the eye
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from musicgen.errors import NotationError
from musicgen.music.ensemble import CHOIR_LETTERS, CHOIR_NAMES, CHOIR_RANGES, Ensemble, usual
from musicgen.music.pitch import Key, parse_pitch, pitch_name
from musicgen.music.score import Meter, MeterAt

STEPS_PER_QUARTER = 4
REST = -1
VOICES, VOICE_LETTERS, RANGES = CHOIR_NAMES, CHOIR_LETTERS, CHOIR_RANGES  # of Bach's choir

BoolArray = NDArray[np.bool_]
PitchArray = NDArray[np.int16]


class GridNote(NamedTuple):
    """A note of one voice: [start, end) in steps."""

    voice: int
    start: int
    end: int
    pitch: int


@dataclass(frozen=True, eq=False)
class Chorale:
    """What sounds when. A pitch changes only at an onset; a rest is a note of pitch REST with an onset of its own.

    pitch (V, T) MIDI numbers or REST; onset (V, T), True where a note or rest begins; fermata (T,), True at the onset of the note that
    carries it; meters with starts in steps; pickup in steps; ensemble: who the voices are, Bach's choir where there are four and nothing
    else is said. The arrays cannot be written to.
    """

    pitch: PitchArray
    onset: BoolArray
    fermata: BoolArray
    meters: tuple[MeterAt, ...] = (MeterAt(0, Meter()),)
    key: Key = Key()
    pickup: int = 0
    title: str = ""
    ensemble: Ensemble = None  # type: ignore[assignment]  # the usual one of so many voices

    def __post_init__(self) -> None:
        for name, dtype in (("pitch", np.int16), ("onset", np.bool_), ("fermata", np.bool_)):
            array = np.array(getattr(self, name), dtype=dtype)
            array.setflags(write=False)
            object.__setattr__(self, name, array)
        if self.pitch.ndim != 2 or self.pitch.shape != self.onset.shape or self.fermata.shape != self.pitch.shape[1:]:
            raise NotationError(
                f"pitch {self.pitch.shape}, onset {self.onset.shape} and fermata {self.fermata.shape} must be (V, T), (V, T) and (T,)"
            )
        object.__setattr__(self, "ensemble", self.ensemble or usual(self.voices))
        if self.ensemble.voices != self.voices:
            raise NotationError(f"{self.voices} voices, but an ensemble of {self.ensemble.voices}: {self.ensemble}")
        if not self.meters or self.meters[0].start != 0:
            raise NotationError("a chorale needs a meter at step 0")
        if not 0 <= self.pickup < max(1, self.bar_steps(self.meter)):
            raise NotationError(f"a pick-up of {self.pickup} steps is not shorter than a bar of {self.meter}")
        self._check_notes()

    def _check_notes(self) -> None:
        if self.pitch.size == 0:
            return
        if self.pitch.min() < REST or self.pitch.max() > 127:
            raise NotationError("pitches must be MIDI numbers 0 to 127, or REST")
        if not self.onset[:, 0].all():
            raise NotationError("every voice needs an onset at the first step")
        changed = self.pitch[:, 1:] != self.pitch[:, :-1]
        bad = np.argwhere(changed & ~self.onset[:, 1:])
        if len(bad):
            voice, step = int(bad[0, 0]), int(bad[0, 1]) + 1
            raise NotationError("the pitch changes without an onset", voice=self.voice_name(voice), place=self.place(step))

    # --- shape and time

    @property
    def voices(self) -> int:
        return int(self.pitch.shape[0])

    @property
    def steps(self) -> int:
        return int(self.pitch.shape[1])

    @property
    def meter(self) -> Meter:
        return self.meters[0].meter

    @staticmethod
    def bar_steps(meter: Meter) -> int:
        return int(meter.bar_quarters * STEPS_PER_QUARTER)

    def voice_name(self, voice: int) -> str:
        return self.ensemble.names[voice]

    def bar_starts(self) -> list[int]:
        """First step of every bar, the pick-up's included; a meter change begins a new bar."""
        return list(self._bar_starts)

    @cached_property
    def _bar_starts(self) -> list[int]:
        starts = [0] if self.pickup else []
        step = self.pickup
        changes = [change.start for change in self.meters]
        while step < self.steps:
            starts.append(step)
            index = bisect_right(changes, step)
            after = step + self.bar_steps(self.meters[index - 1].meter)
            step = min(after, changes[index]) if index < len(changes) else after
        return starts

    def meter_at(self, step: int) -> Meter:
        return self.meters[bisect_right([change.start for change in self.meters], step) - 1].meter

    def bar_positions(self) -> NDArray[np.int32]:
        """(T,) step within the bar, 0 at the downbeat; a pick-up is counted back from the first barline."""
        steps = np.arange(self.steps, dtype=np.int32)
        starts = np.array(self.bar_starts(), dtype=np.int32)
        positions = steps - starts[np.searchsorted(starts, steps, side="right") - 1]
        if self.pickup:
            positions[: self.pickup] += self.bar_steps(self.meter) - self.pickup
        return positions.astype(np.int32)

    def place(self, step: int) -> str:
        """`bar 3 beat 2`; the pick-up is bar 0."""
        starts = self._bar_starts or [0]
        index = bisect_right(starts, step) - 1
        meter = self.meter_at(max(step, self.pickup))
        lead = self.bar_steps(meter) - self.pickup if self.pickup and index == 0 else 0
        beat = 1 + Fraction(step - starts[index] + lead, STEPS_PER_QUARTER) / meter.beat_quarters
        text = f"{float(beat):.2f}".rstrip("0").rstrip(".")
        return f"bar {index if self.pickup else index + 1} beat {text}"

    # --- notes

    def notes(self, voice: int) -> Iterator[GridNote]:
        """The notes and rests of a voice in order."""
        starts = np.flatnonzero(self.onset[voice])
        for start, end in zip(starts, [*starts[1:], self.steps], strict=False):  # no steps, no notes
            yield GridNote(voice, int(start), int(end), int(self.pitch[voice, start]))

    def fermata_sounding(self) -> BoolArray:
        """(T,) True while a note of the top voice that carries a fermata sounds."""
        sounding = np.zeros(self.steps, dtype=bool)
        for note in self.notes(0):
            sounding[note.start : note.end] = self.fermata[note.start : note.end].any()
        return sounding

    def transposed(self, semitones: int) -> Chorale:
        pitch = np.where(self.pitch == REST, REST, self.pitch + semitones)
        return self.replaced(pitch=pitch, key=self.key.transposed(semitones))

    def replaced(self, **changes: Any) -> Chorale:
        """A copy with some fields changed; other voices in number are the usual ones."""
        fields = {name: getattr(self, name) for name in self.__dataclass_fields__} | changes
        if "ensemble" not in changes and len(fields["pitch"]) != self.voices:
            fields["ensemble"] = None
        return Chorale(**fields)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Chorale):
            return NotImplemented
        same_arrays = all(np.array_equal(getattr(self, name), getattr(other, name)) for name in ("pitch", "onset", "fermata"))
        return same_arrays and (self.meters, self.key, self.pickup) == (other.meters, other.key, other.pickup)

    __hash__ = None  # type: ignore[assignment]  # arrays are compared by value

    # --- text form

    @classmethod
    def parse(cls, text: str) -> Chorale:
        """Reads the text form; the header line is optional. Free cells (`?`) belong to `Sketch.parse`."""
        header, rows = split_text(text)
        pitch, onset, fermata = parse_rows(rows)
        return cls(pitch, onset, fermata, **header)

    def __str__(self) -> str:
        return format_text(self, np.zeros_like(self.onset))


def runs(cells: BoolArray) -> list[tuple[int, int]]:
    """[start, end) of each stretch of True among steps (T,)."""
    edges = np.flatnonzero(np.diff(cells, prepend=False, append=False))
    return [(int(start), int(end)) for start, end in edges.reshape(-1, 2)]


def split_text(text: str) -> tuple[dict[str, Any], list[list[str]]]:
    """The header's fields (meters, key, pickup) and the tokens of each voice."""
    lines = [line.strip() for line in text.strip().splitlines()]
    lines = [line for line in lines if line]
    header: dict[str, Any] = {}
    if lines and "," in lines[0]:
        for item in (item.strip() for item in lines.pop(0).split(",")):
            if item.startswith("pickup"):
                header["pickup"] = _whole_number(item.removeprefix("pickup"), "pickup 4")
            elif "/" in item:
                header["meters"] = _parse_meters(item)
            else:
                header["key"] = Key.parse(item)
    rows = [[token for token in line.split()[1:] if token != "|"] for line in lines]
    if not rows or len({len(row) for row in rows}) != 1:
        raise NotationError(f"voices of {[len(row) for row in rows]} cells; a chorale in text has one line a voice, all of the same length")
    return header, rows


def _parse_meters(item: str) -> tuple[MeterAt, ...]:
    """`4/4` or `4/4 3/4@16`: each further meter with the step where it begins."""
    changes = [word.partition("@") for word in item.split()]
    return tuple(MeterAt(_whole_number(start or "0", "3/4@16"), Meter.parse(meter)) for meter, _, start in changes)


def _whole_number(text: str, example: str) -> int:
    if not text.strip().isdecimal():
        raise NotationError(f"{text.strip()!r} in the first line is no number of steps; write like {example}")
    return int(text)


def parse_rows(rows: Sequence[Sequence[str]]) -> tuple[PitchArray, BoolArray, BoolArray]:
    """Tokens to arrays; a `^` anywhere in a note marks the note's onset."""
    shape = (len(rows), len(rows[0]))
    pitch, onset = np.full(shape, REST, dtype=np.int16), np.zeros(shape, dtype=bool)
    fermata = np.zeros(shape[1], dtype=bool)
    for voice, row in enumerate(rows):
        started = 0
        for step, token in enumerate(row):
            word = token.rstrip("^")
            if word != "-":
                started = step
                onset[voice, step] = True
                pitch[voice, step] = REST if word in (".", "?") else parse_pitch(word)
            elif step == 0:
                raise NotationError(f"line {voice + 1} begins with a hold; write a note, a rest or ?")
            else:
                pitch[voice, step] = pitch[voice, step - 1]
            fermata[started] |= token.endswith("^")
    return pitch, onset, fermata


def format_text(chorale: Chorale, free: BoolArray) -> str:
    """The text form, `?` in free cells."""
    meters = " ".join(f"{change.meter}@{change.start}" if change.start else str(change.meter) for change in chorale.meters)
    pickup = f", pickup {chorale.pickup}" if chorale.pickup else ""
    lines = [f"{meters}, {chorale.key}{pickup}"]
    bars = set(chorale.bar_starts()[1:])
    for voice in range(chorale.voices):
        letter = VOICE_LETTERS[voice] if chorale.ensemble.is_choir else str(voice + 1)
        cells = [_cell_text(chorale, free, voice, step) for step in range(chorale.steps)]
        lines.append(f"{letter}  " + " ".join(f"| {cell:4}" if step in bars else f"{cell:4}" for step, cell in enumerate(cells)).rstrip())
    return "\n".join(lines)


def _cell_text(chorale: Chorale, free: BoolArray, voice: int, step: int) -> str:
    mark = "^" if voice == 0 and chorale.fermata[step] else ""
    if free[voice, step]:
        return "?" + mark
    if not chorale.onset[voice, step]:
        return "-" + mark
    pitch = int(chorale.pitch[voice, step])
    return ("." if pitch == REST else pitch_name(pitch, chorale.key)) + mark
