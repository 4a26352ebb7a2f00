"""A score as people would play it: phrases that swell, ebb and breathe, a wait at fermatas, a ritardando at the end, voices in balance.

Time bends by the tempo alone, so that every note stays on its bar's grid but for some milliseconds; ends of notes give way to breath.
The rules are a few of KTH's (Friberg, Bresin and Sundberg 2006, "Overview of the KTH rule system for musical performance"):

    phrase arch          tempo and level fall from the middle of a phrase, x = 0.5, to its first and its last note
                         by A ((x - 0.5) / 0.5)^2  (Friberg 1995)
    final ritard         v(x) = (1 + (w^q - 1) x)^(1/q), the tempo of a runner who comes to rest  (Friberg and Sundberg 1999)
    high loud            a quarter of a decibel a semitone
    repetition articulation, punctuation, performance noise

Levels are decibels; a velocity v sounds at 40 log10(v / 127), as soundfonts have it.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from statistics import fmean
from typing import NamedTuple

import numpy as np

from musicgen.errors import ConfigError
from musicgen.files.midi import FERMATA
from musicgen.files.midi_maps import CHORALE_TEMPO
from musicgen.music.resolution import rescaled
from musicgen.music.score import TICKS_PER_QUARTER, Note, Part, Score, TempoAt, TextAt

ARCH_TEMPO, ARCH_LEVEL = 0.07, 4.0  # how far tempo (as a share) and level fall at both ends of a phrase
RITARD_END, RITARD_CURVE, RITARD_QUARTERS = 0.6, 3.0, 6  # w, q, and how long before the last note it begins
FERMATA_TEMPO, LAST_TEMPO = 0.6, 0.75  # of the tempo around it, under a fermata and on the last note
LONG_QUARTERS = 2  # what is longer is long already, and waits less
BREATH_SECONDS, REPEAT_SECONDS, MOST_OF_NOTE = 0.35, 0.06, 0.35  # rests before what follows, at most this share of the note
HIGH_LOUD, DOWNBEAT, OFF_BEAT = 0.25, 0.6, -0.8
TOP, LOWEST, INNER = 1.5, 0.0, -2.5  # levels of the voices
NOISE_SECONDS, NOISE_LEVEL, MOST_NOISE = 0.006, 0.5, 2.5  # standard deviations, and how many of them at most
_LEAST_CHANGE = 0.01  # of the tempo that is written
_SLOWEST, _FASTEST = 5.0, 900.0  # quarters a minute


@dataclass(frozen=True)
class Performance:
    """`amount`: 0 is as written, 1 as is usual, 2 at most; `seed`: of what no two performances have in common."""

    amount: float = 1.0
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.amount <= 2:
            raise ConfigError(f"a performance of amount {self.amount:g}; 0 (as written) to 2")


class Pause(NamedTuple):
    """The end of a phrase: the last voice comes to it at `start`, and ticks go to `end`; `is_held` by a fermata."""

    start: int
    end: int
    is_held: bool = True

    def tempo(self, share: float, ticks_per_quarter: int) -> float:
        return float(share ** min(1.0, LONG_QUARTERS * ticks_per_quarter / max(1, self.end - self.start)))


def perform(score: Score, performance: Performance) -> Score:
    """The same notes with new tempos, velocities and ends; what a score says of barlines, meters, keys and marks stays where it is."""
    if not performance.amount or not score.end:
        return score
    score = rescaled(score, score.ticks_per_quarter * -(-TICKS_PER_QUARTER // score.ticks_per_quarter))
    pauses = _with_breaths(score, _pauses(score))
    phrases = _phrases(score, pauses)
    pitched = [index for index, part in enumerate(score.parts) if part.notes and not part.is_drum]
    parts = list(score.parts)
    for index in pitched:
        level = TOP if index == pitched[0] else LOWEST if index == pitched[-1] else INNER
        player = _Player(score, pauses, phrases, level if len(pitched) > 1 else 0.0, performance, index)
        parts[index] = player.play(score.parts[index])
    tempos = tuple(_tempos(score, pauses, phrases, performance.amount))
    return replace(score, parts=tuple(parts), tempos=tempos, marks=(*score.marks, *_fermatas(score)))


def _fermatas(score: Score) -> list[TextAt]:
    """As words at their places, for the notes have left them by a little."""
    ticks = {note.start for part in score.parts for note in part.notes if note.fermata}
    return [TextAt(tick, FERMATA) for tick in sorted(ticks)]


def _pauses(score: Score) -> list[Pause]:
    """In order of time; fermatas that sound together are one."""
    found = sorted((note.start, note.end) for part in score.parts for note in part.notes if note.fermata and note.duration)
    pauses: list[Pause] = []
    for start, end in found:
        if pauses and start < pauses[-1].end:
            last = pauses.pop()
            pauses.append(Pause(max(last.start, start), max(last.end, end)))
        else:
            pauses.append(Pause(start, end))
    return pauses


def _with_breaths(score: Score, pauses: Sequence[Pause]) -> list[Pause]:
    """Also the ends of phrases that no fermata shows, in the highest voice."""
    top = next((part for part in score.parts if part.notes and not part.is_drum), Part("", ()))
    told = [Pause(note.start, note.end, False) for note in top.notes if any(note.start <= end < note.end for end in score.phrase_ends)]
    return sorted([*pauses, *(each for each in told if not any(pause.start < each.end and each.start < pause.end for pause in pauses))])


def _phrases(score: Score, pauses: Sequence[Pause]) -> list[tuple[int, int]]:
    """From where each phrase begins to where its last note does."""
    inner = [pause for pause in pauses if pause.end < score.end]
    lasts = [*(pause.start for pause in inner), _last_start(score)]
    return list(zip([0, *(pause.end for pause in inner)], lasts, strict=True))


def _last_start(score: Score) -> int:
    return max((note.start for part in score.parts if not part.is_drum for note in part.notes), default=0)


def _fall(tick: int, phrases: Sequence[tuple[int, int]]) -> tuple[float, bool]:
    """How far a tick is from the middle of its phrase, squared: 0 there, 1 at both ends; and whether the middle has passed."""
    index = max(0, bisect_right(phrases, tick, key=lambda phrase: phrase[0]) - 1)
    start, end = phrases[index]
    x = min(1.0, (tick - start) / max(1, end - start))
    return (x - 0.5) ** 2 / 0.25, x > 0.5


# --- tempo


def _tempos(score: Score, pauses: Sequence[Pause], phrases: Sequence[tuple[int, int]], amount: float) -> Iterator[TempoAt]:
    """A tempo each eighth, where it has changed."""
    grid = range(0, score.end, max(1, score.ticks_per_quarter // 2))
    edges = (tick for pause in pauses for tick in pause[:2] if tick < score.end)
    written = 0.0
    for tick in sorted({0, *grid, *edges, *(change.start for change in score.tempos if change.start < score.end)}):
        tempo = min(max(nominal_tempo(score, tick) * _share(score, tick, pauses, phrases) ** amount, _SLOWEST), _FASTEST)
        if abs(tempo - written) > _LEAST_CHANGE * tempo:
            yield TempoAt(tick, round(tempo, 2))
            written = tempo


def nominal_tempo(score: Score, tick: int) -> float:
    return score.tempo_at(tick) or CHORALE_TEMPO


def _share(score: Score, tick: int, pauses: Sequence[Pause], phrases: Sequence[tuple[int, int]]) -> float:
    """Of the written tempo that is played at a tick."""
    last = phrases[-1][1]
    slowing = _ritard(score, tick, phrases[-1])
    if tick >= last:
        return slowing * Pause(last, score.end).tempo(LAST_TEMPO, score.ticks_per_quarter)
    pause = next((pause for pause in pauses if pause.start <= tick < pause.end), None)
    if pause is not None and pause.is_held:
        return slowing * pause.tempo(FERMATA_TEMPO, score.ticks_per_quarter)
    fall, is_ebbing = _fall(tick, phrases)
    return slowing if is_ebbing and slowing < 1 else slowing * (1 - ARCH_TEMPO * fall)


def _ritard(score: Score, tick: int, phrase: tuple[int, int]) -> float:
    """1 before it begins, w from the last note on; a short piece has a short one, none begins before the last phrase."""
    start, last = phrase
    length = min(RITARD_QUARTERS * score.ticks_per_quarter, last // 2, last - start or last)
    if tick <= last - length or not length:
        return 1.0
    x = min(1.0, (tick - (last - length)) / length)
    return float((1 + (RITARD_END**RITARD_CURVE - 1) * x) ** (1 / RITARD_CURVE))


# --- notes


class _Player:
    """One part's notes, each with a level, a moment and an end of its own."""

    def __init__(
        self,
        score: Score,
        pauses: Sequence[Pause],
        phrases: Sequence[tuple[int, int]],
        level: float,
        performance: Performance,
        number: int,
    ) -> None:
        self.score, self.pauses, self.phrases, self.level, self.amount = score, pauses, phrases, level, performance.amount
        self.rng = np.random.default_rng((performance.seed, number))
        self.bars = score.bar_starts()

    def play(self, part: Part) -> Part:
        mean = fmean(note.pitch for note in part.notes)
        noise = np.clip(self.rng.standard_normal((len(part.notes), 2)), -MOST_NOISE, MOST_NOISE)
        starts = {note.start: self._moved(note.start, amount) for note, (amount, _) in zip(part.notes, noise, strict=True)}
        struck = {(note.pitch, note.start) for note in part.notes}
        notes = []
        for note, (_, louder) in zip(part.notes, noise, strict=True):
            start = starts[note.start]
            end = max(start + 1, self._end(note, starts, struck)) if note.duration else start
            velocity = self._velocity(note, note.pitch - mean, louder)
            notes.append(replace(note, start=start, duration=end - start, velocity=velocity, fermata=False))
        return replace(part, notes=tuple(notes))

    def _moved(self, tick: int, noise: float) -> int:
        """Chords of a part stay together; the first note of a piece comes on time or late."""
        return max(0, tick + round(self._ticks(NOISE_SECONDS, tick) * noise * self.amount))

    def _ticks(self, seconds: float, tick: int) -> float:
        return seconds * nominal_tempo(self.score, tick) / 60 * self.score.ticks_per_quarter

    def _end(self, note: Note, starts: dict[int, int], struck: set[tuple[int, int]]) -> int:
        """As the next note begins; earlier where singers breathe, or where the same pitch comes again."""
        pause = next((pause for pause in self.pauses if pause.end == note.end < self.score.end), None)
        if pause is not None:
            gap = self._ticks(BREATH_SECONDS, note.start) * (FERMATA_TEMPO if pause.is_held else 1)
        elif (note.pitch, note.end) in struck:
            gap = self._ticks(REPEAT_SECONDS, note.start)
        else:
            return starts.get(note.end, note.end)
        return note.end - round(min(gap, MOST_OF_NOTE * note.duration) * min(self.amount, 1.0))

    def _velocity(self, note: Note, above_mean: float, noise: float) -> int:
        fall, _ = _fall(note.start, self.phrases)
        decibels = self.level - ARCH_LEVEL * fall + HIGH_LOUD * above_mean + self._accent(note.start) + NOISE_LEVEL * noise
        return min(127, max(1, round(note.velocity * 10 ** (decibels * self.amount / 40))))

    def _accent(self, tick: int) -> float:
        bar = self.bars[max(0, bisect_right(self.bars, tick) - 1)]
        if tick == bar and tick >= self.score.pickup:
            return DOWNBEAT
        beat = self.score.meter_at(max(tick, self.score.pickup)).beat_quarters * self.score.ticks_per_quarter
        from_barline = tick - (self.score.pickup if tick < self.score.pickup else bar)
        return 0.0 if from_barline % beat == 0 else OFF_BEAT
