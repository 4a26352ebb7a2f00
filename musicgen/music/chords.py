"""Chords that are asked for, as a constraint: which notes the voices may sound, and which one the bass.

Shapes: V voices, the bass last; T steps; 128 pitches.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from musicgen.errors import NotationError
from musicgen.music.chorale import REST, BoolArray
from musicgen.music.constraints import Constraint, class_names, of_classes
from musicgen.music.pitch import pitch_name
from musicgen.music.places import beat_steps_at

if TYPE_CHECKING:
    from musicgen.music.sketch import Sketch


@dataclass(frozen=True, slots=True)
class ChordAt:
    """A chord in steps [start, end): pitch classes, and `label` as it was asked for. `bass` is None where any of its notes will do."""

    start: int
    end: int
    root: int
    classes: frozenset[int]
    bass: int | None
    label: str

    def __post_init__(self) -> None:
        if not 0 <= self.start < self.end:
            raise NotationError(
                f"the chord {self.label} from step {self.start} up to {self.end} lasts no time; its end comes after its start"
            )
        if not self.classes or not self.classes | {self.root, self.bass or 0} <= set(range(12)):
            raise NotationError(f"the chord {self.label}, {sorted(self.classes)}: at least one pitch class, each from 0 to 11")

    @property
    def bass_classes(self) -> frozenset[int]:
        return self.classes if self.bass is None else frozenset({self.bass})

    @property
    def wanted(self) -> tuple[int, ...]:
        """The pitch classes that make the chord, the most telling first: third, seventh, others, root; a perfect fifth may be missing."""
        above = {pitch_class: (pitch_class - self.root) % 12 for pitch_class in self.classes}
        order = (3, 4, 10, 11, 9, 1, 2, 5, 6, 8, 0)
        return tuple(sorted((each for each in above if above[each] != 7), key=lambda each: order.index(above[each])))


@dataclass(frozen=True)
class Chord(Constraint):
    """The voices sound notes of the chord only, the bass its bass: `strict`, all the time; else on the beats, with passing notes between.

    A chord begins where it is asked for, off the beat too. Which voice sounds the notes that make the chord is settled with all other
    chords in view (`voicing`).
    """

    chord: ChordAt
    strict: bool = True

    def allowed_pitches(self, sketch: Sketch) -> BoolArray:
        allowed = super().allowed_pitches(sketch)
        steps = self.bound_steps(sketch)
        allowed[:, steps] = of_classes(self.chord.classes)
        allowed[-1, steps] = of_classes(self.chord.bass_classes)
        return allowed

    def bound_steps(self, sketch: Sketch) -> NDArray[np.int64]:
        """Where the chord's notes alone may sound: its steps, or its first one and those on a beat."""
        steps = np.arange(self.chord.start, min(self.chord.end, sketch.given.steps))
        if self.strict:
            return steps
        positions = sketch.given.bar_positions()[steps]
        beats = np.array([beat_steps_at(int(step), sketch.given) for step in steps])
        return np.asarray(steps[(positions % beats == 0) | (steps == self.chord.start)])

    def check(self, sketch: Sketch) -> None:
        """A given bass note must be the chord's where it begins; any other given note may be foreign to it, but not all the time."""
        given = sketch.given
        span = slice(self.chord.start, min(self.chord.end, given.steps))
        if span.start >= given.steps:
            raise NotationError(f"the chord {self.chord.label} begins after the end; the piece has {given.steps} sixteenths")
        bass = int(given.pitch[-1, span.start])
        if bass != REST and bass % 12 not in self.chord.bass_classes:
            self._refuse(sketch, given.voices - 1, self.chord.bass_classes, bass)
        for voice in range(given.voices - 1):
            sounding = given.pitch[voice, span]
            if (
                not sketch.free[voice, span].any()
                and (sounding != REST).all()
                and not np.isin(sounding % 12, sorted(self.chord.classes)).any()
            ):
                self._refuse(sketch, voice, self.chord.classes, int(sounding[0]))

    def _refuse(self, sketch: Sketch, voice: int, needed: frozenset[int], found: int) -> None:
        key, name = sketch.given.key, sketch.given.voice_name(voice)
        raise NotationError(
            f"the chord {self.chord.label} needs {class_names(needed, key)} in the {name}, but the {name} is pinned to "
            f"{pitch_name(found, key)}; change the chord or free the note",
            place=sketch.given.place(self.chord.start),
        )

    def describe(self, sketch: Sketch) -> str:
        return f"the chord {self.chord.label} at {sketch.given.place(self.chord.start)}"
