"""Evidence: what a sketch gives and allows, beat by beat, as the chains take it.

Shapes as in `symbols`. A voice is certain in a beat in which all its cells are given and some sound; elsewhere `usable` holds.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from musicgen.composers.hidden.symbols import LOWEST, PITCHES, Grid, IntArray, shift_of, skeletons, sounding_pitches
from musicgen.composers.hidden.tables import Tables
from musicgen.models.hmm import FloatArray
from musicgen.music.chorale import REST, BoolArray
from musicgen.music.sketch import Sketch


@dataclass(frozen=True)
class Evidence:
    """usable (V, B, P) what a skeleton may sound; certain (V, B); given (V, B, 4) the cells of certain voices; holds (V, B), True where the
    beat may not begin anew."""

    grid: Grid
    usable: BoolArray
    certain: BoolArray
    given: IntArray
    holds: BoolArray
    shift: int

    @classmethod
    def of(cls, sketch: Sketch, allowed: BoolArray) -> Evidence:
        """`allowed` (V, T, 128) is the sketch's `allowed_pitches`."""
        given = sketch.given
        grid = Grid.of(given, sketch.fermata_sounding)
        free = np.asarray(grid.cells(sketch.free), dtype=bool)
        rests = np.asarray(grid.cells(given.pitch == REST), dtype=bool) & ~free
        pitches = np.asarray(grid.cells(sounding_pitches(given)))
        certain = ~free.any(axis=2) & ~rests.all(axis=2)
        return cls(grid, _usable(sketch, allowed, grid), certain, pitches, _holds(sketch, grid), shift_of(given.key))

    def register(self, tables: Tables) -> FloatArray:
        """(V, P) how gladly each voice sings each pitch, whatever the key: what is counted from the tonic does not know it."""
        lowest = LOWEST + self.shift
        return np.asarray(tables.smoothing.register * tables.compass[:, lowest : lowest + PITCHES])

    def skeletons(self, members: BoolArray) -> IntArray:
        """(V, B, F) of certain voices."""
        return skeletons(self.given, members)


def _window(sketch: Sketch, table: BoolArray) -> BoolArray:
    """(V, T, 128) as (V, T, P): seen from the tonic."""
    lowest = LOWEST + shift_of(sketch.given.key)
    return table[..., lowest : lowest + PITCHES]


def _usable(sketch: Sketch, allowed: BoolArray, grid: Grid) -> BoolArray:
    """All that the beat's free cells allow, else what its first one does; of a note given where it begins, that note."""
    window = _window(sketch, allowed)
    usable = np.ones((len(window), len(grid), PITCHES), dtype=bool)
    sounding = np.clip(sketch.given.pitch.astype(np.int64) - shift_of(sketch.given.key) - LOWEST, 0, PITCHES - 1)
    for beat, (start, end) in enumerate(grid.spans.tolist()):
        for voice, row in enumerate(usable):
            free = np.flatnonzero(sketch.free[voice, start:end]) + start
            if len(free) == 0 or free[0] > start:
                if sketch.given.pitch[voice, start] != REST:
                    row[beat] = np.arange(PITCHES) == sounding[voice, start]
                continue
            every = window[voice, free].all(axis=0)
            row[beat] = every if every.any() else window[voice, free[0]]
            if not row[beat].any():  # beyond the window
                row[beat] = True
    return usable


def _holds(sketch: Sketch, grid: Grid) -> BoolArray:
    starts = grid.spans[:, 0]
    return np.asarray(sketch.must_hold()[:, starts] & (starts > 0))
