"""Every note to a voice at the least cost, a voice sounding one note at a time: dynamic programming from chord to chord.

A state is the last note of each voice; two ways to the same state are compared, and the dearer one is forgotten (Viterbi). What a voice
wants of a note (`wanted`) comes from a rule or a network, the cost of motion, entries and crossings from here.
Shapes: N notes, V voices, S states, A ways to hand a chord to the voices.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from itertools import combinations, permutations

import numpy as np
from numpy.typing import NDArray

from musicgen.separation.notes import IntArray, Notes

FloatArray = NDArray[np.float64]
STATES = 192  # the cheapest ones are kept; with four voices sounding there are 24
NO_NOTE = -1
OVERLAP = 1e3  # two notes of a voice at once by less than half of the second, as in legato playing: never but for want of a free voice
CLASH = 1e6  # by more


@dataclass(frozen=True)
class Costs:
    """motion: a semitone; crossing: a note above a higher voice or under a lower one; entry: a note after a rest, or the first one."""

    motion: float = 1.0
    crossing: float = 10.0
    entry: float = 2.0


@dataclass(frozen=True, eq=False)
class _States:
    """last (S, V) indices of notes, cost (S,)."""

    last: IntArray
    cost: FloatArray


@cache
def _ways(voices: int, notes: int) -> IntArray:
    """(A, notes): the voice of each note of a chord."""
    return np.array(list(permutations(range(voices), notes)), dtype=np.int64)


def assign(notes: Notes, wanted: FloatArray, costs: Costs) -> IntArray:
    """(N,) the voice of each note. wanted (N, V): what it costs to give a note to a voice. No chord may have more than V notes."""
    voices = wanted.shape[1]
    states = _States(np.full((1, voices), NO_NOTE), np.zeros(1))
    steps: list[tuple[slice, IntArray, IntArray]] = []
    for chord in notes.groups():
        ways = _ways(voices, chord.stop - chord.start)
        total = states.cost[:, None] + _prices(notes, wanted, costs, states.last, chord, ways)
        states, origins = _advance(states, total, chord, ways, len(notes))
        steps.append((chord, origins // len(ways), ways[origins % len(ways)]))
    found = np.zeros(len(notes), dtype=np.int64)
    best = int(states.cost.argmin())
    for chord, parents, chosen in reversed(steps):
        found[chord] = chosen[best]
        best = int(parents[best])
    return found


def _advance(states: _States, total: FloatArray, chord: slice, ways: IntArray, size: int) -> tuple[_States, IntArray]:
    """The cheapest way into each state, and where it came from: (S,) indices into `total` (S, A) flat."""
    voices = states.last.shape[1]
    last = np.repeat(states.last[:, None], len(ways), axis=1)
    indices = np.arange(chord.start, chord.stop)
    np.put_along_axis(last, np.broadcast_to(ways, (len(last), *ways.shape)), np.broadcast_to(indices, (len(last), *ways.shape)), axis=2)
    last, order = last.reshape(-1, voices), np.argsort(total, axis=None, kind="stable")[: 8 * STATES]
    keys = ((last[order] + 1) * (size + 1) ** np.arange(voices, dtype=np.uint64)).sum(axis=1, dtype=np.uint64)
    kept = np.sort(np.unique(keys, return_index=True)[1])[:STATES]
    origins = order[kept]
    return _States(last[origins], total.reshape(-1)[origins]), origins


def _prices(notes: Notes, wanted: FloatArray, costs: Costs, last: IntArray, chord: slice, ways: IntArray) -> FloatArray:
    """(S, A) what each way costs from each state."""
    start, length = notes.start[chord.start], notes.end[chord] - notes.start[chord]
    pitch, heard = notes.pitch[chord], last != NO_NOTE
    before, until = np.where(heard, notes.pitch[last], 0), np.where(heard, notes.end[last], 0)
    # One note to one voice, (S, notes, V); then summed along each way.
    left = np.minimum(until[:, None], notes.end[chord][None, :, None]) - start
    single = wanted[chord] + costs.motion * np.where(heard[:, None], abs(pitch[:, None] - before[:, None]), 0.0)
    single = single + costs.entry * ~(heard & (until >= start))[:, None]
    single = single + np.where(left > 0, np.where(2 * left >= length[:, None], CLASH, OVERLAP), 0.0)
    summed: FloatArray = single[:, np.arange(len(pitch)), ways].sum(axis=2)
    return summed + costs.crossing * _crossings(pitch, before, heard & (until > start), ways)


def _crossings(pitch: IntArray, before: IntArray, sounding: NDArray[np.bool_], ways: IntArray) -> FloatArray:
    """(S, A) pairs of voices, at least one of them with a new note, of which the higher voice sounds lower."""
    voices = before.shape[1]
    new = np.full((len(ways), voices), NO_NOTE)
    np.put_along_axis(new, ways, np.broadcast_to(pitch, ways.shape), axis=1)
    is_new = new != NO_NOTE
    now = np.where(is_new, new, before[:, None])  # (S, A, V)
    sounds = is_new | sounding[:, None]
    crossed = np.zeros(now.shape[:2])
    for high, low in combinations(range(voices), 2):
        crossed += (now[..., high] < now[..., low]) & sounds[..., high] & sounds[..., low] & (is_new[:, high] | is_new[:, low])
    return crossed
