"""Left to right over steps, voices in turn within a step: each free cell is drawn once, from the ids that may follow what is there.

The ids come in two halves (`GridTokenizer("pair")`): sounds that are struck, then the same sounds held.
Shapes: B pieces, N drafts of a step, V voices, T steps, K ids, P = 129 things that can sound.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from musicgen.music.chorale import BoolArray
from musicgen.sampling.allowed import IdArray
from musicgen.sampling.draw import Fill, FloatArray, SamplingOptions, draw, gumbel, log_softmax

COLDEST = 1e-6

Logits = Callable[[IdArray, int, int], FloatArray]
"""ids (B N, V, T) so far, voice, step -> logits (B N, K) of that cell; called step by step, voices in order. Each piece stands there N
times in a row, and its copies differ at this step alone."""


@dataclass(frozen=True)
class OrderedTask:
    """ids (B, V, T) with MASK in free cells; free (B, V, T); order: the voices as they are drawn within a step.

    sounding_allowed (B, V, T, P) what may sound; must_begin, must_hold (B, V, T) where a note may only begin, or only be held if what
    it holds may sound; sounding_of_id (K,) the row of P of each id.
    """

    ids: IdArray
    free: BoolArray
    order: tuple[int, ...]
    sounding_allowed: BoolArray
    must_begin: BoolArray
    must_hold: BoolArray
    sounding_of_id: IdArray

    def allowed(self, ids: IdArray, voice: int, step: int) -> BoolArray:
        """(B, K): a sound that may sound here, struck, or held if it sounded before."""
        sounds = self.sounding_of_id
        allowed: BoolArray = self.sounding_allowed[:, voice, step][:, sounds]
        is_held = np.arange(len(sounds)) >= len(sounds) // 2
        if step == 0:
            return allowed & ~is_held
        before = ids[:, voice, step - 1]
        # Padding is no id of K; nothing is drawn there.
        goes_on = sounds == sounds[np.minimum(before, len(sounds) - 1)][:, None]
        allowed &= ~is_held | (goes_on & ~self.must_begin[:, voice, step, None])
        only_held = self.must_hold[:, voice, step] & (allowed & is_held).any(axis=1)
        return allowed & (is_held | ~only_held[:, None])


def fill_left_to_right(
    logits_of: Logits,
    task: OrderedTask,
    options: SamplingOptions,
    seeds: Sequence[int],
    on_step: Callable[[float], None] = lambda share: None,
) -> Fill:
    """Fills the free cells; a piece's result depends on its own seed only, not on the pieces beside it.

    Each step is drafted `options.drafts` times, and one draft is kept, drawn by its probability to the power 1 / draft_temperature - 1
    (importance resampling, exact at pitch and rhythm temperature 1): so the voices of a step are made surer together. One by one they would
    not: what the first two voices do may leave the others nothing good, which only the probability of all four tells.
    """
    drafts, (pieces, voices, steps) = options.drafts, task.ids.shape
    ids = np.repeat(task.ids, drafts, axis=0)
    rngs = [np.random.default_rng(seed) for seed in seeds]
    log_probability = np.zeros(task.ids.shape, dtype=np.float32)
    for step in range(steps):
        noise = np.concatenate([gumbel(rng, (drafts, voices, len(task.sounding_of_id))) for rng in rngs])
        log_p = np.zeros((len(ids), voices))
        for voice in task.order:
            free = task.free[:, voice, step]
            if not free.any():
                continue
            allowed = task.allowed(ids[::drafts], voice, step)
            if not allowed[free].any(axis=1).all():
                raise RuntimeError("nothing may be drawn at a free cell, which the caller should have refused")
            allowed |= ~free[:, None]  # what is drawn at given cells is thrown away
            free, allowed = np.repeat(free, drafts), np.repeat(allowed, drafts, axis=0)
            logits = np.where(allowed, logits_of(ids, voice, step), -np.inf)
            drawn = draw(tempered(logits, options.temperature, options.rhythm_temperature), allowed, noise[:, voice], 1.0, options.top_p)
            ids[free, voice, step] = drawn[free]
            log_p[free, voice] = log_softmax(logits)[np.arange(len(ids)), drawn][free]
        kept = _keep(log_p.sum(axis=1).reshape(pieces, drafts), options, rngs) + np.arange(pieces) * drafts
        ids[..., step] = np.repeat(ids[kept, :, step], drafts, axis=0)
        log_probability[..., step] = log_p[kept]
        on_step((step + 1) / steps)
    return Fill(ids[::drafts], log_probability)


def _keep(log_p: FloatArray, options: SamplingOptions, rngs: Sequence[np.random.Generator]) -> IdArray:
    """(B,) which of its drafts each piece keeps, drawn by their log-probabilities (B, N)."""
    if options.drafts == 1:
        return np.zeros(len(log_p), dtype=np.int64)
    noise = np.stack([gumbel(rng, (options.drafts,)) for rng in rngs])
    kept: IdArray = np.argmax(log_p * (1 / max(options.draft_temperature, COLDEST) - 1) + noise, axis=1)
    return kept


def tempered(logits: FloatArray, temperature: float, rhythm_temperature: float) -> FloatArray:
    """(B, K) logits, -inf where nothing may be drawn -> (B, K) scores to draw from at temperature 1.

    Whether to strike or to hold is decided at one temperature, what to strike at the other: pitches that are surer, in a rhythm as lively.
    """
    halves = np.stack(np.split(logits.astype(np.float64), 2, axis=-1), axis=-2)  # (B, 2, S)
    total = np.logaddexp.reduce(halves, axis=-1, keepdims=True)
    within = halves / max(temperature, COLDEST)
    with np.errstate(invalid="ignore"):  # -inf less -inf, where a half is barred
        scores = total / max(rhythm_temperature, COLDEST) + within - np.logaddexp.reduce(within, axis=-1, keepdims=True)
    result: FloatArray = np.where(np.isneginf(halves), -np.inf, scores).reshape(logits.shape)
    return result
