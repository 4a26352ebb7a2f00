"""Observed: a piece as its likelihood reads it, beat by beat. What stands beside a beat is of beats before, or is told: meter, key and
where a fermata is struck; never how long it is held, nor what a voice will sing that rests.

Shapes as in `symbols`; a pitch is counted from LOWEST as seen from the tonic, and may lie outside of the window of P.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from musicgen.composers.hidden.symbols import CELLS, FAR, LOWEST, MIDDLE, PITCHES, Grid, IntArray, is_active, is_strong, shift_of
from musicgen.music.chorale import REST, BoolArray, Chorale

NOTHING = PITCHES  # no pitch of the window
STILL = FAR + 1  # the fermata of a beat before has not ended yet
TOLD = 2 * 2 * (STILL + 1)
WAYS = 4  # of a voice in a beat: active or not, struck when it begins or held
ALL_STRUCK, ALL_ACTIVE = 2, 1
START = WAYS  # the way before the first beat
ORDER = (0, 3, 1, 2)  # in which the voices of a beat are foretold
DECIDED = WAYS ** (len(ORDER) - 1)


@dataclass(frozen=True)
class Observed:
    """lengths (B,) steps; places (B,) what is told, 0 to TOLD - 1; cells, silent, struck (V, B, 4), a rest's cells as before;
    last (V, B) what sounded when the beat before ended, or NOTHING; resting (V, B) whether a rest did; ways (V, B)."""

    lengths: IntArray
    places: IntArray
    cells: IntArray
    silent: BoolArray
    struck: BoolArray
    last: IntArray
    resting: BoolArray
    ways: IntArray
    shift: int

    @classmethod
    def of(cls, chorale: Chorale) -> Observed:
        grid = Grid.of(chorale, chorale.fermata)
        shift = shift_of(chorale.key)
        silent = np.asarray(grid.cells(chorale.pitch == REST), dtype=bool)
        cells = np.asarray(grid.cells(_carried(chorale))) - shift - LOWEST
        struck = np.asarray(grid.cells(chorale.onset), dtype=bool) & (np.arange(CELLS) < grid.lengths[:, None])
        ends, rests = cells[:, :-1, -1], silent[:, :-1, -1]
        inside = (ends >= 0) & (ends < PITCHES) & ~rests
        first = np.full((len(cells), 1), NOTHING)
        return cls(
            grid.lengths,
            _told(chorale, grid),
            cells,
            silent,
            struck,
            np.concatenate([first, np.where(inside, ends, NOTHING)], axis=1),
            np.concatenate([first < 0, rests], axis=1),
            ALL_ACTIVE * is_active(cells, struck) + ALL_STRUCK * struck[..., 0],
            shift,
        )

    def __len__(self) -> int:
        return len(self.lengths)

    def ways_before(self, beat: int) -> IntArray:
        """(V,)"""
        return self.ways[:, beat - 1] if beat else np.full(len(self.ways), START)

    @property
    def window(self) -> IntArray:
        """(V, B, 4) the cells, each at its nearest in the window."""
        return np.clip(self.cells, 0, PITCHES - 1)


def decided_before(ways: IntArray, turn: int) -> IntArray:
    """The ways (V, ...) of the voices that are decided before that turn of ORDER, as one number below DECIDED."""
    digits = [ways[voice] * WAYS**place for place, voice in enumerate(ORDER[:turn])]
    return np.asarray(sum(digits, np.zeros_like(ways[0])))


def _carried(chorale: Chorale) -> IntArray:
    """(V, T) pitches; where a voice rests, what it sounded before."""
    pitch = chorale.pitch.astype(np.int64)
    for voice, row in enumerate(pitch):
        last = np.maximum.accumulate(np.where(row != REST, np.arange(len(row)), -1))
        row[:] = np.where(last >= 0, row[last], MIDDLE[voice] + shift_of(chorale.key))
    return pitch


def _told(chorale: Chorale, grid: Grid) -> IntArray:
    """(B,) how far the next struck fermata is, or that the last one still sounds; whether it is the last; whether the beat is strong."""
    starts = grid.spans[:, 0]
    struck = np.flatnonzero(chorale.fermata)
    struck = struck if len(struck) else np.array([chorale.steps - 1])
    beat_of = np.searchsorted(starts, struck, side="right") - 1
    beats = np.arange(len(grid))
    coming = np.searchsorted(beat_of, beats)
    ahead = np.minimum(np.append(beat_of, len(grid) + FAR)[coming] - beats, FAR)
    is_last = beats > (beat_of[-2] if len(beat_of) > 1 else -1)
    onsets = np.flatnonzero(chorale.onset[0])
    began = onsets[np.searchsorted(onsets, starts[1:] - 1, side="right") - 1]  # the note that ends the beat before
    still = np.append(False, chorale.fermata[began]) & (ahead > 0)
    return np.asarray(np.where(still, STILL, ahead) + (STILL + 1) * (is_last + 2 * is_strong(chorale, starts)), dtype=np.int64)
