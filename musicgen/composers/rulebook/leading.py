"""Part-writing from one chord to the next: how often each rule is broken between every voicing before and every one after.

Shapes: A voicings before, B after; V voices, the bass last.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from musicgen.composers.rulebook.moments import Moment
from musicgen.composers.rulebook.table import BASS, INNER, TUNE, Counts, FloatArray
from musicgen.composers.rulebook.voicings import NONE, Voicings
from musicgen.music.chorale import REST, BoolArray
from musicgen.music.pitch import Key, spell
from musicgen.music.rules import Leap, NoParallels, VoiceRule

IntArray = NDArray[np.int64]
FIFTH, DIMINISHED_FIFTH = 7, 6


@dataclass(frozen=True, eq=False)
class _Step:
    """From all voicings before to all after: was (A, 1, V), now (1, B, V), moves (A, B, V), 0 from and to rests."""

    was: IntArray
    now: IntArray
    moves: IntArray
    sounds: BoolArray

    @classmethod
    def between(cls, before: Voicings, after: Voicings) -> _Step:
        was, now = before.last[:, None], after.first[None]
        sounds = (was != REST) & (now != REST)
        return cls(was, now, np.where(sounds, now - was, 0), sounds)


def breaches(before: Voicings, after: Voicings, moment: Moment, home: Key, rules: tuple[VoiceRule, ...] = ()) -> Counts:
    """(A, B) of each rule; `moment`: of the voicings after."""
    step = _Step.between(before, after)
    return {
        **_together(step, moment, rules),
        **_tendencies(step, before, after, moment),
        **_lines(step, moment),
        "cross-relation": _cross_relations(before, after, home) if not moment.fresh else _none(step),
        "asked to hold": (moment.holds & (step.was != step.now)).sum(axis=-1) * 1.0,
    }


def _none(step: _Step) -> FloatArray:
    return np.zeros(step.moves.shape[:2])


def _together(step: _Step, moment: Moment, rules: tuple[VoiceRule, ...]) -> Counts:
    """Pairs of voices. Pairs of given ones are nobody's fault."""
    voices = step.moves.shape[-1]
    fifths, octaves, contrary, hidden, unequal, overlap, ruled = (_none(step) for _ in range(7))
    for upper, lower in combinations(range(voices), 2):
        if not (moment.free[upper] or moment.free[lower]):
            continue
        was, now = step.was[..., upper] - step.was[..., lower], step.now[..., upper] - step.now[..., lower]
        up, low = step.moves[..., upper], step.moves[..., lower]
        both = (up != 0) & (low != 0)
        same_way = both & ((up > 0) == (low > 0))
        again = both & (was % 12 == now % 12)
        is_fifth, is_octave = np.abs(was) % 12 == FIFTH, was % 12 == 0
        fifths += again & same_way & is_fifth
        octaves += again & same_way & is_octave
        contrary += again & ~same_way & (is_fifth | is_octave)
        if lower == voices - 1:
            unequal += same_way & (was % 12 == DIMINISHED_FIFTH) & (now % 12 == FIFTH)
            if upper == 0:
                hidden += same_way & ~again & ((now % 12 == FIFTH) | (now % 12 == 0)) & (np.abs(up) > 2)
        if lower == upper + 1:
            sounds = step.sounds[..., upper] & step.sounds[..., lower]
            overlap += sounds & ((step.now[..., lower] > step.was[..., upper]) | (step.now[..., upper] < step.was[..., lower]))
    if any(isinstance(rule, NoParallels) for rule in rules):
        ruled += fifths + octaves
    for rule in rules:
        if isinstance(rule, Leap):
            ruled += ((np.abs(step.moves) > rule.most) & moment.free).any(axis=-1)
    moving = np.sign(step.moves)
    one_way = (moving != 0).all(axis=-1) & (moving == moving[..., :1]).all(axis=-1)
    loose = moment.fresh
    return {
        "parallel fifths": fifths * (not loose),
        "parallel octaves": octaves * (not loose),
        "parallels between phrases": (fifths + octaves) * loose,
        "fifths by contrary motion": contrary,
        "hidden fifths": hidden * (not loose),
        "unequal fifths": unequal,
        "overlap": overlap * (not loose),
        "all one way": one_way * (1.0 - loose),
        "rule of the sketch": ruled,
    }


def _tendencies(step: _Step, before: Voicings, after: Voicings, moment: Moment) -> Counts:
    """Leading notes rise, sevenths fall; neither need if the chord stays, or if the next has no place for them to go."""
    free = moment.free
    leading, seventh = before.leading[:, None], before.seventh[:, None]
    rises = (leading != NONE) & _has(after, (leading + 1) % 12) & ~_has(after, leading % 12)
    is_leading = (step.was % 12 == leading[..., None]) & step.sounds & rises[..., None] & free
    unresolved = is_leading & (step.moves != 1)
    drops = unresolved & ((step.moves == -4) | (step.moves == -3))
    inner = drops[..., 1:-1].sum(axis=-1) + 0.0
    is_seventh = (step.was % 12 == seventh[..., None]) & step.sounds & (seventh != NONE)[..., None] & free
    stays = (step.moves == 0) & _has(after, seventh % 12)[..., None]
    falls = (step.moves == -1) | (step.moves == -2)
    new_seventh = (step.now % 12 == after.seventh[None, :, None]) & (after.seventh != NONE)[None, :, None]
    augmented = ((step.was % 12 == before.leading[:, None, None]) & (step.moves == -3)) | (
        (step.now % 12 == after.leading[None, :, None]) & (step.moves == 3)
    )
    return {
        "leading note unresolved": unresolved.sum(axis=-1) - inner,
        "inner leading note unresolved": inner,
        "seventh unresolved": (is_seventh & ~falls & ~stays).sum(axis=-1) * (1.0 - 0.5 * moment.fresh),
        "seventh leapt to": (new_seventh & (np.abs(step.moves) > 2) & free).sum(axis=-1) * 1.0,
        "augmented second": (augmented & free).sum(axis=-1) * 1.0,
    }


def _has(after: Voicings, classes: IntArray) -> BoolArray:
    """(A, B) whether each chord after has the class (A, 1) of each before."""
    return np.asarray((after.members[None] >> classes) & 1 == 1)


def _lines(step: _Step, moment: Moment) -> Counts:
    """What each free voice pays for its interval; between phrases half."""
    size = np.minimum(np.abs(step.moves), len(INNER) - 1)
    share = 0.5 if moment.fresh else 1.0
    last = size.shape[-1] - 1
    inner = sum((INNER[size[..., voice]] * moment.free[voice] for voice in range(1, last)), _none(step))
    return {
        "tune": TUNE[size[..., 0]] * (moment.free[0] * share),
        "inner leap": inner * share,
        "bass line": BASS[size[..., last]] * (moment.free[last] * share),
        "static": (size == 0).all(axis=-1) * float(moment.free.any() and moment.accent > 0.1),
    }


def _cross_relations(before: Voicings, after: Voicings, home: Key) -> FloatArray:
    """(A, B) notes whose chromatic neighbour comes next, but in another voice."""
    was, now = before.last[:, None] % 12, after.first[None] % 12
    found = np.zeros((len(before), len(after)))
    for low, high in _chromatic_pairs(home):
        for one, other in ((low, high), (high, low)):
            has, gets = (was == one).any(axis=-1), (now == other).any(axis=-1)
            if has.any() and gets.any():
                itself = ((was == one) & (now == other)).any(axis=-1)
                found += has & gets & ~itself
    return found


def _chromatic_pairs(home: Key) -> list[tuple[int, int]]:
    """Pitch classes a semitone apart that are written on one line in this key: F and F# in G major."""
    letters = [spell(60 + pitch_class, home).letter for pitch_class in range(12)]
    return [(each, (each + 1) % 12) for each in range(12) if letters[each] == letters[(each + 1) % 12]]
