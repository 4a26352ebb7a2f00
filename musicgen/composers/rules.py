"""A composer that knows rules and has heard no music: harmony by function, part-writing by costs, the way that costs least.

What it decided can be read: `explain` names the chord, the key and the cost of every rule at every moment.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from musicgen.composers.references import OneByOne
from musicgen.composers.rulebook.harmony import Space, draw_way, find_costs, look_ahead, space_for
from musicgen.composers.rulebook.moments import Moment, find_moments
from musicgen.composers.rulebook.ornaments import Heard, ornamented
from musicgen.composers.rulebook.search import Chosen, Taste, find_way
from musicgen.composers.rulebook.table import FloatArray
from musicgen.composers.rulebook.voicings import Voicer
from musicgen.composers.together import check_requests
from musicgen.music.chorale import REST, VOICES, Chorale
from musicgen.music.sketch import Sketch


@dataclass(frozen=True)
class RulesComposer(OneByOne):
    """temperature: how far the harmony of a seed strays from the cheapest; whim: of what it likes of each pitch."""

    name: str = "rules"
    temperature: float = 0.35
    whim: float = 0.25
    bonus: float = 2.0

    def fill(self, sketch: Sketch, seed: int) -> Chorale:
        check_requests(self.name, len(VOICES), [sketch], [seed], takes_rules=True)
        rng = np.random.default_rng(seed)
        moments, space = find_moments(sketch), space_for(sketch)
        way = self._way(sketch, moments, space, rng)
        heard = [Heard(space.states[chosen.state].key, space.states[chosen.state].sounding) for chosen in way]
        return ornamented(sketch, moments, heard, _written(sketch, moments, way), rng)

    def _way(self, sketch: Sketch, moments: list[Moment], space: Space, rng: np.random.Generator) -> list[Chosen]:
        here, turns = find_costs(space, moments)
        drawn = draw_way(space, here, turns, self.temperature, rng)
        here[np.arange(len(moments)), drawn] -= self.bonus
        outlook = look_ahead(space, here, turns)
        voicer = Voicer(_ranges(sketch), sketch.rules)
        noise = self.whim * rng.gumbel(size=(len(moments), len(VOICES), 128))
        taste = Taste(noise, _contour(moments, voicer.ranges[0], rng))
        return find_way(moments, outlook, voicer, taste, sketch.rules).chosen


def _ranges(sketch: Sketch) -> FloatArray:
    """(V, 2) the lowest and the highest that each free voice may sound anywhere."""
    reach = sketch.bounds().any(axis=1)
    return np.array([[row.argmax(), 127 - row[::-1].argmax()] for row in reach])


def _contour(moments: list[Moment], compass: FloatArray, rng: np.random.Generator) -> FloatArray:
    """(M,) an arch for each phrase of a free soprano: up from where it begins to a peak, and down."""
    low, high = compass + np.array([5, -5])
    contour = np.full(len(moments), np.nan)
    starts = [index for index, moment in enumerate(moments) if moment.fresh] or [0]
    peaks = rng.uniform(0.45, 1.0, size=len(starts))
    peaks[rng.integers(len(starts))] = 1.0
    for start, stop, peak in zip(starts, [*starts[1:], len(moments)], peaks, strict=True):
        first, last = rng.uniform(0.15, 0.6, size=2)
        turn = rng.uniform(0.3, 0.7)
        knots = np.array([first, max(peak, first), last])
        shape = np.interp(np.linspace(0, 1, stop - start), [0, turn, 1], knots)
        contour[start:stop] = low + (high - low) * shape
    return contour


def _written(sketch: Sketch, moments: list[Moment], way: list[Chosen]) -> Chorale:
    """The sketch with its free cells filled: repeated notes are struck where the tune is, or on every beat if there is none."""
    pitch, onset = sketch.given.pitch.copy(), sketch.given.onset.copy()
    for moment, chosen in zip(moments, way, strict=True):
        steps = slice(moment.start, moment.end)
        for voice in np.flatnonzero(moment.free).tolist():
            sounding = int(chosen.voicing.first[0, voice])
            before = int(pitch[voice, moment.start - 1]) if moment.start else None
            pitch[voice, steps] = sounding
            onset[voice, steps] = False
            onset[voice, moment.start] = before != sounding or _is_struck(sketch, moment, voice)
    return sketch.given.replaced(pitch=pitch, onset=onset)


def _is_struck(sketch: Sketch, moment: Moment, voice: int) -> bool:
    """Of a note that sounded before."""
    if moment.strikes[voice] or moment.start == 0:
        return True
    if moment.holds[voice] or moment.accent < 0.2 or moment.rests:
        return False
    given = [other for other in range(len(moment.free)) if not moment.free[other] and moment.first[other] != REST]
    return moment.fresh or not given or bool(sketch.given.onset[given[0], moment.start])
