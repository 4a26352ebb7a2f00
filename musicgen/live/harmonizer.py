"""A phrase that was played, in as many voices as a composer writes: first its beginning, while the player still plays, then all of it.

Knows no clock: it works on phrases and sketches alone, beside the playing. Shapes: V voices, T steps.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from statistics import fmean

import numpy as np

from musicgen.composers.plan import Plan, plan_sketch, with_cadences
from musicgen.errors import MusicgenError
from musicgen.live.listener import Phrase
from musicgen.live.player import Sound
from musicgen.live.port import CLICK_CHANNEL
from musicgen.live.worker import Fill
from musicgen.music.chorale import Chorale
from musicgen.music.ensemble import Ensemble
from musicgen.music.places import beat_steps
from musicgen.music.score import Score
from musicgen.music.sketch import Sketch
from musicgen.music.tune import Tune, find_tune, with_voices

UNDER_THE_TUNE = 0.85  # how loud the other voices are beside it


@dataclass(frozen=True)
class Answer:
    """voices: a score of the voices beside the tune, whose part is empty; its tick 0 is at the phrase's start."""

    chorale: Chorale
    voices: Score

    @property
    def kept_steps(self) -> int:
        """Up to where music that goes on from it keeps it: all but the last beat, which does not know yet what comes."""
        beat = beat_steps(self.chorale.meter)
        return max(beat, self.chorale.steps - beat)


@dataclass(frozen=True)
class Harmonizer:
    fill: Fill
    ensemble: Ensemble

    def begin(self, phrase: Phrase, seed: int) -> Answer:
        """What of a phrase has been heard; it will go on."""
        tune = self._tune(phrase)
        return self._answer(tune, Sketch.for_voices(tune.chorale, tune.keep), seed)

    def whole(self, phrase: Phrase, seed: int, begun: Answer | None = None) -> Answer:
        """The phrase up to its end, a cadence. What `begun` says up to its `kept_steps` stays as it is."""
        tune = self._tune(phrase)
        chorale = tune.chorale
        if self.ensemble.is_choir:
            fermata = np.zeros_like(chorale.fermata)
            fermata[int(np.flatnonzero(chorale.onset[0])[-1])] = True
            chorale = chorale.replaced(fermata=fermata)
        sketch = _going_on(Sketch.for_voices(chorale, tune.keep), begun)
        return self._answer(tune, with_cadences(sketch, seed), seed)

    def _tune(self, phrase: Phrase) -> Tune:
        return find_tune(phrase.score, 1, self.ensemble.letters[0], ensemble=self.ensemble)

    def _answer(self, tune: Tune, sketch: Sketch, seed: int) -> Answer:
        chorale = self.fill(sketch, seed) if sketch.free.any() else sketch.given
        score = with_voices(tune, chorale)
        return Answer(chorale, _softer(score))


def _going_on(sketch: Sketch, begun: Answer | None) -> Sketch:
    """With the other voices of what has begun given, as far as they are kept; the note that sounds there may be held on."""
    if begun is None:
        return sketch
    steps = min(begun.kept_steps, sketch.given.steps)
    if steps == 0 or begun.chorale.steps < steps:
        return sketch
    pitch, onset, free = sketch.given.pitch.copy(), sketch.given.onset.copy(), sketch.free.copy()
    others = sketch.free[:, 0]
    pitch[others, :steps], onset[others, :steps] = begun.chorale.pitch[others, :steps], begun.chorale.onset[others, :steps]
    free[others, :steps] = False
    onset[others, steps : steps + 1] = True
    return replace(sketch, given=sketch.given.replaced(pitch=pitch, onset=onset), free=free)


def warm(fill: Fill, ensemble: Ensemble) -> None:
    """The first piece of a model takes longer than all others: a bar of one, for nobody."""
    with suppress(MusicgenError):
        fill(plan_sketch(Plan(bars=1, pickup_quarters=0), 0, ensemble), 0)


# --- to sounds


def sounds(score: Score, channel: int | None = None, start: int = 0, end: int | None = None) -> Iterator[Sound]:
    """What of a score sounds in ticks [start, end), in quarters from `start` on. Part by part on channels 0, 1, ..., or all on one."""
    end = score.end if end is None else end
    quarter = score.ticks_per_quarter
    for index, part in enumerate(score.parts):
        own = CLICK_CHANNEL if part.is_drum else _channel(index) if channel is None else channel
        for note in part.notes:
            first, last = max(note.start, start), min(note.end, end)
            if first < last:
                yield Sound((first - start) / quarter, (last - start) / quarter, own, note.pitch, note.velocity)


def _channel(index: int) -> int:
    """Without that of the drums."""
    index %= 15
    return index if index < CLICK_CHANNEL else index + 1


def _softer(score: Score) -> Score:
    """The voices under the tune, a little softer than the player plays it, and its part without notes."""
    tune, *others = score.parts
    velocity = max(1, round(UNDER_THE_TUNE * fmean(note.velocity for note in tune.notes)))
    voices = (replace(part, notes=tuple(replace(note, velocity=velocity) for note in part.notes)) for part in others)
    return replace(score, parts=(replace(tune, notes=()), *voices))
