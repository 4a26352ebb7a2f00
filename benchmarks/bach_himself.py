"""Bach's own figures: the rates of `evaluate style` with their intervals, and the published grade of his chorales as the paper takes it."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean, stdev
from typing import Any

import numpy as np
from report import circumstances, parser, print_report, progress

from musicgen import Chorale, load_corpus
from musicgen.corpus.store import Corpus
from musicgen.evaluation.beside_bach import TOTAL, median_grades
from musicgen.evaluation.grade import PUBLISHED, PUBLISHED_TOTAL, BachGrade, Grade
from musicgen.evaluation.style import FAMILIES, measure


def main() -> None:
    chosen = parser(__doc__).parse_args()
    facts = circumstances(chosen.seed, chosen.threads)
    corpus = load_corpus()
    chorales = [piece.chorale for piece in corpus.all_pieces]
    progress(f"rates of {len(chorales)} chorales")
    rates = measure(chorales)
    progress("grades")
    sets = {title: summary(grades, chosen.seed) for title, grades in graded(corpus).items()}
    figures = {"circumstances": facts, "rates": {name: (rate.value, rate.low, rate.high) for name, rate in rates.items()}, "grades": sets}
    print_report(figures, lines(figures), chosen.json)


def graded(corpus: Corpus) -> dict[str, list[Grade]]:
    """The paper grades the chorales of Riemenschneider's numbers by themselves; the others are checks of that."""
    names = numbered_names()
    numbered = [piece.chorale for piece in corpus.all_pieces if piece.name in names]
    paper = BachGrade.of(numbered)
    learned = BachGrade.of([piece.chorale for piece in corpus.all_pieces if piece.split in ("train", "extra")])
    return {
        "as in the paper": paper.own_grades(),
        "no repeated notes": [paper.grade(without_repeated_notes(chorale)) for chorale in numbered],
        "all by all": BachGrade.of([piece.chorale for piece in corpus.all_pieces]).own_grades(),
        "test by train": [learned.grade(piece.chorale) for piece in corpus.pieces("test")],
    }


def numbered_names() -> set[str]:
    from music21.corpus.chorales import ChoraleListRKBWV

    return {f"bwv{entry['bwv']}" for entry in ChoraleListRKBWV().byRiemenschneider.values()}


def without_repeated_notes(chorale: Chorale) -> Chorale:
    """As step matrices have it: a repeated pitch is a held one."""
    onset = np.array(chorale.onset)
    onset[:, 1:] &= chorale.pitch[:, 1:] != chorale.pitch[:, :-1]
    return chorale.replaced(onset=onset)


def summary(grades: Sequence[Grade], seed: int) -> dict[str, Any]:
    medians = median_grades(grades, seed)
    columns = {name: [grade.parts.get(name, grade.total) for grade in grades] for name in medians}
    return {
        "pieces": len(grades),
        **{
            name: {"median": rate.value, "interval": (rate.low, rate.high), "mean": fmean(columns[name]), "deviation": stdev(columns[name])}
            for name, rate in medians.items()
        },
    }


def lines(figures: dict[str, Any]) -> list[str]:
    width = max(map(len, figures["rates"]))
    table = []
    for family, measures in FAMILIES.items():
        table.append(f"{family:{width}} {'value':>10} {'95 %':>20}")
        for each in measures:
            value, low, high = figures["rates"][each.name]
            table.append(f"{each.name:{width}} {value:10.4g} {f'[{low:.4g}, {high:.4g}]':>20}")
    table += ["", "Fang et al. 2020: median, 95 % interval of it, (standard deviation); the total's mean in the last line"]
    titles = [f"{title} ({one['pieces']})" for title, one in figures["grades"].items()]
    table.append(f"{'':18} {'published':>12}" + "".join(f"{title:>30}" for title in titles))
    for name, (median, deviation) in (PUBLISHED | {TOTAL: PUBLISHED_TOTAL}).items():
        cells = (grade_cell(one[name]) for one in figures["grades"].values())
        table.append(f"{name:18} {f'{median} ({deviation})':>12}" + "".join(f"{cell:>30}" for cell in cells))
    means = (f"{one[TOTAL]['mean']:.2f}" for one in figures["grades"].values())
    return [*table, f"{'mean':18} {'':>12}" + "".join(f"{mean:>30}" for mean in means)]


def grade_cell(one: dict[str, Any]) -> str:
    low, high = one["interval"]
    return f"{one['median']:.2f} [{low:.2f}, {high:.2f}] ({one['deviation']:.2f})"


if __name__ == "__main__":
    main()
