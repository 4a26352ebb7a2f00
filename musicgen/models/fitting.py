"""Training a network over rolls in seconds: windows drawn at random, the best of its looks at an inner part kept, and its answers.

Shapes: N pieces, Q questions, K answers to a question; a roll is (C, P, T), T its own; labels (N, Q), UNKNOWN where nobody knows.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from musicgen.errors import ConfigError

UNKNOWN = -1
SMOOTHING = 0.05
SETTLING = 3  # batches


@dataclass(frozen=True)
class FitConfig:
    """`window`: steps; `shift`: windows are moved by up to so many rows, up or down; `average`: decay of the mean of the weights, which is
    what is looked at and kept; `patience`: looks without a new best after which training stops; `windows_a_piece`: at most, when asked."""

    updates: int = 90
    batch: int = 32
    window: int = 64
    shift: int = 3
    learning_rate: float = 4e-3
    weight_decay: float = 0.05
    average: float = 0.9
    look_every: int = 15
    patience: int = 4
    windows_a_piece: int = 8

    def __post_init__(self) -> None:
        if min(self.updates, self.batch, self.window, self.look_every, self.patience, self.windows_a_piece) < 1 or self.shift < 0:
            raise ConfigError("updates, batch, window, look_every, patience and windows_a_piece must be at least 1, shift at least 0")
        if not self.learning_rate > 0 or self.weight_decay < 0 or not 0 <= self.average < 1:
            raise ConfigError("learning_rate must be above 0, weight_decay at least 0, average from 0 to below 1")


@dataclass(frozen=True)
class Rolls:
    """`starts`: of every piece the steps at which a window may begin, one at least."""

    rolls: Sequence[NDArray[np.bool_]]
    starts: Sequence[Sequence[int]]
    labels: NDArray[np.int64]

    def subset(self, pieces: Sequence[int] | NDArray[np.int64]) -> Rolls:
        return Rolls([self.rolls[piece] for piece in pieces], [self.starts[piece] for piece in pieces], self.labels[list(pieces)])


def fit(
    net: nn.Module,
    learned: Rolls,
    inner: Rolls,
    config: FitConfig,
    seed: int,
    on_progress: Callable[[float, float], None] = lambda *_: None,
) -> None:
    """Trains `net` in place; windows of the answers to the first question come equally often, pieces of one answer too.

    `on_progress(share of the updates, nats on the inner part)` after each look.
    """
    rng = np.random.default_rng(seed)
    mean = copy.deepcopy(net)
    optimizer = torch.optim.AdamW(net.parameters(), config.learning_rate, weight_decay=config.weight_decay)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, config.learning_rate, total_steps=config.updates)
    best, kept, looks = float("inf"), net.state_dict(), 0
    for update in range(1, config.updates + 1):
        _update(net, learned, config, rng, optimizer)
        schedule.step()
        _follow(mean, net, min(config.average, update / (update + 9)))
        if update % config.look_every and update != config.updates:
            continue
        _settle(mean, learned, config, rng)
        nats = _nats(answer(mean, inner, config), inner.labels)
        looks = 0 if nats < best else looks + 1
        if nats < best:
            best, kept = nats, copy.deepcopy(mean.state_dict())
        on_progress(update / config.updates, nats)
        if looks == config.patience:
            break
    net.load_state_dict(kept)


def _update(net: nn.Module, learned: Rolls, config: FitConfig, rng: np.random.Generator, optimizer: torch.optim.Optimizer) -> None:
    net.train()
    windows, targets = _draw(learned, config, rng)
    optimizer.zero_grad()
    _loss(net(windows), targets).backward()  # type: ignore[no-untyped-call]
    optimizer.step()


def _draw(learned: Rolls, config: FitConfig, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
    """(B, C, P, window) and (B, Q): the answers to the first question in turn, then a piece, then a window of it, then a shift."""
    first = learned.labels[:, 0]
    by_answer = [np.flatnonzero(first == value) for value in np.unique(first)]
    pieces = [int(rng.choice(by_answer[turn % len(by_answer)])) for turn in range(config.batch)]
    places = [(piece, int(rng.choice(learned.starts[piece])), int(rng.integers(-config.shift, config.shift + 1))) for piece in pieces]
    return _batch(learned.rolls, places, config.window), torch.from_numpy(learned.labels[pieces])


@torch.no_grad()
def _settle(net: nn.Module, learned: Rolls, config: FitConfig, rng: np.random.Generator) -> None:
    """Batch normalization as it is under these weights: what was gathered on the way belongs to the weights before."""
    norms = [module for module in net.modules() if isinstance(module, nn.BatchNorm2d)]
    net.train()
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # the plain mean over the batches
    for _ in range(SETTLING):
        net(_draw(learned, config, rng)[0])


def _loss(logits: Sequence[Tensor], targets: Tensor) -> Tensor:
    """The sum over the questions of the mean over what is known."""
    terms = [
        cross_entropy(each, wanted, ignore_index=UNKNOWN, label_smoothing=SMOOTHING)
        for each, wanted in zip(logits, targets.T, strict=True)
        if bool((wanted != UNKNOWN).any())
    ]
    return torch.stack(terms).sum()


def _batch(rolls: Sequence[NDArray[np.bool_]], places: Sequence[tuple[int, int, int]], window: int) -> Tensor:
    """(B, C, P, window) of the windows (piece, first step, rows up); silence after the end of a piece."""
    planes, rows = rolls[0].shape[:2]
    cut = np.zeros((len(places), planes, rows, window), dtype=np.float32)
    for number, (piece, start, up) in enumerate(places):
        part = rolls[piece][:, :, start : start + window]
        above, below = max(up, 0), max(-up, 0)
        cut[number, :, above : rows - below, : part.shape[2]] = part[:, below : rows - above]
    return torch.from_numpy(cut).to(memory_format=torch.channels_last)  # a third faster on a CPU


@torch.no_grad()
def _follow(mean: nn.Module, net: nn.Module, decay: float) -> None:
    for average, value in zip(mean.parameters(), net.parameters(), strict=True):
        average.lerp_(value, 1 - decay)


def _nats(answers: Sequence[NDArray[np.float64]], labels: NDArray[np.int64]) -> float:
    """Sum over the questions of the mean over the pieces whose label is known."""
    total = 0.0
    for question, shares in enumerate(answers):
        known = np.flatnonzero(labels[:, question] != UNKNOWN)
        if len(known):
            total -= float(np.log(shares[known, labels[known, question]] + 1e-9).mean())
    return total


@torch.inference_mode()
def answer(net: nn.Module, asked: Rolls, config: FitConfig) -> list[NDArray[np.float64]]:
    """(N, K) probabilities of each question: the geometric mean over windows spread over the piece."""
    net.eval()
    places = [(piece, start, 0) for piece, starts in enumerate(asked.starts) for start in spread(starts, config.windows_a_piece)]
    owners = torch.tensor([piece for piece, _, _ in places])
    parts = [net(_batch(asked.rolls, places[at : at + 64], config.window)) for at in range(0, len(places), 64)]
    answers: list[Any] = []
    for logits in zip(*parts, strict=True):
        logs = torch.cat(logits).double().log_softmax(1)
        sums = torch.zeros(len(asked.rolls), logs.shape[1], dtype=torch.float64).index_add_(0, owners, logs)
        answers.append((sums / torch.bincount(owners, minlength=len(asked.rolls))[:, None]).softmax(1).numpy())
    return answers


def spread(starts: Sequence[int], most: int) -> list[int]:
    """At most so many, evenly from the first to the last."""
    if len(starts) <= most:
        return list(starts)
    return [starts[round(index)] for index in np.linspace(0, len(starts) - 1, most)]
