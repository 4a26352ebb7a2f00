"""A log-linear mixture of n-grams with back-off, counted and then weighed. Knows features and classes, both plain numbers, no music.

A chain is a list of features, the most telling first. Its contexts are the prefixes of the list: of those that were met, the longest is
asked first, and backs off to the shorter ones by absolute discounting (Ney, Essen and Kneser 1994). What the chains say is multiplied, each
to a power that depends on the group, the chain and the context found (log-linear interpolation, Klakow 1998). The powers are fitted to the
pieces that were counted, each as if it had not been (deleted estimation, Jelinek and Mercer 1980). Some chains count nothing but the piece
so far, since music repeats itself (a cache, Kuhn and De Mori 1990).

A view names the classes anew, as distances from something known: so what is counted at one place is known at others.
Shapes: N events, F features, W views, C chains, D contexts of a chain, E different contexts, K classes, P columns of a view, G groups.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from musicgen.errors import ConfigError, nearest
from musicgen.models.ngram_counts import NOT_MET, Counts, Entries, IntArray

FloatArray = NDArray[np.float32]

SEEN = (2, 4, 16)
"""Where the classes of how often a context was seen begin."""


@dataclass(frozen=True)
class Layout:
    """features: name -> how many values it has, from 0; views: name -> columns, at most `classes` or more; chains: (view, features)."""

    features: Mapping[str, int]
    views: Mapping[str, int]
    chains: tuple[tuple[str, tuple[str, ...]], ...]

    @classmethod
    def parse(cls, features: Mapping[str, int], views: Mapping[str, int], chains: Sequence[str]) -> Layout:
        """Chains as text: `"motion: voice own soprano"`."""
        parts = [chain.partition(":") for chain in chains]
        layout = cls(features, views, tuple((view.strip(), tuple(rest.split())) for view, _, rest in parts))
        for view, names in layout.chains:
            for name, known in ((view, views), *((name, features) for name in names)):
                if name not in known:
                    raise ConfigError(f"a chain of contexts names {name!r}; {nearest(name, known)}")
        return layout

    @cached_property
    def contexts(self) -> list[tuple[str, tuple[str, ...]]]:
        """Each once: its view, and the features that are known."""
        prefixes = ((view, names[:length]) for view, names in self.chains for length in range(len(names) + 1))
        return list(dict.fromkeys(prefixes))

    @cached_property
    def places(self) -> IntArray:
        """(C, D) the contexts of each chain, shortest first, NOT_MET beyond its end."""
        number = {context: index for index, context in enumerate(self.contexts)}
        places = np.full((len(self.chains), 1 + max((len(names) for _, names in self.chains), default=0)), NOT_MET)
        for row, (view, names) in zip(places, self.chains, strict=True):
            row[: len(names) + 1] = [number[view, names[:length]] for length in range(len(names) + 1)]
        return places

    @cached_property
    def view_of_context(self) -> IntArray:
        """(E,)"""
        return np.array([list(self.views).index(view) for view, _ in self.contexts], dtype=np.int64)

    @cached_property
    def view_of_chain(self) -> IntArray:
        """(C,)"""
        return np.array([list(self.views).index(view) for view, _ in self.chains], dtype=np.int64)

    @cached_property
    def columns_of_chain(self) -> IntArray:
        """(C,) how many columns each chain's view has."""
        return np.array([self.views[view] for view, _ in self.chains], dtype=np.int64)

    @cached_property
    def width(self) -> int:
        return max(self.views.values())

    @cached_property
    def _numbering(self) -> tuple[IntArray, IntArray]:
        """(F, E) and (E,)"""
        names = list(self.features)
        strides, first = np.zeros((len(names), len(self.contexts)), dtype=np.int64), np.zeros(len(self.contexts), dtype=np.int64)
        total = 0
        for column, (_, known) in enumerate(self.contexts):
            size = 1
            for feature in known:
                strides[names.index(feature), column] = size
                size *= self.features[feature]
            first[column] = total
            total += size
        if total >= 2**63:
            raise ConfigError("chains of so many features cannot be numbered; name fewer")
        return strides, first

    def keys(self, features: IntArray) -> IntArray:
        """features (N, F) -> (N, E): a number for what is known in each context, no two alike."""
        strides, first = self._numbering
        return features @ strides + first

    @cached_property
    def _by_context(self) -> tuple[IntArray, IntArray, IntArray]:
        """Chains and depths (J,) of all places, by their contexts, and where each context's begin (E + 1,)."""
        chain, depth = np.nonzero(self.places != NOT_MET)
        context = self.places[chain, depth]
        order = np.argsort(context, kind="stable")
        return chain[order], depth[order], np.searchsorted(context[order], np.arange(len(self.contexts) + 1))

    def places_of(self, contexts: IntArray) -> tuple[IntArray, IntArray, IntArray]:
        """contexts (M,) -> which of them, in which chain, at which depth, of every place where they stand."""
        chain, depth, starts = self._by_context
        lengths = starts[contexts + 1] - starts[contexts]
        at = np.repeat(np.arange(len(contexts)), lengths)
        place = np.repeat(starts[contexts] - np.cumsum(lengths) + lengths, lengths) + np.arange(len(at))
        return at, chain[place], depth[place]

    def targets(self, columns: IntArray, classes: IntArray) -> IntArray:
        """columns (N, W, K), classes (N,) -> (N, E) the column of each event's class in the view of each context."""
        return np.take_along_axis(columns, classes[:, None, None], axis=2)[:, self.view_of_context, 0]


class Found(NamedTuple):
    """What chains say: log_p (N, C, K); depth (N, C) how many features the longest context met knows; seen (N, C) how often it was, as a
    class; times (N, C) the same as a number."""

    log_p: FloatArray
    depth: IntArray
    seen: IntArray
    times: FloatArray

    @classmethod
    def joined(cls, parts: Sequence[Found], axis: int) -> Found:
        return cls(*(np.concatenate(arrays, axis=axis) for arrays in zip(*parts, strict=True)))


def back_off(layout: Layout, entries: Entries, columns: IntArray, discount: float) -> Found:
    """entries: what followed the contexts of N events; columns (N, W, K): those of the classes in each view.

    Each context gives its counts, less the discount, and leaves what it was discounted to the next shorter one, the last one to all columns
    alike. So a count reaches the end by the shares that all longer contexts leave.
    """
    events, contexts = entries.shape
    where = entries.event * contexts + entries.context
    times = np.bincount(where, entries.number, events * contexts).reshape(entries.shape)
    kinds = np.bincount(where, minlength=events * contexts).reshape(entries.shape)
    places = layout.places
    met = (places != NOT_MET) & (times[:, places] > 0)  # (N, C, D)
    left = np.where(met, discount * kinds[:, places] / np.maximum(times[:, places], 1), 1.0)
    passed = np.cumprod(left[..., ::-1], axis=2)[..., ::-1]  # what this context and all longer ones leave
    weight = np.pad(passed[..., 1:], ((0, 0), (0, 0), (0, 1)), constant_values=1.0) / np.maximum(times[:, places], 1)
    at, chain, depth = layout.places_of(entries.context)
    event = entries.event[at]
    given = (entries.number[at] - discount) * weight[event, chain, depth]
    shape = (events, len(layout.chains), layout.width)
    p = np.bincount(np.ravel_multi_index((event, chain, entries.column[at]), shape), given, int(np.prod(shape))).reshape(shape)
    of_class = np.take_along_axis(p + passed[..., :1] / layout.columns_of_chain[:, None], columns[:, layout.view_of_chain], axis=2)
    longest = np.where(met, np.arange(places.shape[1]), 0).max(axis=2, initial=0)
    seen = np.where(met.any(axis=2), np.take_along_axis(times[:, places], longest[..., None], axis=2)[..., 0], 0)
    return Found(np.log(of_class).astype(np.float32), longest, np.searchsorted(SEEN, seen, side="right"), seen)


def count_earlier(
    keys: IntArray, targets: IntArray, lines: IntArray, counted: NDArray[np.bool_], width: int, asked: IntArray | None = None
) -> Entries:
    """keys, targets (N, E) of events in order, lines (N,), counted (N,): what followed the same keys before, in events of the same line
    that are counted. `asked`: of these events alone, all if None."""
    chosen = np.arange(len(keys)) if asked is None else asked
    parts = []
    for context in range(keys.shape[1]):
        order = np.lexsort((np.arange(len(keys)), keys[:, context], lines))
        same = (np.diff(keys[order, context], prepend=-1) == 0) & (np.diff(lines[order], prepend=-1) == 0)
        is_target = (targets[order, context, None] == np.arange(width)) & counted[order, None]
        before = np.cumsum(is_target, axis=0) - is_target
        first = np.maximum.accumulate(np.where(same, 0, np.arange(len(keys))))
        table = np.empty_like(before)
        table[order] = before - before[first]
        event, column = np.nonzero(table[chosen])
        parts.append((event, np.full(len(event), context), column, table[chosen][event, column]))
    joined = [np.concatenate(arrays) for arrays in zip(*parts, strict=True)]
    order = np.lexsort(joined[2::-1])
    return Entries((len(chosen), keys.shape[1]), *(array[order] for array in joined))


@dataclass(frozen=True)
class Mixture:
    """learned: contexts that `counts` knows; recalled: contexts counted in the piece so far.

    by_depth (G, C, D), by_seen (G, C, S) of all chains, the learned before the recalled: added, the powers.
    """

    learned: Layout
    recalled: Layout
    counts: Counts
    by_depth: FloatArray
    by_seen: FloatArray
    discount: float

    def find(self, features: IntArray, columns: IntArray, earlier: Entries) -> Found:
        """features (N, F); columns (N, W, K) of the classes in each view; earlier: what followed the recalled contexts before."""
        counted = self.counts.entries(self.counts.rows(self.learned.keys(features)))
        parts = [back_off(self.learned, counted, columns, self.discount), back_off(self.recalled, earlier, columns, self.discount)]
        return Found.joined(parts, axis=1)

    def powers(self, found: Found, groups: IntArray) -> FloatArray:
        """(N, C) for events of groups (N,)."""
        chains = np.arange(found.depth.shape[1])
        powers: FloatArray = self.by_depth[groups[:, None], chains, found.depth] + self.by_seen[groups[:, None], chains, found.seen]
        return powers

    def log_probability(self, features: IntArray, columns: IntArray, earlier: Entries, groups: IntArray) -> FloatArray:
        """(N, K)"""
        found = self.find(features, columns, earlier)
        scores = (self.powers(found, groups)[:, None] @ found.log_p)[:, 0]
        result: FloatArray = scores - np.logaddexp.reduce(scores, axis=1, keepdims=True)
        return result
