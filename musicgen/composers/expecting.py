"""What a composer that states probabilities expects at each cell of a piece, in pitches; and how that moves if some cells are hidden.

Shapes: N ways to hide cells, V voices, T steps, K ids, P = 129 things that can sound: 128 pitches, then a rest.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np

from musicgen.composers.composer import Kind
from musicgen.errors import ConfigError
from musicgen.music.chorale import REST, BoolArray, Chorale
from musicgen.sampling.draw import FloatArray, log_softmax
from musicgen.tokenizers.grid import REST_ROW, GridTokenizer


@runtime_checkable
class Foretelling(Protocol):
    """A composer that says how likely each id is at each cell; `kind`: given what; `guesses_from` says the same in words."""

    @property
    def name(self) -> str: ...

    @property
    def tokenizer(self) -> GridTokenizer: ...

    @property
    def kind(self) -> Kind: ...

    @property
    def guesses_from(self) -> str: ...

    def log_p(self, chorale: Chorale, free: BoolArray) -> FloatArray:
        """(V, T, K) of each cell, the free ones given the others; what `nats` sums. Of given cells it means nothing."""
        ...


@runtime_checkable
class Occluding(Protocol):
    """A composer that can also be asked with cells out of its sight."""

    def log_p_without(self, chorale: Chorale, free: BoolArray, hidden: BoolArray) -> FloatArray:
        """(N, V, T, K), each with other cells hidden, hidden (N, V, T), given or free; what is said of hidden cells means nothing."""
        ...


@dataclass(frozen=True)
class Expected:
    """nats (V, T) of what is there, 0 in given cells; kind, given: what a cell's are given; log_p (V, T, 2, P): of each thing struck, or
    held on; None of a composer that says nothing of what is not there."""

    nats: FloatArray
    kind: Kind
    given: str
    log_p: FloatArray | None

    def likeliest(self, voice: int, step: int) -> list[tuple[int, bool, float]]:
        """(pitch or REST, struck, probability) of everything possible at a cell, the likeliest first."""
        if self.log_p is None:
            return []
        log_p = self.log_p[voice, step]
        order = np.argsort(-log_p, axis=None, kind="stable")
        found = (divmod(int(place), REST_ROW + 1) for place in order if np.isfinite(log_p.flat[place]))
        return [(REST if row == REST_ROW else row, held == 0, float(np.exp(log_p[held, row]))) for held, row in found]


def expected(composer: object, chorale: Chorale, free: BoolArray) -> Expected:
    """At temperature 1, without the dials, rules and constraints that a composer writes under: what the model itself thinks.

    Composers that state no probabilities of single cells are refused.
    """
    if isinstance(composer, Foretelling):
        log_p = composer.log_p(chorale, free)
        ids = composer.tokenizer.encode(chorale)
        nats = -np.take_along_axis(log_p, ids[..., None], axis=-1)[..., 0]
        table = _in_pitches(log_p, composer.tokenizer, chorale)
        return Expected(np.where(free, nats, 0.0), composer.kind, composer.guesses_from, table)
    stated = composer.nats(chorale) if hasattr(composer, "nats") else None
    if stated is None or stated.kind == "bound":
        name = getattr(composer, "name", composer)
        raise ConfigError(f"{name} states no probability of single notes; choose a model that does: flagship, deepbach, markov or hmm")
    return Expected(np.where(free, stated.nats, 0.0), stated.kind, "all that came before", None)


def moved(whole: FloatArray, without: FloatArray, cells: BoolArray) -> FloatArray:
    """(N, V, T) nats by which hiding moves what is expected at `cells`, 0 elsewhere; whole (V, T, K), without (N, V, T, K) logarithms.

    It is the divergence of Kullback and Leibler from `without` to `whole`, over what is possible in both: a note that is hidden cannot be
    held on, which says nothing of what it was worth.
    """
    both = np.isfinite(whole) & np.isfinite(without)
    own, other = (log_softmax(np.where(both, log_p, -np.inf)) for log_p in np.broadcast_arrays(whole, without))
    difference = np.where(both, own, 0.0) - np.where(both, other, 0.0)
    return np.where(cells, (np.exp(own) * difference).sum(axis=-1), 0.0)


def _in_pitches(log_p: FloatArray, tokenizer: GridTokenizer, chorale: Chorale) -> FloatArray:
    """(V, T, 2, P); HOLD holds on what sounded before."""
    table = np.full((*log_p.shape[:2], 2, REST_ROW + 1), -np.inf)
    sounding = tokenizer.sounding_of_id
    rows = np.where(sounding == REST_ROW, REST_ROW, sounding + tokenizer.shift(chorale.key))
    _, struck = tokenizer.cells(np.arange(tokenizer.size))
    named = np.arange(tokenizer.size) != tokenizer.hold_id
    table[:, :, (~struck[named]).astype(np.int64), rows[named]] = log_p[..., named]
    if tokenizer.hold_id is not None:
        before = np.where(chorale.pitch == REST, REST_ROW, chorale.pitch)[:, :-1, None].astype(np.int64)
        np.put_along_axis(table[:, 1:, 1], before, log_p[:, 1:, tokenizer.hold_id, None], axis=-1)
    return table
