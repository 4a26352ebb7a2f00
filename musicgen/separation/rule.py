"""The rule: each voice goes to the nearest note, voices do not cross, and each stays where it is at home.

Chew and Wu (2004) begin where most voices sound, since there the highest note is the highest voice; here such chords say where the
voices of the piece are at home, and the voices between them are joined by the least motion, over the whole piece at once.
"""

from __future__ import annotations

import numpy as np

from musicgen.music.chorale import RANGES
from musicgen.separation.assignment import Costs, FloatArray
from musicgen.separation.notes import Notes

HOMES = np.array([(low + high) / 2 for low, high in RANGES])
PULL = 0.2  # of home, a semitone


class RuleSeparator:
    """Knows no piece but the one before it."""

    name = "rule"
    costs = Costs(motion=1.0, crossing=12.0, entry=6.0)

    def wanted(self, notes: Notes) -> FloatArray:
        """(N, V) semitones from home, weighed."""
        distance: FloatArray = abs(notes.pitch[:, None] - find_homes(notes))
        return PULL * distance


def find_homes(notes: Notes) -> FloatArray:
    """(V,) medians over the chords of all voices; where there is none, the middles of Bach's ranges."""
    full = [notes.pitch[sounding] for sounding in _sounding(notes) if len(sounding) == len(HOMES)]
    homes: FloatArray = np.median(-np.sort(-np.array(full), axis=1), axis=0) if full else HOMES + 12 * notes.octaves_up
    return homes


def _sounding(notes: Notes) -> list[list[int]]:
    """Indices of the notes that sound as each chord begins."""
    found, active = [], list[int]()
    for chord in notes.groups():
        active = [index for index in active if notes.end[index] > notes.start[chord.start]] + list(range(chord.start, chord.stop))
        found.append(active)
    return found
