"""Meters as event tokens can say them: whole bars of meters that the grid has, from the first tick on.

Meters: rows of tick, beats, unit, sorted by tick.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from musicgen.tokenizers.event_grid import MOST_BEATS, UNITS, EventGrid

Meter = tuple[int, int]  # beats, unit
MeterRow = tuple[int, int, int]  # tick, beats, unit

COMMON = (4, 4)


def sayable(beats: int, unit: int) -> Meter | None:
    """The meter itself, or one of which several bars fill each of its bars, 9/8 for 18/8. None if there is none.

    A denominator that the grid lacks becomes one that it has where the bar stays as long: 1/1 is 2/2, 4/32 is 2/16.
    """
    if unit not in UNITS:
        scaled = beats * UNITS[0] / unit if unit < UNITS[0] else beats * UNITS[-1] / unit
        unit = UNITS[0] if unit < UNITS[0] else UNITS[-1]
        if scaled != int(scaled):
            return None
        beats = int(scaled)
    for parts in range(1, beats + 1):
        if beats % parts == 0 and beats // parts <= MOST_BEATS[unit]:
            return beats // parts, unit
    return None


def clean_meters(changes: Iterable[tuple[float, int, int]], grid: EventGrid) -> tuple[list[MeterRow], list[str]]:
    """Changes at ticks of the grid, not always whole ones, as the tokens hold them, and what was lost.

    A change within a bar ends that bar early, which gets a meter of its own length if there is one; else the change waits for the barline.
    """
    rows: list[MeterRow] = []
    losses: list[str] = []
    for tick, meter in _changes(changes, losses):
        if not rows:
            rows += [(0, *meter)] if tick <= 0 else [(0, *COMMON)]
        start, beats, unit = rows[-1]
        bar = grid.bar(beats, unit)
        whole, rest = divmod(max(round(tick) - start, 0), bar)
        barline = start + whole * bar
        short = _meter_of(rest, unit, grid) if 1 < rest < bar - 1 else None
        if (beats, unit) == meter and not short:
            continue
        if rest >= bar - 1:  # the source's ticks are not the grid's
            barline, rest = barline + bar, 0
        elif short:
            losses.append(f"bars: one of {beats}/{unit} is cut short by the next meter; its tokens say {short[0]}/{short[1]}")
            _append(rows, (barline, *short))
            barline += rest
        elif rest > 1:
            losses.append(f"bars: a change to {meter[0]}/{meter[1]} comes within a bar; it waits for the barline")
            barline += bar
        _append(rows, (barline, *meter))
    return rows or [(0, *COMMON)], losses


def _changes(changes: Iterable[tuple[float, int, int]], losses: list[str]) -> Iterator[tuple[float, Meter]]:
    for tick, beats, unit in changes:
        meter = sayable(beats, unit) if beats and unit else None
        if meter is None:
            losses.append(f"meters: {beats}/{unit} is none that tokens hold; the meter before it goes on")
            continue
        if meter != (beats, unit):
            losses.append(f"meters: {beats}/{unit} is written as {meter[0]}/{meter[1]}")
        yield tick, meter


def _meter_of(ticks: int, unit: int, grid: EventGrid) -> Meter | None:
    """A meter whose bar lasts so long, of this denominator if possible, else of the longest."""
    for choice in (unit, *UNITS):
        beats, rest = divmod(ticks, grid.bar(1, choice))
        if not rest and 1 <= beats <= MOST_BEATS[choice]:
            return beats, choice
    return None


def _append(rows: list[MeterRow], row: MeterRow) -> None:
    """The last of several changes at one tick counts, and none that says again what holds already."""
    while rows and rows[-1][0] >= row[0]:
        rows.pop()
    if not rows or rows[-1][1:] != row[1:]:
        rows.append(row)
