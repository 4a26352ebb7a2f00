"""Dials that a musician understands: how many notes, and how many of them outside the key; what is asked for is what is got.

Each dial adds one offset to the logits of the ids it is about: the one that gives what is asked on average, and, while a piece is
drawn, a little more for each note that it still owes, and less for each that it has too many. The ids say how far the piece is, so
nothing is remembered between draws, and any sampler may go back, or try several ways on.

Shapes: B pieces, V voices, T steps, K ids, N draws, R rows of ids: copies of the pieces, those of a piece side by side.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from musicgen.music.chorale import STEPS_PER_QUARTER, BoolArray
from musicgen.sampling.allowed import Cells, IdArray
from musicgen.sampling.draw import FloatArray

StepLogits = Callable[[IdArray, int, int], FloatArray]
Branch = Callable[[IdArray], None]
CellLogits = Callable[[IdArray, Cells], FloatArray]

# Measured by `python benchmarks/dials.py --open-loop`: notes per quarter and voice at each offset to all struck ids, which counts half
# off the eighths if it asks for more: whoever asks for livelier music wants eighths, not stumbling sixteenths.
OFFSETS = (-4.0, -3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0, 4.0, 6.0)
DENSITY_AT = (0.21, 0.40, 0.74, 0.90, 1.07, 1.35, 1.58, 1.8, 2.0, 2.6)
OFF_EIGHTHS = 0.5
# Likewise the log-odds of a note outside the scale: a line in the offset to those ids.
CHROMATIC_LOG_ODDS, CHROMATIC_SLOPE = -2.7, 1.1
# Nats for each note too few, so that a piece is back on its way within some bars; at most so many.
DENSITY_GAIN, CHROMATIC_GAIN, MOST_CORRECTION = 0.1, 0.25, 2.0
# Never drawn, unless nothing else may be.
BARRED = -50.0


@dataclass(frozen=True)
class Dials:
    """density: notes per quarter and voice; chromaticism: % of notes outside the key's scale; None leaves it to the model.

    free (B, V, T) the cells that are drawn, the only ones counted; on_eighth (B, T); strikes (K,) ids that begin a note; outside (B, K)
    those of them that are outside the scale of the piece.
    """

    free: BoolArray
    on_eighth: BoolArray
    strikes: BoolArray
    outside: BoolArray
    density: float | None = None
    chromaticism: float | None = None

    def by_step(self, logits_of: StepLogits, branch: Branch = lambda parents: None) -> tuple[StepLogits, Branch]:
        """The same for `fill_left_to_right`, turned. A copy of a piece is a draft of one of its lanes."""
        if self.density is None and self.chromaticism is None:
            return logits_of, branch
        piece_of_lane = np.arange(len(self.free))

        def turned(ids: IdArray, voice: int, step: int) -> FloatArray:
            pieces = np.repeat(piece_of_lane, len(ids) // len(piece_of_lane))
            return self.turn(logits_of(ids, voice, step), pieces, np.full(len(ids), step), *self.offsets(ids, pieces))

        def follow(parents: IdArray) -> None:
            nonlocal piece_of_lane
            piece_of_lane = piece_of_lane[parents]
            branch(parents)

        return turned, follow

    def by_cell(self, logits_of: CellLogits) -> CellLogits:
        """The same logits for `gibbs` and `fill_any_order`, turned."""
        if self.density is None and self.chromaticism is None:
            return logits_of

        def turned(ids: IdArray, cells: Cells) -> FloatArray:
            pieces, _, steps = cells
            density, chromaticism = self.offsets(ids, np.arange(len(ids)))
            return self.turn(logits_of(ids, cells), pieces, steps, density[pieces], chromaticism[pieces])

        return turned

    def offsets(self, ids: IdArray, pieces: IdArray) -> tuple[FloatArray, FloatArray]:
        """(R,) nats that the two dials add now, by what is drawn of ids (R, V, T), rows of these pieces (R,)."""
        known = self.free[pieces] & (ids < len(self.strikes))
        drawn = np.where(known, ids, 0)
        notes = (self.strikes[drawn] & known).sum(axis=(1, 2))
        density: FloatArray = np.zeros(len(ids))
        chromaticism = density
        if self.density is not None:
            density = density_offset(self.density, notes, known.sum(axis=(1, 2)))
        if self.chromaticism is not None:
            foreign = (self.outside[pieces[:, None, None], drawn] & known).sum(axis=(1, 2))
            chromaticism = chromatic_offset(self.chromaticism, foreign, notes)
        return density, chromaticism

    def turn(self, logits: FloatArray, pieces: IdArray, steps: IdArray, density: FloatArray, chromaticism: FloatArray) -> FloatArray:
        """(N, K) logits with the offsets (N,) added; that of chromaticism leaves alone how likely it is that a note begins."""
        turned = logits + chromaticism[:, None] * self.outside[pieces]
        struck = self.strikes
        begins = np.logaddexp.reduce(logits[:, struck], axis=1) - np.logaddexp.reduce(turned[:, struck], axis=1)
        weight = np.where(self.on_eighth[pieces, steps] | (density < 0), 1.0, OFF_EIGHTHS)
        turned[:, struck] += (begins + weight * density)[:, None]
        return turned


def density_offset(asked: float, notes: IdArray, cells: IdArray) -> FloatArray:
    """(R,) nats for every struck id, after so many notes in so many cells."""
    correction = DENSITY_GAIN * (asked / STEPS_PER_QUARTER * cells - notes)
    offset: FloatArray = np.interp(asked, DENSITY_AT, OFFSETS) + np.clip(correction, -MOST_CORRECTION, MOST_CORRECTION)
    return offset


def chromatic_offset(asked: float, foreign: IdArray, notes: IdArray) -> FloatArray:
    """(R,) nats for every struck id outside the scale, after so many such notes of so many."""
    if asked <= 0:
        return np.full(len(notes), BARRED)
    share = asked / 100
    correction = CHROMATIC_GAIN * (share * notes - foreign)
    average = (np.log(share / (1 - share)) - CHROMATIC_LOG_ODDS) / CHROMATIC_SLOPE
    offset: FloatArray = average + np.clip(correction, -MOST_CORRECTION, MOST_CORRECTION)
    return offset
