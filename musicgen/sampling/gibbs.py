"""Pseudo-Gibbs sampling (Hadjeres et al. 2017, algorithm 1), many distant cells a pass, many pieces a batch.

A pass redraws about one cell in every `stride` steps, each in a random voice, all from one run of the model: cells that far apart
hardly know of each other. The stride grows and the temperature falls as the music settles.

Shapes: B pieces, V voices, T steps, C conditions, K ids, P = 129 things that can sound.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from musicgen.music.chorale import BoolArray
from musicgen.sampling.allowed import HoldRules, count_barred
from musicgen.sampling.draw import Fill, FloatArray, SamplingOptions, draw, gumbel, log_softmax

IdArray = NDArray[np.int64]
Logits = Callable[[IdArray], FloatArray]
"""ids (B, V, T) -> logits (B, V, T, K)"""

FIRST_STRIDE, LAST_STRIDE = 2, 6


@dataclass(frozen=True)
class GibbsTask:
    """ids (B, V, T) with MASK, or a draft that keeps the rules, in free cells; free (B, V, T).

    sounding_allowed (B, V, T, P) what may sound; must_begin (B, V, T) where HOLD is barred; sounding_of_id (K,) the row of P of each id.
    """

    ids: IdArray
    free: BoolArray
    sounding_allowed: BoolArray
    must_begin: BoolArray
    sounding_of_id: IdArray
    hold_id: int
    mask_id: int


def gibbs(
    logits_of: Logits,
    task: GibbsTask,
    options: SamplingOptions,
    seeds: Sequence[int],
    on_pass: Callable[[float], None] = lambda share: None,
) -> Fill:
    """Fills the free cells; a piece's result depends on its own seed only, not on the pieces beside it."""
    run = _Run(logits_of, task, options, seeds)
    while (hidden := run.ids == task.mask_id).any():
        run.redraw(hidden, FIRST_STRIDE, options.start_temperature)
    passes = plan_passes(task.free, options)
    for number, (stride, temperature) in enumerate(passes):
        run.redraw(task.free, stride, temperature)
        on_pass((number + 1) / len(passes))
    return Fill(run.ids, run.log_probability)


def plan_passes(free: BoolArray, options: SamplingOptions) -> list[tuple[int, float]]:
    """(stride, temperature) of each pass; a pass redraws 1 / (stride * free voices) of the free cells, in all `sweeps` times each."""
    steps_with_free = free.any(axis=1)
    voices = free.sum() / max(1, steps_with_free.sum())
    passes: list[tuple[int, float]] = []
    redrawn = 0.0
    while redrawn < options.sweeps and voices > 0:
        share = redrawn / options.sweeps
        stride = round(FIRST_STRIDE + (LAST_STRIDE - FIRST_STRIDE) * share)
        cooling = min(1.0, 2 * share)
        passes.append((stride, options.start_temperature + (options.temperature - options.start_temperature) * cooling))
        redrawn += 1 / (stride * voices)
    return passes


class _Run:
    """The ids while they change, and one random generator a piece."""

    def __init__(self, logits_of: Logits, task: GibbsTask, options: SamplingOptions, seeds: Sequence[int]) -> None:
        self.logits_of = logits_of
        self.task = task
        self.options = options
        self.rngs = [np.random.default_rng(seed) for seed in seeds]
        self.ids = task.ids.copy()
        self.barred_before = count_barred(task.sounding_allowed)
        self.vocab_size = len(task.sounding_of_id)
        self.log_probability = np.zeros(self.ids.shape, dtype=np.float32)

    def redraw(self, candidates: BoolArray, stride: int, temperature: float) -> None:
        """One run of the model, then the chosen cells column by column from left to right."""
        logits = self.logits_of(self.ids)
        chosen = [_choose(rng, cells, stride) for rng, cells in zip(self.rngs, candidates, strict=True)]
        noise = [gumbel(rng, (len(steps), self.vocab_size)) for rng, (_, steps) in zip(self.rngs, chosen, strict=True)]
        rules = HoldRules(self.barred_before, self.task.must_begin, self.task.sounding_of_id, self.ids.copy(), self.task.hold_id)
        for column in range(max((len(steps) for _, steps in chosen), default=0)):
            pieces = np.array([piece for piece, (_, steps) in enumerate(chosen) if column < len(steps)])
            voices = np.array([chosen[piece][0][column] for piece in pieces])
            steps = np.array([chosen[piece][1][column] for piece in pieces])
            column_noise = np.stack([noise[piece][column] for piece in pieces])
            self._draw_cells(rules, logits[pieces, voices, steps], pieces, voices, steps, column_noise, temperature)

    def _draw_cells(
        self,
        rules: HoldRules,
        logits: FloatArray,
        pieces: IdArray,
        voices: IdArray,
        steps: IdArray,
        noise: FloatArray,
        temperature: float,
    ) -> None:
        allowed = rules.allowed(pieces, voices, steps)
        drawn = draw(logits, allowed, noise, temperature, self.options.top_p)
        drawn = np.where(allowed.any(axis=1), drawn, self.ids[pieces, voices, steps])
        rules.decide(pieces, voices, steps, drawn)
        self.ids[pieces, voices, steps] = drawn
        log_p = log_softmax(np.where(allowed, logits, -np.inf))
        self.log_probability[pieces, voices, steps] = np.take_along_axis(log_p, drawn[:, None], axis=1)[:, 0]


def _choose(rng: np.random.Generator, candidates: BoolArray, stride: int) -> tuple[IdArray, IdArray]:
    """(voices, steps) of at most one candidate cell (V, T) in every `stride` steps, in rising order of steps."""
    offset = rng.integers(stride)
    scores = np.where(candidates, rng.random(candidates.shape), -1.0)
    steps = np.flatnonzero(candidates.any(axis=0))
    steps = steps[steps % stride == offset]
    return scores[:, steps].argmax(axis=0), steps
