"""Rules of part-writing that may be asked for, checked at every draw by composers that decide step by step, voice by voice.

Shapes: L lanes (ways in which a piece may go on), V voices, P = 129 things that can sound: 128 pitches and a rest.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from musicgen.errors import NotationError
from musicgen.music.chorale import REST, BoolArray, Chorale
from musicgen.music.voice_leading import FIFTH, OCTAVE, crossed, parallel_moves, slices

UNKNOWN = -2
PITCHES = np.arange(128)
Sounding = NDArray[np.int64]
"""(L, V) pitches, REST, or UNKNOWN"""


class VoiceRule:
    """What one voice may sound, given what all sounded before and what some sound now."""

    def allowed(self, voice: int, before: Sounding, now: Sounding) -> BoolArray:
        """(L, 128)"""
        raise NotImplementedError

    def reach(self, sounding_allowed: BoolArray, free: BoolArray) -> BoolArray:
        """(V, T, P), of what free cells (V, T) may sound, that from which the rule lets the voice go on."""
        return sounding_allowed

    def kept_by(self, filled: Chorale, free: BoolArray) -> bool:
        """Whether the free cells keep it; what is given breaks it at its own risk."""
        raise NotImplementedError

    def describe(self) -> str:
        raise NotImplementedError


def described(rules: Iterable[VoiceRule]) -> str:
    """`no crossing, leaps of at most 7 semitones`"""
    return ", ".join(rule.describe() for rule in rules)


@dataclass(frozen=True)
class NoCrossing(VoiceRule):
    """No voice sounds above its upper neighbour, or above any voice over it."""

    def allowed(self, voice: int, before: Sounding, now: Sounding) -> BoolArray:
        return _between(_lowest(now[:, :voice]), _highest(now[:, voice + 1 :]))

    def kept_by(self, filled: Chorale, free: BoolArray) -> bool:
        cut = slices(filled)
        is_free = free[:-1, cut.start] | free[1:, cut.start]
        return not (crossed(cut) & is_free).any()

    def describe(self) -> str:
        return "no crossing"


@dataclass(frozen=True)
class Spacing(VoiceRule):
    """Soprano and alto, alto and tenor stand at most so many semitones apart."""

    most: int = OCTAVE

    def __post_init__(self) -> None:
        if not 1 <= self.most <= 127:
            raise NotationError(f"a spacing of {self.most} semitones: from 1, 12 is usual")

    def allowed(self, voice: int, before: Sounding, now: Sounding) -> BoolArray:
        upper = range(now.shape[1] - 1)
        near = [now[:, other] for other in (voice - 1, voice + 1) if voice in upper and other in upper]
        allowed = np.ones((len(now), 128), dtype=bool)
        for other in near:
            allowed &= (np.abs(PITCHES - other[:, None]) <= self.most) | (other < 0)[:, None]
        return allowed

    def kept_by(self, filled: Chorale, free: BoolArray) -> bool:
        pitch = filled.pitch[:-1].astype(int)
        apart = np.abs(pitch[:-1] - pitch[1:]) > self.most
        return not (apart & (pitch[:-1] != REST) & (pitch[1:] != REST) & (free[:-2] | free[1:-1])).any()

    def describe(self) -> str:
        return f"upper voices at most {self.most} semitones apart"


@dataclass(frozen=True)
class Leap(VoiceRule):
    """No voice moves by more than so many semitones from note to note."""

    most: int

    def __post_init__(self) -> None:
        if not 1 <= self.most <= 127:
            raise NotationError(f"leaps of {self.most} semitones: from 1, 12 is an octave")

    def allowed(self, voice: int, before: Sounding, now: Sounding) -> BoolArray:
        own = before[:, voice, None]
        return np.asarray((np.abs(PITCHES - own) <= self.most) | (own < 0))

    def reach(self, sounding_allowed: BoolArray, free: BoolArray) -> BoolArray:
        reached = sounding_allowed.copy()
        near = np.abs(PITCHES[:, None] - PITCHES) <= self.most
        for step in range(reached.shape[1] - 2, -1, -1):
            after = reached[:, step + 1]
            can_go_on = (after[:, :128].astype(np.float32) @ near.astype(np.float32)) > 0
            reached[:, step, :128] &= can_go_on | after[:, 128:] | ~free[:, step, None]
        return reached

    def kept_by(self, filled: Chorale, free: BoolArray) -> bool:
        pitch = filled.pitch.astype(int)
        leaps = (np.abs(np.diff(pitch, axis=1)) > self.most) & (pitch[:, 1:] != REST) & (pitch[:, :-1] != REST)
        return not (leaps & (free[:, 1:] | free[:, :-1])).any()

    def describe(self) -> str:
        return f"leaps of at most {self.most} semitones"


@dataclass(frozen=True)
class BassLeap(VoiceRule):
    """The lowest voice moves by at most so many semitones. It is wished for, never insisted on: nothing is refused for it."""

    most: int = OCTAVE

    def allowed(self, voice: int, before: Sounding, now: Sounding) -> BoolArray:
        is_bass = voice == now.shape[1] - 1
        return Leap(self.most).allowed(voice, before, now) if is_bass else np.ones((len(now), 128), dtype=bool)


@dataclass(frozen=True)
class NoParallels(VoiceRule):
    """No fifths or octaves in parallel, within phrases and from one to the next."""

    def allowed(self, voice: int, before: Sounding, now: Sounding) -> BoolArray:
        allowed = np.ones((len(now), 128), dtype=bool)
        own = before[:, voice, None]
        for other in range(now.shape[1]):
            if other == voice:
                continue
            was, sounds = before[:, other, None], now[:, other, None]
            interval = np.abs(own - was) % 12
            perfect = (interval == FIFTH) | (interval == OCTAVE % 12)
            same_way = (np.sign(PITCHES - own) == np.sign(sounds - was)) & (sounds != was)
            again = np.abs(PITCHES - sounds) % 12 == interval
            known = (own >= 0) & (was >= 0) & (sounds >= 0)
            allowed &= ~(perfect & same_way & again & known)
        return allowed

    def kept_by(self, filled: Chorale, free: BoolArray) -> bool:
        cut = slices(filled)
        upper, lower = np.triu_indices(filled.voices, 1)
        is_free = free[:, cut.start[1:]]
        parallels = parallel_moves(cut, FIFTH) | parallel_moves(cut, OCTAVE)
        return not (parallels & (is_free[upper] | is_free[lower])).any()

    def describe(self) -> str:
        return "no parallel fifths or octaves"


def _lowest(pitches: Sounding) -> Sounding:
    """(L,) of what is known, else 127."""
    return np.asarray(np.where(pitches >= 0, pitches, 127).min(axis=1, initial=127))


def _highest(pitches: Sounding) -> Sounding:
    return np.asarray(np.where(pitches >= 0, pitches, 0).max(axis=1, initial=0))


def _between(top: Sounding, bottom: Sounding) -> BoolArray:
    return (top[:, None] >= PITCHES) & (bottom[:, None] <= PITCHES)
