"""Any order: the free cells are drawn one after another, at random or the surest first, each given all that is there by then.

Cells that hardly know of each other are drawn from one run of the model. What may be drawn keeps every voice completable: a held id drawn
where the cell before is still hidden obliges that one to sound the same, and so on through all constraints.

The ids come in two halves (`GridTokenizer("pair")`): sounds that are struck, then the same sounds held.
Shapes: B pieces, V voices, T steps, K ids, S = K / 2 sounds, P = 129 things that can sound, N cells.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from musicgen.errors import ConfigError
from musicgen.music.chorale import BoolArray
from musicgen.sampling.allowed import Cells, IdArray
from musicgen.sampling.draw import Fill, FloatArray, SamplingOptions, draw, gumbel, log_softmax

Logits = Callable[[IdArray, Cells], FloatArray]
"""ids (B, V, T), N cells -> logits (N, K) of those cells"""


@dataclass(frozen=True)
class OrderOptions:
    """Which cells come first, how many are drawn from one run of the model (1 is exact), and how often a part is drawn anew.

    redraws: rounds in which `share` of the free cells are hidden and filled again, so that the first cells come to know the last.
    """

    order: Literal["random", "confident"] = "random"
    together: int = 16
    redraws: int = 4
    share: float = 0.25

    def __post_init__(self) -> None:
        if self.order not in ("random", "confident"):
            raise ConfigError(f"order {self.order!r}; choices: random, confident")
        if not (self.together >= 1 and 0 <= self.redraws <= 1000 and 0 < self.share <= 1):
            raise ConfigError(
                f"together {self.together}, redraws {self.redraws}, share {self.share}: at least 1; 0 to 1000; above 0, at most 1"
            )


@dataclass(frozen=True)
class AnyOrderTask:
    """ids (B, V, T) with MASK in free cells; free (B, V, T).

    sounding_allowed (B, V, T, P) what may sound; must_begin, must_hold (B, V, T) where a note may only begin, or only be held if what
    it holds may sound; sounding_of_id (K,) the row of P of each id.
    """

    ids: IdArray
    free: BoolArray
    sounding_allowed: BoolArray
    must_begin: BoolArray
    must_hold: BoolArray
    sounding_of_id: IdArray
    mask_id: int

    def completable(self, ids: IdArray) -> BoolArray:
        """(B, V, T, K) the ids of each hidden cell with which the hidden cells of its voice can still all be filled.

        Voices are chains: an id is possible if some filling of the cells before it ends in a sound that it may follow, and some
        filling of those after it goes on from its own. What follows a visible cell knows of nothing before it.
        """
        sounds = len(self.sounding_of_id) // 2
        may_sound = self.sounding_allowed[..., self.sounding_of_id[:sounds]]
        struck, held = self._possible_here(ids, may_sound)
        # Where a note must be held if it may, striking is for those that may not.
        bars_striking = (self.must_hold & ~self.must_begin & self.free)[..., None] & may_sound
        reached_by_striking, reached_by_holding = _forward(struck, held, bars_striking)
        goes_on = _backward(struck, held, bars_striking)
        return np.concatenate([reached_by_striking & goes_on, reached_by_holding & goes_on], axis=-1)

    def _possible_here(self, ids: IdArray, may_sound: BoolArray) -> tuple[BoolArray, BoolArray]:
        """(B, V, T, S) which sounds each cell may strike and hold, for all that is known of other cells."""
        hidden = ((ids == self.mask_id) & self.free)[..., None]
        sounds = np.arange(may_sound.shape[-1])
        outside = (ids >= len(self.sounding_of_id))[..., None] & ~hidden  # padding
        struck = np.where(hidden, may_sound, (ids[..., None] == sounds) | outside)
        held = np.where(hidden, may_sound & ~self.must_begin[..., None], ids[..., None] == sounds + len(sounds))
        return struck, held


def _forward(struck: BoolArray, held: BoolArray, bars_striking: BoolArray) -> tuple[BoolArray, BoolArray]:
    """(B, V, T, S) twice: the sounds that may be struck, and held, after some filling of the cells before."""
    striking, holding = struck.copy(), np.zeros_like(held)
    for step in range(1, struck.shape[2]):
        before = striking[:, :, step - 1] | holding[:, :, step - 1]
        striking[:, :, step] &= (before & ~bars_striking[:, :, step]).any(axis=-1, keepdims=True)
        holding[:, :, step] = held[:, :, step] & before
    return striking, holding


def _backward(struck: BoolArray, held: BoolArray, bars_striking: BoolArray) -> BoolArray:
    """(B, V, T, S) the sounds from which some filling of the cells after goes on."""
    goes_on = np.ones_like(struck)
    for step in range(struck.shape[2] - 2, -1, -1):
        after = goes_on[:, :, step + 1]
        can_strike = (struck[:, :, step + 1] & after).any(axis=-1, keepdims=True)
        goes_on[:, :, step] = (held[:, :, step + 1] & after) | (can_strike & ~bars_striking[:, :, step + 1])
    return goes_on


def fill_any_order(
    logits_of: Logits,
    task: AnyOrderTask,
    options: SamplingOptions,
    order: OrderOptions,
    seeds: Sequence[int],
    on_round: Callable[[float], None] = lambda share: None,
) -> Fill:
    """Fills the free cells; a piece's result depends on its own seed only, not on the pieces beside it."""
    run = _Run(logits_of, task, options, order, seeds)
    run.fill()
    for number in range(order.redraws):
        on_round((number + 1) / (order.redraws + 1))
        run.hide()
        run.fill()
    on_round(1.0)
    return Fill(run.ids, run.log_probability)


class _Run:
    """The ids while they change, and one random generator a piece."""

    def __init__(self, logits_of: Logits, task: AnyOrderTask, options: SamplingOptions, order: OrderOptions, seeds: Sequence[int]) -> None:
        self.logits_of, self.task, self.options, self.order = logits_of, task, options, order
        self.rngs = [np.random.default_rng(seed) for seed in seeds]
        self.ids = task.ids.copy()
        self.log_probability = np.zeros(self.ids.shape, dtype=np.float32)

    def hide(self) -> None:
        """A random part of the free cells of each piece."""
        for piece, (rng, free) in enumerate(zip(self.rngs, self.task.free, strict=True)):
            voices, steps = free.nonzero()
            chosen = rng.random(len(steps)) < self.order.share
            self.ids[piece, voices[chosen], steps[chosen]] = self.task.mask_id

    def fill(self) -> None:
        """Until no cell is hidden."""
        while (hidden := (self.ids == self.task.mask_id) & self.task.free).any():
            cells = hidden.nonzero()
            if self.order.order == "confident":
                logits = self._allowed_logits(cells)
                sureness = log_softmax(logits).max(axis=-1)
            else:
                logits, sureness = None, self._random(cells)
            kept = choose(cells, sureness, self.order.together)
            chosen = cells[0][kept], cells[1][kept], cells[2][kept]
            self._draw(self._allowed_logits(chosen) if logits is None else logits[kept], chosen)

    def _random(self, cells: Cells) -> FloatArray:
        """A random number a cell, each piece's from its own generator."""
        counts = np.bincount(cells[0], minlength=len(self.rngs))
        return np.concatenate([rng.random(count) for rng, count in zip(self.rngs, counts, strict=True)])

    def _allowed_logits(self, cells: Cells) -> FloatArray:
        """(N, K), -inf for what may not be drawn."""
        allowed = self.task.completable(self.ids)[cells]
        logits: FloatArray = np.where(allowed, self.logits_of(self.ids, cells), -np.inf)
        if not np.isfinite(logits).any(axis=-1).all():
            raise RuntimeError("nothing may be drawn at a free cell, which the caller should have refused")
        return logits

    def _draw(self, logits: FloatArray, cells: Cells) -> None:
        counts = np.bincount(cells[0], minlength=len(self.rngs))
        noise = np.concatenate([gumbel(rng, (count, logits.shape[1])) for rng, count in zip(self.rngs, counts, strict=True)])
        drawn = draw(logits, np.isfinite(logits), noise, self.options.temperature, self.options.top_p)
        self.ids[cells] = drawn
        self.log_probability[cells] = np.take_along_axis(log_softmax(logits), drawn[:, None], axis=-1)[:, 0]


def choose(cells: Cells, sureness: FloatArray, most: int) -> IdArray:
    """The indices, rising, of the surest hidden cells: at most `most` a piece, one of each run of hidden cells.

    Two cells of one run could each be completable and together not.
    """
    pieces, voices, steps = cells  # in rising order
    follows = np.zeros(len(steps), dtype=bool)
    follows[1:] = (pieces[1:] == pieces[:-1]) & (voices[1:] == voices[:-1]) & (steps[1:] == steps[:-1] + 1)
    run = np.cumsum(~follows)
    best = np.lexsort((-sureness, run))
    of_runs = best[np.flatnonzero(np.diff(run[best], prepend=-1))]
    by_piece = of_runs[np.lexsort((-sureness[of_runs], pieces[of_runs]))]
    first = np.flatnonzero(np.diff(pieces[by_piece], prepend=-1))
    rank = np.arange(len(by_piece)) - np.repeat(first, np.diff(np.append(first, len(by_piece))))
    chosen: IdArray = np.sort(by_piece[rank < most])
    return chosen
