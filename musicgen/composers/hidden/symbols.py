"""Symbols: a chorale as the hidden chains see it, beat by beat and seen from its tonic: chord labels, skeletons, patterns, places.

A label is a root, a quality and a bass, in semitones above the tonic. The skeleton of a beat is one note a voice, its first that belongs to
the chord; the pattern of a voice is what its sixteenths do around that note. Shapes: B beats (quarters), V voices, T steps, F labels,
P pitches, seen from the tonic and counted from LOWEST; 4 cells a beat, a shorter one filled up with its last.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from musicgen.music.chorale import REST, STEPS_PER_QUARTER, BoolArray, Chorale
from musicgen.music.harmony import QUALITIES, Chord, beat_chords, beats_of_steps
from musicgen.music.pitch import Key

IntArray = NDArray[np.int64]

LOWEST, PITCHES = 28, 64
CELLS = STEPS_PER_QUARTER
SILENT = 99  # in a pattern, where others have semitones from the skeleton's note
FAR = 3  # beats to the end of the phrase, from which on they are no longer told apart
PLACES = 2 * 2 * (FAR + 1)
QUALITY_NAMES = list(QUALITIES)
MIDDLE = (71, 65, 59, 50)  # where a voice that never sounds is thought to be


def shift_of(key: Key) -> int:
    """Semitones that a piece stands above C major or C minor, from -5 to 6."""
    return (key.tonic + 5) % 12 - 5


@dataclass(frozen=True)
class Labels:
    """codes (F, 3): root, number of the quality, bass; the most frequent first."""

    codes: IntArray

    def __len__(self) -> int:
        return len(self.codes)

    @property
    def members(self) -> BoolArray:
        """(F, 12)"""
        table = np.zeros((len(self), 12), dtype=bool)
        for row, (root, quality, _) in enumerate(self.codes.tolist()):
            table[row, [(root + interval) % 12 for interval in QUALITIES[QUALITY_NAMES[quality]]]] = True
        return table

    @property
    def bass(self) -> IntArray:
        return self.codes[:, 2]

    def chord(self, label: int, key: Key) -> Chord:
        root, quality, bass = self.codes[label].tolist()
        return Chord((root + key.tonic) % 12, QUALITY_NAMES[quality], (bass + key.tonic) % 12)

    def nearest(self, codes: IntArray) -> IntArray:
        """(B,) the label of each code (B, 3), or, of one that is rare, the label that shares most notes and the bass."""
        members, others = self.members.astype(int), Labels(codes).members.astype(int)
        shared = 4 * others @ members.T - 2 * members.sum(axis=1)
        exact = (codes[:, None] == self.codes).all(axis=-1)
        alike = (codes[:, None] == self.codes).sum(axis=-1)
        return np.asarray((100 * exact + shared + alike).argmax(axis=1))


@dataclass(frozen=True)
class Grid:
    """spans (B, 2): the steps of each beat; places (B,): what is told of each, 0 to PLACES - 1."""

    spans: IntArray
    places: IntArray

    @classmethod
    def of(cls, chorale: Chorale, fermata_sounding: BoolArray) -> Grid:
        beats = beats_of_steps(chorale)
        starts = np.searchsorted(beats, np.arange(beats[-1] + 1))
        spans = np.stack([starts, np.append(starts[1:], chorale.steps)], axis=1)
        return cls(spans, _places(chorale, starts, fermata_sounding))

    def __len__(self) -> int:
        return len(self.spans)

    def cells(self, steps: NDArray[np.generic]) -> NDArray[np.generic]:
        """(V, T) to (V, B, 4)."""
        chosen = np.minimum(self.spans[:, :1] + np.arange(CELLS), self.spans[:, 1:] - 1)
        return np.asarray(steps[:, chosen])

    @property
    def lengths(self) -> IntArray:
        """(B,) steps."""
        return np.asarray(np.minimum(self.spans[:, 1] - self.spans[:, 0], CELLS))


def _places(chorale: Chorale, starts: IntArray, sounding: BoolArray) -> IntArray:
    """How far the phrase's end is, whether it is the last phrase, whether the beat is strong."""
    ends = sounding[starts].copy()
    ends[-1] |= not ends.any()
    where = np.flatnonzero(ends)
    after = np.searchsorted(where, np.arange(len(starts)))
    ahead = np.append(where, len(starts) + FAR)[after] - np.arange(len(starts))
    last_run = where[-1]
    while last_run and ends[last_run - 1]:
        last_run -= 1
    earlier = where[where < last_run]
    is_last = np.arange(len(starts)) > (earlier[-1] if len(earlier) else -1)
    return np.asarray(np.minimum(ahead, FAR) + (FAR + 1) * (is_last + 2 * is_strong(chorale, starts)), dtype=np.int64)


def is_strong(chorale: Chorale, starts: IntArray) -> BoolArray:
    """(B,) whether a beat begins a bar, or the half of one of four."""
    positions = chorale.bar_positions()[starts]
    bar = chorale.bar_steps(chorale.meter)
    return np.asarray((positions == 0) | ((bar % (4 * CELLS) == 0) & (positions % (2 * CELLS) == 0)))


def sounding_pitches(chorale: Chorale) -> IntArray:
    """(V, T) seen from the tonic; where a voice rests, what it sounded before, or will first."""
    pitch = chorale.pitch.astype(np.int64)
    for voice, row in enumerate(pitch):
        heard = np.flatnonzero(row != REST)
        if len(heard) == 0:
            row[:] = MIDDLE[voice]
            continue
        last = np.maximum.accumulate(np.where(row != REST, np.arange(len(row)), heard[0]))
        row[:] = row[last]
    return np.asarray(np.clip(pitch - shift_of(chorale.key) - LOWEST, 0, PITCHES - 1))


def skeletons(cells: IntArray, members: BoolArray) -> IntArray:
    """(V, B, F) the first note of each beat that belongs to each label; its first of all where none does. cells (V, B, 4) pitches."""
    belongs = members.T[(cells + LOWEST) % 12]  # (V, B, 4, F)
    first = belongs.argmax(axis=2)
    return np.asarray(np.take_along_axis(cells, first, axis=2))


def label_codes(chorale: Chorale, cells: IntArray) -> IntArray:
    """(B, 3) what Bach's chords are: the chord of each beat, over the first note of the bass that belongs to it."""
    found = np.zeros((cells.shape[1], 3), dtype=np.int64)
    code = [0, 0, 0]
    for beat, chord in enumerate(beat_chords(chorale)):
        if chord is not None:
            classes = {(each - chorale.key.tonic) % 12 for each in chord.pitch_classes}
            root = (chord.root - chorale.key.tonic) % 12
            basses = [int(pitch) for pitch in (cells[-1, beat] + LOWEST) % 12 if pitch in classes]
            code = [root, QUALITY_NAMES.index(chord.quality), basses[0] if basses else root]
        found[beat] = code
    return found


def is_active(cells: IntArray, struck: BoolArray) -> BoolArray:
    """(V, B) True where a voice does something after the beat has begun. cells and struck (V, B, 4)."""
    return np.asarray((cells[..., 1:] != cells[..., :-1]).any(axis=-1) | struck[..., 1:].any(axis=-1))
