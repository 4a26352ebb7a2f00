"""Notes whose voices are to be found, as arrays; and chorales with their voices merged, where the answer is known.

Shapes: N notes by start, then from high to low; V voices. Knows nothing of how voices are told apart.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from math import ceil

import numpy as np
from numpy.typing import NDArray

from musicgen.music.chorale import REST, Chorale
from musicgen.music.score import Note

IntArray = NDArray[np.int64]
USUAL = (47, 74)  # medians of what one voice of a choir or more sing


@dataclass(frozen=True, eq=False)
class Notes:
    """start, end and pitch (N,), in units of which a quarter has `quarter`."""

    start: IntArray
    end: IntArray
    pitch: IntArray
    quarter: int

    @classmethod
    def of(cls, notes: Sequence[Note], quarter: int) -> Notes:
        """In the order given, which must be by start, then from high to low."""
        columns = np.array([(note.start, note.end, note.pitch) for note in notes], dtype=np.int64).reshape(-1, 3)
        return cls(columns[:, 0], columns[:, 1], columns[:, 2], quarter)

    def __len__(self) -> int:
        return len(self.start)

    @property
    def octaves_up(self) -> int:
        """How far above a choir the music lies as a whole, 0 for what some voices of a choir may sing."""
        median, (low, high) = float(np.median(self.pitch)), USUAL
        return ceil((median - high) / 12) if median > high else -ceil((low - median) / 12) if median < low else 0

    def groups(self) -> Iterator[slice]:
        """The notes that begin together, one slice a chord."""
        first = 0
        for _, group in groupby(self.start.tolist()):
            last = first + len(list(group))
            yield slice(first, last)
            first = last


@dataclass(frozen=True, eq=False)
class Merged:
    """A chorale as a keyboard plays it, and who sings it: `sung` (N, V) is True for every voice that strikes a note.

    A key sounds once at a time. Voices that strike a pitch together are one note, as long as the longest of them; a pitch that is struck
    while another voice holds it ends there and begins anew.
    """

    notes: Notes
    sung: NDArray[np.bool_]


def merged(chorale: Chorale, quarter: int) -> Merged:
    """The voices of a chorale as one part, in steps; `quarter` steps a quarter."""
    sung = [note for voice in range(chorale.voices) for note in chorale.notes(voice) if note.pitch != REST]
    sung.sort(key=lambda note: (note.start, -note.pitch))
    struck = [(key, list(group)) for key, group in groupby(sung, key=lambda note: (note.start, -note.pitch))]
    ends = [max(note.end for note in group) for _, group in struck]
    latest: dict[int, int] = {}
    for index, ((start, low), _) in enumerate(struck):
        if low in latest and ends[latest[low]] > start:
            ends[latest[low]] = start
        latest[low] = index
    voices = np.zeros((len(struck), chorale.voices), dtype=bool)
    for index, (_, group) in enumerate(struck):
        voices[index, [note.voice for note in group]] = True
    starts, pitches = np.array([(start, -low) for (start, low), _ in struck], dtype=np.int64).reshape(-1, 2).T
    return Merged(Notes(starts, np.array(ends, dtype=np.int64), pitches, quarter), voices)
