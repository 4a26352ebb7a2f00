"""Piano rolls for a network: what sounds and what begins, on the grid of sixteenths, and who sings it where that is known.

Shapes: P rows of pitches, low to high, T steps, V voices, N notes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from musicgen.music.chorale import REST, STEPS_PER_QUARTER, BoolArray, PitchArray
from musicgen.separation.notes import IntArray, Notes

LOWEST, ROWS = 16, 96  # four octaves around the middle of the choir, and two to either side
MIDDLE = 60
PLANES = 2  # sounding, beginning


@dataclass(frozen=True, eq=False)
class Cells:
    """Where the notes lie in a roll: row, first step and the step after the last, (N,) each."""

    row: IntArray
    first: IntArray
    last: IntArray

    @property
    def steps(self) -> int:
        return int(self.last.max(initial=0))


def cells_of(notes: Notes) -> Cells:
    """The nearest steps, at least one a note. Music far above or below a choir is moved by octaves to where a choir sings."""
    octaves = round((float(np.median(notes.pitch)) - MIDDLE) / 12)
    row = np.clip(notes.pitch - 12 * octaves - LOWEST, 0, ROWS - 1)
    first, last = (
        (2 * STEPS_PER_QUARTER * tick + notes.quarter) // (2 * notes.quarter)
        for tick in (notes.start - notes.start.min(), notes.end - notes.start.min())
    )
    return Cells(row, first, np.maximum(last, first + 1))


def roll_of(cells: Cells, steps: int) -> BoolArray:
    """(PLANES, P, steps) the picture of the notes, in `steps` of at least `cells.steps`."""
    roll = np.zeros((PLANES, ROWS, steps), dtype=bool)
    for row, first, last in zip(cells.row, cells.first, cells.last, strict=True):
        roll[0, row, first:last] = True
    roll[1, cells.row, cells.first] = True
    return roll


def sung_roll(pitch: PitchArray, onset: BoolArray) -> tuple[BoolArray, BoolArray]:
    """The roll (PLANES, P, T) of voices on the grid, pitch and onset (V, T), and which of them sound in each cell, (V, P, T)."""
    voices, steps = pitch.shape
    sung: NDArray[np.bool_] = np.zeros((voices, ROWS, steps), dtype=bool)
    roll = np.zeros((PLANES, ROWS, steps), dtype=bool)
    row = np.clip(pitch - LOWEST, 0, ROWS - 1)
    voice, step = np.nonzero(pitch != REST)
    sung[voice, row[voice, step], step] = True
    voice, step = np.nonzero(onset & (pitch != REST))
    roll[1, row[voice, step], step] = True
    roll[0] = sung.any(axis=0)
    return roll, sung
