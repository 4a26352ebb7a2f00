"""Spelling: how each note of a chorale is written, from the key, from where the line goes and from what sounds with it.

A key has a window of twelve fifths, one name for each pitch class: from Eb to G# in C major, from Bb to D# in A minor. Near the window's
edges a second name is at hand, in C major D# beside Eb, Ab beside G#. There a note that rises a semitone is a raised one, one that falls a
semitone a lowered one, and notes that sound together are written close on the line of fifths.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from musicgen.music.chorale import REST, Chorale, GridNote
from musicgen.music.pitch import Spelling, lowest_fifths

IntArray = NDArray[np.int64]

# Notes this near to an edge of the window may also be written across it; a line going a semitone weighs less
# than the three fifths between a key's own G# and its Ab in A minor.
EDGE_FIFTHS = 3
DIRECTION_WEIGHT = 2.5


def spell_notes(chorale: Chorale) -> dict[tuple[int, int], Spelling]:
    """The spelling of every note, by (voice, start step)."""
    lowest = lowest_fifths(chorale.key)
    fifths = lowest + (7 * chorale.pitch.astype(np.int64) - lowest) % 12
    spelled: dict[tuple[int, int], Spelling] = {}
    for voice in range(chorale.voices):
        notes = list(chorale.notes(voice))
        for note, rise in zip(notes, _rises(notes), strict=True):
            if note.pitch != REST:
                place = _fifths_of_note(chorale, fifths, note, rise, lowest)
                spelled[voice, note.start] = Spelling.at_fifths(place, note.pitch)
    return spelled


def _rises(notes: list[GridNote]) -> list[int]:
    """Semitones from each note to the next one of another pitch; 0 before a rest and at the end."""
    rises: list[int] = []
    following = REST
    current = REST
    for note in reversed(notes):
        if note.pitch != current:
            following, current = current, note.pitch
        rises.append(0 if REST in (following, current) else following - current)
    return rises[::-1]


def _fifths_of_note(chorale: Chorale, fifths: IntArray, note: GridNote, rise: int, lowest: int) -> int:
    usual = int(fifths[note.voice, note.start])
    if usual - lowest < EDGE_FIFTHS:
        flat, sharp = usual, usual + 12
    elif usual - lowest >= 12 - EDGE_FIFTHS:
        flat, sharp = usual - 12, usual
    else:
        return usual
    pitch, sounding = chorale.pitch[:, note.start : note.end], fifths[:, note.start : note.end]
    others = sounding[(pitch != REST) & ((pitch - note.pitch) % 12 != 0)]

    def cost(place: int, goes_on: int) -> float:
        together = float(np.abs(others - place).mean()) if others.size else 0.0
        return abs(place - lowest - 5.5) + together - DIRECTION_WEIGHT * (rise == goes_on)

    return sharp if cost(sharp, 1) < cost(flat, -1) else flat
