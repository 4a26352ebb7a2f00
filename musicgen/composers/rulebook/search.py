"""The search: the way through chords and voicings that costs least, moment by moment (Viterbi over the best so far, a beam).

What is kept at each moment is what costs least so far and, by the harmony that lies ahead, from there on.
Shapes: K ways kept, C candidates, V voices.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from musicgen.composers.rulebook import leading
from musicgen.composers.rulebook.harmony import Outlook
from musicgen.composers.rulebook.moments import Moment
from musicgen.composers.rulebook.table import IMPOSSIBLE, RULES, FloatArray, weigh
from musicgen.composers.rulebook.voicings import Voicer, Voicings
from musicgen.music.rules import VoiceRule

IntArray = NDArray[np.int64]
WAYS, CANDIDATES, HARMONIES = 220, 360, 36
SLACK = 7.0  # what a chord may cost more than the best there
LAST_RESORTS = 4  # chords tried with free notes near by


@dataclass(frozen=True, eq=False)
class Taste:
    """What a seed and a sketch like besides the rules: noise (M, V, 128) on pitches; contour (M,) of a free soprano, nan where none."""

    noise: FloatArray
    contour: FloatArray


@dataclass(frozen=True)
class Chosen:
    """At one moment: the state of harmony and what the voices sound at first and at last."""

    state: int
    voicing: Voicings


@dataclass(frozen=True, eq=False)
class _Ways:
    """The ways kept: their states (K,), the row of each in `voicings`, costs, and where each came from."""

    states: IntArray
    rows: IntArray
    voicings: Voicings
    costs: FloatArray
    parents: IntArray


def find_way(moments: Sequence[Moment], outlook: Outlook, voicer: Voicer, taste: Taste, rules: tuple[VoiceRule, ...]) -> list[Chosen]:
    """One chord and voicing for each moment."""
    kept: list[_Ways] = []
    for index, moment in enumerate(moments):
        kept.append(_advance(index, moment, outlook, voicer, taste, rules, kept[-1] if kept else None))
    best = int(kept[-1].costs.argmin())
    way: list[Chosen] = []
    for ways in reversed(kept):
        row = int(ways.rows[best])
        way.append(Chosen(int(ways.states[best]), ways.voicings[row : row + 1]))
        best = int(ways.parents[best])
    return way[::-1]


def _advance(
    index: int, moment: Moment, outlook: Outlook, voicer: Voicer, taste: Taste, rules: tuple[VoiceRule, ...], before: _Ways | None
) -> _Ways:
    held = {} if before is None else {v: np.unique(before.voicings.last[before.rows, v]) for v in np.flatnonzero(moment.holds).tolist()}
    states, rows, voicings = _candidates(index, moment, outlook, voicer, taste, held)
    ways = _join(index, moment, outlook, rules, before, states, rows, voicings) if len(states) else None
    if ways is None or ways.costs.min() >= IMPOSSIBLE:
        extra = _last_resorts(index, moment, outlook, voicer, before, held)
        tried = _join(index, moment, outlook, rules, before, *extra)
        ways = tried if ways is None or tried.costs.min() < ways.costs.min() else ways
    return ways


def _candidates(
    index: int, moment: Moment, outlook: Outlook, voicer: Voicer, taste: Taste, held: dict[int, IntArray]
) -> tuple[IntArray, IntArray, Voicings]:
    """States and rows of the most promising pairs of a chord and a voicing of it."""
    promise = outlook.whole[index]
    likely = np.argsort(promise, kind="stable")[:HARMONIES]
    likely = likely[(promise[likely] <= promise[likely[0]] + SLACK) & (promise[likely] < IMPOSSIBLE)]
    parts: dict[int, tuple[Voicings, int]] = {}
    total = 0
    for state in likely.tolist():
        unit = int(outlook.space.units[state])
        if unit not in parts:
            found = voicer.voicings(moment, outlook.space.states[state], held)
            parts[unit] = (found, total)
            total += len(found)
    if not total:
        empty = np.zeros(0, dtype=np.int64)
        return empty, empty, Voicings.joined([found for found, _ in parts.values()]) if parts else _nothing(len(moment.free))
    voicings = Voicings.joined([found for found, _ in parts.values()])
    voicings = _tasted(voicings, index, moment, taste)
    spans = [(state, parts[int(outlook.space.units[state])]) for state in likely.tolist()]
    states = np.concatenate([np.full(len(found), state) for state, (found, _) in spans])
    rows = np.concatenate([np.arange(begin, begin + len(found)) for _, (found, begin) in spans])
    best = np.argsort(promise[states] + voicings.cost[rows], kind="stable")[:CANDIDATES]
    return states[best], rows[best], voicings


def _nothing(voices: int) -> Voicings:
    none = np.zeros(0, dtype=np.int64)
    return Voicings(np.zeros((0, voices), dtype=np.int64), np.zeros((0, voices), dtype=np.int64), np.zeros(0), none, none, none)


def _tasted(voicings: Voicings, index: int, moment: Moment, taste: Taste) -> Voicings:
    """With what the seed likes."""
    if moment.rests or not moment.free.any():
        return voicings
    liked = (taste.noise[index][np.arange(len(moment.free)), voicings.first] * moment.free).sum(axis=1)
    if moment.free[0] and np.isfinite(taste.contour[index]):
        liked = liked + RULES["contour"].weight * np.abs(voicings.first[:, 0] - taste.contour[index]) ** 1.5
    return Voicings(
        voicings.first, voicings.last, voicings.cost + liked, voicings.members, voicings.leading, voicings.seventh
    )


def _last_resorts(
    index: int, moment: Moment, outlook: Outlook, voicer: Voicer, before: _Ways | None, held: dict[int, IntArray]
) -> tuple[IntArray, IntArray, Voicings]:
    """Any allowed notes near what the best ways sounded, heard as the likeliest chords."""
    likely = np.argsort(outlook.whole[index], kind="stable")[:LAST_RESORTS]
    best = 0 if before is None else int(before.costs.argmin())
    sounded = voicer.ranges.mean(axis=1) if before is None else before.voicings.last[before.rows[best]]
    parts = [voicer.nearby(moment, outlook.space.states[state], sounded, held) for state in likely.tolist()]
    voicings = Voicings.joined(parts)
    states = np.repeat(likely, [len(part) for part in parts])
    return states, np.arange(len(voicings)), voicings


def _join(
    index: int,
    moment: Moment,
    outlook: Outlook,
    rules: tuple[VoiceRule, ...],
    before: _Ways | None,
    states: IntArray,
    rows: IntArray,
    voicings: Voicings,
) -> _Ways:
    """Each candidate after the best way that leads to it; the most promising are kept."""
    space = outlook.space
    here = np.minimum(outlook.here[index][states], IMPOSSIBLE / 10) + voicings.cost[rows]
    if before is None:
        costs, parents = here + space.beginning[states], np.zeros(len(states), dtype=np.int64)
    else:
        old, old_at = np.unique(before.rows, return_inverse=True)
        new, new_at = np.unique(rows, return_inverse=True)
        led = weigh(leading.breaches(before.voicings[old], voicings[new], moment, space.home, rules))
        turns = outlook.turns[index][np.ix_(before.states, states)]
        reached = before.costs[:, None] + turns + led[np.ix_(old_at, new_at)]
        parents = reached.argmin(axis=0)
        costs = reached[parents, np.arange(len(states))] + here
    best = np.argsort(costs + np.minimum(outlook.onward[index][states], IMPOSSIBLE / 10), kind="stable")[:WAYS]
    return _Ways(states[best], rows[best], voicings, costs[best], parents[best])
