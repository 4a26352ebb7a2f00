"""A set of pieces beside Bach: rates, the published grade and distances, each with what he has himself.

The reference of grade and distances is the train split of a corpus (and what is in no split); beside them stands its test split, which the
reference lacks. The paper instead grades Bach by pieces that he is among: `BachGrade.own_grades`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from musicgen.corpus.store import Corpus
from musicgen.evaluation.distances import BachDistances
from musicgen.evaluation.grade import PUBLISHED, PUBLISHED_TOTAL, BachGrade, Grade
from musicgen.evaluation.style import RESAMPLINGS, Comparison, Rate, compare_to_bach, format_table, interval_of
from musicgen.music.chorale import Chorale

TOTAL = "all nine together"
LEARNED, UNHEARD = ("train", "extra"), "test"


def median_grades(grades: Sequence[Grade], seed: int = 0) -> dict[str, Rate]:
    """The median over pieces of each part and of the total, with its 95 % interval by bootstrap over pieces."""
    table = np.array([[*(grade.parts[feature] for feature in PUBLISHED), grade.total] for grade in grades])  # (N, F)
    drawn = np.random.default_rng(seed).integers(len(table), size=(RESAMPLINGS, len(table)))
    lows, highs = interval_of(np.median(table[drawn], axis=1), len(table))
    rows = zip((*PUBLISHED, TOTAL), np.median(table, axis=0), lows, highs, strict=True)
    return {name: Rate(float(value), float(low), float(high)) for name, value, low, high in rows}


@dataclass(frozen=True)
class Likeness:
    """How like the reference some pieces are: grades (medians over pieces) and distances, by name."""

    pieces: int
    grades: dict[str, Rate]
    distances: dict[str, Rate]


@dataclass(frozen=True, eq=False)
class Reference:
    """What Bach's pieces are counted to, once, and how like it his unheard pieces are, if the corpus has any."""

    grade: BachGrade
    distances: BachDistances
    bach: Likeness | None = None

    @classmethod
    def of(cls, corpus: Corpus) -> Reference:
        splits = corpus.counts()
        learned = [piece.chorale for split in LEARNED if split in splits for piece in corpus.pieces(split)]
        unheard = [piece.chorale for piece in corpus.all_pieces if piece.split == UNHEARD]
        reference = cls(BachGrade.of(learned), BachDistances.of(learned))
        return cls(reference.grade, reference.distances, reference.measure(unheard) if unheard else None)

    def measure(self, chorales: Sequence[Chorale], seed: int = 0) -> Likeness:
        return self.likeness(chorales, [self.grade.grade(chorale) for chorale in chorales], seed)

    def likeness(self, chorales: Sequence[Chorale], grades: Sequence[Grade], seed: int = 0) -> Likeness:
        """As `measure`, of pieces whose grades are known."""
        return Likeness(len(chorales), median_grades(grades, seed), self.distances.measure(chorales))


@dataclass(frozen=True)
class StyleReport:
    """`rates` need no corpus; `likeness` is None without one, `bach` without a test split."""

    rates: list[Comparison]
    likeness: Likeness | None = None
    bach: Likeness | None = None

    def to_dict(self) -> dict[str, Any]:
        return {
            "rates": [asdict(row) | {"is_inside": row.is_inside} for row in self.rates],
            "likeness": None if self.likeness is None else asdict(self.likeness),
            "bach": None if self.bach is None else asdict(self.bach),
        }

    def lines(self) -> list[str]:
        return [format_table(self.rates), *(self._likeness_lines(self.likeness) if self.likeness else [])]

    def _likeness_lines(self, likeness: Likeness) -> Iterator[str]:
        width = max(len(row.name) for row in self.rates)
        beside = f"{'Bach':>7} {'95 %':>17}" if self.bach else ""
        yield f"{'grade, median (published for Bach)':{width}}  {'value':>7} {'95 %':>17}   {beside}"
        published = {name: f"{name} ({median})" for name, (median, _) in (PUBLISHED | {TOTAL: PUBLISHED_TOTAL}).items()}
        for name, rate in likeness.grades.items():
            yield f"{published[name]:{width}}  {rate.cells()}   {self.bach.grades[name].cells() if self.bach else ''}".rstrip()
        yield f"{'distance from Bach':{width}}  {'value':>7} {'95 %':>17}   {beside}"
        for name, rate in likeness.distances.items():
            yield f"{name:{width}}  {rate.cells()}   {self.bach.distances[name].cells() if self.bach else ''}".rstrip()


def report_style(chorales: Sequence[Chorale], reference: Reference | None = None, seed: int = 0) -> StyleReport:
    rates = compare_to_bach(chorales, seed)
    return StyleReport(rates) if reference is None else StyleReport(rates, reference.measure(chorales, seed), reference.bach)
