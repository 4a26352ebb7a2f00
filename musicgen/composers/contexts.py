"""What is known of a cell before it is decided, as numbers: the features that the n-grams of chorales are made of.

A sound is a rung: 0 a rest, 1 and up the ladder of pitches counted from the key signature; NONE where there is nothing yet.
Shapes: R rows, V = 4 voices, T steps, F features.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from musicgen.music.chorale import STEPS_PER_QUARTER, VOICE_LETTERS, VOICES, BoolArray, Chorale
from musicgen.tokenizers.grid import GridTokenizer

IntArray = NDArray[np.int64]

TOKENIZER = GridTokenizer("pair", relative=True)
RUNGS = TOKENIZER.size // 2
NONE, SOUNDS = RUNGS, RUNGS + 1
NOTES, RHYTHM = 4, 8  # how many notes of a voice, and steps of its rhythm, are remembered
OCTAVE = 12
FARTHEST = 24
UNKNOWN_INTERVAL, INTERVALS = 2 * FARTHEST + 1, 2 * FARTHEST + 2
UNKNOWN_CLASS, CLASSES = OCTAVE, OCTAVE + 1
AGES = (0, 1, 2, 3, 4, 5, 6, 7, 9, 12, 16)
"""Where the classes of how long a note lasts begin, in steps."""
UNTIL, SINCE, OTHER_QUARTERS = 6, 8, 8
CHORDS = 1 << OCTAVE

TOLD = {"phase": STEPS_PER_QUARTER, "quarter": OTHER_QUARTERS, "half-bar": 8, "until": UNTIL + 1, "since": SINCE, "mode": 2}
"""Of each step: the sixteenth of the quarter, the quarter of the bar, the sixteenth of the half bar, quarters to the next fermata and
from the last, the mode."""
OWN = {
    "voice": len(VOICES),
    **{f"own{back}": SOUNDS for back in (1, 2, 3)},
    **{f"move{back}": INTERVALS for back in (1, 2, 3)},
    **{f"age{back}": len(AGES) + 1 for back in (1, 2, 3)},
    "own1.class": CLASSES,
    "own2.class": CLASSES,
}
"""Of the voice that is decided: its last notes, the moves between them, and how long they lasted (the last one: so far)."""
OTHERS = {
    "": SOUNDS,
    ".class": CLASSES,
    ".above": INTERVALS,
    ".above.class": CLASSES,
    ".was": INTERVALS,
    ".moved": INTERVALS,
    ".beat": CLASSES,
    ".struck": 3,
    ".age": len(AGES) + 1,
}
"""Of each voice, by its letter: what it sounds now, or did before if that is still open; how far above the last note of the deciding
voice, now and before; how it has just moved; what it sounded when the quarter began; whether it is struck, or open;
for how long it sounds."""
ALL = {
    "struck": 3**4,
    "struck.before": 2**4,
    "rhythm4": 2**4,
    "rhythm8": 2**RHYTHM,
    "rhythm.all": 2**RHYTHM,
    "chord": CHORDS,
    "chord.own": CHORDS,
    "chord.before": CHORDS,
    "chord.before.own": CHORDS,
    "chord.beat": CHORDS,
    "chord.beat.before": CHORDS,
}
"""Which voices are struck, now and a step ago; in which of the last steps the deciding voice was, or any; pitch classes together: those
decided, also counted from the deciding voice's last note, those of a step ago, of the quarter's beginning and the one before it."""
FEATURES: dict[str, int] = {**TOLD, **OWN, **{letter + name: size for name, size in OTHERS.items() for letter in VOICE_LETTERS}, **ALL}


class Past(NamedTuple):
    """What was, of rows of pieces: notes (R, V, 4) the last sounds, newest first; lasted (R, V, 4) for how long, the newest so far;
    beats (R, V, 2) the sounds when this quarter began and the one before; struck (R, V, 8) whether in each of the last steps."""

    notes: IntArray
    lasted: IntArray
    beats: IntArray
    struck: IntArray

    @classmethod
    def none(cls, rows: int) -> Past:
        shape = (rows, len(VOICES))
        nothing, zero = np.full((*shape, NOTES), NONE), np.zeros((*shape, RHYTHM), dtype=np.int64)
        return cls(nothing, zero[..., :NOTES], nothing[..., :2], zero)

    def after(self, sounds: IntArray, struck: BoolArray, phase: IntArray) -> Past:
        """With one more step: sounds (R, V), struck (R, V), phase (R,)."""
        lasted = self.lasted.copy()
        lasted[..., 0] += 1
        begins, on_beat = struck[..., None], (phase == 0)[:, None, None]
        return Past(
            np.where(begins, _pushed(self.notes, sounds), self.notes),
            np.where(begins, _pushed(self.lasted, np.ones_like(sounds)), lasted),
            np.where(on_beat, _pushed(self.beats, sounds), self.beats),
            _pushed(self.struck, struck.astype(np.int64)),
        )

    def rows(self, chosen: IntArray) -> Past:
        return Past(*(array[chosen] for array in self))


def _pushed(kept: IntArray, newest: IntArray) -> IntArray:
    return np.concatenate([newest[..., None], kept[..., :-1]], axis=-1)


def told(chorale: Chorale) -> IntArray:
    """(T, 6) as in TOLD. Quarters count to and from the fermatas as struck; behind the last, or where there are none, nothing is told."""
    struck, steps, position = chorale.fermata, np.arange(chorale.steps), chorale.bar_positions()
    since = steps - np.maximum.accumulate(np.where(struck, steps, 0))
    never = 2 * chorale.steps + UNTIL * STEPS_PER_QUARTER
    coming = np.minimum.accumulate(np.where(struck, steps, never)[::-1])[::-1]
    until = -(-(coming - steps) // STEPS_PER_QUARTER)
    columns = (
        position % STEPS_PER_QUARTER,
        np.minimum(position // STEPS_PER_QUARTER, OTHER_QUARTERS - 1),
        position % TOLD["half-bar"],
        np.minimum(until, UNTIL),
        np.minimum(since // STEPS_PER_QUARTER, SINCE - 1),
        np.full(chorale.steps, chorale.key.mode == "minor"),
    )
    return np.stack(columns, axis=1).astype(np.int64)


def features_of(past: Past, told: IntArray, now: IntArray, struck: BoolArray, voice: int, decided: Sequence[int]) -> IntArray:
    """(R, F) in the order of FEATURES; told (R, 6); now, struck (R, V): of this step, read only where voices are `decided`."""
    is_decided = np.isin(np.arange(len(VOICES)), list(decided))
    before, own = past.notes[..., 0], past.notes[:, voice]
    sound = np.where(is_decided, now, before)
    hits = np.where(is_decided, struck, 2)
    moved = np.where(is_decided, _intervals(sound, before), UNKNOWN_INTERVAL)
    blocks = (
        told,
        np.full((len(told), 1), voice),
        own[:, :3],
        _intervals(own[:, :3], own[:, 1:4]),
        _ages(past.lasted[:, voice, :3]),
        _classes(own[:, :2]),
        # of each voice
        sound,
        _classes(sound),
        _intervals(sound, own[:, :1]),
        _interval_classes(sound, own[:, :1]),
        _intervals(before, own[:, :1]),
        moved,
        _classes(past.beats[..., 0]),
        hits,
        _ages(past.lasted[..., 0]),
        # of all
        _digits(hits, 3),
        _digits(past.struck[..., 0], 2),
        _digits(past.struck[:, voice, :4], 2),
        _digits(past.struck[:, voice], 2),
        _digits(past.struck.max(axis=1), 2),
        *_chords(past, np.where(is_decided, now, NONE), own[:, 0]),
    )
    return np.concatenate(blocks, axis=1)


def _chords(past: Past, decided: IntArray, own: IntArray) -> list[IntArray]:
    now, before = _chord(decided), _chord(past.notes[..., 0])
    return [now, _turned(now, own), before, _turned(before, own), _chord(past.beats[..., 0]), _chord(past.beats[..., 1])]


def _sounds(rungs: IntArray) -> BoolArray:
    return np.asarray((rungs > 0) & (rungs != NONE))


def _classes(rungs: IntArray) -> IntArray:
    return np.where(_sounds(rungs), rungs % OCTAVE, UNKNOWN_CLASS)


def _intervals(to: IntArray, start: IntArray) -> IntArray:
    return np.where(_sounds(to) & _sounds(start), np.clip(to - start, -FARTHEST, FARTHEST) + FARTHEST, UNKNOWN_INTERVAL)


def _interval_classes(to: IntArray, start: IntArray) -> IntArray:
    return np.where(_sounds(to) & _sounds(start), (to - start) % OCTAVE, UNKNOWN_CLASS)


def _ages(steps: IntArray) -> IntArray:
    return np.searchsorted(AGES, steps, side="right")


def _digits(values: IntArray, base: int) -> IntArray:
    """(R, n) -> (R, 1) as one number."""
    return (values @ base ** np.arange(values.shape[1]))[:, None]


def _chord(rungs: IntArray) -> IntArray:
    """(R, V) -> (R, 1) a bit for each pitch class."""
    bits = np.where(_sounds(rungs), 1 << (rungs % OCTAVE), 0)
    return np.asarray(np.bitwise_or.reduce(bits, axis=1, keepdims=True))


def _turned(chord: IntArray, own: IntArray) -> IntArray:
    """A chord with its classes counted from a sound's."""
    turn = np.where(_sounds(own), own % OCTAVE, 0)[:, None]
    return np.asarray(((chord >> turn) | (chord << (OCTAVE - turn))) & (CHORDS - 1))


VIEWS = {"pitch": RUNGS, "motion": 2 * RUNGS, "class": CLASSES}
"""Names of a sound: its rung, how far it is above the voice's last note, its pitch class."""
STRIKE_VIEWS = {"strike": 2}


def columns_of_sounds(own: IntArray) -> IntArray:
    """own (R,) the voice's last sound -> (R, 3, RUNGS) each sound's column in VIEWS."""
    rungs = np.arange(RUNGS)
    middle = np.where(_sounds(own), own, RUNGS // 2)
    motions = np.where(rungs > 0, rungs - middle[:, None] + RUNGS, 0)
    shape = (len(own), RUNGS)
    return np.stack([np.broadcast_to(rungs, shape), motions, np.broadcast_to(_classes(rungs), shape)], axis=1)


def columns_of_strikes(rows: int) -> IntArray:
    """(R, 1, 2)"""
    return np.broadcast_to(np.arange(2), (rows, 1, 2))
