"""Score: any piece, as it was written. Time is in ticks; a `Score` is a value and never changes.

The readers make it and the writers take it; `convert` turns it into a `Chorale` and back.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass, field
from fractions import Fraction

from musicgen.errors import NotationError
from musicgen.music.pitch import Key, Spelling
from musicgen.music.transposition import CONCERT, Transposition

TICKS_PER_QUARTER = 480

Clef = tuple[str, int, int]  # sign, line, octaves up


def counted(number: int, what: str) -> str:
    """`1 note`, `3 notes`: for remarks."""
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


@dataclass(frozen=True, slots=True)
class Meter:
    """`Meter(6, 8)`: six eighths a bar. `beat_quarters` is what a musician counts: a dotted quarter in 6/8, a half in 2/2."""

    beats: int = 4
    unit: int = 4

    def __post_init__(self) -> None:
        if not 1 <= self.beats <= 64 or self.unit not in (1, 2, 4, 8, 16, 32):
            raise NotationError(f"{self.beats}/{self.unit} is no meter; 1 to 64 beats over 1, 2, 4, 8, 16 or 32")

    @property
    def bar_quarters(self) -> Fraction:
        return Fraction(4 * self.beats, self.unit)

    @property
    def is_compound(self) -> bool:
        return self.unit >= 8 and self.beats % 3 == 0 and self.beats > 3

    @property
    def beat_quarters(self) -> Fraction:
        return Fraction(12 if self.is_compound else 4, self.unit)

    @classmethod
    def parse(cls, text: str) -> Meter:
        match = re.match(r"^\s*(\d{1,3})\s*/\s*(\d{1,3})\s*$", text)
        if match is None:
            raise NotationError(f"{text!r} is no meter; write like 4/4, 3/4 or 6/8")
        return cls(int(match[1]), int(match[2]))

    def __str__(self) -> str:
        return f"{self.beats}/{self.unit}"


@dataclass(frozen=True, slots=True)
class Lyric:
    """A syllable, or several sung to one note, `glo‿ria`. `is_joined`: a hyphen leads to the next one; `is_held`: a line shows how long."""

    text: str
    verse: int = 1
    is_joined: bool = False
    is_held: bool = False


@dataclass(frozen=True, slots=True)
class Note:
    """One sounding note, ties already joined. `duration` 0 marks a grace note. `pitch` sounds; `spelling` is how it is written.

    `color`: `#rrggbb`, None for black. `lyrics`: what is sung to it, in order of the verses; a note is the same whatever is sung.
    """

    start: int
    duration: int
    pitch: int
    velocity: int = 80
    spelling: Spelling | None = None
    fermata: bool = False
    color: str | None = None
    lyrics: tuple[Lyric, ...] = field(default=(), compare=False)

    def __post_init__(self) -> None:
        if self.start < 0 or self.duration < 0:
            raise NotationError(f"a note starts at tick {self.start} and lasts {self.duration}; neither may be negative")
        if not 0 <= self.pitch <= 127:
            raise NotationError(f"pitch {self.pitch} is outside MIDI's 0 to 127")
        if not 1 <= self.velocity <= 127:
            raise NotationError(f"velocity {self.velocity} is outside MIDI's 1 to 127")

    @property
    def end(self) -> int:
        return self.start + self.duration


@dataclass(frozen=True, slots=True)
class ColoredRest:
    """Ticks [start, end) where a part rests and someone has colored the rest; other rests are the gaps between notes."""

    start: int
    end: int
    color: str


@dataclass(frozen=True, slots=True)
class Part:
    """One instrument or staff: `program` is the General MIDI number counted from 0 (52 Choir Aahs).

    Its notes sound; `transposition` and `clef` say how they are written, None for the clef that suits them.
    """

    name: str
    notes: tuple[Note, ...]
    program: int = 52
    is_drum: bool = False
    colored_rests: tuple[ColoredRest, ...] = ()
    transposition: Transposition = CONCERT
    clef: Clef | None = field(default=None, compare=False)

    @property
    def end(self) -> int:
        return max((note.end for note in self.notes), default=0)


@dataclass(frozen=True, slots=True)
class MeterAt:
    start: int
    meter: Meter


@dataclass(frozen=True, slots=True)
class KeyAt:
    start: int
    key: Key


@dataclass(frozen=True, slots=True)
class TempoAt:
    """Quarters per minute from `start` on."""

    start: int
    quarters_per_minute: float


@dataclass(frozen=True, slots=True)
class TextAt:
    """Words over the top staff, or under the lowest one, of one line or more: `V65`, `half, G major`."""

    start: int
    text: str
    is_above: bool = True


@dataclass(frozen=True, slots=True)
class FiguresAt:
    """Figures over a bass in ticks [start, end), from the top down, each a number and a sign.

    The number is None for a sign alone, which is that of the third. The sign is what the note has beside the signature: -1 a flat,
    0 a natural, 1 a sharp, None nothing.
    """

    start: int
    end: int
    figures: tuple[tuple[int | None, int | None], ...]


CHORDS_LEFT_OUT = "chord symbols are left out; --chords FILE asks for them"
"""What readers remark of them."""


@dataclass(frozen=True)
class Score:
    """Parts, and the map of meters, keys and tempos, each sorted by start.

    `pickup`: ticks before the first barline, 0 for none; the first meter still names the full bar.
    `remarks`: what a reader did that a user should know (repeats expanded, notes moved), one sentence each.
    `marks`: words for the reader of the written score, in order of time; no reader of ours brings them back.
    `figures`: those of a continuo under its lowest part, likewise.
    `written_end`: the last barline, where the file has one; rests may lie between the last note and it.
    `phrase_ends`: ticks in the last notes of phrases, also of those that no fermata shows; only who made the piece knows them.
    """

    parts: tuple[Part, ...]
    ticks_per_quarter: int = TICKS_PER_QUARTER
    meters: tuple[MeterAt, ...] = (MeterAt(0, Meter()),)
    keys: tuple[KeyAt, ...] = ()
    tempos: tuple[TempoAt, ...] = ()
    pickup: int = 0
    title: str = ""
    remarks: tuple[str, ...] = field(default=(), compare=False)
    written_end: int = field(default=0, compare=False)
    marks: tuple[TextAt, ...] = ()
    figures: tuple[FiguresAt, ...] = ()
    phrase_ends: tuple[int, ...] = field(default=(), compare=False)

    def __post_init__(self) -> None:
        if self.ticks_per_quarter < 1:
            raise NotationError(f"{self.ticks_per_quarter} ticks a quarter; at least 1 is needed")
        if not self.meters or self.meters[0].start != 0:
            raise NotationError("a score needs a meter at tick 0")
        for name, changes in (("meters", self.meters), ("keys", self.keys), ("tempos", self.tempos)):
            starts = [change.start for change in changes]
            if starts != sorted(set(starts)) or (starts and starts[0] < 0):
                raise NotationError(f"{name} must start at rising ticks, not at {starts[:8]}")

    @property
    def end(self) -> int:
        """Tick at which the last note stops."""
        return max((part.end for part in self.parts), default=0)

    @property
    def key(self) -> Key | None:
        return self.keys[0].key if self.keys else None

    def bar_starts(self, until: int | None = None) -> list[int]:
        """Ticks of every barline from the first downbeat on, up to and including the one at or after `until` (default: `end`).

        A pick-up adds tick 0 in front. A meter change begins a new bar, cutting the one before it short if it must.
        """
        until = self.end if until is None else until
        starts = [0] if self.pickup else []
        tick = self.pickup
        changes = [change.start for change in self.meters]
        while True:
            starts.append(tick)
            if tick >= until and len(starts) > 1:
                return starts
            tick = self._next_barline(tick, changes)

    def _next_barline(self, tick: int, changes: list[int]) -> int:
        index = bisect_right(changes, tick)
        length = self.meters[max(index - 1, 0)].meter.bar_quarters * self.ticks_per_quarter
        after = tick + max(1, int(length))
        return min(after, changes[index]) if index < len(changes) else after

    def meter_at(self, tick: int) -> Meter:
        index = bisect_right([change.start for change in self.meters], tick) - 1
        return self.meters[max(index, 0)].meter

    def tempo_at(self, tick: int) -> float | None:
        """Quarters a minute; None before any is said."""
        index = bisect_right(self.tempos, tick, key=lambda change: change.start) - 1
        return self.tempos[index].quarters_per_minute if index >= 0 else None

    def place(self, tick: int) -> str:
        """`bar 3 beat 2`, `bar 3 beat 2.5`; the pick-up is bar 0, counted so that its end is the first barline."""
        bar, beat = self._bar_and_beat(tick)
        text = f"{float(beat):.2f}".rstrip("0").rstrip(".")
        return f"bar {bar} beat {text}"

    def _bar_and_beat(self, tick: int) -> tuple[int, Fraction]:
        starts = self.bar_starts(tick + 1)
        index = bisect_right(starts, tick) - 1
        meter = self.meter_at(max(tick, self.pickup))
        beat_ticks = meter.beat_quarters * self.ticks_per_quarter
        if self.pickup and index == 0:
            lead = meter.bar_quarters * self.ticks_per_quarter - self.pickup
            return 0, 1 + (lead + tick) / beat_ticks
        bar = index if self.pickup else index + 1
        return bar, 1 + (tick - starts[index]) / beat_ticks
