"""Planning an empty sketch: key, meter, pick-up, bars and phrases, so that what is composed breathes and ends.

The shares are counted over the train split of music21's chorales: cadences and their keys, phrases of two bars in 4/4 (four in 3/4), a
fermata on the third beat, and a last chord that fills what the pick-up leaves of the last bar.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import accumulate

import numpy as np

from musicgen.errors import ConfigError, NotationError
from musicgen.music.chorale import REST, STEPS_PER_QUARTER, VOICES, BoolArray, Chorale
from musicgen.music.constraints import Constraint, PitchClasses, VoiceRanges
from musicgen.music.endings import CadenceAt, Ending
from musicgen.music.ensemble import BACHS_CHOIR, Ensemble
from musicgen.music.pitch import Key, Mode
from musicgen.music.places import beat_steps, step_at
from musicgen.music.score import Meter, MeterAt
from musicgen.music.sketch import Sketch

# The keys of at least fifteen train chorales.
USUAL_KEYS = ("A minor", "G major", "G minor", "D minor", "D major", "A major", "C major", "F major", "E minor", "Bb major")
MOST_BARS = 400
LONG_LAST_CHORD = 0.45
PICARDY_THIRD = 0.6
PERFECT_END = 0.9
DRAWS = 5
MEETING_BARS = 2  # cadences further apart clash only through notes that are held for long
# (share of the phrase ends but the last, kind, tonic above the piece's, mode), a little less than counted: some come unplanned.
CADENCES: dict[Mode, tuple[tuple[float, Ending, int, Mode], ...]] = {
    "major": (
        (0.13, "perfect", 7, "major"),
        (0.12, "perfect", 0, "major"),
        (0.11, "half", 0, "major"),
        (0.06, "imperfect", 0, "major"),
        (0.05, "imperfect", 7, "major"),
        (0.03, "perfect", 2, "minor"),
        (0.02, "perfect", 9, "minor"),
        (0.02, "perfect", 5, "major"),
    ),
    "minor": (
        (0.14, "perfect", 0, "minor"),
        (0.09, "half", 0, "minor"),
        (0.09, "perfect", 3, "major"),
        (0.06, "phrygian", 0, "minor"),
        (0.05, "imperfect", 3, "major"),
        (0.05, "perfect", 5, "minor"),
        (0.03, "perfect", 10, "major"),
        (0.02, "perfect", 7, "minor"),
        (0.02, "perfect", 8, "major"),
    ),
}


@dataclass(frozen=True)
class Plan:
    """What is asked of an empty sketch; None leaves it to the seed, as Bach's chorales have it.

    phrase_bars: bars between fermatas; phrases: or the length of each phrase, in bars; ends: places (`4:3`) where phrases shall end, which
    assumed ends make way for; picardy: whether the last chord of a minor key is major.
    """

    bars: int = 12
    meter: Meter = Meter(4, 4)
    key: Key | None = None
    pickup_quarters: float | None = None
    phrase_bars: int | None = None
    phrases: tuple[int, ...] = ()
    ends: tuple[str, ...] = ()
    picardy: bool | None = None

    def __post_init__(self) -> None:
        if not 1 <= self.bars <= MOST_BARS:
            raise ConfigError(f"{self.bars} bars: from 1 to {MOST_BARS}")
        if self.bars * self.meter.bar_quarters > MOST_BARS * Meter(4, 4).bar_quarters:
            raise ConfigError(f"{self.bars} bars of {self.meter}: at most as long as {MOST_BARS} bars of 4/4")
        if self.pickup_quarters is not None and not math.isfinite(self.pickup_quarters):
            raise ConfigError(f"a pick-up of {self.pickup_quarters} quarters: a number is needed, like 1 or 0.5")
        if self.phrase_bars is not None and self.phrase_bars < 1:
            raise ConfigError(f"phrases of {self.phrase_bars} bars: at least 1")
        if self.phrases and sum(self.phrases) != self.bars:
            raise ConfigError(f"phrases of {' + '.join(map(str, self.phrases))} bars, {sum(self.phrases)} together, in {self.bars} bars")
        if (self.meter.bar_quarters * STEPS_PER_QUARTER).denominator != 1:
            raise NotationError(f"a bar of {self.meter} is no whole number of sixteenths; choose another meter")


def plan_sketch(plan: Plan, seed: int, ensemble: Ensemble = BACHS_CHOIR) -> Sketch:
    """An empty sketch of a choir's four voices with fermatas at the phrase ends and the tonic chord, root below, at the last.

    Of other ensembles it is not known how they end phrases: there is a fermata only where phrases are asked for, and no pick-up unasked.
    Their keys are those of their corpus.
    """
    rng = np.random.default_rng([seed, 0])
    key = plan.key or Key.parse(str(rng.choice(ensemble.keys or USUAL_KEYS)))
    is_choir = ensemble.is_choir
    if plan.pickup_quarters is None and not is_choir:
        plan = replace(plan, pickup_quarters=0)
    bar = Chorale.bar_steps(plan.meter)
    pickup = _pickup(plan, bar, rng)
    steps = plan.bars * bar
    assumed = _fermatas(plan, bar, pickup, rng) if is_choir or plan.phrases or plan.phrase_bars else []
    fermata = np.zeros(steps, dtype=bool)
    pitch = np.full((ensemble.voices, steps), REST)
    onset = np.zeros_like(pitch, dtype=bool)
    onset[:, 0] = True
    empty = Chorale(pitch, onset, fermata, (MeterAt(0, plan.meter),), key, pickup, ensemble=ensemble)
    asked = [step_at(place, empty) for place in plan.ends]
    left = [end for end in assumed if all(abs(end - other) >= bar for other in asked)]
    fermata[asked + left] = True
    last = _last_chord(plan, key, assumed[-1], steps, rng) if is_choir and assumed[-1] in left else ()
    return Sketch(empty.replaced(fermata=fermata), np.ones_like(onset), (VoiceRanges(ensemble.ranges), *last))


def with_cadences(sketch: Sketch, seed: int, picardy: bool | None = None) -> Sketch:
    """Cadences at the phrase ends where none is asked for: kinds and keys drawn as Bach has them, the last one perfect as a rule.

    They are planned, not asked for: what clashes with something asked or given is drawn anew, and after some draws left to the composer.
    `picardy`: whether a minor piece ends in major; as usual if not said. Other ensembles than a choir get none.
    """
    if not sketch.given.ensemble.is_choir:
        return sketch
    with suppress(NotationError):
        return _with_cadences(sketch, seed, picardy, MEETING_BARS * Chorale.bar_steps(sketch.given.meter)).checked()
    return _with_cadences(sketch, seed, picardy, sketch.given.steps)


def _with_cadences(sketch: Sketch, seed: int, picardy: bool | None, reach: int) -> Sketch:
    """`reach`: as many steps apart two cadences may clash."""
    rng = np.random.default_rng([seed, 1])
    in_major = rng.random() < PICARDY_THIRD if picardy is None else picardy
    asked = {each.step for each in sketch.constraints if isinstance(each, CadenceAt)}
    ends = [step for step in np.flatnonzero(sketch.given.fermata).tolist() if step not in asked and sketch.free[:, step].any()]
    last = int(np.flatnonzero(sketch.given.fermata)[-1]) if ends else 0
    for end in ends:
        for _ in range(DRAWS):
            cadence = _cadence(sketch, end, end == last, in_major, rng)
            if cadence is not None and end and cadence.is_parallel(sketch):
                continue
            new = [cadence] if cadence else []
            near = [each for each in sketch.planned if not isinstance(each, CadenceAt) or abs(each.step - end) <= reach]
            with suppress(NotationError):
                replace(sketch, planned=(*near, *new)).checked()
                sketch = replace(sketch, planned=(*sketch.planned, *new))
                break
    return sketch


def _cadence(sketch: Sketch, step: int, is_last: bool, in_major: bool, rng: np.random.Generator) -> CadenceAt | None:
    home, chance = sketch.key_at(step), rng.random()
    if is_last:
        planned = [each.classes for each in sketch.constraints if isinstance(each, PitchClasses) and each.start == step]
        if planned:
            in_major = not any((home.tonic + 3) % 12 in classes for classes in planned)
        return CadenceAt(step, "perfect", home, picardy=in_major) if chance < PERFECT_END else None
    for share, kind, degree, mode in CADENCES[home.mode]:
        if (chance := chance - share) < 0:
            return CadenceAt(step, kind, Key.of_tonic((home.tonic + degree) % 12, mode))
    return None


def with_phrases(chorale: Chorale, phrases: Sequence[int] = (), free: BoolArray | None = None) -> Chorale:
    """A tune without fermatas, with assumed ones as a condition for the composer: what was learned is that phrases end somewhere.

    Phrases as in an empty sketch; each ends with the note that sounds on the last beat before the next. A tune with fermatas stays, and
    one of another ensemble than a choir, unless it is said how many bars each of its `phrases` has. `free` (V, T): where the tune rests
    and is free, a phrase ends on that beat.
    """
    if (chorale.fermata.any() or not (chorale.ensemble.is_choir or chorale.ensemble.is_numbered)) and not phrases:
        return chorale
    bar = Chorale.bar_steps(chorale.meter)
    beat = beat_steps(chorale.meter)
    begins = np.flatnonzero(chorale.bar_positions() == (bar - chorale.pickup) % bar)
    first = _first_bars(phrases, len(begins)) if phrases else range(0, len(begins), _phrase_bars(chorale.meter))
    starts = [int(begins[index]) for index in first]
    ends = [start - beat for start in starts if start >= bar and chorale.steps - start >= bar]
    notes = [note for note in chorale.notes(0) if note.pitch != REST]
    fermata = np.zeros(chorale.steps, dtype=bool)
    awaited = (chorale.pitch[0] == REST) & (not notes if free is None else free[0])
    for step in [*ends, max(0, chorale.steps - (beat if awaited[-beat:].all() else 1))]:
        before = max((note.start for note in notes if note.start <= step), default=notes[0].start if notes else step)
        fermata[step if awaited[step] else before] = True
    return chorale.replaced(fermata=fermata)


def _first_bars(phrases: Sequence[int], bars: int) -> Sequence[int]:
    """The bars, from 0, that phrases begin with."""
    if sum(phrases) != bars:
        raise ConfigError(f"phrases of {' + '.join(map(str, phrases))} bars, {sum(phrases)} together, in {bars} bars")
    return [sum(phrases[:index]) for index in range(len(phrases))]


def _phrase_bars(meter: Meter) -> int:
    return 4 if meter.beats == 3 else 2


def _pickup(plan: Plan, bar: int, rng: np.random.Generator) -> int:
    """Steps; by default a quarter in seven of ten pieces in 4/4, three of ten in 3/4."""
    if plan.pickup_quarters is None:
        usual = 0.7 if plan.meter.beats % 2 == 0 else 0.3
        return STEPS_PER_QUARTER if bar > STEPS_PER_QUARTER and rng.random() < usual else 0
    pickup = plan.pickup_quarters * STEPS_PER_QUARTER
    if pickup != int(pickup) or not 0 <= pickup < bar:
        raise ConfigError(
            f"a pick-up of {plan.pickup_quarters:g} quarters: sixteenths (0.25) are the least, and less than a bar of {plan.meter}"
        )
    return int(pickup)


def _fermatas(plan: Plan, bar: int, pickup: int, rng: np.random.Generator) -> list[int]:
    """First steps of the notes that end the phrases."""
    phrase_bars = plan.phrase_bars or _phrase_bars(plan.meter)
    beat = beat_steps(plan.meter)
    middle = bar // 2 // beat * beat
    if middle >= bar - pickup:
        middle = 0
    # A phrase begins `pickup` before a barline, so bar number n (from 0) begins at pickup + n * bar.
    last_bars: Iterable[int] = accumulate(plan.phrases[:-1]) if plan.phrases else range(phrase_bars, plan.bars, phrase_bars)
    ends = [pickup + (last - 1) * bar + middle for last in last_bars]
    last_start = pickup + (plan.bars - 1) * bar
    last = last_start if rng.random() < LONG_LAST_CHORD or middle == 0 else last_start + middle
    # The remainder of a division into phrases joins the last one, so that no phrase is a single bar.
    if not plan.phrases and plan.bars % phrase_bars and len(ends) > 1:
        ends.pop()
    return [*ends, last]


def _last_chord(plan: Plan, key: Key, start: int, steps: int, rng: np.random.Generator) -> tuple[Constraint, ...]:
    usual = rng.random() < PICARDY_THIRD
    major = key.mode == "major" or (usual if plan.picardy is None else plan.picardy)
    tonic = key.tonic
    triad = frozenset({tonic, (tonic + (4 if major else 3)) % 12, (tonic + 7) % 12})
    upper = tuple(PitchClasses(voice, start, steps, triad) for voice in range(len(VOICES) - 1))
    return (*upper, PitchClasses(len(VOICES) - 1, start, steps, frozenset({tonic})))
