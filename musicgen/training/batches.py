"""Batches: windows of transposed pieces as tensors. Batch n is a pure function of (seed, n), so a resumed run goes on as it would have.

Shapes: B windows, V voices, T steps, C conditions. A piece stands between two BOUNDARY steps; `valid` marks the cells that count.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from musicgen.errors import CorpusError
from musicgen.music.chorale import REST, Chorale
from musicgen.tokenizers.grid import GridTokenizer
from musicgen.training.config import TrainingConfig


@dataclass(frozen=True)
class Batch:
    """ids (B, V, T) as read, targets (B, V, T), conditions (B, C, T), lengths (B,), valid (B, V, T).

    past (B, V, T): what a model that goes left to right reads of the steps before; None for one that reads `ids` alone.
    weights (B, V, T): how much each valid cell counts; None if all count the same.
    """

    ids: Tensor
    targets: Tensor
    conditions: Tensor
    lengths: Tensor
    valid: Tensor
    past: Tensor | None = None
    weights: Tensor | None = None

    @property
    def inputs(self) -> tuple[Tensor, ...]:
        """What the model is called with."""
        read = (self.ids, self.conditions, self.lengths)
        return read if self.past is None else (*read, self.past)

    @property
    def counts(self) -> Tensor:
        """How much each valid cell counts, flat."""
        return torch.ones(int(self.valid.sum())) if self.weights is None else self.weights[self.valid]


@dataclass(frozen=True)
class EncodedPiece:
    """ids (V, T + 2) and conditions (C, T + 2) with a BOUNDARY step at either end."""

    ids: NDArray[np.int64]
    conditions: NDArray[np.int64]

    @property
    def steps(self) -> int:
        return int(self.ids.shape[1])


class Task(Protocol):
    """What a model is trained to do: which cells it reads, and which it must find."""

    @property
    def tokenizer(self) -> GridTokenizer: ...

    def practise(self, batch: Batch, rng: np.random.Generator) -> Batch:
        """A batch for training, from windows with all cells in sight."""
        ...

    def examine(self, batch: Batch) -> Batch:
        """A batch for measuring, from whole pieces with all cells in sight."""
        ...


def encode_piece(tokenizer: GridTokenizer, chorale: Chorale) -> EncodedPiece:
    ids = np.pad(tokenizer.encode(chorale), ((0, 0), (1, 1)), constant_values=tokenizer.boundary_id)
    return EncodedPiece(ids, np.pad(tokenizer.conditions(chorale), ((0, 0), (1, 1)), mode="edge"))


def transpositions(chorale: Chorale, most: int) -> list[Chorale]:
    """The piece moved by -most … most semitones, as far as every voice stays within its ensemble's range."""
    room_down, room_up = most, most
    for voice, (lowest, highest) in enumerate(chorale.ensemble.ranges):
        sounding = chorale.pitch[voice][chorale.pitch[voice] != REST]
        if sounding.size:
            room_down = min(room_down, max(0, int(sounding.min()) - lowest))
            room_up = min(room_up, max(0, highest - int(sounding.max())))
    return [chorale.transposed(semitones) for semitones in range(-room_down, room_up + 1)]


def modulations(chorale: Chorale) -> list[Chorale]:
    """The piece as if its signature had a sharp or two more or fewer: where pitches are counted from the key, it has modulated."""
    keys = [replace(chorale.key, fifths=chorale.key.fifths + change) for change in (-2, -1, 1, 2) if abs(chorale.key.fifths + change) <= 7]
    return [chorale.replaced(key=key) for key in keys]


class WindowSource:
    """Random windows of random transpositions; each piece is drawn in proportion to its length."""

    def __init__(self, chorales: Sequence[Chorale], config: TrainingConfig, task: Task) -> None:
        if not chorales:
            raise CorpusError("no pieces to train on; build the corpus again or choose another split")
        self.config = config
        self.task = task
        self.pieces = [[encode_piece(task.tokenizer, moved) for moved in transpositions(chorale, config.transpose)] for chorale in chorales]
        modulated = chorales if config.modulate else ()
        self.modulated = [[encode_piece(task.tokenizer, moved) for moved in modulations(chorale)] for chorale in modulated]
        lengths = np.array([versions[0].steps for versions in self.pieces], dtype=np.float64)
        self.shares = lengths / lengths.sum()
        self.steps = int(lengths.sum())

    @property
    def updates_per_epoch(self) -> int:
        """Updates in which as many steps are seen as the corpus has in its original keys."""
        return max(1, round(self.steps / (self.config.batch * self.config.window)))

    def batch(self, number: int) -> Batch:
        rng = np.random.default_rng((self.config.seed, number))
        chosen = rng.choice(len(self.pieces), self.config.batch, p=self.shares)
        windows = [self._window(self._versions(index, rng), rng) for index in chosen]
        return self.task.practise(collate(windows, self.task.tokenizer), rng)

    def _versions(self, index: int, rng: np.random.Generator) -> Sequence[EncodedPiece]:
        modulates = self.config.modulate > 0 and rng.random() < self.config.modulate
        return self.modulated[index] if modulates else self.pieces[index]

    def _window(self, versions: Sequence[EncodedPiece], rng: np.random.Generator) -> EncodedPiece:
        piece = versions[int(rng.integers(len(versions)))]
        # Starts reach before the first and past the last full window, so that beginnings and endings are seen as often as middles.
        drawn = rng.integers(-self.config.window // 2, piece.steps - self.config.window // 2)
        start = int(np.clip(drawn, 0, max(0, piece.steps - self.config.window)))
        end = start + self.config.window
        return EncodedPiece(piece.ids[:, start:end], piece.conditions[:, start:end])


def collate(windows: Sequence[EncodedPiece], tokenizer: GridTokenizer) -> Batch:
    """Windows of unequal length as one batch, padded on the right with BOUNDARY."""
    lengths = np.array([window.steps for window in windows])
    steps = int(lengths.max())
    ids = np.stack([_padded(window.ids, steps, tokenizer.boundary_id) for window in windows])
    conditions = np.stack([_padded(window.conditions, steps, 0) for window in windows])
    valid = ids != tokenizer.boundary_id
    targets = np.where(valid, ids, 0)
    return Batch(*(torch.from_numpy(array) for array in (ids, targets, conditions, lengths, valid)))


def _padded(array: NDArray[np.int64], steps: int, value: int) -> NDArray[np.int64]:
    return np.pad(array, ((0, 0), (0, steps - array.shape[1])), constant_values=value)


def whole_pieces(chorales: Sequence[Chorale], tokenizer: GridTokenizer, batch: int = 16) -> Iterator[tuple[Batch, list[int]]]:
    """Every piece whole, in batches of like length, with the indices of the pieces."""
    encoded = [encode_piece(tokenizer, chorale) for chorale in chorales]
    order = sorted(range(len(encoded)), key=lambda index: encoded[index].steps)
    for start in range(0, len(order), batch):
        chosen = order[start : start + batch]
        yield collate([encoded[index] for index in chosen], tokenizer), chosen
