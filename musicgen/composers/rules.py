"""A composer that knows rules and has heard no music: harmony by function, part-writing by costs, the way that costs least.

What it decided can be read: `explain` names the chord, the key and the cost of every rule at every moment.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from musicgen.composers.references import OneByOne
from musicgen.composers.rulebook.explanation import Explained, explained
from musicgen.composers.rulebook.harmony import draw_way, find_costs, look_ahead
from musicgen.composers.rulebook.moments import Moment, find_moments
from musicgen.composers.rulebook.ornaments import Heard, ornamented
from musicgen.composers.rulebook.search import Chosen, Taste, Way, find_way
from musicgen.composers.rulebook.space import Space, State, space_for
from musicgen.composers.rulebook.table import FloatArray
from musicgen.composers.rulebook.voicings import IntArray, Voicer
from musicgen.composers.together import check_requests
from musicgen.errors import NotationError
from musicgen.music.chorale import RANGES, REST, VOICES, Chorale
from musicgen.music.ensemble import BACHS_CHOIR
from musicgen.music.rules import described
from musicgen.music.sketch import Sketch

MORE_WAYS = 4
RISE = 0.25  # of the compass: what a phrase rises at least
WIDEST = 36  # semitones of a voice that nothing bounds


@dataclass(frozen=True)
class RulesComposer(OneByOne):
    """temperature: how far the harmony of a seed strays from the cheapest way, and `bonus`, what a chord gains that was drawn so.

    whim: how much a seed likes one pitch more than another. All in the units of RULES.
    """

    name: str = "rules"
    temperature: float = 0.2
    whim: float = 0.15
    bonus: float = 2.0

    def fill(self, sketch: Sketch, seed: int) -> Chorale:
        check_requests(self.name, BACHS_CHOIR, [sketch], [seed], takes_rules=True)
        decided = self._decide(sketch, seed)
        heard = [Heard(state.key, state.sounding) for state in decided.states]
        plain = _written(decided.sketch, decided.moments, decided.way.chosen)
        return ornamented(decided.sketch, decided.moments, heard, plain, np.random.default_rng([seed, 1]))

    def explain(self, sketch: Sketch, seed: int) -> list[Explained]:
        """What `fill` decides for this sketch and seed, moment by moment, ornaments apart: print the lines, or take their fields."""
        check_requests(self.name, BACHS_CHOIR, [sketch], [seed], takes_rules=True)
        decided = self._decide(sketch, seed)
        return explained(sketch.given, decided.moments, decided.space, decided.way.chosen, decided.voicer)

    def _decide(self, sketch: Sketch, seed: int) -> _Decided:
        """With more ways kept, and then without what was only planned, where rules that were asked for leave no way."""
        for breadth in (1, MORE_WAYS):
            decided = self._search(sketch, seed, breadth)
            if not sketch.rules or decided.way.stuck is None:
                return decided
        if sketch.planned:
            return self._decide(replace(sketch, planned=()), seed)
        place = sketch.given.place(decided.moments[decided.way.stuck or 0].start)
        raise NotationError(f"no way was found to go on under {described(sketch.rules)}; loosen them or what is asked here", place=place)

    def _search(self, sketch: Sketch, seed: int, breadth: int) -> _Decided:
        rng = np.random.default_rng(seed)
        moments, space = find_moments(sketch), space_for(sketch)
        here, turns = find_costs(space, moments)
        here[np.arange(len(moments)), draw_way(space, here, turns, self.temperature, rng)] -= self.bonus
        voicer = Voicer(_ranges(sketch), sketch.rules)
        noise = self.whim * rng.gumbel(size=(len(moments), len(VOICES), 128))
        taste = Taste(noise, _contour(moments, voicer.ranges[0], rng))
        way = find_way(moments, look_ahead(space, here, turns), voicer, taste, sketch.rules, breadth)
        return _Decided(sketch, moments, space, voicer, way)


@dataclass(frozen=True, eq=False)
class _Decided:
    """Chords and voicings of a sketch, before ornaments."""

    sketch: Sketch
    moments: list[Moment]
    space: Space
    voicer: Voicer
    way: Way

    @property
    def states(self) -> list[State]:
        return [self.space.states[chosen.state] for chosen in self.way.chosen]


def _ranges(sketch: Sketch) -> IntArray:
    """(V, 2) the lowest and the highest that each free voice may sound anywhere."""
    reach = np.asarray(sketch.bounds().any(axis=1))
    found = ((int(row.argmax()), 127 - int(row[::-1].argmax())) for row in reach)
    return np.array([usual if high - low > WIDEST else (low, high) for (low, high), usual in zip(found, RANGES, strict=True)])


def _contour(moments: list[Moment], compass: IntArray, rng: np.random.Generator) -> FloatArray:
    """(M,) an arch for each phrase of a free soprano: up from where it begins to a peak, and down."""
    low, high = compass + np.array([5, -5])
    contour = np.full(len(moments), np.nan)
    starts = [index for index, moment in enumerate(moments) if moment.fresh] or [0]
    peaks = rng.uniform(0.45, 1.0, size=len(starts))
    peaks[rng.integers(len(starts))] = 1.0
    for start, stop, peak in zip(starts, [*starts[1:], len(moments)], peaks, strict=True):
        first, last = rng.uniform(0.15, 0.6, size=2)
        turn = rng.uniform(0.3, 0.7)
        knots = np.array([first, max(peak, first + RISE), last])
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
