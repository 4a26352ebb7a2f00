"""Voicings: every way in which four voices may sound a chord at a moment, and what the rules say of each.

Shapes: C voicings, V voices, 128 pitches. Pitches are REST where a voice is silent.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from musicgen.composers.rulebook.moments import Moment
from musicgen.composers.rulebook.space import State
from musicgen.composers.rulebook.table import Counts, FloatArray, weigh
from musicgen.music.chorale import REST, BoolArray
from musicgen.music.harmony import QUALITIES
from musicgen.music.rules import NoCrossing, Spacing, VoiceRule

IntArray = NDArray[np.int64]
OCTAVE, TWELFTH = 12, 19
MOST_VOICINGS = 160  # of one chord at one moment
MOST_PITCHES = 10  # of one voice in one chord
NEARBY = 4  # pitches of a voice that has to take what it can get
COMFORT = 7  # semitones from either end of a range
NONE = -9  # no such pitch class


@dataclass(frozen=True, eq=False)
class Voicings:
    """first, last (C, V) what sounds as the moment begins and ends; cost (C,); members a 12-bit set; the classes that lead, or NONE."""

    first: IntArray
    last: IntArray
    cost: FloatArray
    members: IntArray
    leading: IntArray
    seventh: IntArray

    def __len__(self) -> int:
        return len(self.first)

    def __getitem__(self, rows: IntArray | slice) -> Voicings:
        return Voicings(*(getattr(self, name)[rows] for name in self.__dataclass_fields__))

    @classmethod
    def joined(cls, parts: list[Voicings]) -> Voicings:
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in cls.__dataclass_fields__))


@dataclass
class Voicer:
    """Finds voicings; those of a chord are kept, as many moments are alike. `ranges` (V, 2): lowest and highest of each voice."""

    ranges: IntArray
    rules: tuple[VoiceRule, ...] = ()
    kept: dict[tuple[object, ...], Voicings] = field(default_factory=dict)

    def voicings(self, moment: Moment, state: State, held: dict[int, IntArray]) -> Voicings:
        """The best of a chord; `held`: what voices that must hold may be holding. None, if some voice has no note of the chord."""
        sounding = state.sounding
        key: tuple[object, ...] = (sounding, moment.free.tobytes(), moment.allowed.tobytes(), moment.first.tobytes(), moment.last.tobytes())
        key += (moment.low.tobytes(), moment.high.tobytes(), tuple((voice, tuple(pitches.tolist())) for voice, pitches in held.items()))
        if key not in self.kept:
            classes = np.array(sorted(sounding.classes))
            choices = self._choices(moment, held)
            for voice in np.flatnonzero(moment.free).tolist():
                own = np.array([sounding.bass]) if voice == len(moment.free) - 1 else classes
                choices[voice] = self._central(choices[voice][np.isin(choices[voice] % 12, own)], voice)
            self.kept[key] = self._best(moment, state, choices)
        return self.kept[key]

    def _central(self, pitches: IntArray, voice: int) -> IntArray:
        """Of a wide range the middle."""
        if len(pitches) <= MOST_PITCHES:
            return pitches
        return np.sort(pitches[np.argsort(np.abs(pitches - self.ranges[voice].mean()), kind="stable")[:MOST_PITCHES]])

    def nearby(self, moment: Moment, state: State, before: IntArray, held: dict[int, IntArray]) -> Voicings:
        """What is allowed, in no chord, near to what sounded before (V,)."""
        choices = self._choices(moment, held)
        for voice in np.flatnonzero(moment.free).tolist():
            target = before[voice] if before[voice] != REST else self.ranges[voice].mean()
            choices[voice] = choices[voice][np.argsort(np.abs(choices[voice] - target), kind="stable")[:NEARBY]]
        return self._best(moment, state, choices)

    def _choices(self, moment: Moment, held: dict[int, IntArray]) -> list[IntArray]:
        choices = []
        for voice in range(len(moment.free)):
            may = np.flatnonzero(moment.allowed[voice]) if moment.free[voice] and not moment.rests else moment.first[voice : voice + 1]
            if voice in held and np.isin(may, held[voice]).any():
                may = may[np.isin(may, held[voice])]
            choices.append(may)
        return choices

    def _best(self, moment: Moment, state: State, choices: list[IntArray]) -> Voicings:
        first = np.stack([axis.ravel() for axis in np.meshgrid(*choices, indexing="ij")], axis=1).astype(np.int64)
        keep = self._is_orderly(moment, first)
        first = first[keep] if keep.any() else first
        cost = weigh(self.breaches(moment, state, first))
        best = np.argsort(cost, kind="stable")[:MOST_VOICINGS]
        first, cost = first[best], cost[best]
        leading, seventh = leading_class(state), seventh_class(state)
        bits = sum(1 << each for each in state.sounding.classes)
        last = np.where(moment.free, first, moment.last)
        filled = (np.full(len(first), each, dtype=np.int64) for each in (bits, leading, seventh))
        return Voicings(first, last, cost, *filled)

    def _is_orderly(self, moment: Moment, first: IntArray) -> BoolArray:
        """(C,) no voice crosses another, none of the upper ones stands too far from the next."""
        high, low = self._extent(moment, first)
        both = (first[:, :-1] != REST) & (first[:, 1:] != REST)
        crossing = (low[:, :-1] < high[:, 1:]) & both
        wide = (high[:, :-2] - low[:, 1:-1] > OCTAVE) & both[:, :-1]
        return np.asarray(~(crossing.any(axis=1) | wide.any(axis=1)))

    @staticmethod
    def _extent(moment: Moment, first: IntArray) -> tuple[IntArray, IntArray]:
        """(C, V) the highest and the lowest that each voice sounds in the moment: given ones may move."""
        return np.where(moment.free, first, moment.high), np.where(moment.free, first, np.where(moment.low > 127, REST, moment.low))

    def breaches(self, moment: Moment, state: State, first: IntArray) -> Counts:
        """How often each rule of a single chord is broken by each of the voicings (C, V)."""
        if moment.rests or not moment.free.any():
            return {"register": np.zeros(len(first))}
        return {**_doublings(state, first), **self._positions(moment, state, first)}

    def _positions(self, moment: Moment, state: State, first: IntArray) -> Counts:
        high, low = self._extent(moment, first)
        both = (first[:, :-1] != REST) & (first[:, 1:] != REST)
        crossing = (low[:, :-1] < high[:, 1:]) & both
        apart = np.maximum(high[:, :-1] - low[:, 1:], 0) * both
        wide = apart[:, :-1] > OCTAVE
        comfort = self.ranges + np.array([COMFORT, -COMFORT])
        outside = np.maximum(comfort[:, 0] - first, 0) + np.maximum(first - comfort[:, 1], 0)
        foreign = moment.free & ~np.isin(first % 12, sorted(state.sounding.classes)) & (first != REST)
        foreign[:, -1] |= moment.free[-1] & (first[:, -1] % 12 != state.sounding.bass)
        return {
            "crossing": crossing.sum(axis=1).astype(float),
            "spacing": wide.sum(axis=1).astype(float),
            "bass far away": np.maximum(apart[:, -1] - TWELFTH, 0) / 3.0,
            "unison": ((first[:, :-1] == first[:, 1:]) & both).sum(axis=1).astype(float),
            "register": (outside * moment.free).sum(axis=1).astype(float),
            "free note foreign": foreign.sum(axis=1).astype(float),
            "rule of the sketch": self._ruled_out(moment, crossing, apart),
        }

    def _ruled_out(self, moment: Moment, crossing: BoolArray, apart: IntArray) -> FloatArray:
        """Of rules that a single chord can break, where a free voice has part in it."""
        part = moment.free[:-1] | moment.free[1:]
        broken = np.zeros(len(apart))
        for rule in self.rules:
            if isinstance(rule, NoCrossing):
                broken += (crossing & part).any(axis=1)
            elif isinstance(rule, Spacing):
                broken += ((apart[:, :-1] > rule.most) & part[:-1]).any(axis=1)
        return broken


def leading_class(state: State) -> int:
    leading = state.sounding.leading_note
    return NONE if leading is None else leading


def seventh_class(state: State) -> int:
    sounding = state.sounding
    return (sounding.root + QUALITIES[sounding.quality][3]) % 12 if sounding.has_seventh else NONE


def _doublings(state: State, first: IntArray) -> Counts:
    """What is doubled and what is missing."""
    sounding = state.sounding
    classes = np.where(first == REST, NONE, first % 12)

    def count(pitch_class: int) -> IntArray:
        return np.asarray((classes == pitch_class % 12).sum(axis=1))

    members = QUALITIES[sounding.quality]
    root, third, fifth = (count(sounding.root + interval) for interval in members[:3])
    is_triad, is_major, has_perfect_fifth = len(members) == 3, members[1] == 4, members[2] == 7
    leading, seventh = leading_class(state), seventh_class(state)
    zero = np.zeros(len(first))
    return {
        "leading note doubled": np.maximum(count(leading) - 1, 0) * 1.0 if leading != NONE else zero,
        "seventh doubled": np.maximum(count(seventh) - 1, 0) * 1.0 if seventh != NONE else zero,
        "third doubled": np.maximum(third - 1, 0) * float(is_major and has_perfect_fifth),
        "root not doubled": (root < 2) * float(is_triad and sounding.inversion == 0),
        "bass not doubled": (fifth < 2) * float(sounding.is_six_four),
        "tritone doubled": np.maximum(np.maximum(root, fifth) - 1, 0) * float(is_triad and members[2] == 6),
        "third missing": (third == 0) * 1.0,
        "root missing": (root == 0) * 1.0,
        "fifth missing": (fifth == 0) * (1.0 if has_perfect_fifth else 8.0),
        "seventh missing": (count(seventh) == 0) * 1.0 if seventh != NONE else zero,
    }
