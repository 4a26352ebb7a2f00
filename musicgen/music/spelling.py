"""Spelling: how each note of a chorale is written, from the key, from where the line goes and from what sounds with it.

A key has a window of twelve fifths, one name for each pitch class: from Eb to G# in C major, from Bb to D# in A minor. Near the window's
edges a second name is at hand, in C major D# beside Eb, Ab beside G#. There a note that rises a semitone is a raised one, one that falls a
semitone a lowered one, and notes that sound together are written close on the line of fifths. A pitch keeps its name while it is repeated.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby, zip_longest

import numpy as np
from numpy.typing import NDArray

from musicgen.music.chorale import REST, Chorale, GridNote
from musicgen.music.pitch import Spelling, lowest_fifths

IntArray = NDArray[np.int64]

# Notes this near to an edge of the window may also be written across it; a line going a semitone weighs less
# than the three fifths between a key's own G# and its Ab in A minor.
EDGE_FIFTHS = 3
DIRECTION_WEIGHT = 2.5
PASSES = 2  # in the first the other voices have their usual names, in the second those that they have got


def spell_notes(chorale: Chorale) -> dict[tuple[int, int], Spelling]:
    """The spelling of every note, by (voice, start step); one that is struck again is spelled as before."""
    lowest = lowest_fifths(chorale.key)
    fifths = lowest + (7 * chorale.pitch.astype(np.int64) - lowest) % 12
    spelled: dict[tuple[int, int], Spelling] = {}
    for _ in range(PASSES):
        known = fifths.copy()
        for notes, rise in _repeated_notes(chorale):
            place = _fifths_of_notes(chorale, known, notes, rise, lowest)
            for note in notes:
                fifths[note.voice, note.start : note.end] = place
                spelled[note.voice, note.start] = Spelling.at_fifths(place, note.pitch)
    return spelled


def _repeated_notes(chorale: Chorale) -> Iterator[tuple[list[GridNote], int]]:
    """The notes of one pitch that a voice sounds in a row, and the semitones to the note after; 0 before a rest and at the end."""
    for voice in range(chorale.voices):
        repeated = [list(notes) for _, notes in groupby(chorale.notes(voice), key=lambda note: note.pitch)]
        for notes, following in zip_longest(repeated, repeated[1:]):
            pitch, after = notes[0].pitch, following[0].pitch if following else REST
            if pitch != REST:
                yield notes, 0 if after == REST else after - pitch


def _fifths_of_notes(chorale: Chorale, fifths: IntArray, notes: Sequence[GridNote], rise: int, lowest: int) -> int:
    usual = lowest + (7 * notes[0].pitch - lowest) % 12
    if usual - lowest < EDGE_FIFTHS:
        flat, sharp = usual, usual + 12
    elif usual - lowest >= 12 - EDGE_FIFTHS:
        flat, sharp = usual - 12, usual
    else:
        return usual
    others = [_sounding_with(chorale, fifths, note) for note in notes]

    def cost(place: int, goes_on: int) -> float:
        together = sum(float(np.abs(each - place).mean()) for each in others if each.size) / len(notes)
        return abs(place - lowest - 5.5) + together - DIRECTION_WEIGHT * (rise == goes_on)

    return sharp if cost(sharp, 1) < cost(flat, -1) else flat


def _sounding_with(chorale: Chorale, fifths: IntArray, note: GridNote) -> IntArray:
    """The places of what sounds with a note, but for its own pitch class, a cell each."""
    pitch, sounding = chorale.pitch[:, note.start : note.end], fifths[:, note.start : note.end]
    return np.asarray(sounding[(pitch != REST) & ((pitch - note.pitch) % 12 != 0)])
