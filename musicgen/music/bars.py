"""The bars of any score by their numbers: `5-8` to ticks, with errors that say which bars there are. Knows no grid and no voices.

Bars count from 1, a pick-up is bar 0, as `Score.place` counts them.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import NamedTuple, TypeVar

from musicgen.errors import NotationError, pointing
from musicgen.music.score import Meter, Score

_BARS = re.compile(r"\s*([0-9]{1,6})\s*(?:[-–]\s*([0-9]{1,6})\s*)?")


Found = TypeVar("Found")


class Bar(NamedTuple):
    """Ticks [start, end); `full`: what its meter would fill; `lead`: what a pick-up lacks before its first note."""

    number: int
    start: int
    end: int
    full: int
    lead: int
    meter: Meter


def bars_of(score: Score, more: int = 0) -> tuple[Bar, ...]:
    """Up to the bar in which the last note begins, and `more` after it, in the meter that was last."""
    last = max((note.start for part in score.parts for note in part.notes), default=0)
    bars = _bars_until(score, last + 1)
    wanted = len(bars) + more
    while len(bars) < wanted:
        bars = _bars_until(score, bars[-1].end + (wanted - len(bars)) * bars[-1].full)
    return tuple(bars[:wanted])


def _bars_until(score: Score, tick: int) -> list[Bar]:
    starts = score.bar_starts(tick)
    first = 0 if score.pickup else 1
    bars = []
    for index, (start, end) in enumerate(pairwise(starts)):
        meter = score.meter_at(max(start, score.pickup))
        full = max(1, int(meter.bar_quarters * score.ticks_per_quarter))
        bars.append(Bar(index + first, start, end, full, full - score.pickup if index + first == 0 else 0, meter))
    return bars


def bar_indices(text: str, bars: Sequence[Bar]) -> list[int]:
    """`2,5-8` to places in `bars`, in order, each once."""
    return sorted({index for found in each_item(text, lambda item: _range_of(item, bars)) for index in found})


def each_item(text: str, read: Callable[[str], Found]) -> list[Found]:
    """What is read of each item between the commas of `2,5-8`; an error points at its item."""
    found, begin = [], 0
    for item in text.split(","):
        with pointing(begin, len(item)):
            found.append(read(item))
        begin += len(item) + 1
    return found


def named_bars(item: str) -> re.Match[str]:
    """`5` or `5-8`: groups 1 and 2 are the numbers, the second None for one bar."""
    match = _BARS.fullmatch(item)
    if match is None:
        raise NotationError(f"{item!r} names no bars; write like 5, 5-8 or 2,5-8")
    return match


def _range_of(item: str, bars: Sequence[Bar]) -> range:
    match = named_bars(item)
    first, last = (_index(int(number), bars) for number in (match[1], match[2] or match[1]))
    if last < first:
        raise NotationError(f"{item.strip()} holds nothing; write the earlier bar first")
    return range(first, last + 1)


def _index(number: int, bars: Sequence[Bar]) -> int:
    if not bars[0].number <= number <= bars[-1].number:
        pickup = "; bar 0 is the pick-up" if bars[0].number == 0 else ""
        raise NotationError(f"there is no bar {number}; the piece has bars {bars[0].number} to {bars[-1].number}{pickup}")
    return number - bars[0].number


def spans_of(indices: Sequence[int], bars: Sequence[Bar]) -> list[tuple[int, int]]:
    """Ticks [start, end) of these bars, neighbours joined."""
    spans: list[tuple[int, int]] = []
    for index in indices:
        start, end = bars[index].start, bars[index].end
        if spans and spans[-1][1] == start:
            start = spans.pop()[0]
        spans.append((start, end))
    return spans


def bar_at(tick: int, bars: Sequence[Bar]) -> int:
    """The place in `bars` of the bar that holds a tick."""
    return max(0, bisect_right([bar.start for bar in bars], tick) - 1)
