"""Piano rolls for a network: what sounds and what begins, on the grid of sixteenths, and who sings it where that is known.

Shapes: P rows of pitches, low to high, T steps, V voices, N notes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from musicgen.music.chorale import REST, STEPS_PER_QUARTER, BoolArray, PitchArray
from musicgen.separation.notes import IntArray, Notes

LOWEST, ROWS = 22, 80
PLANES = 4  # what sounds, what begins, notes above, notes below
MANY = 4  # notes count 1


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
    row = np.clip(notes.pitch - 12 * notes.octaves_up - LOWEST, 0, ROWS - 1)
    first, last = (
        (2 * STEPS_PER_QUARTER * tick + notes.quarter) // (2 * notes.quarter)
        for tick in (notes.start - notes.start.min(), notes.end - notes.start.min())
    )
    return Cells(row, first, np.maximum(last, first + 1))


def roll_of(cells: Cells, steps: int) -> BoolArray:
    """(2, P, steps) what sounds and what begins, in `steps` of at least `cells.steps`."""
    roll = np.zeros((2, ROWS, steps), dtype=bool)
    for row, first, last in zip(cells.row, cells.first, cells.last, strict=True):
        roll[0, row, first:last] = True
    roll[1, cells.row, cells.first] = True
    return roll


def picture_of(roll: Tensor) -> Tensor:
    """(B, 2, P, T) bool to (B, PLANES, P, T): in each cell also how much sounds above and below, which layers would have to count."""
    sounding = roll[:, 0].float()
    below = sounding.cumsum(dim=1) - sounding
    above = sounding.sum(dim=1, keepdim=True) - below - sounding
    return torch.cat([roll.float(), torch.stack([above, below], dim=1) / MANY], dim=1)


def sung_roll(pitch: PitchArray, onset: BoolArray) -> tuple[BoolArray, BoolArray]:
    """The roll (2, P, T) of voices on the grid, pitch and onset (V, T), and which of them sound in each cell, (V, P, T)."""
    voices, steps = pitch.shape
    sung: NDArray[np.bool_] = np.zeros((voices, ROWS, steps), dtype=bool)
    roll = np.zeros((2, ROWS, steps), dtype=bool)
    row = np.clip(pitch - LOWEST, 0, ROWS - 1)
    voice, step = np.nonzero(pitch != REST)
    sung[voice, row[voice, step], step] = True
    voice, step = np.nonzero(onset & (pitch != REST))
    roll[1, row[voice, step], step] = True
    roll[0] = sung.any(axis=0)
    return roll, sung
