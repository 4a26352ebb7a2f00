"""Kinds of event tokens beside REMI, through miditok. Those that say a note in one row of C ids are laid out flat, column after column.

K ids, C columns. A token that several columns have, Ignore, is named by its column.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from musicgen.errors import ConfigError, NotationError, nearest
from musicgen.tokenizers.event_grid import EventGrid, IntArray

REMI = "remi"
CLASSES = {REMI: "REMI", "tsd": "TSD", "octuple": "Octuple", "compound": "CPWord"}
REFUSED = {
    "midilike": "notes of one pitch that overlap come back with each other's ends",
    "structured": "it holds neither tempos nor meters",
    "mumidi": "its rows differ in length, and one stream of ids cannot tell them apart",
    "mmm": "it writes each track by itself, so that nothing can be played as it is made",
    "pertok": "it holds no programs",
}
SPECIALS = ("PAD", "BOS", "EOS", "FILL", "HOLE")
MOST_BARS = 512  # that Octuple can number
IGNORE = "Ignore_None"

Followers = Mapping[str, Sequence[str]]


def make_miditok(kind: str, grid: EventGrid) -> Any:
    """miditok's tokenizer of a kind on this grid."""
    if kind in REFUSED:
        raise ConfigError(f"event tokens of the kind {kind} are not made here: {REFUSED[kind]}; {nearest('', CLASSES)}")
    if kind not in CLASSES:
        raise ConfigError(f"there is no kind of event tokens {kind!r}; {nearest(kind, CLASSES)}")
    import miditok

    more = {"max_bar_embedding": MOST_BARS} if kind == "octuple" else {}
    return getattr(miditok, CLASSES[kind])(miditok.TokenizerConfig(special_tokens=list(SPECIALS), **grid.miditok_settings(), **more))


def flat_tokens(made: Any) -> list[str]:
    """(K,) every token by its id; those of several columns one after another, the specials once."""
    if not made.is_multi_voc:
        return sorted(made.vocab, key=lambda token: int(made.vocab[token]))
    specials = list(made.special_tokens)
    return specials + [token for column in _columns(made) for token in column if token not in specials]


def _columns(made: Any) -> list[list[str]]:
    ordered = [sorted(vocab, key=lambda token, ids=vocab: int(ids[token])) for vocab in made.vocab]  # type: ignore[misc]
    return [[f"Ignore{number}_None" if token == IGNORE else token for token in column] for number, column in enumerate(ordered)]


def followers_of(made: Any) -> Followers:
    """Type of token -> the types that may follow it in a piece; BOS before the first and EOS after the last."""
    if not made.is_multi_voc:
        graph = {name: sorted(following - set(SPECIALS)) for name, following in made.tokens_types_graph.items() if name not in SPECIALS}
        firsts = [name for name in ("TimeSig", "Tempo", "TimeShift", "Program") if name in graph]
        return {**{name: [*following, "EOS"] for name, following in graph.items()}, "BOS": firsts}
    types = [
        [name for name in dict.fromkeys(token.partition("_")[0] for token in column) if name not in SPECIALS] for column in _columns(made)
    ]
    cycle = {name: following for column, following in zip(types, [*types[1:], types[0]], strict=True) for name in column}
    return {**cycle, **{name: [*cycle[name], "EOS"] for name in types[-1]}, "BOS": types[0]}


@dataclass(frozen=True, eq=False)
class Columns:
    """Rows of C ids <-> one stream. `flat[c]`: the flat ids of column c; `back`, `column` (K,): the id in its column, and which."""

    flat: list[IntArray]
    back: IntArray
    column: IntArray

    @classmethod
    def of(cls, made: Any, id_of: Mapping[str, int]) -> Columns:
        columns = _columns(made)
        back, column = np.zeros(len(id_of), dtype=np.int64), np.full(len(id_of), -1)
        flat = [np.array([id_of[token] for token in tokens]) for tokens in columns]
        for number, ids in enumerate(flat):
            own = ids >= len(SPECIALS)
            back[ids[own]] = np.flatnonzero(own)
            column[ids[own]] = number
        return cls(flat, back, column)

    def joined(self, rows: Sequence[Sequence[int]]) -> IntArray:
        """(R, C) -> (R * C,)"""
        array = np.asarray(rows, dtype=np.int64).reshape(-1, len(self.flat))
        return np.stack([ids[array[:, number]] for number, ids in enumerate(self.flat)], axis=1).ravel()

    def rows(self, ids: NDArray[Any]) -> IntArray:
        """Back, without specials; a row that lacks an id of a column is left away."""
        column = self.column[ids]
        found = np.flatnonzero(column == 0)
        whole = found[found + len(self.flat) <= len(ids)]
        at = whole[:, None] + np.arange(len(self.flat))
        fits = (column[at] == np.arange(len(self.flat))).all(axis=1)
        rows: IntArray = self.back[ids[at[fits]]]
        return rows


def check_bars(kind: str, bars: int) -> None:
    """Refuses what a kind cannot number."""
    if kind == "octuple" and bars > MOST_BARS:
        raise NotationError(f"the piece has {bars} bars, octuple tokens number {MOST_BARS}; choose another kind")
