"""Style: how often four-voice pieces do what Bach does seldom or often, beside his own rates.

Rates are pooled over pieces: all events of a set over all chances of it. Intervals are 95 %, by bootstrap over pieces.
Shapes: N pieces, M measures.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from musicgen.errors import NotationError
from musicgen.evaluation.counts import cadence_counts, chord_counts, phrase_counts
from musicgen.music import voice_leading
from musicgen.music.chorale import STEPS_PER_QUARTER, Chorale
from musicgen.music.harmony import non_chord_tones

FloatArray = NDArray[np.float64]

RESAMPLINGS = 1000


@dataclass(frozen=True, slots=True)
class Rate:
    """A value with its 95 % interval; all three are nan where there was no chance of the event."""

    value: float
    low: float
    high: float

    def contains(self, value: float) -> bool:
        return self.low <= value <= self.high

    def cells(self) -> str:
        """For a table, 25 wide: `   11.4      [10.7, 12.0]`; what is nan is a dash."""
        return f"{_number(self.value):>7} {'[' + _number(self.low) + ', ' + _number(self.high) + ']':>17}"


def _number(value: float) -> str:
    return "-" if np.isnan(value) else f"{value:.{3 if abs(value) < 1 else 2 if abs(value) < 10 else 1}f}"


@dataclass(frozen=True, slots=True)
class Measure:
    """`scale` × (sum of counts `events`) / (sum of counts `chances`), and what Bach's 391 distinct chorales give."""

    name: str
    events: str
    chances: str
    scale: float
    bach: Rate


# Bach's figures: the published ones of the 391 distinct chorales in music21's corpus, true onsets; where no interval was published
# (pieces without parallels, cadences, chords, phrases), those that this file measures there: benchmarks/bach_himself.py prints them.
VOICE_LEADING = (
    Measure("parallel fifths per 100 transitions", "parallel fifths", "transitions inside", 100, Rate(0.144, 0.0998, 0.2014)),
    Measure("parallel octaves and unisons per 100 transitions", "parallel octaves", "transitions inside", 100, Rate(0.0703, 0.027, 0.1113)),
    Measure("pieces without parallels, %", "pieces without parallels", "pieces", 100, Rate(88.49, 85.17, 91.56)),
    Measure("voice crossings, % of slices", "crossed slices", "full slices", 100, Rate(2.7181, 2.3842, 3.096)),
    Measure("soprano and alto crossed, % of slices", "crossed slices SA", "full slices", 100, Rate(0.2749, 0.1757, 0.4113)),
    Measure("alto and tenor crossed, % of slices", "crossed slices AT", "full slices", 100, Rate(1.603, 1.3569, 1.8761)),
    Measure("tenor and bass crossed, % of slices", "crossed slices TB", "full slices", 100, Rate(0.8525, 0.6987, 1.0085)),
    Measure("overlaps, % of transitions", "overlaps", "transitions inside", 100, Rate(5.6635, 5.123, 6.2271)),
    Measure("upper voices over an octave apart, % of slices", "wide slices", "full slices", 100, Rate(1.7297, 1.4155, 2.0265)),
    Measure("outside text-book ranges, % of notes", "notes out of range", "notes", 100, Rate(0.276, 0.2297, 0.3244)),
)
TEXTURE = (
    Measure("non-chord tones, % of onsets", "non-chord tones", "notes", 100, Rate(11.1372, 10.6969, 11.4671)),
    Measure("onsets per quarter, soprano", "notes S", "quarters", 1, Rate(0.9206, 0.8946, 0.9436)),
    Measure("onsets per quarter, alto", "notes A", "quarters", 1, Rate(1.0598, 1.0286, 1.0864)),
    Measure("onsets per quarter, tenor", "notes T", "quarters", 1, Rate(1.0994, 1.0682, 1.1303)),
    Measure("onsets per quarter, bass", "notes B", "quarters", 1, Rate(1.1293, 1.0967, 1.1561)),
)
CADENCES = (
    Measure("perfect authentic cadences, % of fermatas", "perfect authentic", "fermatas", 100, Rate(47.95, 45.76, 49.96)),
    Measure("imperfect authentic cadences, % of fermatas", "imperfect authentic", "fermatas", 100, Rate(23.02, 21.13, 25.13)),
    Measure("half cadences, % of fermatas", "half", "fermatas", 100, Rate(9.747, 8.399, 11.10)),
    Measure("plagal cadences, % of fermatas", "plagal", "fermatas", 100, Rate(7.01, 5.834, 8.26)),
    Measure("final chords in root position, % of fermatas", "root positions", "final chords", 100, Rate(98.79, 98.24, 99.30)),
)
CHORDS = (
    Measure("major triads, % of beats", "major triads", "chords", 100, Rate(44.57, 43.23, 45.96)),
    Measure("minor triads, % of beats", "minor triads", "chords", 100, Rate(18.66, 17.74, 19.66)),
    Measure("diminished and augmented triads, % of beats", "other triads", "chords", 100, Rate(3.239, 2.975, 3.488)),
    Measure("seventh chords, % of beats", "sevenths", "chords", 100, Rate(33.53, 32.47, 34.53)),
    Measure("first inversions, % of beats", "first inversions", "chords", 100, Rate(21.40, 20.80, 21.96)),
    Measure("second and third inversions, % of beats", "further inversions", "chords", 100, Rate(8.502, 8.042, 8.984)),
    Measure("chords foreign to their key, % of chords", "foreign numerals", "numerals", 100, Rate(6.092, 5.683, 6.487)),
    Measure("changes of chord per quarter", "chord changes", "quarters", 1, Rate(0.8317, 0.8150, 0.8465)),
    Measure("from dominant to tonic, % of changes", "dominants to tonics", "chord changes", 100, Rate(17.48, 16.97, 18.00)),
)
PHRASES = (
    Measure("length of a phrase, quarters", "phrase quarters", "phrases", 1, Rate(8.877, 8.689, 9.080)),
    Measure("phrases of eight quarters, %", "phrases of eight quarters", "phrases", 100, Rate(59.81, 56.37, 63.72)),
    Measure("phrases of their piece's usual length, %", "phrases of the usual length", "phrases", 100, Rate(72.25, 69.67, 75.00)),
    Measure("length of the note under a fermata, quarters", "final quarters", "phrases", 1, Rate(1.729, 1.670, 1.790)),
)
FAMILIES: dict[str, tuple[Measure, ...]] = {
    "voice leading": VOICE_LEADING,
    "texture": TEXTURE,
    "cadences": CADENCES,
    "chords": CHORDS,
    "phrases": PHRASES,
}
MEASURES = tuple(measure for family in FAMILIES.values() for measure in family)


def count(chorale: Chorale) -> dict[str, float]:
    """Every count that MEASURES divide; those that a piece lacks are 0."""
    if not chorale.ensemble.is_choir:
        raise NotationError(
            f"style is measured on soprano, alto, tenor and bass, this piece is for {chorale.ensemble}; choose the four to measure"
        )
    return {
        **voice_leading.counts(chorale),
        "non-chord tones": int(non_chord_tones(chorale).sum()),
        "quarters": chorale.steps / STEPS_PER_QUARTER,
        **cadence_counts(chorale),
        **chord_counts(chorale),
        **phrase_counts(chorale),
    }


def rate_of(measure: Measure, counted: Mapping[str, float]) -> float:
    """The rate of one measure in what `count` has counted; nan where there was no chance."""
    chances = counted.get(measure.chances, 0)
    return measure.scale * counted.get(measure.events, 0) / chances if chances else float("nan")


def measure(chorales: Sequence[Chorale], seed: int = 0) -> dict[str, Rate]:
    """The rate of every measure over these pieces together, by name."""
    if not chorales:
        raise NotationError("no pieces to measure; give at least one")
    counted = [count(chorale) for chorale in chorales]
    events = np.array([[piece.get(measure.events, 0) for measure in MEASURES] for piece in counted], dtype=np.float64)  # (N, M)
    chances = np.array([[piece.get(measure.chances, 0) for measure in MEASURES] for piece in counted], dtype=np.float64)
    drawn = np.random.default_rng(seed).multinomial(len(counted), np.full(len(counted), 1 / len(counted)), RESAMPLINGS)  # (R, N)
    scale = np.array([measure.scale for measure in MEASURES])
    values = scale * _ratio(events.sum(axis=0), chances.sum(axis=0))
    lows, highs = interval_of(scale * _ratio(drawn @ events, drawn @ chances), len(counted))
    rows = zip(MEASURES, values, lows, highs, strict=True)
    return {measure.name: Rate(float(value), float(low), float(high)) for measure, value, low, high in rows}


def _ratio(events: FloatArray, chances: FloatArray) -> FloatArray:
    return np.divide(events, chances, out=np.full_like(events, np.nan), where=chances > 0)


def interval_of(samples: FloatArray, pieces: int) -> tuple[FloatArray, FloatArray]:
    """(R, M) values resampled over pieces -> (M,) lower and upper ends of 95 %.

    They are nan where a sample had no chances at all, and for a single piece, which says nothing of others.
    """
    if pieces < 2:
        return np.full(samples.shape[1], np.nan), np.full(samples.shape[1], np.nan)
    low, high = np.percentile(samples, [2.5, 97.5], axis=0)
    return low, high


@dataclass(frozen=True, slots=True)
class Comparison:
    """One row: a set's rate, Bach's, and whether the set's value lies in Bach's interval."""

    name: str
    rate: Rate
    bach: Rate

    @property
    def is_inside(self) -> bool:
        return self.bach.contains(self.rate.value)


def compare_to_bach(chorales: Sequence[Chorale], seed: int = 0) -> list[Comparison]:
    rates = measure(chorales, seed)
    return [Comparison(measure.name, rates[measure.name], measure.bach) for measure in MEASURES]


def format_table(rows: Sequence[Comparison]) -> str:
    """Plain text, one line a measure, by families; `*` marks values outside Bach's interval."""
    width = max(len(row.name) for row in rows)
    by_name = {row.name: row for row in rows}
    lines = []
    for family, measures in FAMILIES.items():
        lines.append(f"{family:{width}}  {'value':>7} {'95 %':>17}   {'Bach':>7} {'95 %':>17}")
        for row in (by_name[measure.name] for measure in measures):
            mark = " " if row.is_inside or np.isnan(row.rate.value) else "*"
            lines.append(f"{row.name:{width}}  {row.rate.cells()} {mark} {row.bach.cells()}")
    return "\n".join(lines)
