"""The published grade of a chorale: how far the statistics of one piece lie from Bach's, feature by feature; lower is nearer.

Fang, Liu, Seetharaman and Pardo, "Bach or Mock? A Grading Function for Chorales in the Style of J.S. Bach", 2020 (arXiv 2006.13329):
nine Wasserstein distances, added without weights. But for repeats, whose lengths are numbers, the categories of a feature stand one
apart in the order of their frequency in Bach, the commonest first; what Bach never does comes after.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from musicgen.errors import NotationError
from musicgen.evaluation import histograms
from musicgen.evaluation.histograms import Histogram
from musicgen.evaluation.repeats import repeated_lengths
from musicgen.music.chorale import REST, VOICES, Chorale
from musicgen.music.harmony import find_key

FloatArray = NDArray[np.float64]

# Median and standard deviation over the Bach chorales of the paper's table 1.
PUBLISHED: dict[str, tuple[float, float]] = {
    "pitch": (0.24, 0.15),
    "rhythm": (0.23, 0.14),
    "parallels": (0.0, 0.69),
    "chords": (0.41, 0.20),
    "soprano intervals": (0.47, 0.28),
    "alto intervals": (0.49, 0.23),
    "tenor intervals": (0.53, 0.24),
    "bass intervals": (0.69, 0.40),
    "repeats": (1.29, 0.88),
}
PUBLISHED_TOTAL = (4.91, 1.63)
# Compared with Bach's pieces of the same mode.
_BY_MODE = ("pitch", "chords", *(f"{voice} intervals" for voice in VOICES))


@dataclass(frozen=True, slots=True)
class Grade:
    """The sum, and the distance of each feature of PUBLISHED."""

    total: float
    parts: dict[str, float]


@dataclass(frozen=True, eq=False)
class _Tally:
    """What a piece is graded by: the histogram of each feature, parallels a note, and the mode."""

    histograms: dict[str, Histogram]
    notes: int
    mode: str


@dataclass(frozen=True, eq=False)
class BachGrade:
    """The reference: the summed histograms of Bach's pieces by feature, and by feature and mode."""

    tallies: tuple[_Tally, ...]
    sums: dict[str, Histogram]
    notes: int

    @classmethod
    def of(cls, pieces: Sequence[Chorale]) -> BachGrade:
        if not pieces:
            raise NotationError("no pieces to grade by; give at least one")
        tallies = tuple(_tally(chorale) for chorale in pieces)
        sums: dict[str, Histogram] = {}
        for tally in tallies:
            for feature, histogram in tally.histograms.items():
                sums.setdefault(feature, Counter()).update(histogram)
                sums.setdefault(f"{feature}, {tally.mode}", Counter()).update(histogram)
        return cls(tallies, sums, sum(tally.notes for tally in tallies))

    def grade(self, chorale: Chorale) -> Grade:
        return self._grade(_tally(chorale))

    def own_grades(self) -> list[Grade]:
        """Of the reference's pieces themselves, as the paper grades Bach: each is among the pieces it is compared with."""
        return [self._grade(tally) for tally in self.tallies]

    def _grade(self, tally: _Tally) -> Grade:
        parts = {}
        for feature in PUBLISHED:
            apart = _lengths_apart if feature == "repeats" else _ranks_apart
            parts[feature] = apart(tally.histograms[feature], self._bach(feature, tally.mode))
        parts["parallels"] *= self._parallels_beside_bach(tally)
        return Grade(sum(parts.values()), parts)

    def _bach(self, feature: str, mode: str) -> Histogram:
        """Of the pieces of a mode, if it matters and there are any."""
        of_mode = self.sums.get(f"{feature}, {mode}") if feature in _BY_MODE else None
        return of_mode or self.sums[feature]

    def _parallels_beside_bach(self, tally: _Tally) -> float:
        """Parallels a note, Bach's as 1."""
        bach = sum(self.sums["parallels"].values()) / self.notes
        return sum(tally.histograms["parallels"].values()) / max(1, tally.notes) / bach if bach else 0.0


def _tally(chorale: Chorale) -> _Tally:
    if not chorale.ensemble.is_choir:
        raise NotationError(f"the grade is for {', '.join(VOICES)}, this piece is for {chorale.ensemble}; choose the four to grade")
    notes = int((chorale.onset & (chorale.pitch != REST)).sum())
    intervals = {f"{voice} intervals": names for voice, names in zip(VOICES, histograms.interval_names(chorale), strict=True)}
    counted = {
        "pitch": histograms.degrees(chorale),
        "rhythm": histograms.durations(chorale),
        "parallels": histograms.parallels(chorale),
        "chords": histograms.slice_qualities(chorale),
        **intervals,
        "repeats": repeated_lengths(chorale),
    }
    return _Tally(counted, notes, find_key(chorale).mode)


# --- distances


def _ranks_apart(piece: Histogram, bach: Histogram) -> float:
    """Wasserstein distance with the categories in the order of Bach's frequencies, then what he lacks, the rarest first."""
    piece, bach = (histogram or Counter({"nothing at all": 1}) for histogram in (piece, bach))
    ranked = sorted(bach, key=lambda category: -bach[category])
    ranked += sorted((category for category in piece if category not in bach), key=lambda category: piece[category])
    return _apart(piece, bach, ranked)


def _lengths_apart(piece: Histogram, bach: Histogram) -> float:
    """Wasserstein distance in sixteenths; a piece in which nothing comes twice has its repeats at 0."""
    longest = max(int(str(length)) for length in (*piece, *bach, 0))
    return _apart(piece or Counter({0: 1}), bach or Counter({0: 1}), range(longest + 1))


def _apart(piece: Histogram, bach: Histogram, places: Sequence[Hashable]) -> float:
    rows = (np.array([histogram[place] for place in places], dtype=np.float64) for histogram in (piece, bach))
    return wasserstein(*rows)


def wasserstein(left: FloatArray, right: FloatArray) -> float:
    """Of two histograms (K,) over places one apart: how far the shares of one must be carried to make the other."""
    return float(np.abs(np.cumsum(left / left.sum() - right / right.sum())).sum())
