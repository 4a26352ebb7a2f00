"""A comparison as a table of words and numbers: a line for each set, and what is farthest from Bach in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from musicgen.evaluation.compare import Row, Table
from musicgen.evaluation.style import Comparison, Rate

NOTHING = ""


@dataclass(frozen=True)
class Column:
    """A head, what it means, and the cell of a row; NOTHING where it was not measured."""

    head: str
    meaning: str
    cell: Callable[[Table, Row], str]


def number(value: float) -> str:
    """Three figures or so; a dash for nan."""
    return "-" if np.isnan(value) else f"{value:.2f}" if abs(value) < 10 else f"{value:.1f}" if abs(value) < 1000 else f"{value:,.0f}"


def span(rate: Rate) -> str:
    """`5.1 [4.7, 5.4]`."""
    return number(rate.value) if np.isnan(rate.low) else f"{number(rate.value)} [{number(rate.low)}, {number(rate.high)}]"


def percent(share: float, interval: tuple[float, float]) -> str:
    return f"{100 * share:.0f} % [{100 * interval[0]:.0f}, {100 * interval[1]:.0f}]"


def _inside(table: Table, row: Row) -> str:
    return f"{row.inside} of {len(row.measured)}"


def _grade(table: Table, row: Row) -> str:
    return span(row.grade) if row.grade else NOTHING


def _distance(table: Table, row: Row) -> str:
    distance = table.distance_from_bach(row)
    return NOTHING if np.isnan(distance) else number(distance)


def _copied(table: Table, row: Row) -> str:
    return f"{row.copying.percent:.1f} % [{row.copying.interval[0]:.1f}, {row.copying.interval[1]:.1f}]" if row.copying else NOTHING


def _longest(table: Table, row: Row) -> str:
    return str(row.copying.longest) if row.copying else NOTHING


def _told(table: Table, row: Row) -> str:
    return percent(row.discrimination.accuracy, row.discrimination.interval) if row.discrimination else NOTHING


def _control(table: Table, row: Row) -> str:
    return percent(row.discrimination.control, row.discrimination.control_interval) if row.discrimination else NOTHING


def _likelihood(kind: str) -> Callable[[Table, Row], str]:
    return lambda table, row: f"{row.likelihood.nats_per_cell:.3f}" if row.likelihood and row.likelihood.kind == kind else NOTHING


def _rewritten(table: Table, row: Row) -> str:
    return percent(row.reconstruction.cells, row.reconstruction.cells_interval) if row.reconstruction else NOTHING


def _seconds(table: Table, row: Row) -> str:
    return NOTHING if row.set.seconds is None else number(row.set.seconds)


LIKELIHOODS = {
    "exact": "a chain rule in an order that never sees the future",
    "bound": "at most this, an average over orders",
    "pseudo": "each cell given all others, the future too: no likelihood, and not to be compared with the other two",
}
COLUMNS = (
    Column("pieces", "How many pieces were measured.", lambda table, row: str(len(row.set.pieces))),
    Column(
        "inside",
        "Style measures that lie in Bach's 95 % interval, of those that could be taken. His own held-out pieces miss some.",
        _inside,
    ),
    Column(
        "grade",
        "“Bach or Mock” (Fang and others 2020): the sum of nine distances, median over pieces with its 95 % interval; lower is nearer.",
        _grade,
    ),
    Column(
        "distance",
        "Distances of the whole set from the chorales that models learn from, over those of Bach's held-out row, as one geometric mean: "
        "1 is as near as Bach himself. Sets of few pieces lie further off.",
        _distance,
    ),
    Column(
        "copied", "Pieces that share 12 slices or more with a chorale of the train split, in any key; less than Bach is no fault.", _copied
    ),
    Column("longest", "The longest run shared with such a chorale, in slices.", _longest),
    Column(
        "told from Bach",
        "Pieces that a small network, trained for it on other pieces, rightly tells from held-out Bach or Bach from them: 50 % is chance, "
        "the goal; 100 % means that something always gives them away.",
        _told,
    ),
    Column(
        "Bach from Bach",
        "The control of that figure, one half of Bach against the other: if 50 % is not in it, it is worth nothing.",
        _control,
    ),
    *(
        Column(
            f"nats, {kind}",
            f"How well the model foretells Bach's valid split, in nats per cell, less is better: {meaning}.",
            _likelihood(kind),
        )
        for kind, meaning in LIKELIHOODS.items()
    ),
    Column(
        "rewritten",
        "Given the sopranos of Bach's valid split, cells of the other voices that get Bach's pitch. Many harmonizations are good.",
        _rewritten,
    ),
    Column("s a piece", "Seconds of processor time to compose a piece, planning included, loading not.", _seconds),
)


def columns_of(table: Table) -> list[Column]:
    """Those that some row has a cell of."""
    return [column for column in COLUMNS if any(column.cell(table, row) for row in table.rows)]


def summary(table: Table) -> list[list[str]]:
    """The head, and a row for each set."""
    columns = columns_of(table)
    return [
        ["", *(column.head for column in columns)],
        *([row.name, *(column.cell(table, row) for column in columns)] for row in table.rows),
    ]


def table_lines(table: Table) -> Iterator[str]:
    """The summary, then what is farthest from Bach in each set, then what could not be measured."""
    cells = summary(table)
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for row in cells:
        first, *others = (
            f"{cell:>{width}}" if place else f"{cell:{width}}" for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        yield "  ".join([first, *others]).rstrip()
    for each in table.rows:
        far = each.farthest()
        if far and not each.set.is_bach:
            yield f"{each.name}, farthest from Bach: {'; '.join(map(beside, far))}"
    for each in table.rows:
        yield from (f"{each.name}, not measured: {reason}" for reason in each.missing.values())


def beside(row: Comparison) -> str:
    """`overlaps, % of transitions 9.3 (Bach 5.7)`."""
    return f"{row.name} {number(row.rate.value)} (Bach {number(row.bach.value)})"


def remarks(rows: Sequence[Row]) -> list[str]:
    """What was left out, and how many pieces had to be changed."""
    left_out = [f"{row.name}, {file}: left out; {reason}" for row in rows for file, reason in row.set.left_out.items()]
    bent = [f"{row.name}: {len(row.set.bent)} pieces changed to fit the grid, --json says how" for row in rows if row.set.bent]
    return [*bent, *left_out]
