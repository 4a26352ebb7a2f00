"""Voice leading of the hidden chains: how likely each motion is, and how voices go together, from counts. Shared by both modes.

Shapes: V voices, N voicings before, M after.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from musicgen.composers.hidden.reading import DEEPEST, INTERVALS, MOTIONS, PAIRS, clipped, dense, moved
from musicgen.composers.hidden.symbols import IntArray
from musicgen.models.hmm import FloatArray, backed_off
from musicgen.music.chorale import VOICES

OUTER = PAIRS.index((0, 3))
FEW = 1.0  # events that say nothing, where much is counted together
MANY = 10.0


@dataclass(frozen=True)
class Leading:
    """How voices go on: motions (2, V, MOTIONS), log p where the chord stays and where it changes; bonds (6, MOTIONS, INTERVALS,
    INTERVALS), for each motion of the upper voice of a pair, how much likelier one interval after another is than if the lower voice
    went alone."""

    motions: FloatArray
    bonds: FloatArray
    outer: FloatArray
    """(MOTIONS, 12, 12) bonds of the outer voices, octaves not told apart"""

    @classmethod
    def of(cls, pairs: IntArray, motions: IntArray, strength: float) -> Leading:
        steps = dense(motions, (2, len(VOICES), MOTIONS))
        by_voice = backed_off(steps.sum(axis=0), PEAK, 10.0)
        counts = dense(pairs, (len(PAIRS), MOTIONS, INTERVALS, INTERVALS))
        alone = np.stack([_as_if_alone(by_voice[lower]) for _, lower in PAIRS])
        alone /= alone.sum(axis=-1, keepdims=True)
        prior = alone * _in_any_octave(counts, alone, FEW)
        prior /= prior.sum(axis=-1, keepdims=True)
        bonds = np.log(backed_off(counts, prior, strength) / alone)
        outer = np.log(_by_class(counts[[OUTER]], alone[[OUTER]], FEW))
        return cls(np.log(backed_off(steps, by_voice, 20.0)), bonds, outer)

    def scores(self, before: IntArray, after: IntArray, changes: bool) -> tuple[FloatArray, FloatArray]:
        """(N, M) of the lower voices' motions, and of all pairs' bonds; before (N, V), after (M, V)."""
        steps = moved(after[None] - before[:, None])  # (N, M, V)
        single = sum(self.motions[int(changes), voice][steps[..., voice]] for voice in range(1, len(VOICES)))
        total = np.zeros(steps.shape[:2])
        for pair, (upper, lower) in enumerate(PAIRS):
            was, becomes = clipped(before[:, upper] - before[:, lower]), clipped(after[:, upper] - after[:, lower])
            total += self.bonds[pair][steps[..., upper], was[:, None], becomes[None]]
        return np.asarray(single), total


PEAK = np.exp(-np.abs(np.arange(MOTIONS) - MOTIONS // 2) / 2)
PEAK = PEAK / PEAK.sum()


def _as_if_alone(motion: FloatArray) -> FloatArray:
    """(MOTIONS, INTERVALS, INTERVALS) what the lower voice's motions alone make of the interval."""
    upper = np.arange(MOTIONS)[:, None, None] - MOTIONS // 2
    was, becomes = np.arange(INTERVALS)[None, :, None], np.arange(INTERVALS)[None, None]
    return np.asarray(motion[moved(upper + was - becomes)])


def _in_any_octave(counts: IntArray, alone: FloatArray, strength: float) -> FloatArray:
    """(MOTIONS, INTERVALS, INTERVALS) as `_by_class`, for each interval."""
    classes = (np.arange(INTERVALS) - DEEPEST) % 12
    return np.asarray(_by_class(counts, alone, strength)[:, classes[:, None], classes])


def _by_class(counts: IntArray, alone: FloatArray, strength: float) -> FloatArray:
    """(MOTIONS, 12, 12) how much oftener than if the voices went alone an interval passes into another, whatever the pair and the octave:
    what a fifth does is seen in all fifths; and where that is seldom, whatever the motion's size."""
    expected = (counts.sum(axis=-1, keepdims=True) * alone / alone.sum(axis=-1, keepdims=True)).sum(axis=0)
    seen, hoped = (np.zeros((MOTIONS, 12, 12)) for _ in range(2))
    classes = (np.arange(INTERVALS) - DEEPEST) % 12
    for table, source in ((seen, counts.sum(axis=0)), (hoped, expected)):
        np.add.at(table, (np.arange(MOTIONS)[:, None, None], classes[:, None], classes), source)
    by_direction = np.sign(np.arange(MOTIONS) - MOTIONS // 2) == np.array([-1, 0, 1])[:, None]  # (3, MOTIONS)
    seen_so, hoped_so = (np.tensordot(by_direction.astype(float), table, axes=1) for table in (seen, hoped))
    usual = np.tensordot(by_direction.T.astype(float), (seen_so + strength) / (hoped_so + strength), axes=1)
    return np.asarray((seen + MANY * usual) / (hoped + MANY))
