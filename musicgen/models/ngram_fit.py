"""Counting the events of pieces, and fitting the powers of a mixture's chains to them, each piece as if it had not been counted.

Shapes: N events, F features, W views, C chains, E contexts, K classes, P columns, G groups, as in `ngram`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from musicgen.models.ngram import SEEN, FloatArray, Found, Layout, Mixture, back_off, count_earlier
from musicgen.models.ngram_counts import Counts, Entries, IntArray

TOGETHER = 2048
SHRINKING = 1e-5
ITERATIONS = 30


@dataclass(frozen=True)
class Events:
    """features (N, F), classes (N,), groups (N,), pieces (N,), in the order in which they happened; `columns_of` some of them: (n, W, K).

    A piece so far is recalled group by group.
    """

    features: IntArray
    classes: IntArray
    groups: IntArray
    pieces: IntArray
    columns_of: Callable[[IntArray], IntArray]

    def targets(self, layout: Layout) -> IntArray:
        """(N, E) the column of each event's class."""
        parts = in_parts(np.arange(len(self.classes)))
        return np.concatenate([layout.targets(self.columns_of(some), self.classes[some]) for some in parts])


def in_parts(numbers: IntArray) -> list[IntArray]:
    return np.array_split(numbers, max(1, -(-len(numbers) // TOGETHER)))


def fit_mixture(learned: Layout, recalled: Layout, events: Events, fitted: IntArray, discount: float) -> Mixture:
    """`fitted` (n,): the events that the powers are fitted to."""
    groups = int(events.groups.max(initial=0)) + 1
    keys, targets = learned.keys(events.features), events.targets(learned)
    counts = Counts.of(keys.ravel(), targets.ravel())
    others = leave_out(counts, keys, targets, events.pieces, learned.width)
    everything = np.ones(len(keys), dtype=bool)
    lines = events.pieces * groups + events.groups
    earlier = count_earlier(recalled.keys(events.features), events.targets(recalled), lines, everything, recalled.width, fitted)
    found = []
    for part in in_parts(np.arange(len(fitted))):
        columns, recall = events.columns_of(fitted[part]), earlier.part(part[0], part[-1] + 1)
        both = [back_off(learned, others(fitted[part]), columns, discount), back_off(recalled, recall, columns, discount)]
        found.append(Found.joined(both, axis=1))
    shape = (groups, len(learned.chains) + len(recalled.chains), max(learned.places.shape[1], recalled.places.shape[1]))
    powers = _fit_powers(Found.joined(found, axis=0), events.groups[fitted], events.classes[fitted], shape)
    return Mixture(learned, recalled, counts, *powers, discount)


def leave_out(counts: Counts, keys: IntArray, targets: IntArray, pieces: IntArray, width: int) -> Callable[[IntArray], Entries]:
    """Of events, their counts, keys and targets (N, E), pieces (N,): what followed in all pieces but its own."""
    # What each piece has given to a row, under a key of both.
    count = int(pieces.max(initial=0)) + 1
    own = Counts.of((counts.rows(keys) * count + pieces[:, None]).ravel(), targets.ravel())

    def others(some: IntArray) -> Entries:
        rows = counts.rows(keys[some])
        mine = own.rows(rows * count + pieces[some, None])
        return Entries.of_dense(counts.entries(rows).dense(width) - own.entries(mine).dense(width))

    return others


def _fit_powers(found: Found, groups: IntArray, classes: IntArray, shape: tuple[int, int, int]) -> tuple[FloatArray, FloatArray]:
    """by_depth (G, C, D), the shape, and by_seen (G, C, S) of least nats. What was never found keeps the power that all begin with."""
    log_p, depth, seen = (torch.from_numpy(array) for array in found[:3])
    group, wanted = torch.from_numpy(groups)[:, None], torch.from_numpy(classes)[:, None]
    chains, start = torch.arange(shape[1]), shape[1] ** -0.5
    by_depth = torch.full(shape, start, requires_grad=True)
    by_seen = torch.zeros((*shape[:2], len(SEEN) + 1), requires_grad=True)
    optimizer = torch.optim.LBFGS([by_depth, by_seen], max_iter=ITERATIONS, history_size=20, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        optimizer.zero_grad()
        powers = by_depth[group, chains, depth] + by_seen[group, chains, seen]
        scores = (powers[:, None] @ log_p)[:, 0]
        nats = -torch.log_softmax(scores, dim=1).gather(1, wanted).mean()
        total: Tensor = nats + SHRINKING * ((by_depth - start).square().sum() + by_seen.square().sum())
        total.backward()  # type: ignore[no-untyped-call]
        return total

    optimizer.step(loss)  # type: ignore[no-untyped-call]
    return by_depth.detach().numpy(), by_seen.detach().numpy()
