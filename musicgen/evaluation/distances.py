"""Distances: how far the statistics of a set of pieces lie from Bach's, one distribution at a time; 0 is nearest.

All pieces of a set together are compared with all of the reference by the Jensen-Shannon distance, from 0 to 1. Bach's own pieces, if the
reference lacks them, do not come out at 0 either, and few pieces lie further away than many: compare with a set of his of about the same
size. Phrase lengths are not measured, for fermatas are asked for. (By the Wasserstein distance of intervals in semitones, a model's bass
came out nearer to Bach than his test split: a few octaves decided it.)
Shapes: N pieces, K categories.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from musicgen.errors import NotationError
from musicgen.evaluation import histograms
from musicgen.evaluation.histograms import Histogram
from musicgen.evaluation.style import Rate
from musicgen.music.chorale import VOICES, Chorale

FloatArray = NDArray[np.float64]

NORMAL_95 = 1.96


def jensen_shannon(left: FloatArray, right: FloatArray) -> float:
    """Of two histograms (K,): the root of their divergence in bits, 0 for the same shares, 1 for nothing in common."""
    left, right = left / left.sum(), right / right.sum()
    middle = (left + right) / 2
    parts = [part * np.log2(np.divide(part, middle, out=np.ones_like(part), where=part > 0)) for part in (left, right)]
    return float(np.sqrt(max(0.0, np.sum(parts) / 2)))


def within_modes(left: FloatArray, right: FloatArray) -> float:
    """Jensen-Shannon of two histograms (2 K,), major and then minor, the second given as much of either mode as the first has."""
    first, second = left.reshape(2, -1), right.reshape(2, -1)
    totals = second.sum(axis=1, keepdims=True)
    share = np.divide(first.sum(axis=1, keepdims=True), totals, out=np.ones_like(totals), where=totals > 0)
    return jensen_shannon(left, (second * share).ravel())


@dataclass(frozen=True)
class Distribution:
    """What is counted in a piece, and how two histograms of it are compared; `categories` where the comparison needs all of them."""

    tally: Callable[[Chorale], Histogram]
    distance: Callable[[FloatArray, FloatArray], float] = jensen_shannon
    categories: tuple[Hashable, ...] | None = None


DEGREES = tuple((mode, degree) for mode in ("major", "minor") for degree in range(12))

DISTRIBUTIONS: dict[str, Distribution] = {
    "scale degrees": Distribution(histograms.degrees_by_mode, within_modes, DEGREES),
    **{
        f"melodic intervals, {voice}": Distribution(partial(histograms.melodic_intervals, voice=number))
        for number, voice in enumerate(VOICES)
    },
    **{
        f"vertical intervals, {upper} over {lower}": Distribution(partial(histograms.vertical_intervals, upper=number))
        for number, (upper, lower) in enumerate(pairwise(VOICES))
    },
    "rhythm of a quarter": Distribution(histograms.rhythms),
    "voices that begin together": Distribution(histograms.joint_onsets),
    "motion of the outer voices": Distribution(histograms.outer_motions),
    "chord qualities": Distribution(histograms.beat_qualities),
    "chord progressions": Distribution(histograms.progressions),
}


def measure_distances(pieces: Sequence[Chorale], reference: Sequence[Chorale]) -> dict[str, float]:
    """Of these pieces together from the reference together, by the names of DISTRIBUTIONS; nan where a set has nothing to count."""
    return {name: distance.value for name, distance in BachDistances.of(reference).measure(pieces).items()}


@dataclass(frozen=True, eq=False)
class BachDistances:
    """The reference, counted once, to measure several sets by."""

    sums: dict[str, Histogram]

    @classmethod
    def of(cls, reference: Sequence[Chorale]) -> BachDistances:
        _check(reference)
        return cls({name: sum(_count(one, reference), Counter()) for name, one in DISTRIBUTIONS.items()})

    def measure(self, pieces: Sequence[Chorale]) -> dict[str, Rate]:
        """Each distance with its 95 % interval over the pieces of the set (jackknife; a distance is never below 0)."""
        _check(pieces)
        return {name: _distance(one, _count(one, pieces), self.sums[name]) for name, one in DISTRIBUTIONS.items()}


def _check(pieces: Sequence[Chorale]) -> None:
    if not pieces:
        raise NotationError("no pieces to measure a distance of; give at least one")
    for chorale in pieces:
        if not chorale.ensemble.is_choir:
            raise NotationError(f"distances are of {', '.join(VOICES)}, this piece is for {chorale.ensemble}; choose the four to measure")


def _count(distribution: Distribution, pieces: Sequence[Chorale]) -> list[Histogram]:
    return [distribution.tally(chorale) for chorale in pieces]


def _distance(distribution: Distribution, tallies: Sequence[Histogram], reference: Histogram) -> Rate:
    categories = distribution.categories or tuple(sorted({*reference, *(category for tally in tallies for category in tally)}, key=repr))
    counted = np.array([[tally[category] for category in categories] for tally in tallies], dtype=np.float64)  # (N, K)
    bach = np.array([reference[category] for category in categories], dtype=np.float64)
    if not counted.any() or not bach.any():
        return Rate(np.nan, np.nan, np.nan)
    total = counted.sum(axis=0)
    value = distribution.distance(total, bach)
    margin = NORMAL_95 * jackknife_error([distribution.distance(total - row, bach) for row in counted if (total - row).any()])
    return Rate(value, float(np.maximum(0.0, value - margin)), value + margin)


def jackknife_error(without_one: Sequence[float]) -> float:
    """The standard error of a statistic from its values without each piece in turn; nan for a single piece."""
    count = len(without_one)
    return float(np.sqrt((count - 1) / count * np.sum((np.array(without_one) - np.mean(without_one)) ** 2))) if count > 1 else np.nan
