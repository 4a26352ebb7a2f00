"""Whether a long piece stays music: what each of its minutes is like, beside the minutes of a corpus.

A model that falls into noise shows rising entropy and less likeness to what came before, one that falls into a loop the opposite, one that
falls silent fewer notes. Knows scores, not models. M minutes.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from math import log2
from statistics import fmean

from musicgen.music.score import Note, Score, TempoAt

SECONDS = 60.0
LEAST = 20.0  # seconds of a minute that are there, or it does not count
LOOK_BACK = 32  # bars
_MIDI_TEMPO = 120.0
_SIXTEENTHS = 4  # a quarter

Bar = frozenset[tuple[int, int, bool]]  # place in sixteenths, pitch, whether of drums


@dataclass(frozen=True)
class Minute:
    """density: notes a second; entropy: bits of the pitches of its pitched notes; likeness: how much of a bar, at most, stood in one of the
    32 bars before it (notes in common of all notes of both, at their places on sixteenths), averaged over bars that have notes, the
    piece's first ones left out; silence: share of bars in which no note begins."""

    density: float
    entropy: float
    likeness: float
    silence: float


@dataclass(frozen=True)
class Drift:
    """Averages over the pieces that last so long, minute by minute, and how many those are."""

    pieces: tuple[int, ...]
    minutes: tuple[Minute, ...]

    def to_dict(self) -> dict[str, object]:
        return {"pieces": list(self.pieces), "minutes": [asdict(minute) for minute in self.minutes]}

    def lines(self) -> list[str]:
        names = [field.name for field in fields(Minute)]
        rows = [f"{'minute':>6}  {'pieces':>6}  " + "  ".join(f"{name:>8}" for name in names)]
        for number, (count, minute) in enumerate(zip(self.pieces, self.minutes, strict=True), 1):
            rows.append(f"{number:>6}  {count:>6}  " + "  ".join(f"{getattr(minute, name):>8.3f}" for name in names))
        return rows


def measure_drift(scores: Iterable[Score], minutes: int = 5) -> Drift:
    """Of the first `minutes` minutes."""
    found: list[list[Minute]] = [[] for _ in range(minutes)]
    for score in scores:
        for number, minute in minutes_of(score, minutes):
            found[number].append(minute)
    there = [each for each in found if each]
    names = [field.name for field in fields(Minute)]
    averages = [Minute(*(fmean(getattr(minute, name) for minute in each) for name in names)) for each in there]
    return Drift(tuple(len(each) for each in there), tuple(averages))


def minutes_of(score: Score, most: int) -> Iterator[tuple[int, Minute]]:
    """The minutes of one piece, with their numbers from 0."""
    seconds = _Clock(score)
    bars, starts = _bars(score), [seconds.at(start) for start in score.bar_starts()]
    notes = [(seconds.at(note.start), note.pitch, part.is_drum) for part in score.parts for note in part.notes]
    end = seconds.at(score.end)
    alike = _likenesses(bars)
    for number in range(most):
        first, last = number * SECONDS, min((number + 1) * SECONDS, end)
        if last - first < min(LEAST, end):
            return
        inside = [index for index in range(len(bars)) if first <= starts[index] < last]
        sounding = [(pitch, is_drum) for start, pitch, is_drum in notes if first <= start < last]
        likeness = [alike[index] for index in inside if index in alike]
        yield (
            number,
            Minute(
                len(sounding) / (last - first),
                entropy(pitch for pitch, is_drum in sounding if not is_drum),
                fmean(likeness) if likeness else 0.0,
                fmean(not bars[index] for index in inside) if inside else 0.0,
            ),
        )


def entropy(values: Iterable[int]) -> float:
    """Bits of how often each value occurs; 0 for none."""
    counts = Counter(values)
    total = sum(counts.values())
    return -sum(count / total * log2(count / total) for count in counts.values()) if total else 0.0


class _Clock:
    """Ticks of a score to seconds."""

    def __init__(self, score: Score) -> None:
        tempos = score.tempos if score.tempos and score.tempos[0].start == 0 else (TempoAt(0, _MIDI_TEMPO), *score.tempos)
        self.starts: list[int] = []
        self.rates: list[float] = []
        self.seconds = [0.0]
        for tempo in tempos:
            if self.starts:
                self.seconds.append(self.seconds[-1] + (tempo.start - self.starts[-1]) * self.rates[-1])
            self.starts.append(tempo.start)
            self.rates.append(60 / tempo.quarters_per_minute / score.ticks_per_quarter)

    def at(self, tick: int) -> float:
        index = bisect_right(self.starts, tick) - 1
        return self.seconds[index] + (tick - self.starts[index]) * self.rates[index]


def _bars(score: Score) -> list[Bar]:
    starts = score.bar_starts()
    found: list[set[tuple[int, int, bool]]] = [set() for _ in starts[:-1]]
    for part in score.parts:
        for note in part.notes:
            index = min(bisect_right(starts, note.start) - 1, len(found) - 1)
            found[index].add((_place(note, starts[index], score), note.pitch, part.is_drum))
    return [frozenset(bar) for bar in found]


def _place(note: Note, start: int, score: Score) -> int:
    return round((note.start - start) * _SIXTEENTHS / score.ticks_per_quarter)


def _likenesses(bars: Sequence[Bar]) -> dict[int, float]:
    """Of each bar with notes after the first such bar."""
    found = {}
    for index, bar in enumerate(bars):
        before = [other for other in bars[max(0, index - LOOK_BACK) : index] if other]
        if bar and before:
            found[index] = max(len(bar & other) / len(bar | other) for other in before)
    return found
