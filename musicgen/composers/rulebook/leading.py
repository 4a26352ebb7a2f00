"""Part-writing from one chord to the next: how often each rule is broken between every voicing before and every one after.

Shapes: A voicings before, B after; V voices, the bass last, and first of the axes, so that each voice's table lies in one piece.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from musicgen.composers.rulebook.moments import BETWEEN, Moment
from musicgen.composers.rulebook.table import BASS, INNER, TUNE, Counts, FloatArray
from musicgen.composers.rulebook.voicings import NONE, Voicings
from musicgen.music.chorale import REST, BoolArray
from musicgen.music.pitch import Key, spell
from musicgen.music.rules import Leap, NoParallels, VoiceRule

IntArray = NDArray[np.int64]
PitchArray = NDArray[np.int16]
FOURTH, DIMINISHED_FIFTH, FIFTH = 5, 6, 7


@dataclass(frozen=True, eq=False)
class _Step:
    """From all voicings before to all after: was (V, A, 1), now (V, 1, B), moves (V, A, B), 0 from and to rests; sounds: neither is one."""

    was: PitchArray
    now: PitchArray
    moves: PitchArray
    sounds: BoolArray

    @classmethod
    def between(cls, before: Voicings, after: Voicings) -> _Step:
        was = before.last.T[:, :, None].astype(np.int16)
        now = after.first.T[:, None, :].astype(np.int16)
        sounds = (was != REST) & (now != REST)
        return cls(was, now, np.where(sounds, now - was, 0).astype(np.int16), sounds)

    @property
    def none(self) -> FloatArray:
        return np.zeros(self.moves.shape[1:], dtype=np.float32)


def breaches(before: Voicings, after: Voicings, moment: Moment, home: Key, rules: tuple[VoiceRule, ...] = ()) -> Counts:
    """(A, B) of each rule; `moment`: of the voicings after. What does not occur at all may be left out."""
    step = _Step.between(before, after)
    counts = {**_together(step, moment, rules), **_tendencies(step, before, after, moment), **_lines(step, moment)}
    if not moment.fresh:
        counts["cross-relation"] = _cross_relations(before, after, home)
    for voice in np.flatnonzero(moment.holds).tolist():
        counts["asked to hold"] = counts.get("asked to hold", step.none) + (step.was[voice] != step.now[voice])
    return counts


def _together(step: _Step, moment: Moment, rules: tuple[VoiceRule, ...]) -> Counts:
    """Pairs of voices. Pairs of given ones are nobody's fault."""
    last = len(step.moves) - 1
    way = np.sign(step.moves).astype(np.int8)
    counts: dict[str, FloatArray] = {}
    parallel = "parallels between phrases" if moment.fresh else ""

    def add(name: str, found: BoolArray) -> None:
        counts[name] = counts.get(name, step.none) + found

    for upper, lower in combinations(range(last + 1), 2):
        if not (moment.free[upper] or moment.free[lower]):
            continue
        was, now = (step.was[upper] - step.was[lower]) % 12, (step.now[upper] - step.now[lower]) % 12
        turned = way[upper] * way[lower]
        again = was == now
        perfect_fifth = again & ((was == FIFTH) | (step.was[upper] - step.was[lower] == -FIFTH))
        for name, found in (("parallel fifths", perfect_fifth), ("parallel octaves", again & (was == 0))):
            add(parallel or name, found & (turned > 0))
            add("fifths by contrary motion", found & (turned < 0))
        if moment.fresh:
            continue
        if lower == last:
            add("unequal fifths", (was == DIMINISHED_FIFTH) & (now == FIFTH) & (turned > 0))
        if lower == last and upper == 0:
            add("hidden fifths", ((now == FIFTH) | (now == 0)) & ~again & (turned > 0) & (np.abs(step.moves[0]) > 2))
        if lower == upper + 1:
            passed = (step.now[lower] > step.was[upper]) | (step.now[upper] < step.was[lower])
            add("overlap", passed & step.sounds[upper] & step.sounds[lower])
    if not moment.fresh:
        add("all one way", (way == way[0]).all(axis=0) & (way[0] != 0))
    return {**counts, **_ruled_out(step, moment, rules, counts)}


def _ruled_out(step: _Step, moment: Moment, rules: tuple[VoiceRule, ...], counts: Counts) -> Counts:
    """Of rules that were asked for and bind one chord to the next."""
    broken = step.none
    for rule in rules:
        if isinstance(rule, NoParallels):
            names = ("parallel fifths", "parallel octaves", "parallels between phrases")
            broken = broken + sum((counts[name] for name in names if name in counts), step.none)
        elif isinstance(rule, Leap):
            broken = broken + (np.abs(step.moves[moment.free]) > rule.most).any(axis=0)
    return {"rule of the sketch": broken} if rules else {}


def _tendencies(step: _Step, before: Voicings, after: Voicings, moment: Moment) -> Counts:
    """Leading notes rise, sevenths fall; neither need if the chord stays, or if the next has no place for them to go."""
    leading, seventh = before.leading[:, None], before.seventh[:, None]
    rises = (leading != NONE) & _has(after, (leading + 1) % 12) & ~_has(after, leading % 12)
    stays = _has(after, seventh % 12)
    new_leading, new_seventh = after.leading[None], after.seventh[None]
    counts: dict[str, FloatArray] = {}
    for voice in np.flatnonzero(moment.free).tolist():
        was, now, move = step.was[voice] % 12, step.now[voice] % 12, step.moves[voice]
        unresolved = (was == leading) & rises & (move != 1) & step.sounds[voice]
        is_inner = 0 < voice < len(step.moves) - 1
        drops = unresolved & ((move == -4) | (move == -3)) if is_inner else np.zeros_like(unresolved)
        kept = (move == -1) | (move == -2) | ((move == 0) & stays)
        found = {
            "leading note unresolved": unresolved & ~drops,
            "inner leading note unresolved": drops,
            "seventh unresolved": (was == seventh) & ~kept & step.sounds[voice],
            "seventh leapt to": (now == new_seventh) & (np.abs(move) > 2),
            "diminished fourth": (now == new_leading) & (move == -4),
            "augmented second": ((was == leading) & (move == -3)) | ((now == new_leading) & (move == 3)),
        }
        counts |= {name: counts.get(name, step.none) + each for name, each in found.items()}
    return counts


def _has(after: Voicings, classes: IntArray) -> BoolArray:
    """(A, B) whether each chord after has the class (A, 1) of each before."""
    return np.asarray((after.members[None] >> classes) & 1 == 1)


def _lines(step: _Step, moment: Moment) -> Counts:
    """What each free voice pays for its interval; between phrases half."""
    if not moment.free.any():
        return {}
    share = np.float32(0.5 if moment.fresh else 1.0)
    size = np.minimum(np.abs(step.moves), len(INNER) - 1)
    last = len(size) - 1
    counts = {"inner leap": step.none}
    for voice in np.flatnonzero(moment.free).tolist():
        name, table = ("tune", TUNE) if voice == 0 else ("bass line", BASS) if voice == last else ("inner leap", INNER)
        counts[name] = counts.get(name, step.none) + share * table.astype(np.float32)[size[voice]]
    if moment.accent > BETWEEN:
        counts["static"] = (size == 0).all(axis=0) * np.float32(1.0)
    return counts


def _cross_relations(before: Voicings, after: Voicings, home: Key) -> FloatArray:
    """(A, B) notes whose chromatic neighbour comes next, but in another voice."""
    was, now = before.last % 12, after.first % 12
    found = np.zeros((len(before), len(after)), dtype=np.float32)
    for low, high in chromatic_pairs(home):
        for one, other in ((low, high), (high, low)):
            has, gets = np.flatnonzero((was == one).any(axis=1)), np.flatnonzero((now == other).any(axis=1))
            if len(has) and len(gets):
                itself = ((was[has] == one)[:, None] & (now[gets] == other)[None]).any(axis=-1)
                found[np.ix_(has, gets)] += ~itself
    return found


def melodic(earlier: IntArray, was: IntArray, now: IntArray, moment: Moment) -> Counts:
    """(A, B) of rules about three notes of a line: A ways that sounded `earlier` and then `was`, each (A, V), and B that go on to `now`."""
    if moment.fresh:
        return {}
    counts: dict[str, FloatArray] = {}
    for voice, name in ((0, "tune"), (len(moment.free) - 1, "bass")):
        if not moment.free[voice]:
            continue
        first, second, third = earlier[:, voice, None], was[:, voice, None], now[None, :, voice]
        known = (first != REST) & (second != REST)
        counts[f"{name} turns back"] = (known & (third == first) & (third != second)).astype(np.float32)
        if voice == 0:
            leap, on = second - first, third - second
            counts["tune stands still"] = (known & (leap == 0) & (on == 0)).astype(np.float32)
            counts["leap not recovered"] = (known & (np.abs(leap) >= FOURTH) & (np.sign(on) != -np.sign(leap))).astype(np.float32)
    return counts


@cache
def chromatic_pairs(home: Key) -> list[tuple[int, int]]:
    """Pitch classes a semitone apart that are written on one line in this key: F and F# in G major."""
    letters = [spell(60 + pitch_class, home).letter for pitch_class in range(12)]
    return [(each, (each + 1) % 12) for each in range(12) if letters[each] == letters[(each + 1) % 12]]
