"""A comparison as one page of HTML: the table, pictures, what is farthest from Bach in words, pieces to see and to hear.

Everything lies inside the file, as little of it as says enough: what would make it larger than MOST_BYTES is left out, which is said.
"""

from __future__ import annotations

import datetime
import platform
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec

from musicgen.errors import installing
from musicgen.evaluation.compare import Row, Table
from musicgen.evaluation.compare_picture import INK, overview, style_picture
from musicgen.evaluation.compare_text import columns_of, number, span, summary
from musicgen.evaluation.explained import MEANINGS, how_far
from musicgen.evaluation.style import FAMILIES, Comparison, Rate
from musicgen.music.chorale import VOICE_LETTERS, Chorale
from musicgen.music.convert import to_score
from musicgen.music.score import Score, counted
from musicgen.rendering.audio import samples_of
from musicgen.rendering.encoding import MIME, can_encode, encoded
from musicgen.rendering.engraving import svg_of_bars
from musicgen.rendering.figures import svg_of
from musicgen.rendering.html import Html, inline_svg, page, sound, table, tag

MOST_BYTES = 9_000_000
MOST_STEPS = 320  # of a piece that is shown and played: a minute at 80 quarters a minute
PAGE_WIDTH = 1300  # of a score, in tenths of a millimetre
MOST_NAMES = 30  # of files that a list names
RATE, SMALLNESS = 22_050, 0.95  # of the sound: enough for a choir, 3 kB a second
WAV_RATE = 11_025  # without an encoder; 22 kB a second
PACKAGES = ("musicgen", "torch", "numpy", "music21", "symusic", "verovio", "matplotlib", "lameenc")
DESCRIBED = {"best": "best grade", "median": "median grade", "worst": "worst grade"}


@dataclass(frozen=True)
class Example:
    """A piece of a row to see and to hear: which one it is, and its name."""

    which: str
    name: str
    chorale: Chorale


def report_page(table: Table, command: str = "", on_progress: Callable[[float], None] = lambda share: None) -> bytes:
    """The whole file. `command`: what made it, for who wants to make it again."""
    names = [row.name for row in table.rows]
    title = f"{', '.join(names[:-1])} and {names[-1]}" if len(names) > 1 else names[0]
    head = [tag("h1", f"Compared: {title}"), *_circumstances(table, command), *_overview(table)]
    tail = [*_all_measures(table), *_glossary()]
    budget = MOST_BYTES - sum(len(part.encode()) for part in (*head, *tail))
    shown = _pieces(table, budget, on_progress)
    rows = [part for row, pieces in zip(table.rows, shown, strict=True) for part in _row(row, pieces)]
    return page(f"musicgen compare: {title}", *head, *rows, *tail)


# --- how it was made, and the whole in one look


def _circumstances(table: Table, command: str) -> Iterator[Html]:
    asked = table.asked
    yield tag(
        "p",
        f"Made on {datetime.date.today().isoformat()} with seed {asked.seed}. A model composes {asked.count} pieces of {asked.bars} bars. "
        + (f"Beside them stands the corpus {table.corpus}." if table.corpus else "There was no corpus of Bach's to compare with.")
        + " Intervals, in brackets, hold 95 %, over pieces.",
    )
    versions = ", ".join(f"{name} {_version(name)}" for name in PACKAGES)
    yield tag("p", f"Python {platform.python_version()}, {versions}.", class_="small")
    if command:
        yield tag("p", "Made by ", tag("code", command), class_="small")


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def _overview(whole: Table) -> Iterator[Html]:
    head, *rows = summary(whole)
    yield tag("h2", "The table")
    yield table(head, rows, "One row a set; what the columns mean stands under the picture")
    yield from _missing(whole.rows)
    yield tag("h2", "Side by side")
    band = " The band is Bach's interval; of the discriminator, that of its control." if whole.bach else ""
    yield _figure(
        svg_of(overview(whole)), "overview", f"Each dot is a set, its line the 95 % interval.{band} → lies further off than fits."
    )
    yield _meanings({column.head: column.meaning for column in columns_of(whole)})
    yield tag("h2", "Every measure of style")
    yield _figure(
        svg_of(style_picture(whole)),
        "style",
        "How far each set lies from Bach. In the band it may be chance: as many pieces of Bach's own would lie as far.",
    )


def _missing(rows: Sequence[Row]) -> Iterator[Html]:
    lines = [tag("li", f"{row.name}: {reason}") for row in rows for reason in row.missing.values()]
    if lines:
        yield tag("p", "Not measured:")
        yield tag("ul", *lines)


def _figure(svg: str, name: str, caption: str) -> Html:
    return tag("figure", tag("div", inline_svg(svg, name, caption, INK), class_="wide"), tag("figcaption", caption))


# --- one set after another


def _row(row: Row, pieces: Sequence[Html]) -> Iterator[Html]:
    yield tag("h2", row.name)
    yield tag("p", f"{counted(len(row.set.pieces), 'piece')}, {row.set.source}.")
    if row.set.left_out:
        yield tag("p", f"{counted(len(row.set.left_out), 'file')} left out:")
        yield _listed([f"{name}: {reason}" for name, reason in row.set.left_out.items()])
    if row.set.bent:
        yield tag("p", f"{counted(len(row.set.bent), 'piece')} changed to fit the grid of sixteenths and four voices:")
        yield _listed([f"{name}: {_first(report)}" for name, report in row.set.bent.items()])
    yield tag("h3", "Farthest from Bach")
    yield (
        tag("ul", *map(_far, row.farthest()))
        if row.farthest()
        else tag("p", "No measure of style lies further from Bach than chance goes.")
    )
    copies = [f"{name}: {run}" for name, run in row.copying.runs.items() if run and run.slices >= row.copying.limit] if row.copying else []
    if copies:
        yield tag("h3", "Copied")
        yield _listed(copies)
    if pieces:
        yield tag("h3", "To see and to hear")
        yield tag("div", *pieces, class_="pieces")
    if missing := len(examples(row)) - len(pieces):
        yield tag("p", f"{counted(missing, 'more piece')} would make this page too large.", class_="small")


def _first(report: Sequence[str]) -> str:
    return report[0] + (f" (and {len(report) - 1} more)" if len(report) > 1 else "")


def _listed(lines: Sequence[str]) -> Html:
    more = [f"and {len(lines) - MOST_NAMES} more"] if len(lines) > MOST_NAMES else []
    return tag("ul", *(tag("li", line) for line in [*lines[:MOST_NAMES], *more]), class_="small")


def _far(row: Comparison) -> Html:
    told = f": {number(row.rate.value)}, Bach {span(row.bach)}; {how_far(row)}. {MEANINGS.get(row.name, '')}"
    return tag("li", tag("strong", row.name), told.rstrip())


# --- pieces


def examples(row: Row) -> list[Example]:
    """The median, the best and the worst by grade, in the order in which they are dispensable; without grades the first."""
    ranked = sorted(row.grades, key=lambda name: row.grades[name].total)
    if not ranked:
        name, chorale = next(iter(row.set.pieces.items()))
        return [Example("first", name, chorale)]
    chosen = {ranked[(len(ranked) - 1) // 2]: "median", ranked[0]: "best", ranked[-1]: "worst"}
    if len(ranked) < 3:
        chosen = dict(zip(ranked, ("best", "worst"), strict=False))
    return [Example(which, name, row.set.pieces[name]) for name, which in chosen.items()]


def _pieces(table: Table, budget: int, on_progress: Callable[[float], None]) -> list[list[Html]]:
    """Of each row; the second of each only when all have their first, as far as the budget goes."""
    drawn: list[dict[str, Html]] = [{} for _ in table.rows]
    queue = [(turn, place) for turn in range(len(DESCRIBED)) for place in range(len(table.rows))]
    for done, (turn, place) in enumerate(queue):
        of_row = examples(table.rows[place])
        if turn < len(of_row):
            figure = _example(table.rows[place], of_row[turn], f"piece-{place}-{turn}")
            budget -= len(figure.encode())
            if budget < 0:
                break
            drawn[place][of_row[turn].which] = figure
        on_progress((done + 1) / len(queue))
    order = ["first", *DESCRIBED]
    return [[figures[which] for which in sorted(figures, key=order.index)] for figures in drawn]


def _example(row: Row, example: Example, name: str) -> Html:
    graded = f", {DESCRIBED[example.which]} {number(row.grades[example.name].total)}" if example.name in row.grades else ""
    opening = beginning(example.chorale)
    cut = "" if opening.steps == example.chorale.steps else f", the first {len(opening.bar_starts())} bars"
    caption = f"{example.name}{graded}{cut}"
    score = _simple(opening)
    drawn = tag("p", f"No picture of the score: {installing('score')}")
    if find_spec("verovio"):
        svg = svg_of_bars(replace(score, tempos=()), 0, len(opening.bar_starts()) - 1, PAGE_WIDTH, "two-staff")
        drawn = inline_svg(svg, name, f"score of {caption}")
    return tag("figure", tag("figcaption", caption), _sound(score, caption), drawn)


def _simple(chorale: Chorale) -> Score:
    """With letters for names, and fermatas at the outer voices alone, where two staves have room for them."""
    score = to_score(chorale, list(VOICE_LETTERS))
    outer, inner = (score.parts[0], score.parts[-1]), score.parts[1:-1]
    plain = [replace(part, notes=tuple(replace(note, fermata=False) for note in part.notes)) for part in inner]
    return replace(score, parts=(outer[0], *plain, outer[1]), title="")


def beginning(chorale: Chorale) -> Chorale:
    """As many whole bars as MOST_STEPS hold, all of a shorter piece."""
    if chorale.steps <= MOST_STEPS:
        return chorale
    end = max((start for start in chorale.bar_starts() if 0 < start <= MOST_STEPS), default=MOST_STEPS)
    meters = tuple(change for change in chorale.meters if change.start < end)
    return chorale.replaced(pitch=chorale.pitch[:, :end], onset=chorale.onset[:, :end], fermata=chorale.fermata[:end], meters=meters)


def _sound(score: Score, caption: str) -> Html:
    suffix, rate = (".mp3", RATE) if can_encode(".mp3") else (".wav", WAV_RATE)
    data = encoded(samples_of(score, rate, channels=1), suffix, rate, SMALLNESS)
    return sound(data, MIME[suffix], f"play {caption}")


# --- everything that was measured


def _all_measures(whole: Table) -> Iterator[Html]:
    yield tag("h2", "Everything that was measured")
    head = ["", "Bach, 391 chorales", *(row.name for row in whole.rows)]
    for family, measures in FAMILIES.items():
        by_name = [{each.name: each for each in row.style} for row in whole.rows]
        lines = [[measure.name, span(measure.bach), *(_cell(named[measure.name]) for named in by_name)] for measure in measures]
        yield table(head, lines, f"{family.capitalize()}; * outside Bach's interval")
    graded = [row.likeness for row in whole.rows if row.likeness]
    if len(graded) < len(whole.rows):
        return
    head = ["", *(row.name for row in whole.rows)]
    grades = [[name, *(span(each.grades[name]) for each in graded)] for name in graded[0].grades]
    yield table(head, grades, "The grade and its nine distances, median over pieces")
    distances = [[name, *(span(each.distances[name]) for each in graded)] for name in graded[0].distances]
    yield table(
        head,
        distances,
        "Distances of each set from the chorales that models learn from; 0 is nearest, Bach's own row is what can be reached",
    )


def _cell(row: Comparison) -> str:
    return span(row.rate) + ("" if row.is_inside or _is_nothing(row.rate) else " *")


def _is_nothing(rate: Rate) -> bool:
    return rate.value != rate.value


def _glossary() -> Iterator[Html]:
    yield tag("h2", "What the measures mean")
    yield _meanings(MEANINGS)


def _meanings(meanings: Mapping[str, str]) -> Html:
    return tag("dl", *(tag("div", tag("dt", name), tag("dd", meaning)) for name, meaning in meanings.items()))
