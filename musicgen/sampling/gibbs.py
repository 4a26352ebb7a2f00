"""Pseudo-Gibbs sampling (Hadjeres et al. 2017, algorithm 1), many distant cells a pass, many pieces a batch.

A pass redraws about one cell in every `stride` steps, each in a random voice, all from one run of the model: cells that far apart
hardly know of each other. The stride grows and the temperature falls as the music settles.

Shapes: B pieces, V voices, T steps, C conditions, K ids, P = 129 things that can sound.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from musicgen.music.chorale import BoolArray
from musicgen.sampling.allowed import Cells, HoldRules, IdArray, count_barred
from musicgen.sampling.draw import Fill, FloatArray, SamplingOptions, draw, gumbel, log_softmax

Logits = Callable[[IdArray, Cells], FloatArray]
"""ids (B, V, T), N cells -> logits (N, K) of those cells"""

Pass = tuple[int, float]
"""stride, temperature"""

FIRST_STRIDE, LAST_STRIDE = 2, 4
MOST_FILLING_PASSES = 1000


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
    for _ in range(MOST_FILLING_PASSES):
        if not (hidden := run.ids == task.mask_id).any():
            break
        run.redraw(hidden, [(FIRST_STRIDE, options.start_temperature)] * len(seeds))
    else:
        raise RuntimeError("hidden cells remain: nothing may be drawn there, which the caller should have refused")
    plans = [plan_passes(free, options) for free in task.free]
    passes = max(map(len, plans), default=0)
    for number in range(passes):
        going = np.array([number < len(plan) for plan in plans])
        run.redraw(task.free & going[:, None, None], [plan[min(number, len(plan) - 1)] if plan else (1, 0.0) for plan in plans])
        on_pass((number + 1) / passes)
    return Fill(run.ids, run.log_probability)


def plan_passes(free: BoolArray, options: SamplingOptions) -> list[Pass]:
    """(stride, temperature) of each pass over a piece's free cells (V, T): a pass redraws 1 / (stride * free voices) of them."""
    voices = free.sum() / max(1, free.any(axis=0).sum())
    passes: list[Pass] = []
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

    def redraw(self, candidates: BoolArray, passes: Sequence[Pass]) -> None:
        """One run of the model, then the chosen cells in as few turns as their holds let; one (stride, temperature) a piece."""
        chosen = [_choose(rng, cells, stride) for rng, cells, (stride, _) in zip(self.rngs, candidates, passes, strict=True)]
        counts = np.array([len(steps) for _, steps in chosen])
        voices, steps = (np.concatenate([piece[axis] for piece in chosen]) for axis in (0, 1))
        pieces = np.repeat(np.arange(len(chosen)), counts)
        noise = np.concatenate([gumbel(rng, (count, self.vocab_size)) for rng, count in zip(self.rngs, counts, strict=True)])
        temperature = np.array([[temperature] for _, temperature in passes])[pieces]
        logits = self.logits_of(self.ids, (pieces, voices, steps))
        task = self.task
        cells = pieces, voices, steps
        rules = HoldRules(self.barred_before, task.must_begin, task.sounding_of_id, self.ids.copy(), task.hold_id, cells)
        for turn in range(rules.turns.max(initial=-1) + 1):
            now = rules.turns == turn
            self._draw_cells(rules, logits[now], (pieces[now], voices[now], steps[now]), noise[now], temperature[now])

    def _draw_cells(
        self,
        rules: HoldRules,
        logits: FloatArray,
        cells: Cells,
        noise: FloatArray,
        temperature: FloatArray,
    ) -> None:
        """Draws the cells of one turn from logits (N, K)."""
        allowed = rules.allowed(*cells)
        drawn = draw(logits, allowed, noise, temperature, self.options.top_p)
        drawn = np.where(allowed.any(axis=1), drawn, self.ids[cells])
        rules.decide(*cells, drawn)
        self.ids[cells] = drawn
        log_p = log_softmax(np.where(allowed, logits, -np.inf))
        self.log_probability[cells] = np.take_along_axis(log_p, drawn[:, None], axis=1)[:, 0]


def _choose(rng: np.random.Generator, candidates: BoolArray, stride: int) -> tuple[IdArray, IdArray]:
    """(voices, steps) of at most one candidate cell (V, T) in every `stride` steps, in rising order of steps.

    Nothing is drawn from the generator for a piece that is done or for padding, so that a piece is the same in any batch.
    """
    steps = np.flatnonzero(candidates.any(axis=0))
    if steps.size == 0:
        return steps, steps
    steps = steps[steps % stride == rng.integers(stride)]
    scores = np.where(candidates[:, steps], rng.random((candidates.shape[0], len(steps))), -1.0)
    return scores.argmax(axis=0), steps
