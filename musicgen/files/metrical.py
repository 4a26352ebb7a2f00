"""Metrical weight, and which lengths are one note value where they stand.

Positions are Fractions of a quarter from the start of the bar. Levels: 0 barline, 1 middle or group of the bar, 2 beat, 3 half or third
of a beat, 4 and on halves of that.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from functools import lru_cache

from musicgen.music.score import Meter

SHORTEST = 32  # of a quarter: a 128th note
NOTE_VALUES = ("breve", "whole", "half", "quarter", "eighth", "16th", "32nd", "64th", "128th")
_UNDOTTED = {Fraction(8) / 2**index: name for index, name in enumerate(NOTE_VALUES)}
VALUES = {length: (name, 0) for length, name in _UNDOTTED.items()} | {length * 3 / 2: (name, 1) for length, name in _UNDOTTED.items()}


@lru_cache(maxsize=256)
def group_starts(meter: Meter) -> tuple[Fraction, ...]:
    """Positions inside the bar that a note should not hide: the middle of 4/4, 3 + 2 in 5/4, 4 + 3 in 7/4."""
    beats = int(meter.bar_quarters / meter.beat_quarters)
    if beats % 2 == 0 and beats > 2:
        return (meter.bar_quarters / 2,)
    if beats in (5, 7):
        return (meter.beat_quarters * (beats // 2 + 1),)
    return ()


@lru_cache(maxsize=65536)
def level(position: Fraction, meter: Meter) -> int:
    if position % meter.bar_quarters == 0:
        return 0
    if position in group_starts(meter):
        return 1
    unit, depth = meter.beat_quarters, 2
    while position % unit and depth < 10:
        unit, depth = _subdivided(unit, depth, meter), depth + 1
    return depth


def _subdivided(unit: Fraction, depth: int, meter: Meter) -> Fraction:
    return unit / 3 if depth == 2 and meter.is_compound else unit / 2


def inner_marks(start: Fraction, end: Fraction, meter: Meter) -> tuple[int, list[Fraction]]:
    """The strongest level inside (start, end), and the positions that have it."""
    groups = [mark for mark in group_starts(meter) if start < mark < end]
    if groups:
        return 1, groups
    unit, depth = meter.beat_quarters, 2
    while (start // unit + 1) * unit >= end:
        unit, depth = _subdivided(unit, depth, meter), depth + 1
    first = (start // unit + 1) * unit
    return depth, [first + unit * index for index in range(-(-(end - first) // unit))]


# --- values


def is_one_note(start: Fraction, end: Fraction, meter: Meter) -> bool:
    """Whether [start, end) is written as one note: syncopation may hide one mark, one level stronger than where it starts."""
    value = VALUES.get(end - start)
    if value is None:
        return False
    own = level(start, meter)
    strongest, marks = inner_marks(start, end, meter)
    if meter.is_compound and strongest <= 2:
        return own <= 2 and level(end, meter) <= 2
    if own <= strongest:
        return True
    return own - strongest == 1 and len(marks) == 1 and (value[1] == 0 or own == 2 or level(end, meter) <= own)


def is_one_rest(start: Fraction, end: Fraction, meter: Meter) -> bool:
    """Rests hide nothing as strong as either of their ends."""
    strongest, _ = inner_marks(start, end, meter)
    return end - start in VALUES and strongest > max(level(start, meter), level(end, meter))


def split(
    start: Fraction, end: Fraction, meter: Meter, fits: Callable[[Fraction, Fraction, Meter], bool]
) -> list[tuple[Fraction, Fraction]]:
    """[start, end) in the fewest pieces that `fits` allows, cut at the strongest marks."""
    if fits(start, end, meter) or end - start <= Fraction(1, SHORTEST):
        return [(start, end)]
    strongest, marks = inner_marks(start, end, meter)
    cut = marks[-1] if level(start, meter) <= strongest else marks[0]
    return split(start, cut, meter, fits) + split(cut, end, meter, fits)
