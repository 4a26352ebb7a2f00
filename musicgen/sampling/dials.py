"""Dials that a musician understands: how many notes, and how many of them outside the key; what is asked for is what is got.

Each dial adds one offset to the logits of the ids it is about: the one that gives what is asked on average, and, while a piece is
drawn, a little more for each note that it still owes, and less for each that it has too many.

Shapes: B pieces, L lanes of them, R rows of ids, V voices, T steps, K ids, N cells, P = 129 things that can sound.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from musicgen.music.chorale import STEPS_PER_QUARTER, BoolArray
from musicgen.sampling.allowed import Cells, IdArray
from musicgen.sampling.draw import FloatArray, log_sum

StepLogits = Callable[[IdArray, int, int], FloatArray]
Branch = Callable[[IdArray], None]
CellLogits = Callable[[IdArray, Cells], FloatArray]

# Measured with the flagship by `python benchmarks/dials.py --open-loop --count 12`: notes per quarter and voice that an offset to all
# struck ids gives. It counts half off the eighths if it asks for more: whoever asks for livelier music wants eighths, not stumbling
# sixteenths. Likewise the % of notes outside the scale by the offset to those ids.
OFFSETS = (-4.0, -3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0, 4.0, 6.0, 8.0)
DENSITY_AT = (0.21, 0.40, 0.74, 0.90, 1.09, 1.39, 1.59, 1.78, 1.87, 2.19, 2.52)
OFF_EIGHTHS = 0.5
CHROMATIC_OFFSETS = (-3.0, -1.5, 0.0, 1.0, 2.0, 3.0)
CHROMATICISM_AT = (0.35, 1.63, 7.07, 20.9, 45.3, 72.0)
# Nats for each note too few, so that a piece is back on its way within some bars; at most so many.
DENSITY_GAIN, CHROMATIC_GAIN, MOST_CORRECTION = 0.1, 0.5, 3.0
PITCHES = 128
# Never drawn, unless nothing else may be.
BARRED = -50.0


@dataclass(frozen=True)
class Dials:
    """density: notes per quarter and voice; chromaticism: % of notes outside the key's scale; None leaves it to the model.

    free (B, V, T) the cells that are drawn, the only ones counted; told (B, V, T) those of which it is asked what they sound, so that their
    notes are not turned out of the scale or into it; on_eighth (B, T); strikes (K,) ids that begin a note; outside (B, K) those of them
    that are outside the scale of the piece.
    """

    free: BoolArray
    told: BoolArray
    on_eighth: BoolArray
    strikes: BoolArray
    outside: BoolArray
    density: float | None = None
    chromaticism: float | None = None

    @property
    def are_turned(self) -> bool:
        return self.density is not None or self.chromaticism is not None

    def by_step(self, logits_of: StepLogits, branch: Branch = lambda parents: None) -> tuple[StepLogits, Branch]:
        """The same for `fill_left_to_right`, turned. A row of ids is a draft of a lane of a piece."""
        if not self.are_turned:
            return logits_of, branch
        past = _Past(self)

        def turned(ids: IdArray, voice: int, step: int) -> FloatArray:
            piece, before = past.of_rows(ids, step)
            cells = piece, np.full(len(ids), voice), np.full(len(ids), step)
            offsets = self.offsets(before + self.tally(ids[..., step : step + 1], piece, step))
            return self.turn(logits_of(ids, voice, step), cells, *offsets)

        def follow(parents: IdArray) -> None:
            past.branch(parents)
            branch(parents)

        return turned, follow

    def by_cell(self, logits_of: CellLogits) -> CellLogits:
        """The same logits for `gibbs`, turned."""
        if not self.are_turned:
            return logits_of

        def turned(ids: IdArray, cells: Cells) -> FloatArray:
            density, chromaticism = self.offsets(self.tally(ids, np.arange(len(ids))))
            return self.turn(logits_of(ids, cells), cells, density[cells[0]], chromaticism[cells[0]])

        return turned

    def tally(self, ids: IdArray, piece: IdArray, start: int = 0) -> IdArray:
        """(R, 3) cells drawn, notes, and notes outside the scale, among ids (R, V, S) of so many steps from `start`, of pieces (R,)."""
        drawn = self.free[piece, :, start : start + ids.shape[-1]] & (ids < len(self.strikes))
        known = np.where(drawn, ids, 0)
        notes = self.strikes[known] & drawn
        foreign = self.outside[piece[:, None, None], known] & drawn
        return np.stack([drawn.sum(axis=(1, 2)), notes.sum(axis=(1, 2)), foreign.sum(axis=(1, 2))], axis=1)

    def offsets(self, tally: IdArray) -> tuple[FloatArray, FloatArray]:
        """(R,) nats that each dial adds after such a tally (R, 3)."""
        cells, notes, foreign = tally.T
        nothing = np.zeros(len(tally))
        return (
            nothing if self.density is None else density_offset(self.density, notes, cells),
            nothing if self.chromaticism is None else chromatic_offset(self.chromaticism, foreign, notes),
        )

    def turn(self, logits: FloatArray, cells: Cells, density: FloatArray, chromaticism: FloatArray) -> FloatArray:
        """(N, K) logits of N cells with the offsets (N,) added; that of chromaticism leaves alone how likely it is that a note begins."""
        pieces, _, steps = cells
        turned, struck = logits.copy(), self.strikes
        if self.chromaticism is not None:
            turned += chromaticism[:, None] * (self.outside[pieces] & ~self.told[cells][:, None])
            begins = log_sum(logits[:, struck]) - log_sum(turned[:, struck])
            turned += begins[:, None] * struck
        weight = np.where(self.on_eighth[pieces, steps] | (density < 0), 1.0, OFF_EIGHTHS)
        return turned + (weight * density)[:, None] * struck


class _Past:
    """The tally of each lane of a batch, up to the step that is being drawn."""

    def __init__(self, dials: Dials) -> None:
        self.dials = dials
        self.piece = np.arange(len(dials.free))  # (L,)
        self.tally = np.zeros((len(self.piece), 3), dtype=np.int64)
        self.steps = 0

    def of_rows(self, ids: IdArray, step: int) -> tuple[IdArray, IdArray]:
        """(R,) the piece of each row of ids (R, V, T), and (R, 3) its tally before this step; each lane has as many rows as the others."""
        drafts = len(ids) // len(self.piece)
        self.tally += self.dials.tally(ids[::drafts, :, self.steps : step], self.piece, self.steps)
        self.steps = step
        return np.repeat(self.piece, drafts), np.repeat(self.tally, drafts, axis=0)

    def branch(self, parents: IdArray) -> None:
        self.piece, self.tally = self.piece[parents], self.tally[parents]


def density_offset(asked: float, notes: IdArray, cells: IdArray) -> FloatArray:
    """(R,) nats for every struck id, after so many notes in so many cells."""
    correction = DENSITY_GAIN * (asked / STEPS_PER_QUARTER * cells - notes)
    offset: FloatArray = np.interp(asked, DENSITY_AT, OFFSETS) + np.clip(correction, -MOST_CORRECTION, MOST_CORRECTION)
    return offset


def chromatic_offset(asked: float, foreign: IdArray, notes: IdArray) -> FloatArray:
    """(R,) nats for every struck id outside the scale, after so many such notes of so many."""
    if asked <= 0:
        return np.full(len(notes), BARRED)
    correction = CHROMATIC_GAIN * (asked / 100 * notes - foreign)
    usual = np.interp(_log_odds(asked), _log_odds(CHROMATICISM_AT), CHROMATIC_OFFSETS)
    offset: FloatArray = usual + np.clip(correction, -MOST_CORRECTION, MOST_CORRECTION)
    return offset


def _log_odds(percent: ArrayLike) -> FloatArray:
    share = np.asarray(percent) / 100
    return np.asarray(np.log(share / (1 - share)))


def are_told(sounding_allowed: BoolArray, free: BoolArray) -> BoolArray:
    """(B, V, T) free cells where some pitch class is barred that is not barred throughout the voice; sounding_allowed (B, V, T, P)."""
    classes = np.stack([sounding_allowed[..., note:PITCHES:12].any(axis=-1) for note in range(12)], axis=-1)
    usual = (classes & free[..., None]).any(axis=2, keepdims=True)
    return np.asarray((usual & ~classes).any(axis=-1))
