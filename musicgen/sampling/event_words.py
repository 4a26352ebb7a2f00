"""What the ids of an event tokenizer say, as numbers that a grammar can compare; with BPE an id says several words at once.

K ids, L words of the longest one, C kinds of words.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from musicgen.errors import ConfigError
from musicgen.tokenizers.events import EventTokenizer
from musicgen.tokenizers.remi import REMI_FOLLOWERS

IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]
NO_WORD = -1


class Kind(IntEnum):
    """Of a word. START stands before the first bar of what is asked."""

    START = 0
    BAR = 1
    TIMESIG = 2
    POSITION = 3
    TEMPO = 4
    PROGRAM = 5
    PITCH = 6
    PITCHDRUM = 7
    VELOCITY = 8
    DURATION = 9
    EOS = 10
    SPACE = 11  # says nothing but that a Bar comes: byte pair encoding parts streams before bars


NOTE = (Kind.PITCH, Kind.PITCHDRUM)
FOLLOWERS: dict[Kind, tuple[Kind, ...]] = {
    Kind.START if name == "FILL" else Kind[name.upper()]: tuple(Kind[other.upper()] for other in following)
    for name, following in REMI_FOLLOWERS.items()
    if name != "BOS"
}
"""As `EventTokenizer.followers` has it, by kinds that a grammar can name."""
FOLLOWERS |= {kind: (*following, Kind.SPACE) for kind, following in FOLLOWERS.items() if Kind.BAR in following}
FOLLOWERS[Kind.SPACE] = (Kind.BAR,)


@dataclass(frozen=True, eq=False)
class EventWords:
    """kinds (K, L) and values (K, L), NO_WORD where an id has no further word or one that is never drawn. Values: a position or a pitch as
    it is, the slot of a program, of a meter its place in `meters`, a tempo in quarters a minute, a duration in `positions` a beat."""

    kinds: IntArray
    values: IntArray
    meters: tuple[tuple[int, int], ...]
    positions: int

    @property
    def size(self) -> int:
        return len(self.kinds)

    @classmethod
    def of_tokenizer(cls, tokenizer: EventTokenizer) -> EventWords:
        """Of one with bars, with or without byte pair encoding."""
        tokens = tokenizer.tokens
        said = tokenizer.pairs.pieces if tokenizer.pairs else [(id,) for id in range(tokenizer.size)]
        return cls.of([tuple(tokens[id] for id in ids) for ids in said], tokenizer.grid.positions)

    @classmethod
    def of(cls, words: Sequence[Sequence[str]], positions: int) -> EventWords:
        """`words`: `("Pitch_60",)` for each id, as miditok writes them; an id without words is a SPACE."""
        meters = tuple(dict.fromkeys(_meter(word) for each in words for word in each if word.startswith("TimeSig_")))
        kinds = np.full((len(words), max(map(len, words))), NO_WORD, dtype=np.int64)
        values = kinds.copy()
        names = {kind.name: kind for kind in Kind if kind not in (Kind.START, Kind.SPACE)}
        for id, each in enumerate(words):
            kinds[id, 0] = NO_WORD if each else Kind.SPACE
            for column, word in enumerate(each):
                name, _, text = word.partition("_")
                if name.upper() in names:
                    kinds[id, column] = names[name.upper()]
                    values[id, column] = _value(name, text, meters, positions)
        return cls(kinds, values, meters, positions)

    @cached_property
    def first_words(self) -> dict[Kind, tuple[IntArray, IntArray]]:
        """Of each kind the ids that begin with a word of it, and these words' values."""
        begin = {kind: np.flatnonzero(self.kinds[:, 0] == kind) for kind in Kind}
        return {kind: (ids, self.values[ids, 0]) for kind, ids in begin.items()}

    @property
    def longest(self) -> int:
        """L."""
        return int(self.kinds.shape[1])

    def id_of(self, kind: Kind, value: int = 0) -> int:
        """The id that says this word alone."""
        alone = (self.kinds[:, 1:] == NO_WORD).all(axis=1) & (self.kinds[:, 0] == kind) & (self.values[:, 0] == value)
        found = np.flatnonzero(alone)
        if not len(found):
            raise ConfigError(f"this model has no {kind.name.lower()} {value}")
        return int(found[0])

    def spoken(self, ids: Iterable[int]) -> list[tuple[Kind, int]]:
        """All words of some ids in order."""
        return [
            (Kind(kind), value)
            for id in ids
            for kind, value in zip(self.kinds[id].tolist(), self.values[id].tolist(), strict=True)
            if kind != NO_WORD
        ]


def _meter(word: str) -> tuple[int, int]:
    beats, _, unit = word.removeprefix("TimeSig_").partition("/")
    return int(beats), int(unit)


def _value(name: str, text: str, meters: Sequence[tuple[int, int]], positions: int) -> int:
    if name == "TimeSig":
        return meters.index(_meter(f"TimeSig_{text}"))
    if name == "Tempo":
        return round(float(text))
    if name == "Duration":
        beats, part, resolution = (int(number) for number in text.split("."))
        return beats * positions + part * positions // resolution
    return int(text) if text.lstrip("-").isdigit() else 0


def follow_table() -> BoolArray:
    """(C, C) which kind may follow which."""
    table = np.zeros((len(Kind), len(Kind)), dtype=bool)
    for kind, following in FOLLOWERS.items():
        table[kind, list(following)] = True
    return table
