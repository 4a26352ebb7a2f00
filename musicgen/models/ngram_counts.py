"""How often what followed what: counts by key, as they are stored, and as they are looked up. Plain numbers, no music.

Shapes: N events, E contexts, M keys or entries, P columns.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from musicgen.errors import CheckpointError

IntArray = NDArray[np.int64]

NOT_MET = -1
MOST_IN_A_BYTE = 255
PACKED = ("keys", "kinds", "targets", "counts", "large_at", "large")


@dataclass(frozen=True)
class Counts:
    """How often which column followed: keys (M,) in rising order; those of row m in `targets`, `counts` at [starts[m], starts[m + 1])."""

    keys: IntArray
    starts: IntArray
    targets: IntArray
    counts: IntArray

    @classmethod
    def of(cls, keys: IntArray, targets: IntArray) -> Counts:
        """Of events, keys (N,) and targets (N,)."""
        order = np.lexsort((targets, keys))
        keys, targets = keys[order], targets[order]
        begins = np.ones(len(keys), dtype=bool)
        begins[1:] = (keys[1:] != keys[:-1]) | (targets[1:] != targets[:-1])
        at = np.flatnonzero(begins)
        kept, first = np.unique(keys[at], return_index=True)
        return cls(kept, np.append(first, len(at)), targets[at], np.diff(np.append(at, len(keys))))

    def packed(self) -> dict[str, NDArray[Any]]:
        """As small as can be stored: how many columns each row has, and apart from the others the few counts that no byte holds."""
        at = np.flatnonzero(self.counts > MOST_IN_A_BYTE)
        return {
            "keys": self.keys,
            "kinds": np.diff(self.starts).astype(np.uint8),
            "targets": self.targets.astype(np.uint8),
            "counts": np.minimum(self.counts, MOST_IN_A_BYTE).astype(np.uint8),
            "large_at": at.astype(np.int32),
            "large": self.counts[at].astype(np.int32),
        }

    @classmethod
    def unpacked(cls, arrays: Mapping[str, NDArray[Any]], width: int) -> Counts:
        """The inverse of `packed`. Refuses what cannot have come from it, columns of `width` or more among others."""
        keys, kinds, targets, counts, at, large = (arrays[name].astype(np.int64) for name in PACKED)
        whole = len(keys) == len(kinds) and kinds.sum() == len(targets) == len(counts) and len(at) == len(large)
        if not (whole and (kinds > 0).all() and (np.diff(keys) > 0).all() and (targets < width).all()):
            raise CheckpointError("no counts that fit together")
        if not ((counts > 0).all() and (large > MOST_IN_A_BYTE).all() and np.array_equal(at[at < len(counts)], at)):
            raise CheckpointError("counts out of range")
        counts[at] = large
        return cls(keys, np.concatenate([[0], np.cumsum(kinds)]), targets, counts)

    def rows(self, keys: IntArray) -> IntArray:
        """The row of each key, NOT_MET where there is none."""
        if not len(self.keys):
            return np.full(keys.shape, NOT_MET)
        at = np.minimum(np.searchsorted(self.keys, keys), len(self.keys) - 1)
        return np.where(self.keys[at] == keys, at, NOT_MET)

    def entries(self, rows: IntArray) -> Entries:
        """What followed, of rows (N, E)."""
        flat = rows.ravel()
        known = np.flatnonzero(flat != NOT_MET)
        lengths = self.starts[flat[known] + 1] - self.starts[flat[known]]
        inside = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        at = np.repeat(self.starts[flat[known]], lengths) + inside
        event, context = np.divmod(np.repeat(known, lengths), rows.shape[1])
        return Entries(rows.shape, event, context, self.targets[at], self.counts[at])


class Entries(NamedTuple):
    """What followed N events' contexts, shape (N, E): event, context, column (M,), in rising order, and how often, number (M,)."""

    shape: tuple[int, ...]
    event: IntArray
    context: IntArray
    column: IntArray
    number: IntArray

    @classmethod
    def of_places(cls, places: IntArray, shape: tuple[int, ...], width: int) -> Entries:
        """Of numbers (event * E + context) * width + column, each as often as it counts."""
        counts = np.bincount(places, minlength=shape[0] * shape[1] * width)
        return cls.of_dense(counts.reshape(*shape, width))

    @classmethod
    def of_dense(cls, table: IntArray) -> Entries:
        """table (N, E, P)"""
        event, context, column = np.nonzero(table)
        return cls(table.shape[:2], event, context, column, table[event, context, column])

    def dense(self, width: int) -> IntArray:
        """(N, E, P)"""
        table = np.zeros((*self.shape, width), dtype=np.int64)
        table[self.event, self.context, self.column] = self.number
        return table

    def part(self, start: int, end: int) -> Entries:
        """Of the events [start, end), numbered from 0."""
        first, last = np.searchsorted(self.event, (start, end))
        rest = (array[first:last] for array in self[2:])
        return Entries((end - start, self.shape[1]), self.event[first:last] - start, *rest)
