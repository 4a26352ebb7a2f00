"""The rules, one line each, with their weights: everything that this composer knows of part-writing besides the chords of a key.

A weight is what one breach costs, in the units of `music.functions`: 1 is noticed, 3 is marked by a teacher, 1000 is never done while
there is any other way.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64] | NDArray[np.float32]
Counts = Mapping[str, FloatArray]
"""Breaches by the rule's name; the arrays are of one shape."""

NEVER, IMPOSSIBLE = 1e3, 1e6


@dataclass(frozen=True, slots=True)
class Rule:
    weight: float
    about: str


RULES: dict[str, Rule] = {
    # harmony, in the units of music.functions
    "chord": Rule(1.0, "how unusual a chord is in its key and in its position"),
    "progression": Rule(1.0, "how unusual it is after the chord before"),
    "change of key": Rule(1.0, "another key, the dearer the further, unless a phrase begins"),
    "abroad": Rule(0.12, "a beat in another key than the piece's"),
    "held into the beat": Rule(1.2, "a chord that is heard already before a strong beat"),
    "hurried": Rule(1.2, "a chord that changes off the beat"),
    "cadence": Rule(1.0, "a phrase that does not end as phrases do"),
    "foreign note": Rule(1.0, "a given note that is foreign to the chord, by how it is led"),
    "foreign bass": Rule(8.0, "a given bass note that is not the bass of the chord"),
    # one chord
    "leading note doubled": Rule(12.0, "two voices that must rise to the same note"),
    "seventh doubled": Rule(12.0, "two voices that must fall to the same note"),
    "third doubled": Rule(1.2, "the third of a major triad in two voices"),
    "root not doubled": Rule(0.3, "a triad in root position that doubles another note"),
    "bass not doubled": Rule(1.5, "a six-four that doubles another note"),
    "tritone doubled": Rule(1.2, "the root or the fifth of a diminished triad in two voices"),
    "third missing": Rule(15.0, "an empty fifth"),
    "root missing": Rule(15.0, "a chord without its root"),
    "seventh missing": Rule(15.0, "a seventh chord without its seventh"),
    "fifth missing": Rule(0.7, "allowed, a little thin"),
    "free note foreign": Rule(25.0, "a note of no chord, where what is asked leaves no other"),
    "crossing": Rule(40.0, "a voice above its upper neighbour"),
    "spacing": Rule(20.0, "upper voices more than an octave apart"),
    "bass far away": Rule(0.6, "tenor and bass more than a twelfth apart, per three semitones"),
    "unison": Rule(0.8, "two voices on one note"),
    "register": Rule(0.15, "a semitone outside the comfortable part of a voice's range"),
    # from chord to chord
    "parallel fifths": Rule(NEVER, "within a phrase"),
    "parallel octaves": Rule(NEVER, "and unisons, within a phrase"),
    "parallels between phrases": Rule(6.0, "fifths and octaves from one phrase to the next"),
    "fifths by contrary motion": Rule(4.0, "and octaves: from one perfect interval to the same, in opposite directions"),
    "hidden fifths": Rule(3.0, "and octaves: outer voices leap into them in the same direction"),
    "unequal fifths": Rule(1.5, "a diminished fifth before a perfect one, with the bass"),
    "overlap": Rule(2.5, "a voice beyond where its neighbour has just been"),
    "all one way": Rule(1.0, "four voices move in the same direction"),
    "leading note unresolved": Rule(8.0, "in an outer voice"),
    "inner leading note unresolved": Rule(2.5, "it may fall to the fifth of the tonic, at a price"),
    "seventh unresolved": Rule(9.0, "a seventh falls by step, or stays"),
    "seventh leapt to": Rule(0.8, "a seventh is prepared or met by step"),
    "augmented second": Rule(15.0, "between the sixth degree and the leading note in minor"),
    "diminished fourth": Rule(1.5, "down to a leading note"),
    "cross-relation": Rule(3.0, "a note and its chromatic neighbour in different voices"),
    "inner leap": Rule(1.0, "what an alto or a tenor pays for its interval"),
    "tune": Rule(1.0, "what a free soprano pays for its interval"),
    "bass line": Rule(1.0, "what a bass pays for its interval"),
    "static": Rule(1.2, "nothing moves, though a beat goes by"),
    "tune turns back": Rule(1.4, "a free soprano goes to the note that it has just left"),
    "tune stands still": Rule(1.0, "the same note a third time"),
    "leap not recovered": Rule(1.2, "a fourth or more in a free soprano that is not followed by the other direction"),
    "bass turns back": Rule(0.3, "a free bass goes to the note that it has just left"),
    "contour": Rule(0.25, "a free soprano away from the arch drawn for its phrase, in semitones"),
    # between chords; what a seed likes comes on top, so that some are taken and some are not
    "passing note": Rule(-0.3, "within a third"),
    "passing seventh": Rule(-0.4, "within a third, and itself of the chord"),
    "neighbour note": Rule(1.0, "between a note and its repetition"),
    "suspension": Rule(-0.5, "on a strong beat"),
    "weak suspension": Rule(0.5, "on a weak one"),
    "ornament of the tune": Rule(0.5, "a free soprano is plainer than the others"),
    "ornaments at once": Rule(0.3, "two voices move between the beats"),
    "ornaments in dissonance": Rule(4.0, "with each other"),
    # asked for
    "asked to hold": Rule(IMPOSSIBLE, "a note is struck where it must be held"),
    "rule of the sketch": Rule(IMPOSSIBLE, "a rule between voices that was asked for"),
}


def weigh(counts: Counts) -> FloatArray:
    """What these breaches cost together."""
    total: FloatArray = np.zeros(1, dtype=np.float32)
    for name, count in counts.items():
        total = total + np.float32(RULES[name].weight) * count
    return total


# What a voice pays for each interval, in semitones from 0 to 12 and for all wider ones.
INNER = np.array([0.0, 0.1, 0.15, 0.5, 0.7, 1.2, 4.0, 1.8, 3.5, 3.5, 8.0, 8.0, 5.0, 9.0])
TUNE = np.array([0.8, 0.0, 0.0, 0.5, 0.7, 1.0, 6.0, 1.8, 2.2, 3.5, 9.0, 9.0, 3.0, 12.0])
BASS = np.array([0.5, 0.0, 0.0, 0.3, 0.4, 0.4, 2.5, 0.6, 1.5, 2.5, 7.0, 8.0, 0.9, 9.0])
