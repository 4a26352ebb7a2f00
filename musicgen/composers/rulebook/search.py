"""The search: the way through chords and voicings that costs least, moment by moment (Viterbi over the best so far, a beam).

What is kept at each moment is what costs least so far and, by the harmony that lies ahead, from there on.
Shapes: K ways kept, C candidates, V voices.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from musicgen.composers.rulebook import leading
from musicgen.composers.rulebook.harmony import Outlook
from musicgen.composers.rulebook.moments import Moment
from musicgen.composers.rulebook.table import IMPOSSIBLE, RULES, FloatArray, weigh
from musicgen.composers.rulebook.voicings import Voicer, Voicings
from musicgen.music.chorale import REST
from musicgen.music.rules import VoiceRule

IntArray = NDArray[np.int64]
WAYS, CANDIDATES, HARMONIES = 100, 220, 28
SLACK = 6.0  # what a chord may cost more than the best there
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
    """The ways kept: their states (K,), the row of each in `voicings`, costs, and where each came from.

    sounded, earlier (K, V): their last notes, and those a moment before.
    """

    states: IntArray
    rows: IntArray
    voicings: Voicings
    costs: FloatArray
    parents: IntArray
    sounded: IntArray
    earlier: IntArray


@dataclass(frozen=True, eq=False)
class Way:
    """One chord and voicing for each moment; `stuck`: the first moment at which something that binds could not be kept, else None."""

    chosen: list[Chosen]
    stuck: int | None


def find_way(
    moments: Sequence[Moment], outlook: Outlook, voicer: Voicer, taste: Taste, rules: tuple[VoiceRule, ...], breadth: int = 1
) -> Way:
    """`breadth`: how many times as many ways are kept as usual."""
    search = _Search(moments, outlook, voicer, taste, rules, breadth)
    kept: list[_Ways] = []
    for index in range(len(moments)):
        kept.append(search.advance(index, kept[-1] if kept else None))
    stuck = next((index for index, ways in enumerate(kept) if ways.costs.min() >= IMPOSSIBLE), None)
    best = int(kept[-1].costs.argmin())
    way: list[Chosen] = []
    for ways in reversed(kept):
        row = int(ways.rows[best])
        way.append(Chosen(int(ways.states[best]), ways.voicings[row : row + 1]))
        best = int(ways.parents[best])
    return Way(way[::-1], stuck)


@dataclass(frozen=True, eq=False)
class _Search:
    moments: Sequence[Moment]
    outlook: Outlook
    voicer: Voicer
    taste: Taste
    rules: tuple[VoiceRule, ...]
    breadth: int

    def advance(self, index: int, before: _Ways | None) -> _Ways:
        """The best ways up to this moment; with notes of no chord, where what binds leaves no other."""
        moment = self.moments[index]
        held = {} if before is None else {voice: np.unique(before.sounded[:, voice]) for voice in np.flatnonzero(moment.holds).tolist()}
        states, rows, voicings = self._candidates(index, held)
        ways = self._join(index, before, states, rows, voicings) if len(states) else None
        if ways is None or ways.costs.min() >= IMPOSSIBLE:
            tried = self._join(index, before, *self._last_resorts(index, before, held))
            ways = tried if ways is None or tried.costs.min() < ways.costs.min() else ways
        return ways

    def _candidates(self, index: int, held: dict[int, IntArray]) -> tuple[IntArray, IntArray, Voicings]:
        """States and rows of the most promising pairs of a chord and a voicing of it."""
        moment, space = self.moments[index], self.outlook.space
        promise = self.outlook.whole[index]
        likely = np.argsort(promise, kind="stable")[:HARMONIES]
        likely = likely[(promise[likely] <= promise[likely[0]] + SLACK) & (promise[likely] < IMPOSSIBLE)]
        parts: dict[int, tuple[Voicings, int]] = {}
        total = 0
        for state in likely.tolist():
            unit = int(space.units[state])
            if unit not in parts:
                found = self.voicer.voicings(moment, space.states[state], held)
                parts[unit] = (found, total)
                total += len(found)
        if not total:
            none = np.zeros(0, dtype=np.int64)
            return none, none, Voicings(none[:, None], none[:, None], none.astype(np.float32), none, none, none)
        voicings = self._tasted(Voicings.joined([found for found, _ in parts.values()]), index)
        spans = [(state, parts[int(space.units[state])]) for state in likely.tolist()]
        states = np.concatenate([np.full(len(found), state) for state, (found, _) in spans])
        rows = np.concatenate([np.arange(begin, begin + len(found)) for _, (found, begin) in spans])
        best = np.argsort(promise[states] + voicings.cost[rows], kind="stable")[: CANDIDATES * self.breadth]
        return states[best], rows[best], voicings

    def _tasted(self, voicings: Voicings, index: int) -> Voicings:
        """With what the seed likes."""
        moment = self.moments[index]
        if moment.rests or not moment.free.any():
            return voicings
        liked = (self.taste.noise[index][np.arange(len(moment.free)), voicings.first] * moment.free).sum(axis=1)
        if moment.free[0] and np.isfinite(self.taste.contour[index]):
            liked = liked + RULES["contour"].weight * np.abs(voicings.first[:, 0] - self.taste.contour[index])
        return replace(voicings, cost=voicings.cost + liked)

    def _last_resorts(self, index: int, before: _Ways | None, held: dict[int, IntArray]) -> tuple[IntArray, IntArray, Voicings]:
        """Any allowed notes near what the best way sounded, heard as the likeliest chords."""
        likely = np.argsort(self.outlook.whole[index], kind="stable")[:LAST_RESORTS]
        sounded = self.voicer.ranges.mean(axis=1) if before is None else before.sounded[before.costs.argmin()]
        parts = [self.voicer.nearby(self.moments[index], self.outlook.space.states[state], sounded, held) for state in likely.tolist()]
        voicings = Voicings.joined(parts)
        return np.repeat(likely, [len(part) for part in parts]), np.arange(len(voicings)), voicings

    def _join(self, index: int, before: _Ways | None, states: IntArray, rows: IntArray, voicings: Voicings) -> _Ways:
        """Each candidate after the best way that leads to it; the most promising are kept."""
        moment, space, here = self.moments[index], self.outlook.space, self.outlook.here[index]
        costs = np.minimum(here[states], IMPOSSIBLE / 10) + voicings.cost[rows]
        if before is None:
            costs, parents = costs + space.opening[states], np.zeros(len(states), dtype=np.int64)
            earlier = np.full_like(voicings.first[rows], REST)
        else:
            old, old_at = np.unique(before.rows, return_inverse=True)
            new, new_at = np.unique(rows, return_inverse=True)
            led = weigh(leading.breaches(before.voicings[old], voicings[new], moment, space.home, self.rules))
            of_all: NDArray[np.float64] = np.broadcast_to(led, (len(old), len(new))).astype(np.float64)
            turns = self.outlook.turns[index][np.ix_(before.states, states)]
            drawn = weigh(leading.melodic(before.earlier, before.sounded, voicings.first[rows], moment))
            reached = before.costs[:, None] + turns + of_all[np.ix_(old_at, new_at)] + drawn
            parents = reached.argmin(axis=0)
            costs, earlier = costs + reached[parents, np.arange(len(states))], before.sounded[parents]
        onward = np.minimum(self.outlook.onward[index][states], IMPOSSIBLE / 10)
        best = np.argsort(costs + onward, kind="stable")[: WAYS * self.breadth]
        return _Ways(states[best], rows[best], voicings, costs[best], parents[best], voicings.last[rows[best]], earlier[best])
