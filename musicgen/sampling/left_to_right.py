"""Left to right over steps, voices in turn within a step: each free cell is drawn once, from the ids that may follow what is there.

The ids come in two halves (`GridTokenizer("pair")`): sounds that are struck, then the same sounds held.
Shapes: B pieces, L lanes, N drafts of a step, R = L N rows, V voices, T steps, K ids, P = 129 things that can sound.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from musicgen.music.chorale import REST, BoolArray
from musicgen.music.rules import UNKNOWN, VoiceRule
from musicgen.sampling.allowed import IdArray
from musicgen.sampling.draw import NOWHERE, Fill, FloatArray, SamplingOptions, draw, gumbel, log_softmax, log_sum
from musicgen.sampling.lanes import Lanes, windows

COLDEST = 1e-6
NOT_PINNED = -1
LOG_OF_A_WISH = -7.0
"""What a lane's weight loses where it can go on only against a wish: as if a thousandth of the probability were left."""

Seed = int | Sequence[int]
Logits = Callable[[IdArray, int, int], FloatArray]
"""ids (L N, V, T) so far, voice, step -> logits (L N, K) of that cell; called step by step, voices in order. Each lane stands there N
times in a row, and its copies differ at this step alone."""


@dataclass(frozen=True)
class OrderedTask:
    """ids (B, V, T) with MASK in free cells; free (B, V, T); order: the voices as they are drawn within a step.

    wishes: rules as well, kept wherever that leaves a way.
    sounding_allowed (B, V, T, P) what may sound; must_begin, must_hold (B, V, T) where a note may only begin, or only be held if what
    it holds may sound; sounding_of_id (K,) the row of P of each id; rules: of each piece, how its voices go together.
    pinned (B, V, T): the only id that a free cell may have, or NOT_PINNED.
    """

    ids: IdArray
    free: BoolArray
    order: tuple[int, ...]
    sounding_allowed: BoolArray
    must_begin: BoolArray
    must_hold: BoolArray
    sounding_of_id: IdArray
    pinned: IdArray
    rules: Sequence[tuple[VoiceRule, ...]] = ()
    wishes: Sequence[tuple[VoiceRule, ...]] = ()

    def near(self) -> BoolArray:
        """(B, T) where lanes are worth their time: near what is asked for, and everywhere under rules."""
        near = windows(self.free, self.pinned != NOT_PINNED, self.sounding_allowed)
        for piece, rules in enumerate(self.rules):
            near[piece] |= bool(rules) & self.free[piece].any(axis=0)
        return near

    def allowed_by(self, rules_of: Sequence[tuple[VoiceRule, ...]], ids: IdArray, piece: IdArray, voice: int, step: int) -> BoolArray:
        """(R, K) for rows (R, V, T) of pieces (R,), by the rules of each piece."""
        allowed = np.ones((len(ids), len(self.sounding_of_id)), dtype=bool)
        for number, rules in enumerate(rules_of):
            if rules and (rows := piece == number).any():
                pinned = self.pinned[number, :, step]
                now = self._pitches(np.where(pinned == NOT_PINNED, ids[rows, :, step], pinned))
                before = self._pitches(ids[rows, :, step - 1]) if step else np.full_like(now, UNKNOWN)
                now[:, voice] = UNKNOWN
                pitches = np.logical_and.reduce([rule.allowed(voice, before, now) for rule in rules])
                may_rest = np.ones((len(pitches), 1), dtype=bool)
                allowed[rows] = np.concatenate([pitches, may_rest], axis=1)[:, self.sounding_of_id]
        return allowed

    def _pitches(self, ids: IdArray) -> IdArray:
        known = ids < len(self.sounding_of_id)
        sounding = self.sounding_of_id[np.where(known, ids, 0)]
        return np.where(known, np.where(sounding < 128, sounding, REST), UNKNOWN)

    def allowed(self, ids: IdArray, piece: IdArray, voice: int, step: int) -> BoolArray:
        """(R, K) for rows (R, V, T) of pieces (R,): a sound that may sound here, struck, or held if it sounded before."""
        sounds = self.sounding_of_id
        allowed: BoolArray = self.sounding_allowed[piece, voice, step][:, sounds]
        pinned = self.pinned[piece, voice, step, None]
        allowed = np.where(pinned == NOT_PINNED, allowed, np.arange(len(sounds)) == pinned)
        is_held = np.arange(len(sounds)) >= len(sounds) // 2
        if step == 0:
            return allowed & ~is_held
        before = ids[:, voice, step - 1]
        # Padding is no id of K; nothing is drawn there.
        goes_on = sounds == sounds[np.minimum(before, len(sounds) - 1)][:, None]
        allowed &= ~is_held | (goes_on & ~self.must_begin[piece, voice, step, None])
        only_held = self.must_hold[piece, voice, step] & (allowed & is_held).any(axis=1)
        return np.asarray(allowed & (is_held | ~only_held[:, None]))


def fill_left_to_right(
    logits_of: Logits,
    task: OrderedTask,
    options: SamplingOptions,
    seeds: Sequence[Seed],
    on_step: Callable[[float], None] = lambda share: None,
    branch: Callable[[IdArray], None] = lambda parents: None,
) -> Fill:
    """Fills the free cells; a piece's result depends on its own seed only, not on the pieces beside it.

    Each step is drafted `options.drafts` times, and one draft is kept, drawn by its probability to the power 1 / draft_temperature - 1
    (importance resampling, exact at pitch and rhythm temperature 1): so the voices of a step are made surer together. One by one they would
    not: what the first two voices do may leave the others nothing good, which only the probability of all four tells.
    Where something asked for is near, a piece goes on in `options.lanes` lanes (`sampling.lanes`); `branch(parents)` tells whoever gives
    the logits from which lane (L,) each goes on. Where rules leave a piece no way, `Fill.stuck` says at which step.
    """
    run = _Run(logits_of, task, options, [np.random.default_rng(seed) for seed in seeds], branch)
    steps = task.ids.shape[-1]
    for step in range(steps):
        run.go_on(step)
        on_step((step + 1) / steps)
    return run.result()


class _Run:
    """The lanes while they grow. Rows: each lane as often as it is drafted."""

    def __init__(
        self,
        logits_of: Logits,
        task: OrderedTask,
        options: SamplingOptions,
        rngs: Sequence[np.random.Generator],
        branch: Callable[[IdArray], None],
    ) -> None:
        self.logits_of, self.task, self.options, self.rngs, self.tell = logits_of, task, options, rngs, branch
        self.lanes = Lanes.one_each(task.ids)
        self.near = task.near()
        self.stuck = np.full(len(task.ids), NOWHERE)

    def go_on(self, step: int) -> None:
        self._branch(np.where(self.near[:, step], self.options.lanes, 1))
        lanes, drafts = self.lanes, self.options.drafts
        rows = np.repeat(lanes.ids, drafts, axis=0)
        piece = np.repeat(lanes.piece, drafts)
        counts = np.bincount(lanes.piece, minlength=len(self.rngs)) * drafts
        shape = (rows.shape[1], len(self.task.sounding_of_id))
        noise = np.concatenate([gumbel(rng, (count, *shape)) for rng, count in zip(self.rngs, counts, strict=True)])
        log_p, log_left = np.zeros(rows.shape[:2]), np.zeros(len(rows))
        for voice in self.task.order:
            self._decide(rows, piece, noise[:, voice], log_p, log_left, voice, step)
        log_weight = log_left + log_p.sum(axis=1) * (1 / max(self.options.draft_temperature, COLDEST) - 1)
        kept = self._keep(log_weight.reshape(-1, drafts)) + np.arange(len(lanes.ids)) * drafts
        lanes.ids[..., step] = rows[kept, :, step]
        lanes.log_probability[..., step] = log_p[kept]
        self._weigh(log_weight.reshape(-1, drafts), step)

    def result(self) -> Fill:
        self._branch(np.ones(len(self.rngs), dtype=np.int64))
        return Fill(self.lanes.ids, self.lanes.log_probability, self.stuck)

    def _branch(self, wanted: IdArray) -> None:
        parents = self.lanes.parents(wanted.tolist(), self.rngs)
        if parents is not None:
            self.lanes.branch(parents)
            self.tell(parents)

    def _decide(
        self, rows: IdArray, piece: IdArray, noise: FloatArray, log_p: FloatArray, log_left: FloatArray, voice: int, step: int
    ) -> None:
        """Draws the free cells of a voice into `rows`; `log_left` gains how much of the probability the rows were left with."""
        free = self.task.free[piece, voice, step]
        if not free.any():
            return
        allowed = self.task.allowed(rows, piece, voice, step)
        if not allowed[free].any(axis=1).all():
            raise RuntimeError("nothing may be drawn at a free cell, which the caller should have refused")
        # What is given breaks a rule at its own risk; free cells beside it are checked at their own draws.
        is_pinned = self.task.pinned[piece, voice, step, None] != NOT_PINNED
        by_rule = allowed & (self.task.allowed_by(self.task.rules, rows, piece, voice, step) | is_pinned)
        dead = free & ~by_rule.any(axis=1)
        if any(self.task.wishes):
            as_wished = by_rule & self.task.allowed_by(self.task.wishes, rows, piece, voice, step)
            against = ~as_wished.any(axis=1)
            by_rule = np.where(against[:, None], by_rule, as_wished)
            log_left[free & against] += LOG_OF_A_WISH
        allowed = np.where(dead[:, None], allowed, by_rule) | ~free[:, None]  # what is drawn at given cells is thrown away
        raw = self.logits_of(rows, voice, step)
        logits = np.where(allowed, raw, -np.inf)
        drawn = draw(tempered(logits, self.options.temperature, self.options.rhythm_temperature), allowed, noise, 1.0, self.options.top_p)
        rows[free, voice, step] = drawn[free]
        log_p[free, voice] = log_softmax(logits)[np.arange(len(rows)), drawn][free]
        log_left[free] += (log_sum(logits) - log_sum(raw))[free]
        log_left[dead] = -np.inf

    def _keep(self, log_weight: FloatArray) -> IdArray:
        """(L,) which of its drafts each lane keeps, drawn by their weights (L, N)."""
        if self.options.drafts == 1:
            return np.zeros(len(log_weight), dtype=np.int64)
        counts = np.bincount(self.lanes.piece, minlength=len(self.rngs))
        noise = np.concatenate([gumbel(rng, (n, self.options.drafts)) for rng, n in zip(self.rngs, counts, strict=True)])
        kept: IdArray = np.argmax(log_weight + noise, axis=1)
        return kept

    def _weigh(self, log_weight: FloatArray, step: int) -> None:
        """A lane's weight grows by those of its drafts."""
        self.lanes.log_weight += log_sum(log_weight)
        alive = np.zeros(len(self.rngs), dtype=bool)
        np.logical_or.at(alive, self.lanes.piece, ~np.isneginf(self.lanes.log_weight))
        self.stuck[~alive & (self.stuck == NOWHERE)] = step


def tempered(logits: FloatArray, temperature: float, rhythm_temperature: float) -> FloatArray:
    """(B, K) logits, -inf where nothing may be drawn -> (B, K) scores to draw from at temperature 1.

    Whether to strike or to hold is decided at one temperature, what to strike at the other: pitches that are surer, in a rhythm as lively.
    """
    halves = np.stack(np.split(logits.astype(np.float64), 2, axis=-1), axis=-2)  # (B, 2, S)
    within = halves / max(temperature, COLDEST)
    with np.errstate(invalid="ignore"):  # -inf less -inf, where a half is barred
        scores = (log_sum(halves) / max(rhythm_temperature, COLDEST) - log_sum(within))[..., None] + within
    result: FloatArray = np.where(np.isneginf(halves), -np.inf, scores).reshape(logits.shape)
    return result
