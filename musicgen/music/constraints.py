"""Constraints: hard rules on what a free cell may hold. A model learns conditions; constraints are enforced on every draw.

Shapes: V voices, T steps, 128 pitches.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from musicgen.errors import NotationError
from musicgen.music.chorale import RANGES, REST, BoolArray, Chorale
from musicgen.music.pitch import Key, pitch_name

if TYPE_CHECKING:
    from musicgen.music.sketch import Sketch

ALL_PITCHES = np.arange(128)


class Constraint:
    """What the free cells of a sketch may do: which pitches may sound, where notes begin, where they are held."""

    def allowed_pitches(self, sketch: Sketch) -> BoolArray:
        """(V, T, 128), True where the pitch may sound, held or struck."""
        return np.ones((*sketch.free.shape, 128), dtype=bool)

    def must_begin(self, sketch: Sketch) -> BoolArray:
        """(V, T), True where a note must be struck."""
        return np.zeros_like(sketch.free)

    def must_hold(self, sketch: Sketch) -> BoolArray:
        """(V, T), True where nothing may be struck."""
        return np.zeros_like(sketch.free)

    def check(self, sketch: Sketch) -> None:
        """Raises NotationError if what is given already breaks it."""

    def describe(self, sketch: Sketch) -> str:
        """A noun phrase for reports and refusals: `a half cadence in G major at bar 4 beat 3`."""
        return type(self).__name__

    def kept_by(self, sketch: Sketch, filled: Chorale) -> bool:
        """Whether the free cells of a filled sketch keep it."""
        sounds = filled.pitch != REST
        voices, steps = np.nonzero(sketch.free & sounds)
        pitches_ok = self.allowed_pitches(sketch)[voices, steps, filled.pitch[voices, steps]].all()
        begins_ok = filled.onset[self.must_begin(sketch) & sketch.free].all()
        return bool(pitches_ok and begins_ok and not filled.onset[self.must_hold(sketch) & sketch.free].any())


@dataclass(frozen=True)
class VoiceRanges(Constraint):
    """Each voice stays within [lowest, highest]; by default within what Bach's choir sings."""

    ranges: tuple[tuple[int, int], ...] = RANGES

    def __post_init__(self) -> None:
        for lowest, highest in self.ranges:
            if not 0 <= lowest <= highest <= 127:
                raise NotationError(f"a range from {lowest} to {highest} holds no pitch; lowest first, 0 to 127")

    def allowed_pitches(self, sketch: Sketch) -> BoolArray:
        voices, steps = sketch.free.shape
        if voices != len(self.ranges):
            raise NotationError(f"{len(self.ranges)} ranges for {voices} voices; give one a voice")
        by_voice = np.array([(lowest <= ALL_PITCHES) & (highest >= ALL_PITCHES) for lowest, highest in self.ranges])
        return np.repeat(by_voice[:, None, :], steps, axis=1)

    def describe(self, sketch: Sketch) -> str:
        return "the ranges " + ", ".join(f"{pitch_name(lowest)} to {pitch_name(highest)}" for lowest, highest in self.ranges)


@dataclass(frozen=True)
class PitchClasses(Constraint):
    """In steps [start, end), a voice sounds only these pitch classes (0 to 11): a final chord, a note whose octave is left open."""

    voice: int
    start: int
    end: int
    classes: frozenset[int]

    def __post_init__(self) -> None:
        if not self.classes or not self.classes <= set(range(12)):
            raise NotationError(f"pitch classes {sorted(self.classes)}; at least one, each from 0 to 11")

    def allowed_pitches(self, sketch: Sketch) -> BoolArray:
        allowed = super().allowed_pitches(sketch)
        allowed[self.voice, self.start : self.end] = of_classes(self.classes)
        return allowed

    def check(self, sketch: Sketch) -> None:
        _refuse_given(self, sketch, self.voice, slice(self.start, self.end))

    def describe(self, sketch: Sketch) -> str:
        return f"{class_names(self.classes, sketch.given.key)} {_span(sketch, self.voice, self.start, self.end)}"


@dataclass(frozen=True)
class Pitches(Constraint):
    """In steps [start, end), a voice sounds only these pitches, or, `forbidden`, none of them."""

    voice: int
    start: int
    end: int
    pitches: frozenset[int]
    forbidden: bool = False

    def allowed_pitches(self, sketch: Sketch) -> BoolArray:
        allowed = super().allowed_pitches(sketch)
        allowed[self.voice, self.start : self.end] = np.isin(ALL_PITCHES, sorted(self.pitches)) != self.forbidden
        return allowed

    def check(self, sketch: Sketch) -> None:
        """What may not occur is not given either."""
        _refuse_given(self, sketch, self.voice, slice(self.start, self.end))

    def describe(self, sketch: Sketch) -> str:
        names = _ranged(self.pitches, sketch.given.key)
        return f"{'no' if self.forbidden else 'only'} {names} {_span(sketch, self.voice, self.start, self.end)}"


@dataclass(frozen=True)
class Rhythm(Constraint):
    """In steps [start, end), the notes of a voice begin exactly at `onsets`."""

    voice: int
    start: int
    end: int
    onsets: tuple[int, ...]

    def __post_init__(self) -> None:
        if not all(self.start <= onset < self.end for onset in self.onsets):
            raise NotationError(f"onsets {self.onsets} lie outside steps {self.start} to {self.end}")

    def must_begin(self, sketch: Sketch) -> BoolArray:
        begins = super().must_begin(sketch)
        begins[self.voice, list(self.onsets)] = True
        return begins

    def must_hold(self, sketch: Sketch) -> BoolArray:
        holds = super().must_hold(sketch)
        holds[self.voice, self.start : self.end] = True
        return holds & ~self.must_begin(sketch)

    def check(self, sketch: Sketch) -> None:
        """Given notes have the rhythm too."""
        begins = np.isin(np.arange(self.start, self.end), self.onsets)
        given = ~sketch.free[self.voice, self.start : self.end]
        wrong = np.flatnonzero(given & (sketch.given.onset[self.voice, self.start : self.end] != begins))
        if len(wrong):
            raise NotationError(
                f"a note {'is held' if begins[wrong[0]] else 'begins'} here, against {self.describe(sketch)}; take one of them back",
                voice=sketch.given.voice_name(self.voice),
                place=sketch.given.place(self.start + int(wrong[0])),
            )
        if self.start == 0 and 0 not in self.onsets and sketch.free[self.voice, 0]:
            raise NotationError(f"{self.describe(sketch)} begins with a held note, but nothing sounds before; let a note begin there")

    def describe(self, sketch: Sketch) -> str:
        return f"the rhythm asked {_span(sketch, self.voice, self.start, self.end)}"


@dataclass(frozen=True)
class Scale(Constraint):
    """In steps [start, end), all voices keep to these pitch classes: a local key, a church mode."""

    start: int
    end: int
    classes: frozenset[int]
    label: str
    key: Key | None = None

    @classmethod
    def of_key(cls, key: Key, start: int, end: int) -> Scale:
        """Major, or minor with both forms of its sixth and seventh."""
        steps = (0, 2, 4, 5, 7, 9, 11) if key.mode == "major" else (0, 2, 3, 5, 7, 8, 9, 10, 11)
        return cls(start, end, frozenset((key.tonic + step) % 12 for step in steps), str(key), key)

    def allowed_pitches(self, sketch: Sketch) -> BoolArray:
        allowed = super().allowed_pitches(sketch)
        allowed[:, self.start : self.end] = of_classes(self.classes)
        return allowed

    def describe(self, sketch: Sketch) -> str:
        return f"the notes of {self.label} {_from_to(sketch, self.start, self.end)}"


def _refuse_given(constraint: Constraint, sketch: Sketch, voice: int, span: slice) -> None:
    sounding = sketch.given.pitch[voice, span]
    barred = ~constraint.allowed_pitches(sketch)[voice, np.arange(sketch.given.steps)[span], np.maximum(sounding, 0)]
    wrong = np.flatnonzero(barred & ~sketch.free[voice, span] & (sounding != REST))
    if len(wrong):
        name = pitch_name(int(sounding[wrong[0]]), sketch.given.key)
        raise NotationError(
            f"{name} is given, against {constraint.describe(sketch)}; take one of them back",
            voice=sketch.given.voice_name(voice),
            place=sketch.given.place((span.start or 0) + int(wrong[0])),
        )


def of_classes(classes: frozenset[int] | set[int]) -> BoolArray:
    """(128,) True where a pitch is of one of these classes."""
    return np.isin(ALL_PITCHES % 12, sorted(classes))


def class_names(classes: frozenset[int], key: Key) -> str:
    """`C, E or G`, from the lowest class."""
    names = [pitch_name(60 + each, key).rstrip("-0123456789") for each in sorted(classes)]
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} or {names[-1]}"


def _ranged(pitches: frozenset[int], key: Key) -> str:
    """`C4, E4`, runs as `above F4`, `below C3` or `C4 to G4`."""
    inside = sorted(pitches)
    if len(inside) > 2 and inside == list(range(inside[0], inside[-1] + 1)):
        if inside[-1] == 127:
            return f"note above {pitch_name(inside[0] - 1, key)}"
        return (
            f"note below {pitch_name(inside[-1] + 1, key)}"
            if inside[0] == 0
            else f"{pitch_name(inside[0], key)} to {pitch_name(inside[-1], key)}"
        )
    names = [pitch_name(pitch, key) for pitch in inside]
    return ", ".join(names[:6]) + (", ..." if len(names) > 6 else "")


def _span(sketch: Sketch, voice: int, start: int, end: int) -> str:
    return f"in the {sketch.given.voice_name(voice)} {_from_to(sketch, start, end)}"


def _from_to(sketch: Sketch, start: int, end: int) -> str:
    given = sketch.given
    if end <= start + 1 or end >= given.steps:
        return f"{'from' if end > start + 1 else 'at'} {given.place(start)}{' on' if end > start + 1 else ''}"
    return f"from {given.place(start)} up to {given.place(end)}"
