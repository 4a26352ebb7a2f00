"""Sets of pieces side by side, each measured in every way there is, with Bach and dice beside them.

    from musicgen.evaluation.compare import compare

    table = compare({"mine": chorales, "theirs": others}, load_corpus())

Without a corpus there are the style measures alone. Bach's pieces that a reference has learned from are in no row.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from musicgen.corpus.store import Corpus
from musicgen.errors import CheckpointError, ConfigError, NotationError
from musicgen.evaluation.beside_bach import TOTAL, Likeness, Reference
from musicgen.evaluation.copying import CopyIndex, CopyReport, measure_copying
from musicgen.evaluation.discriminator import Discrimination, Verdict, bach_from_bach, discriminate
from musicgen.evaluation.grade import Grade
from musicgen.evaluation.likelihood import LikelihoodReport, measure_likelihood
from musicgen.evaluation.reconstruction import ReconstructionReport, measure_reconstruction
from musicgen.evaluation.sets import BACH, DICE, Asked, PieceSet, bach_set, composed_set
from musicgen.evaluation.style import Comparison, Rate, compare_to_bach
from musicgen.evaluation.unseen import check_unseen
from musicgen.music.chorale import VOICES, Chorale

BACH_PIECES = 391  # that his rates were counted in
DEEP_SPLIT = "valid"
UNHEARD = ("valid", "test")  # what the discriminator sets against a set: the first that has the most that is not in the set

OnProgress = Callable[[float, str], None]


@dataclass(frozen=True, eq=False)
class Row:
    """What was measured of one set; what could not be has its reason in `missing`, by the name of the measurement.

    grades: of each piece, by its name.
    """

    name: str
    set: PieceSet
    style: Sequence[Comparison]
    grades: Mapping[str, Grade]
    likeness: Likeness | None
    copying: CopyReport | None
    discrimination: Discrimination | None
    likelihood: LikelihoodReport | None
    reconstruction: ReconstructionReport | None
    missing: Mapping[str, str]

    @property
    def grade(self) -> Rate | None:
        """The median over pieces."""
        return self.likeness.grades[TOTAL] if self.likeness else None

    @property
    def measured(self) -> list[Comparison]:
        """Style measures of which there was a chance."""
        return [row for row in self.style if not np.isnan(row.rate.value)]

    @property
    def inside(self) -> int:
        """How many of them lie in Bach's interval."""
        return sum(row.is_inside for row in self.measured)

    def farthest(self, most: int = 5) -> list[Comparison]:
        """Style measures that chance does not explain, the farthest first."""
        far = [row for row in self.measured if self.farness(row) > 1]
        return sorted(far, key=self.farness, reverse=True)[:most]

    def farness(self, row: Comparison) -> float:
        return farness(row, len(self.set.pieces))

    def to_dict(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "source": self.set.source,
            "pieces": len(self.set.pieces),
            "left_out": dict(self.set.left_out),
            "bent": {name: list(report) for name, report in self.set.bent.items()},
            "seconds_a_piece": self.set.seconds,
            "style": [asdict(row) | {"is_inside": row.is_inside, "farness": self.farness(row)} for row in self.style],
            "inside": self.inside,
            "likeness": asdict(self.likeness) if self.likeness else None,
            "grades": {name: asdict(grade) for name, grade in self.grades.items()},
            "copying": self.copying.to_dict() if self.copying else None,
            "discriminator": self.discrimination.to_dict() if self.discrimination else None,
            "likelihood": self.likelihood.to_dict() if self.likelihood else None,
            "reconstruction": self.reconstruction.to_dict() if self.reconstruction else None,
            "missing": dict(self.missing),
        }


def farness(row: Comparison, pieces: int) -> float:
    """How far a rate of so many pieces lies from Bach's, where 1 is as far as so many pieces of his own come by chance, 19 times in 20."""
    width = (row.bach.high - row.bach.low) / 2 * np.sqrt(1 + BACH_PIECES / pieces)
    return float(abs(row.rate.value - row.bach.value) / width)


@dataclass(frozen=True, eq=False)
class Table:
    """A row for each set, in the order that was asked for, then Bach and dice."""

    rows: Sequence[Row]
    asked: Asked
    corpus: str | None

    @property
    def bach(self) -> Row | None:
        return next((row for row in self.rows if row.set.is_bach), None)

    def distance_from_bach(self, row: Row) -> float:
        """The distances from Bach's learned pieces, each over that of his row, as one geometric mean; nan without his row."""
        if row.likeness is None or self.bach is None or self.bach.likeness is None:
            return float("nan")
        own = self.bach.likeness.distances
        ratios = [rate.value / own[name].value for name, rate in row.likeness.distances.items() if own[name].value and rate.value]
        return float(np.exp(np.mean(np.log(ratios)))) if ratios else float("nan")

    def to_dict(self) -> dict[str, Any]:
        rows = [row.to_dict() | {"distance_from_bach": self.distance_from_bach(row)} for row in self.rows]
        return {"corpus": self.corpus, "asked": asdict(self.asked), "rows": rows}


def compare(
    sets: Mapping[str, Sequence[Chorale] | PieceSet],
    corpus: Corpus | None = None,
    *,
    asked: Asked | None = None,
    references: bool = True,
    deep: bool = False,
    discriminator: bool = True,
    on_progress: OnProgress = lambda share, what: None,
) -> Table:
    """Measures every set. `references`: with Bach's held-out pieces and with dice; `deep`: models also by likelihood and reconstruction."""
    asked = asked or Asked()
    chosen = {name: each if isinstance(each, PieceSet) else _given(each) for name, each in sets.items()}
    if references:
        chosen = _with_references(chosen, corpus, asked)
    if not chosen:
        raise NotationError("no sets to compare; give at least one")
    measurer = Measurer(corpus, asked.seed, deep, discriminator)
    rows = []
    for number, (name, each) in enumerate(chosen.items()):

        def show(share: float, what: str, number: int = number, name: str = name) -> None:
            on_progress((number + share) / len(chosen), f"{name}: {what}")

        rows.append(measurer.row(name, each, show))
    return Table(rows, asked, corpus.name if corpus else None)


def _given(pieces: Sequence[Chorale]) -> PieceSet:
    return PieceSet("given", {chorale.title or f"piece {number}": chorale for number, chorale in enumerate(pieces, start=1)})


def _with_references(sets: dict[str, PieceSet], corpus: Corpus | None, asked: Asked) -> dict[str, PieceSet]:
    """Bach and dice, where they are not among the sets already."""
    from musicgen.composers.references import Dice

    if corpus is not None and not any(each.is_bach for each in sets.values()) and (bach := bach_set(corpus)):
        sets = {**sets, BACH: bach}
    if not any(isinstance(each.composer, Dice) for each in sets.values()):
        sets = {**sets, DICE: composed_set(Dice(), asked)}
    return sets


class Measurer:
    """Measures sets one after the other; what they are measured by is counted once."""

    def __init__(self, corpus: Corpus | None, seed: int, deep: bool, discriminator: bool) -> None:
        self.corpus, self.seed, self.deep, self.discriminator = corpus, seed, deep, discriminator
        self.reference = Reference.of(corpus) if corpus else None
        self.index = CopyIndex(corpus.pieces("train")) if corpus and "train" in corpus.counts() else None
        self._known_control: Verdict | None = None

    def row(self, name: str, each: PieceSet, on_progress: OnProgress) -> Row:
        chorales = list(each.pieces.values())
        if not chorales:
            raise NotationError(f"{name}: no pieces to measure; give at least one")
        for piece, chorale in each.pieces.items():
            if chorale.voices != len(VOICES):
                raise NotationError(f"{name}, {piece}: has {chorale.voices} voices; pieces of {len(VOICES)} are compared")
        missing: dict[str, str] = {}
        on_progress(0.0, "style")
        style = compare_to_bach(chorales, self.seed)
        grades = {piece: self.reference.grade.grade(chorale) for piece, chorale in each.pieces.items()} if self.reference else {}
        likeness = self.reference.likeness(chorales, list(grades.values()), self.seed) if self.reference else None
        on_progress(0.2, "copying")
        copying = measure_copying(self.index, each.pieces) if self.index else None
        discrimination = self._discriminate(each, missing, lambda share: on_progress(0.25 + share / 2, "discriminator"))
        likelihood, reconstruction = self._fathom(each, missing, lambda share: on_progress(0.75 + share / 4, "foretelling"))
        return Row(name, each, style, grades, likeness, copying, discrimination, likelihood, reconstruction, missing)

    def _discriminate(self, each: PieceSet, missing: dict[str, str], on_progress: Callable[[float], None]) -> Discrimination | None:
        """From the held-out pieces that Bach's own row is not made of."""
        if self.corpus is None or not self.discriminator:
            return None
        generated = list(each.pieces.values())
        unheard = [self._chorales(split) for split in UNHEARD]
        others = [[chorale for chorale in pieces if chorale not in generated] for pieces in unheard]
        real = max(others, key=lambda left: len(left) / max(1, len(unheard[others.index(left)])))
        try:
            return discriminate(real, generated, self.seed, on_progress, control=self._control)
        except NotationError as error:
            missing["discriminator"] = str(error)
            return None

    def _control(self, on_progress: Callable[[float], None]) -> Verdict:
        """Bach against Bach, once for all rows: of as many pieces as there are in the split that the sets are told from."""
        if self._known_control is None:
            learned = [piece.chorale for piece in self.corpus.pieces("train", near_copies=False)] if self.corpus and self.index else []
            unheard = next(filter(None, map(self._chorales, UNHEARD)))
            self._known_control = bach_from_bach([*unheard, *learned], len(unheard), self.seed, on_progress)
        return self._known_control

    def _fathom(
        self, each: PieceSet, missing: dict[str, str], on_progress: Callable[[float], None]
    ) -> tuple[LikelihoodReport | None, ReconstructionReport | None]:
        """How well a model foretells Bach's valid pieces, and writes them again from their sopranos."""
        if each.composer is None or self.corpus is None or not self.deep:
            return None, None
        try:
            check_unseen(each.composer, self.corpus, DEEP_SPLIT)
            pieces = self._chorales(DEEP_SPLIT)
            reconstruction = measure_reconstruction(each.composer, pieces, self.seed, on_progress=lambda share: on_progress(share / 2))
            likelihood = None
            if hasattr(each.composer, "nats"):
                likelihood = measure_likelihood(each.composer, pieces, self.seed, lambda share: on_progress(0.5 + share / 2))
        except (CheckpointError, ConfigError) as error:
            missing["deep"] = str(error)
            return None, None
        return likelihood, reconstruction

    def _chorales(self, split: str) -> list[Chorale]:
        if self.corpus is None or split not in self.corpus.counts():
            return []
        return [piece.chorale for piece in self.corpus.pieces(split)]
