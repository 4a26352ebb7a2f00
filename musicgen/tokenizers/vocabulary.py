"""Vocabulary: named ranges of ids, laid end to end. A pure function of its ranges: no set, no hash, no corpus decides an id."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from itertools import accumulate
from typing import NamedTuple

from musicgen.errors import ConfigError, nearest


class IdRange(NamedTuple):
    """Ids for the values first, first + 1, … first + size - 1."""

    name: str
    first: int
    size: int


class Meaning(NamedTuple):
    name: str
    value: int


@dataclass(frozen=True)
class Vocabulary:
    """`Vocabulary((IdRange("hold", 0, 1), IdRange("pitch", 36, 46))).id("pitch", 60) == 25`."""

    ranges: tuple[IdRange, ...]

    def __post_init__(self) -> None:
        names = [span.name for span in self.ranges]
        if len(set(names)) != len(names) or any(span.size < 1 for span in self.ranges):
            raise ConfigError(f"a vocabulary's ranges need different names and at least one id each, not {self.ranges}")

    @property
    def size(self) -> int:
        return sum(span.size for span in self.ranges)

    def start(self, name: str) -> int:
        """The id of the first value of a range."""
        starts = dict(zip((span.name for span in self.ranges), self._starts(), strict=True))
        if name not in starts:
            raise ConfigError(f"no ids named {name!r}; {nearest(name, starts)}")
        return starts[name]

    def id(self, name: str, value: int = 0) -> int:
        start = self.start(name)
        span = next(span for span in self.ranges if span.name == name)
        if not span.first <= value < span.first + span.size:
            raise ConfigError(f"{name} {value} has no id; {name} goes from {span.first} to {span.first + span.size - 1}")
        return start + value - span.first

    def meaning(self, token_id: int) -> Meaning:
        if not 0 <= token_id < self.size:
            raise ConfigError(f"id {token_id} means nothing; ids go from 0 to {self.size - 1}")
        starts = self._starts()
        index = bisect_right(starts, token_id) - 1
        return Meaning(self.ranges[index].name, self.ranges[index].first + token_id - starts[index])

    def _starts(self) -> list[int]:
        return [0, *accumulate(span.size for span in self.ranges)][:-1]
