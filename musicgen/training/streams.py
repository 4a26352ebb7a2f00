"""Rows of ids to learn from, out of pieces of events: excerpts in any key, some with a hole and what fills it.

A row is a function of (seed, update, its number in the update), whatever process asks for it. An excerpt that begins a piece has BOS,
one from within begins with a Bar; one with a hole reads BOS context FILL middle EOS. What is left of a row goes to further excerpts,
each with a BOS. Shapes: B rows, N = window + 1 ids.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from musicgen.errors import CorpusError
from musicgen.generation.foretelling import FloatArray, IntArray, cut_rows
from musicgen.tokenizers.event_kinds import REMI
from musicgen.tokenizers.events import EventTokenizer
from musicgen.tokenizers.holes import NO_SLOT
from musicgen.training.language_config import LanguageTraining

SHORTEST = 32
"""Ids at the end of a row that are not worth another excerpt."""
ROOMS = (0.8, 0.55, 0.3)
"""Shares of a row that a piece may take before a hole is made in it, which makes it longer; tried in turn."""


class Pieces(Protocol):
    """A split of a corpus: `ids(number)` are BOS, the piece, EOS; `lengths()` tells how many, without reading any."""

    def __len__(self) -> int: ...
    def ids(self, number: int) -> NDArray[Any]: ...
    def lengths(self) -> NDArray[np.int64]: ...


@dataclass(frozen=True, eq=False)
class Excerpt:
    """ids (N,); weights (N,) how much each counts when it is foretold."""

    ids: IntArray
    weights: FloatArray


@dataclass(frozen=True, eq=False)
class Rows:
    """Excerpts of `pieces`, as `config` says, in rows of `window` ids and one to foretell."""

    pieces: Pieces
    tokenizer: EventTokenizer
    window: int
    config: LanguageTraining

    def __post_init__(self) -> None:
        if not len(self.pieces):
            raise CorpusError("there is no piece to learn from: the split `train` is empty; build the corpus of more files")

    def row(self, update: int, number: int) -> Excerpt:
        """One row, padded on the right."""
        rng = np.random.default_rng((self.config.seed, update, number))
        length = self.window + 1
        excerpts = [self._excerpt(rng, length, rng.random() < self.config.starts)]
        left = length - len(excerpts[0].ids)
        while left >= SHORTEST:
            excerpts.append(self._excerpt(rng, left, True))
            left -= len(excerpts[-1].ids)
        return padded(excerpts, length, self.tokenizer.pad_id)

    def _excerpt(self, rng: np.random.Generator, room: int, from_start: bool) -> Excerpt:
        ids = self._any_piece(rng)
        holed = self._with_hole(rng, ids, room) if self._holes and rng.random() < self.config.holes else None
        if holed is not None:
            return holed
        start = 0 if from_start or len(ids) <= room else self._any_bar(rng, ids, room)
        taken = ids[start : start + room]
        return Excerpt(taken, np.ones(len(taken), np.float32))

    def _any_piece(self, rng: np.random.Generator) -> IntArray:
        """Long pieces come as much more often as they are longer."""
        ends = self._ends
        number = int(np.searchsorted(ends, rng.integers(ends[-1]), side="right"))
        table = self._tables[int(rng.integers(len(self._tables)))]
        moved: IntArray = table[np.asarray(self.pieces.ids(number), dtype=np.int64)]
        return moved

    def _any_bar(self, rng: np.random.Generator, ids: IntArray, room: int) -> int:
        """Anywhere, if the ids tell no bars."""
        bars = np.flatnonzero(self._is_bar[ids])
        return int(rng.choice(bars)) if len(bars) else int(rng.integers(len(ids) - room // 2))

    def _with_hole(self, rng: np.random.Generator, ids: IntArray, room: int) -> Excerpt | None:
        """None if no bar of the piece is short enough."""
        body = ids[1:-1]
        bars = np.append(np.flatnonzero(self._is_bar[body]), len(body))
        first = 0 if rng.random() < self.config.starts else int(rng.integers(max(1, len(bars) - 1)))
        for share in ROOMS:
            last = int(np.searchsorted(bars, bars[first] + share * room, side="right")) - 1
            part = body[bars[first] : bars[last]]
            base = self.tokenizer.base(part)
            named = self.tokenizer.slots[base]
            slots = np.unique(named[named != NO_SLOT])
            if last <= first or not len(slots):
                return None
            context, middle = self.tokenizer.with_hole(part, any_slots(rng, slots), any_span(rng, last - first))
            holed = self._joined(context.astype(np.int64), middle.astype(np.int64))
            if len(holed.ids) <= room:
                return holed
        return None

    def _joined(self, context: IntArray, middle: IntArray) -> Excerpt:
        tokenizer = self.tokenizer
        ids = np.concatenate([[tokenizer.bos_id], context, [tokenizer.fill_id], middle, [tokenizer.eos_id]])
        weights = np.ones(len(ids), np.float32)
        weights[: len(context) + 2] = self.config.context
        weights[(ids == tokenizer.hole_id) | (ids == tokenizer.fill_id)] = 0
        return Excerpt(ids, weights)

    @cached_property
    def _ends(self) -> IntArray:
        return np.cumsum(self.pieces.lengths())

    @cached_property
    def _tables(self) -> list[IntArray]:
        """Id -> id for each transposition; one that changes nothing where ids cannot be transposed one by one."""
        tables = [self.tokenizer.shift_table(semitones) for semitones in range(self.config.lowest, self.config.highest + 1)]
        return [np.asarray(table, dtype=np.int64) for table in tables if table is not None] or [np.arange(self.tokenizer.size)]

    @cached_property
    def _holes(self) -> bool:
        """Other kinds than REMI have no bars to make holes in."""
        return self.tokenizer.kind == REMI

    @cached_property
    def _is_bar(self) -> NDArray[np.bool_]:
        return np.isin(np.arange(self.tokenizer.size), self.tokenizer.bar_ids)


def any_slots(rng: np.random.Generator, slots: IntArray) -> list[int]:
    """Half the time one, else as many as any other number of them."""
    count = 1 if rng.random() < 0.5 else int(rng.integers(1, len(slots) + 1))
    return sorted(rng.permutation(slots)[:count].tolist())


def any_span(rng: np.random.Generator, bars: int) -> range:
    """Of 1, 2, 4, 8 ... bars or all of them, anywhere."""
    lengths = [length for length in (1, 2, 4, 8, 16) if length < bars] + [bars]
    length = int(rng.choice(lengths))
    start = int(rng.integers(bars - length + 1))
    return range(start, start + length)


def padded(excerpts: Sequence[Excerpt], length: int, pad_id: int) -> Excerpt:
    """One after the other, pads after them; a pad does not count."""
    ids, weights = np.full(length, pad_id, np.int64), np.zeros(length, np.float32)
    end = 0
    for excerpt in excerpts:
        ids[end : end + len(excerpt.ids)], weights[end : end + len(excerpt.ids)] = excerpt.ids, excerpt.weights
        end += len(excerpt.ids)
    return Excerpt(ids, weights)


def whole_rows(pieces: Pieces, window: int, bar_ids: Sequence[int], most: int) -> list[IntArray]:
    """Pieces in any, but always the same, order, cut into rows; so many rows at most."""
    rows: list[IntArray] = []
    for number in np.random.default_rng(0).permutation(len(pieces)):
        if len(rows) >= most:
            break
        rows += cut_rows(np.asarray(pieces.ids(int(number)), dtype=np.int64), window, bar_ids)
    return rows[:most]


def in_batches(rows: Sequence[Excerpt], size: int, batches: int, empty: Callable[[], Excerpt]) -> list[tuple[IntArray, FloatArray]]:
    """(B, N) ids and weights: exactly so many batches, filled with empty rows, so that all processes take as many steps. N is as short as
    the rows of a batch allow."""
    filled = [*rows, *(empty() for _ in range(size * batches - len(rows)))]
    stacked = []
    for start in range(0, len(filled), size):
        group = filled[start : start + size]
        ids, weights = np.stack([row.ids for row in group]), np.stack([row.weights for row in group])
        end = max(2, int(np.flatnonzero((weights > 0).any(axis=0)).max(initial=0)) + 1)
        stacked.append((ids[:, :end], weights[:, :end]))
    return stacked
