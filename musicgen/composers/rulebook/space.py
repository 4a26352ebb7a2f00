"""The space of harmony: the chords of the piece's key and of its neighbours, and what one costs after another, whatever the music.

Shapes: H states (chord, position and key).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from musicgen.composers.rulebook.table import RULES, FloatArray
from musicgen.music.chorale import BoolArray
from musicgen.music.constraints import Scale
from musicgen.music.endings import CadenceAt
from musicgen.music.functions import FunctionalChord, chords_of, following_cost, transposed
from musicgen.music.harmony import QUALITIES, Chord
from musicgen.music.pitch import Key, Mode
from musicgen.music.sketch import Sketch

IntArray = NDArray[np.int64]
NEW_KEY, PER_FIFTH, NO_PIVOT, AT_A_PHRASE = 1.5, 0.5, 3.0, 0.4
OTHER_MODE = 0.3
ELSEWHERE = 2.0  # a piece that begins in another key


@dataclass(frozen=True, slots=True)
class State:
    """A chord as its key counts it, and as it sounds: with root and goal from C."""

    key: Key
    functional: FunctionalChord
    sounding: FunctionalChord

    @property
    def chord(self) -> Chord:
        return Chord(self.sounding.root, self.sounding.quality, self.sounding.bass)


@dataclass(frozen=True)
class Space:
    """All states of a piece, with what one costs after another. Compared by identity of its keys."""

    home: Key
    keys: tuple[Key, ...]

    @cached_property
    def states(self) -> tuple[State, ...]:
        return tuple(State(key, chord, transposed(chord, key.tonic)) for key in self.keys for chord in chords_of(key.mode))

    @cached_property
    def units(self) -> IntArray:
        """(H,) states that sound the same and lead the same note have one number."""
        known: dict[tuple[object, ...], int] = {}
        return np.array([known.setdefault(_unit(state), len(known)) for state in self.states])

    @cached_property
    def members(self) -> BoolArray:
        """(H, 12) the pitch classes of each."""
        return np.array([[each in state.sounding.classes for each in range(12)] for state in self.states])

    @cached_property
    def needed(self) -> BoolArray:
        """(H, 12) those that it cannot do without: all but a perfect fifth."""
        fifths = [(state.sounding.root + 7) % 12 for state in self.states]
        return np.asarray(self.members & (np.arange(12) != np.array(fifths)[:, None]))

    @cached_property
    def bass(self) -> IntArray:
        return np.array([state.sounding.bass for state in self.states])

    @cached_property
    def inversion(self) -> IntArray:
        return np.array([state.functional.inversion for state in self.states])

    @cached_property
    def is_six_four(self) -> BoolArray:
        return np.array([state.functional.is_six_four for state in self.states])

    @cached_property
    def own_cost(self) -> FloatArray:
        """(H,) of the chord itself."""
        abroad = RULES["abroad"].weight
        return np.array([state.functional.cost + abroad * (state.key != self.home) for state in self.states])

    @cached_property
    def same_chord(self) -> BoolArray:
        """(H, H) the same root and quality, in whatever position."""
        sounds = np.array([12 * list(QUALITIES).index(state.functional.quality) + state.sounding.root for state in self.states])
        return np.asarray(sounds[:, None] == sounds)

    @cached_property
    def inside(self) -> FloatArray:
        """(H, H) cost of the second after the first inside a phrase."""
        return self._following(False)

    @cached_property
    def afresh(self) -> FloatArray:
        """(H, H) the same, where a new phrase begins: with any stable chord of any near key."""
        return np.minimum(self._following(True), self.beginning[None] + AT_A_PHRASE * self.key_change)

    @cached_property
    def beginning(self) -> FloatArray:
        """(H,) how unusual it is to begin with it."""
        cost = {"tonic": 0.2, "dominant": 0.4, "substitute": 0.6, "predominant": 1.3, "applied": 1.6}
        turned = (0.0, 0.5, 3.0, 1.5)
        return np.array([cost[state.functional.function] + turned[state.functional.inversion] for state in self.states])

    @cached_property
    def opening(self) -> FloatArray:
        """(H,) that the piece begins with it: in its own key, as a rule."""
        return np.asarray(self.beginning + ELSEWHERE * np.array([state.key != self.home for state in self.states]))

    @cached_property
    def key_change(self) -> FloatArray:
        keys = np.asarray(self._key_costs)
        numbers = np.repeat(np.arange(len(self.keys)), [len(chords_of(key.mode)) for key in self.keys])
        return np.asarray(keys[numbers[:, None], numbers])

    @cached_property
    def _key_costs(self) -> FloatArray:
        """(keys, keys)"""
        fifths = np.array([key.fifths for key in self.keys])
        modes = np.array([key.mode == "minor" for key in self.keys])
        distance = np.abs((fifths[:, None] - fifths + 6) % 12 - 6)
        cost = NEW_KEY + PER_FIFTH * distance + OTHER_MODE * (modes[:, None] != modes)
        return np.asarray(np.where(np.eye(len(self.keys), dtype=bool), 0.0, cost))

    def _following(self, begins_phrase: bool) -> FloatArray:
        """Into another key by a chord that both have, which is heard anew there."""
        cost = np.full((len(self.states), len(self.states)), NO_PIVOT)
        for key, columns in self._spans:
            twins, at_home = self._twins(columns)
            block = _progressions(key.mode)
            cost[at_home, columns] = block[twins[at_home]]
            cost[columns, columns] = block
        return np.asarray(cost + self.key_change * (AT_A_PHRASE if begins_phrase else 1.0))

    @cached_property
    def _spans(self) -> list[tuple[Key, slice]]:
        """The states of each key."""
        starts = np.cumsum([0, *(len(chords_of(key.mode)) for key in self.keys)]).tolist()
        return [(key, slice(start, end)) for key, (start, end) in zip(self.keys, pairwise(starts), strict=True)]

    def _twins(self, columns: slice) -> tuple[IntArray, BoolArray]:
        """(H,) for each state the same chord in the key of these columns, counted from its first; and whether it is at home there."""
        known = {_sound(state): index for index, state in enumerate(self.states[columns]) if state.functional.function != "applied"}
        twins = np.array([known.get(_sound(state), -1) for state in self.states])
        return twins, twins >= 0

    @cached_property
    def ending(self) -> FloatArray:
        """(H,) how unusual it is that a phrase inside the piece ends on it."""
        return np.array([_ending_cost(state.functional, state.key, False) for state in self.states])

    @cached_property
    def last(self) -> FloatArray:
        """(H,) that the piece does."""
        return np.array([_ending_cost(state.functional, state.key, True) + 9.0 * (state.key != self.home) for state in self.states])

    @cached_property
    def into_ending(self) -> FloatArray:
        """(H, H) how weak a cadence the two chords make."""
        cost = np.full((len(self.states), len(self.states)), 1.5)
        for key, span in self._spans:
            cost[span, span] = _cadences(key.mode)
        return cost


def _sound(state: State) -> tuple[int, str, int]:
    return state.sounding.root, state.sounding.quality, state.sounding.inversion


def _unit(state: State) -> tuple[object, ...]:
    return *_sound(state), state.sounding.leading_note


@cache
def _progressions(mode: Mode) -> FloatArray:
    return np.array([[following_cost(before, after) for after in chords_of(mode)] for before in chords_of(mode)])


@cache
def _cadences(mode: Mode) -> FloatArray:
    return np.array([[_cadence_cost(before, after) for after in chords_of(mode)] for before in chords_of(mode)])


def _ending_cost(chord: FunctionalChord, key: Key, is_last: bool) -> float:
    """A phrase ends on the tonic, on the dominant, or deceptively, in root position; the piece on its tonic."""
    if chord.has_seventh or chord.is_six_four:
        return 8.0
    turned = 3.0 * chord.inversion
    if chord.function == "tonic":
        in_major = key.mode == "minor" and chord.quality == ""
        return turned - (1.6 if in_major and is_last else 0.0)
    if is_last:
        return 10.0
    if chord.root == 7 and chord.quality == "":
        return turned + 0.8
    return turned + {9: 2.5, 8: 2.5, 5: 2.5}.get(chord.root, 5.0)


def _cadence_cost(first: FunctionalChord, last: FunctionalChord) -> float:
    """Dominant to tonic is best, then anything to the dominant; then plagal ones."""
    if last.function == "tonic":
        if first.function == "dominant":
            return 0.5 * (first.inversion > 0) + 0.5 * (first.root != 7)
        return 1.5 if first.function == "predominant" else 4.0
    if last.root == 7:
        return 4.0 if first.root == 7 else 0.0
    return 0.5 if first.function == "dominant" else 1.0


@cache
def space_of(home: Key, more: tuple[Key, ...]) -> Space:
    return Space(home, tuple(dict.fromkeys((home, *_neighbours(home), *more))))


def space_for(sketch: Sketch) -> Space:
    """The piece's key, those one sign away, and every key that the sketch names."""
    named = [each.key for each in sketch.bounding if isinstance(each, CadenceAt | Scale) and each.key is not None]
    return space_of(sketch.given.key, tuple(dict.fromkeys(named)))


def _neighbours(home: Key) -> list[Key]:
    fifths = [home.fifths + by for by in (0, 1, -1) if abs(home.fifths + by) <= 7]
    keys = [Key(each, mode) for each in fifths for mode in ("major", "minor")]
    return [key for key in keys if key != home]
