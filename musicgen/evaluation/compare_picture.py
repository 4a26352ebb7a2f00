"""A comparison as pictures: the sets side by side with their intervals and Bach's band; and every style measure of every set."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from musicgen.evaluation.compare import Row, Table
from musicgen.evaluation.compare_text import number
from musicgen.evaluation.sets import DICE
from musicgen.evaluation.style import FAMILIES, Comparison, Rate

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK, BAND, PALE = "#000000", "#2f7f8f", "#808080"
COLORS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")  # Okabe and Ito: told apart by the color-blind
SHAPES = "os^DvP*X"
COLUMNS = 4
WIDEST = 60  # letters of a row's name
FARTHEST = 300.0
TICKS = (-100, -30, -10, -3, -1, 0, 1, 3, 10, 30, 100)


@dataclass(frozen=True)
class Panel:
    """A figure of each row with its interval, None where there is none; Bach's, as a band; where the axis ends, if not by the figures."""

    title: str
    rate: Callable[[Row], Rate | None]
    bach: Rate | None = None
    end: float | None = None


def panels_of(table: Table) -> list[Panel]:
    """Those that some row has a figure for."""
    bach = table.bach
    one = Rate(1.0, 1.0, 1.0) if bach and bach.likeness else None
    panels = [
        Panel("grade, lower is nearer", lambda row: row.grade, bach.grade if bach else None),
        Panel("distance, Bach as 1", lambda row: _certain(table.distance_from_bach(row)), one),
        _style_panel(table, "parallel fifths per 100 transitions"),
        _style_panel(table, "overlaps, % of transitions"),
        _style_panel(table, "non-chord tones, % of onsets"),
        _style_panel(table, "chords foreign to their key, % of chords"),
        Panel("copied, % of pieces", _copied, _copied(bach) if bach else None),
        Panel("told from Bach, % of pieces", _told, _control(table.rows), 104.0),
    ]
    return [panel for panel in panels if any(panel.rate(row) for row in table.rows)]


def _style_panel(table: Table, name: str) -> Panel:
    return Panel(name, lambda row: _measured(row, name).rate, _measured(table.rows[0], name).bach)


def _measured(row: Row, name: str) -> Comparison:
    return next(each for each in row.style if each.name == name)


def _certain(value: float) -> Rate | None:
    return None if np.isnan(value) else Rate(value, value, value)


def _copied(row: Row) -> Rate | None:
    return Rate(row.copying.percent, *row.copying.interval) if row.copying else None


def _told(row: Row) -> Rate | None:
    found = row.discrimination
    return Rate(100 * found.accuracy, 100 * found.interval[0], 100 * found.interval[1]) if found else None


def _control(rows: Sequence[Row]) -> Rate | None:
    """The same for all sets that were judged."""
    found = next((row.discrimination for row in rows if row.discrimination), None)
    return Rate(100 * found.control, 100 * found.control_interval[0], 100 * found.control_interval[1]) if found else None


def overview(table: Table) -> Figure:
    """A panel for each figure, a line in it for each set."""
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    panels = panels_of(table)
    rows = -(-len(panels) // COLUMNS)
    picture = Figure(figsize=(12, rows * (0.9 + 0.3 * len(table.rows))), layout=ConstrainedLayoutEngine(hspace=0.1))
    plots = picture.subplots(rows, COLUMNS, squeeze=False).ravel()
    for place, (plot, panel) in enumerate(zip(plots, panels, strict=False)):
        _draw_panel(plot, table.rows, panel, named=place % COLUMNS == 0)
    for plot in plots[len(panels) :]:
        plot.remove()
    return picture


def _draw_panel(plot: Axes, rows: Sequence[Row], panel: Panel, named: bool) -> None:
    rates = [panel.rate(row) for row in rows]
    end = panel.end or _end([*(rate for row, rate in zip(rows, rates, strict=True) if rate and row.name != DICE), panel.bach])
    if panel.bach is not None:
        plot.axvspan(panel.bach.low, panel.bach.high, color=BAND, alpha=0.25, linewidth=0)
        plot.axvline(panel.bach.value, color=BAND, linewidth=1)
    for place, rate in enumerate(rates):
        if rate is None or np.isnan(rate.value):
            plot.text(0, place, " none", va="center", fontsize=8, color=PALE)
        elif rate.value > end:
            plot.text(end, place, f"{number(rate.value)} →", va="center", ha="right", fontsize=8, color=INK)
        else:
            low, high = (value if np.isfinite(value) else rate.value for value in (rate.low, rate.high))
            plot.plot([low, min(high, end)], [place, place], color=INK, linewidth=1.2)
            plot.plot(rate.value, place, "o", color=INK, markersize=5, clip_on=False)
    plot.set_title(panel.title, fontsize=9, loc="left")
    plot.set_xlim(0, end)
    plot.set_ylim(len(rows) - 0.5, -0.5)
    plot.set_yticks(range(len(rows)), [_written(row) for row in rows] if named else [], fontsize=9)
    _plain(plot)


def _end(rates: Sequence[Rate | None]) -> float:
    """Where an axis ends: what lies further off, as dice do, would press the others together."""
    highest = [value for rate in rates if rate for value in (rate.value, rate.high) if np.isfinite(value)]
    return 1.08 * max(highest, default=1.0) or 1.0


def _written(row: Row) -> str:
    """matplotlib reads $ as mathematics, and leaves out of a legend what begins with _."""
    name = row.name[:WIDEST].replace("$", r"\$")
    return f" {name}" if name.startswith("_") else name


def _plain(plot: Axes) -> None:
    plot.tick_params(axis="x", labelsize=8)
    plot.tick_params(axis="y", length=0)
    plot.spines[["top", "right", "left"]].set_visible(False)


def style_picture(table: Table) -> Figure:
    """How far every style measure of every set lies from Bach's, below him to the left; 1 is as far as chance goes."""
    from matplotlib.figure import Figure

    names = [measure.name for family in FAMILIES.values() for measure in family]
    picture = Figure(figsize=(12, 1.2 + 0.24 * len(names)), layout="constrained")
    plot = picture.subplots()
    plot.axvspan(-1, 1, color=BAND, alpha=0.25, linewidth=0)
    plot.axvline(0, color=BAND, linewidth=1)
    for place_of_row, row in enumerate(table.rows):
        by_name = {each.name: each for each in row.measured}
        places = [(_signed(row, by_name[name]), place) for place, name in enumerate(names) if name in by_name]
        style: dict[str, Any] = {"color": COLORS[place_of_row % len(COLORS)], "markersize": 6, "alpha": 0.8}
        if places:
            plot.plot(*zip(*places, strict=True), SHAPES[place_of_row % len(SHAPES)], label=_written(row), **style)
    plot.set_xscale("symlog", linthresh=2)
    plot.set_xticks(TICKS, [f"{abs(tick)}" for tick in TICKS])
    plot.minorticks_off()
    plot.set_xlabel("less than Bach  ←  distance from Bach's rate, 1 is as far as chance goes  →  more than Bach", fontsize=9)
    plot.set_yticks(range(len(names)), names, fontsize=8)
    plot.set_ylim(len(names) - 0.5, -0.5)
    plot.grid(axis="y", color=PALE, alpha=0.25)
    _plain(plot)
    picture.legend(loc="outside upper right", ncols=len(table.rows), frameon=False, fontsize=9)
    return picture


def _signed(row: Row, measured: Comparison) -> float:
    return float(np.copysign(min(row.farness(measured), FARTHEST), measured.rate.value - measured.bach.value))
