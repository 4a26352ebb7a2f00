"""Lanes: several ways in which a piece may go on, kept side by side while something asked for lies ahead.

Drawing step by step under constraints meets them blindly: a chord that must come is met by a jolt. So before such a spot a piece goes on
in several lanes. Each is weighed by how much of the model's probability the constraints left at its draws, and by how likely it makes what
is given; when the weights have become uneven, lanes are drawn anew by them, and behind the spot one is kept. This is a particle filter
(Gordon et al. 1993; Doucet and Johansen 2009, section 4): with many lanes, the model's own distribution given all that is asked.

Shapes: B pieces, L lanes of all pieces, V voices, T steps.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from musicgen.music.chorale import BoolArray
from musicgen.sampling.allowed import IdArray
from musicgen.sampling.draw import FloatArray

AHEAD = 8
"""Steps before a spot where lanes begin: two quarters. Twice as far met pins and cadences no better, and takes longer."""


@dataclass
class Lanes:
    """piece (L,) of each lane, in rising order; ids and log_probability (L, V, T); log_weight (L,), -inf where no way was left."""

    piece: IdArray
    ids: IdArray
    log_probability: FloatArray
    log_weight: FloatArray

    @classmethod
    def one_each(cls, ids: IdArray) -> Lanes:
        pieces = len(ids)
        return cls(np.arange(pieces), ids.copy(), np.zeros(ids.shape, dtype=np.float32), np.zeros(pieces))

    def parents(self, wanted: Sequence[int], rngs: Sequence[np.random.Generator]) -> IdArray | None:
        """(L',) the lane that each lane is to go on from, so that each piece has as many as are wanted; None if all stay as they are."""
        counts = np.bincount(self.piece, minlength=len(wanted))
        first = np.cumsum(counts) - counts
        chosen = [_chosen(self.log_weight[at : at + n], want, rng) for at, n, want, rng in zip(first, counts, wanted, rngs, strict=True)]
        if all(each is None for each in chosen):
            return None
        return np.concatenate([at + (np.arange(n) if each is None else each) for at, n, each in zip(first, counts, chosen, strict=True)])

    def branch(self, parents: IdArray) -> None:
        """Each piece whose lanes were drawn begins with even weights."""
        drawn = np.ones(self.piece.max() + 1, dtype=bool)
        counts, after = np.bincount(self.piece), np.bincount(self.piece[parents])
        for piece in np.flatnonzero(counts == after):
            drawn[piece] = not np.array_equal(parents[self.piece[parents] == piece], np.flatnonzero(self.piece == piece))
        self.piece, self.ids, self.log_probability = self.piece[parents], self.ids[parents], self.log_probability[parents]
        self.log_weight = np.where(
            drawn[self.piece], np.where(np.isneginf(self.log_weight[parents]), -np.inf, 0.0), self.log_weight[parents]
        )


def _chosen(log_weight: FloatArray, wanted: int, rng: np.random.Generator) -> IdArray | None:
    """Which of its lanes a piece goes on from, None if from each of them."""
    count = len(log_weight)
    if count == wanted == 1:
        return None
    if count == 1:
        return np.zeros(wanted, dtype=np.int64)
    best = log_weight.max()
    weights = np.ones(count) if np.isneginf(best) else np.exp(log_weight - best)
    weights /= weights.sum()
    if count == wanted and 2 / (weights**2).sum() >= count:
        return None
    positions = (rng.random() + np.arange(wanted)) / wanted
    chosen: IdArray = np.minimum(np.searchsorted(np.cumsum(weights), positions), count - 1)
    return chosen


def windows(free: BoolArray, pinned: BoolArray, sounding_allowed: BoolArray, ahead: int = AHEAD) -> BoolArray:
    """(B, T) True where a spot lies less than `ahead` steps away: a free cell that may sound less than the cell before it, or is the first
    of those pinned. free, pinned (B, V, T), sounding_allowed (B, V, T, P)."""
    spots = np.zeros((len(free), free.shape[-1]), dtype=bool)
    barred = (sounding_allowed[:, :, :-1] & ~sounding_allowed[:, :, 1:]).any(axis=-1) & free[:, :, 1:]
    spots[:, 1:] = (barred | (~pinned[:, :, :-1] & pinned[:, :, 1:])).any(axis=1)
    before = np.cumsum(np.pad(spots, ((0, 0), (1, ahead))), axis=1)
    near: BoolArray = before[:, ahead:] > before[:, :-ahead]
    return near[:, : free.shape[-1]]
