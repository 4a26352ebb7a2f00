"""Hidden Markov chains over ids, in log space: forward, backward, the likeliest path, drawn paths. Knows no music.

A chain's states may be others at each place: `start` (N0,) log weights of the first, `moves[i]` (N_i, N_i+1) log weights of going from a
state of place i to one of place i + 1, the evidence at i + 1 included. Weights need not sum to 1; -inf is impossible (Rabiner 1989).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Chain:
    """Places 0 to len(moves)."""

    start: FloatArray
    moves: Sequence[FloatArray]

    def forward(self) -> list[FloatArray]:
        """(N_i,) for each place: log weight of all paths that end in each state there."""
        reached = [self.start]
        for move in self.moves:
            reached.append(log_product(reached[-1], move))
        return reached

    def backward(self) -> list[FloatArray]:
        """(N_i,) for each place: log weight of all that may follow each state there."""
        last = self.moves[-1].shape[1] if self.moves else len(self.start)
        ahead = [np.zeros(last)]
        for move in reversed(self.moves):
            ahead.append(log_product(ahead[-1], move.T))
        return ahead[::-1]

    def log_total(self) -> float:
        """Log weight of all paths together: of a generative chain with evidence, the log likelihood of the evidence."""
        return float(log_sum(self.forward()[-1]))

    def posteriors(self) -> list[FloatArray]:
        """(N_i,) for each place: the probability of each state, all evidence considered."""
        return [normalized(before + after) for before, after in zip(self.forward(), self.backward(), strict=True)]

    def draw(self, rng: np.random.Generator) -> list[int]:
        """A path drawn by its weight: forward filtering, backward sampling."""
        reached = self.forward()
        path = [draw(reached[-1], rng)]
        for weights, move in zip(reached[-2::-1], self.moves[::-1], strict=True):
            path.append(draw(weights + move[:, path[-1]], rng))
        return path[::-1]

    def best(self) -> list[int]:
        """The path of the greatest weight (Viterbi); of equals, the first."""
        reached, came_from = self.start, []
        for move in self.moves:
            ways = reached[:, None] + move
            came_from.append(ways.argmax(axis=0))
            reached = ways.max(axis=0)
        path = [int(reached.argmax())]
        for sources in reversed(came_from):
            path.append(int(sources[path[-1]]))
        return path[::-1]


def log_product(weights: FloatArray, move: FloatArray) -> FloatArray:
    """log(exp(weights) @ exp(move)), (N,) by (N, M) to (M,)."""
    return log_sum(weights[:, None] + move, axis=0)


def log_sum(logs: FloatArray, axis: int | None = None) -> FloatArray:
    """log of the sum of exponentials; -inf where all are."""
    top = np.max(logs, axis=axis, keepdims=True)
    top = np.where(np.isfinite(top), top, 0.0)
    with np.errstate(divide="ignore"):
        return np.asarray(np.log(np.sum(np.exp(logs - top), axis=axis)) + np.squeeze(top, axis=axis))


def normalized(logs: FloatArray) -> FloatArray:
    """Log weights as probabilities."""
    return np.asarray(np.exp(logs - log_sum(logs)))


def draw(logs: FloatArray, rng: np.random.Generator) -> int:
    """One of these by its log weight."""
    shares = np.cumsum(normalized(logs))
    return int(min(np.searchsorted(shares, rng.random() * shares[-1], side="right"), np.flatnonzero(np.isfinite(logs))[-1]))


def backed_off(counts: NDArray[np.generic], prior: FloatArray, strength: float) -> FloatArray:
    """Counts (..., K) as probabilities, with `strength` further events shared out as `prior` (..., K) has it: nothing stays impossible
    that the prior allows, and what is seen often is as it was counted (MacKay and Peto 1995)."""
    numbers = np.asarray(counts, dtype=np.float64)
    return np.asarray((numbers + strength * prior) / (numbers.sum(axis=-1, keepdims=True) + strength))
