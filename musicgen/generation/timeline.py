"""Bars of a file and bars of event tokens: where a tick lies in the one and where in the other. Numbers only.

Tokens know whole bars of meters that their grid has. A pick-up or a bar cut short becomes a bar of its own meter if there is one, else a
whole bar of which only a part may hold notes; a bar of 18/8 becomes two of 9/8. So bars of tokens and ticks of the file never drift apart.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

from musicgen.errors import ConfigError
from musicgen.music.bars import Bar
from musicgen.sampling.event_steering import PlannedBar
from musicgen.tokenizers.event_meters import sayable

UNITS = (2, 4, 8, 16)
FINENESS = 4  # ticks of the tokens' clock in one of the file's: a sixteenth is then a whole number of them


@dataclass(frozen=True)
class TokenBar:
    """`bar`: its place among the file's bars. Ticks [start, end) of the file; `lead`: ticks of its meter that lie before `start`."""

    bar: int
    start: int
    end: int
    lead: Fraction
    beats: int
    unit: int


@dataclass(frozen=True)
class Timeline:
    """All bars of the tokens of a piece, in order. `positions` a beat of the meter's unit."""

    bars: tuple[TokenBar, ...]
    ticks_per_quarter: int
    positions: int

    @classmethod
    def of(cls, bars: Sequence[Bar], ticks_per_quarter: int, positions: int) -> Timeline:
        found = [each for index, bar in enumerate(bars) for each in _token_bars(index, bar, ticks_per_quarter)]
        return cls(tuple(found), ticks_per_quarter, positions)

    def step(self, bar: TokenBar) -> Fraction:
        """Ticks of the file that a position lasts."""
        return Fraction(4 * self.ticks_per_quarter, bar.unit * self.positions)

    def planned(self, bar: TokenBar) -> PlannedBar:
        """A position belongs to the bar if its tick, rounded, lies in it."""
        step = self.step(bar)
        first = -(-bar.lead // step)
        count = (bar.end - bar.start + bar.lead) / step
        return PlannedBar(bar.beats, bar.unit, int(first), min(int(-(-count // 1)), bar.beats * self.positions))

    def tick(self, bar: TokenBar, position: int) -> int:
        """In the file."""
        exact = bar.start + position * self.step(bar) - bar.lead
        return min(max(round(exact), bar.start), bar.end - 1)

    def token_tick(self, tick: int) -> int:
        """On the tokens' clock, where every bar is as long as its meter."""
        index = max(0, bisect_right(self._starts, tick) - 1)
        bar = self.bars[index]
        return self.token_starts[index] + round(FINENESS * (tick - bar.start + bar.lead))

    @cached_property
    def _starts(self) -> list[int]:
        return [bar.start for bar in self.bars]

    @cached_property
    def token_starts(self) -> tuple[int, ...]:
        """Of each bar, and the end of the last."""
        starts = [0]
        for bar in self.bars:
            starts.append(starts[-1] + FINENESS * 4 * self.ticks_per_quarter * bar.beats // bar.unit)
        return tuple(starts)

    def within(self, bars: Sequence[int]) -> list[int]:
        """Places of the token bars of these bars of the file."""
        wanted = set(bars)
        return [index for index, bar in enumerate(self.bars) if bar.bar in wanted]


def _token_bars(index: int, bar: Bar, ticks_per_quarter: int) -> list[TokenBar]:
    length = bar.end - bar.start
    if length < bar.full:
        own = _meter_of(Fraction(length, ticks_per_quarter), bar.meter.unit)
        if own:
            return [TokenBar(index, bar.start, bar.end, Fraction(0), *own)]
    meter = sayable(bar.meter.beats, bar.meter.unit)
    if meter is None:
        raise ConfigError(f"bar {bar.number} is in {bar.meter}, which event models do not know; choose bars before it, or another file")
    part = Fraction(4 * ticks_per_quarter * meter[0], meter[1])
    lead, whole = Fraction(bar.lead), Fraction(4 * ticks_per_quarter * bar.meter.beats, bar.meter.unit)
    found = []
    for number in range(round(whole / part)):
        start, end = (min(max(bar.start, round(bar.start - lead + place * part)), bar.end) for place in (number, number + 1))
        if start < end:
            inside = max(Fraction(0), lead - number * part)
            found.append(TokenBar(index, start, end, inside, *meter))
    return found


def _meter_of(quarters: Fraction, unit: int) -> tuple[int, int] | None:
    """A meter of exactly this length."""
    for choice in (unit, *UNITS):
        beats = quarters * choice / 4
        if choice in UNITS and beats.denominator == 1 and sayable(int(beats), choice) == (int(beats), choice):
            return int(beats), choice
    return None
