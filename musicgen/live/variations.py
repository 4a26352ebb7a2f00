"""What a loop plays next: a region of a score as it is written, then varied, again and again. Knows no clock.

A part of its notes, drawn anew each time, is rewritten; the rest stays.
"""

from __future__ import annotations

from dataclasses import dataclass

from musicgen.live.harmonizer import sounds
from musicgen.live.player import Sound
from musicgen.live.worker import Fill
from musicgen.music.ensemble import Ensemble
from musicgen.music.places import span_at
from musicgen.music.region import read_region, with_region
from musicgen.music.score import Score
from musicgen.steering.tasks import USUAL_TEMPO
from musicgen.steering.variation import Commission, vary_score


@dataclass(frozen=True)
class Theme:
    """What is looped: `place` of a score, `5-8` or `3:2-5:1`, all of it if not said; ticks [start, end).

    keep: the share of its notes that stays each time; voices: the others stay as they are; channel: of all voices, one each if not said.
    """

    score: Score
    place: str
    start: int
    end: int
    ensemble: Ensemble
    voices: str | None = None
    keep: float = 0.5
    channel: int | None = None

    @classmethod
    def of(cls, score: Score, place: str, ensemble: Ensemble, voices: str | None, keep: float, channel: int | None) -> Theme:
        """Refuses a score without these voices, or without that place, in a line."""
        region = read_region(score, ensemble)
        start, end = span_at(place, region.chorale) if place else (0, region.chorale.steps)
        ticks = region.step_ticks
        theme = cls(with_region(region, region.chorale), place, start * ticks, end * ticks, ensemble, voices, keep, channel)
        theme._commission(theme.score, 0)
        return theme

    @property
    def quarters(self) -> float:
        return (self.end - self.start) / self.score.ticks_per_quarter

    @property
    def tempo(self) -> float:
        """As the score says where the region begins."""
        return self.score.tempo_at(self.start) or USUAL_TEMPO

    def varied(self, score: Score, fill: Fill, seed: int) -> Score:
        """Another version of `score`, which is this theme or a version of it."""
        asked = self._commission(score, seed)
        return asked.score(fill(asked.sketch, seed)) if asked.sketch.free.any() else score

    def sounds(self, score: Score) -> list[Sound]:
        """Of a version, in quarters from the region's beginning on."""
        return list(sounds(score, self.channel, self.start, self.end))

    def _commission(self, score: Score, seed: int) -> Commission:
        start, dash, end = self.place.partition("-")
        named = (self.place, None, None) if ":" not in self.place else ((), start, end if dash else None)
        bars, first, last = named if self.place else ((), None, None)
        return vary_score(score, self.keep, "random", None, seed, bars, first, last, self.voices, self.ensemble)
