"""What each kind of model practises: finding each cell given all others, the free cells of a sketch from left to right, or
hidden cells in any order.

Shapes: B windows, V voices, T steps.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch

from musicgen.composers.composer import Kind
from musicgen.errors import CheckpointError, nearest
from musicgen.music.chorale import BoolArray
from musicgen.sampling.draw import FloatArray
from musicgen.sampling.subsets import hide_share, shares_hidden
from musicgen.tokenizers.grid import GridTokenizer
from musicgen.training.batches import Batch
from musicgen.training.config import TrainingConfig

# How often a sketch to practise on that gives something gives whole voices, all but a region, or cells at random.
SKETCHES = {"voices": 0.5, "region": 0.25, "cells": 0.25}
# How often, where voices are given, it is the top voice alone: harmonizing is what people ask for most.
TOP_VOICE = 0.5
# On how many random subsets of a piece's cells the bound of an any-order model is measured, and the least share hidden whose rarity counts.
SUBSETS, LEAST_SHARE = 6, 0.1


@dataclass(frozen=True)
class AllOthers:
    """Each cell given all others. In some windows a part of the cells is hidden: the model must not lean on any one cell, and can start
    from an empty sketch."""

    tokenizer: GridTokenizer
    config: TrainingConfig
    kind: Kind = "pseudo"

    def practise(self, batch: Batch, rng: np.random.Generator) -> Batch:
        windows = len(batch.lengths)
        share = np.where(rng.random(windows) < self.config.hidden, rng.random(windows) * self.config.hidden_cells, 0.0)
        hidden = torch.from_numpy(rng.random(tuple(batch.ids.shape)) < share[:, None, None])
        return replace(batch, ids=batch.ids.masked_fill(hidden & batch.valid, self.tokenizer.mask_id))

    def examine(self, batch: Batch) -> Batch:
        return batch


@dataclass(frozen=True)
class FreeCells:
    """The free cells of a random sketch; of an empty one while measuring. The first step of a window is always given."""

    tokenizer: GridTokenizer
    config: TrainingConfig
    kind: Kind = "exact"

    def practise(self, batch: Batch, rng: np.random.Generator) -> Batch:
        onset = self.tokenizer.cells(batch.targets.numpy())[1]
        chosen = np.stack([draw_given(cells.shape, self.config.empty, rng) for cells in onset])
        return self._sketch(batch, without_orphans(chosen, onset))

    def examine(self, batch: Batch) -> Batch:
        return self._sketch(batch, np.zeros(tuple(batch.ids.shape), dtype=bool))

    def _sketch(self, batch: Batch, given: BoolArray) -> Batch:
        seen = torch.from_numpy(given) | ~batch.valid
        seen[..., 0] = True
        return replace(batch, ids=batch.ids.masked_fill(~seen, self.tokenizer.mask_id), valid=~seen, past=batch.ids)


@dataclass(frozen=True)
class AnyOrder:
    """Hidden cells given the others, whatever these are. The share of hidden cells counts as if each from 0 to 1 were as frequent: the
    mean is then that over random orders, a bound (`MaskedComposer.nats`). In practice large shares are more frequent and count less."""

    tokenizer: GridTokenizer
    config: TrainingConfig
    kind: Kind = "bound"

    def practise(self, batch: Batch, rng: np.random.Generator) -> Batch:
        shares = np.sqrt(shares_hidden(len(batch.lengths), 1, rng)[:, 0])
        return self._hide(batch, shares, 1 / np.maximum(shares, LEAST_SHARE), rng)

    def examine(self, batch: Batch) -> Batch:
        """The same cells whenever it is asked: each piece as often as there are subsets."""
        rng = np.random.default_rng(self.config.seed)
        shares = shares_hidden(len(batch.lengths), SUBSETS, rng).ravel()
        tensors = (batch.ids, batch.targets, batch.conditions, batch.lengths, batch.valid)
        return self._hide(Batch(*(tensor.repeat_interleave(SUBSETS, dim=0) for tensor in tensors)), shares, np.ones_like(shares), rng)

    def _hide(self, batch: Batch, shares: FloatArray, weights: FloatArray, rng: np.random.Generator) -> Batch:
        """All hidden cells of a window together count as much as its cells, times its weight."""
        valid = batch.valid.numpy()
        hidden = np.stack([hide_share(cells, share, rng) for cells, share in zip(valid, shares, strict=True)])
        each = weights * valid.sum(axis=(1, 2)) / np.maximum(hidden.sum(axis=(1, 2)), 1)
        seen = torch.from_numpy(~hidden)
        counts = torch.from_numpy(each.astype(np.float32))[:, None, None].expand(hidden.shape)
        return replace(batch, ids=batch.ids.masked_fill(~seen, self.tokenizer.mask_id), valid=~seen, weights=counts)


Practised = AllOthers | FreeCells | AnyOrder
TASKS: dict[str, type[Practised]] = {"quartet": AllOthers, "sketcher": FreeCells, "committee": FreeCells, "masked": AnyOrder}


def find_task(kind: str, tokenizer: GridTokenizer, config: TrainingConfig) -> Practised:
    """What models of this kind practise."""
    if kind not in TASKS:
        raise CheckpointError(f"nothing is known of how to train a model of kind {kind!r}; {nearest(kind, TASKS)}")
    return TASKS[kind](tokenizer, config)


def draw_given(shape: tuple[int, ...], empty: float, rng: np.random.Generator) -> BoolArray:
    """(V, T) which cells a sketch to practise on gives; none in a share `empty` of them."""
    voices, steps = shape
    what = "nothing" if rng.random() < empty else rng.choice(list(SKETCHES), p=list(SKETCHES.values()))
    given = np.zeros((voices, steps), dtype=bool)
    if what == "voices":
        given[[0] if rng.random() < TOP_VOICE else rng.permutation(voices)[: rng.integers(1, voices)]] = True
    elif what == "region":
        start, end = np.sort(rng.integers(steps, size=2))
        given[:] = True
        given[rng.permutation(voices)[: rng.integers(1, voices + 1)], start : end + 1] = False
    elif what == "cells":
        given = rng.random((voices, steps)) < rng.random()
    return given


def without_orphans(given: BoolArray, onset: BoolArray) -> BoolArray:
    """(..., T) without the given cells that hold a note of which an earlier cell is free: a sketch has none of these."""
    steps = np.arange(given.shape[-1])
    start = np.maximum.accumulate(np.where(onset, steps, 0), axis=-1)
    free_before = np.concatenate([np.zeros_like(given[..., :1], dtype=np.int64), np.cumsum(~given, axis=-1)], axis=-1)
    result: BoolArray = free_before[..., 1:] == np.take_along_axis(free_before, start, axis=-1)
    return result
