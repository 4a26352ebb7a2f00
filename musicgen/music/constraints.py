"""Constraints: hard rules on what a free cell may hold. A model learns conditions; constraints are enforced on every draw.

Shapes: V voices, T steps, 128 pitches.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from musicgen.errors import NotationError
from musicgen.music.chorale import RANGES, BoolArray

if TYPE_CHECKING:
    from musicgen.music.sketch import Sketch


class Constraint(Protocol):
    """Says which pitches each cell may sound, holds included."""

    def allowed_pitches(self, sketch: Sketch) -> BoolArray:
        """(V, T, 128), True where the pitch may sound."""
        ...


@dataclass(frozen=True)
class VoiceRanges:
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
        pitches = np.arange(128)
        by_voice = np.array([(pitches >= lowest) & (pitches <= highest) for lowest, highest in self.ranges])
        return np.repeat(by_voice[:, None, :], steps, axis=1)


@dataclass(frozen=True)
class PitchClasses:
    """In steps [start, end), a voice sounds only these pitch classes (0 to 11): a final chord, a chord symbol."""

    voice: int
    start: int
    end: int
    classes: frozenset[int]

    def __post_init__(self) -> None:
        if not self.classes or not self.classes <= set(range(12)):
            raise NotationError(f"pitch classes {sorted(self.classes)}; at least one, each from 0 to 11")

    def allowed_pitches(self, sketch: Sketch) -> BoolArray:
        allowed = np.ones((*sketch.free.shape, 128), dtype=bool)
        allowed[self.voice, self.start : self.end] = np.isin(np.arange(128) % 12, sorted(self.classes))
        return allowed
