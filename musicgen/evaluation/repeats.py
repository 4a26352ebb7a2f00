"""Repeats: the stretches of a voice that come again as they were, note for note and length for length.

After Hsu, Liu and Chen, "Discovering nontrivial repeating patterns in music data", 2001: a stretch counts if it is not always part of one
and the same longer repeat. It begins with a note or a rest and has at least two.
Shapes: T steps; D distances between two occurrences, in steps.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from musicgen.evaluation.histograms import Histogram
from musicgen.music.chorale import REST, Chorale

Cells = NDArray[np.uint8]

HOLD, SILENCE, BEYOND = 255, 254, 253  # beside pitches, in a byte
CELLS_AT_ONCE = 4_000_000


def repeated_lengths(chorale: Chorale) -> Histogram:
    """How often there is a repeat of each length in steps, all occurrences in all voices; a stretch that two voices repeat is one."""
    found: dict[bytes, int] = {}
    for pitch, onset in zip(chorale.pitch, chorale.onset, strict=True):
        found |= _stretches(np.where(onset, np.where(pitch == REST, SILENCE, pitch), HOLD).astype(np.uint8))
    lengths: Histogram = Counter()
    for stretch, occurrences in found.items():
        lengths[len(stretch)] += occurrences
    return lengths


def _stretches(cells: Cells) -> dict[bytes, int]:
    """Each repeated stretch of a voice (T,), and how often it occurs."""
    voice = cells.tobytes()
    return {stretch: _occurrences(voice, stretch) for stretch in {voice[start:end] for start, end in _longest_matches(cells)}}


def _occurrences(voice: bytes, stretch: bytes) -> int:
    """They may overlap."""
    count = at = 0
    while (at := voice.find(stretch, at) + 1) > 0:
        count += 1
    return count


def _longest_matches(cells: Cells) -> Iterator[tuple[int, int]]:
    """[start, end) of what two places of the voice have in common and that neither goes on to share; from its first onset on."""
    steps = len(cells)
    later = np.lib.stride_tricks.sliding_window_view(np.concatenate([cells, np.full(steps, BEYOND, np.uint8)]), steps)
    begins = cells != HOLD
    notes = np.concatenate([[0], np.cumsum(begins)])
    onsets = np.append(np.flatnonzero(begins), steps)
    for distance in range(1, steps, rows := max(1, CELLS_AT_ONCE // max(1, steps))):
        same = later[distance : min(steps, distance + rows)] == cells  # (D, T)
        edges = np.diff(np.pad(same, ((0, 0), (1, 1))).astype(np.int8), axis=1)
        start, end = np.nonzero(edges == 1)[1], np.nonzero(edges == -1)[1]
        start = onsets[np.searchsorted(onsets, start)]
        kept = notes[end] - notes[np.minimum(start, end)] > 1
        yield from zip(start[kept].tolist(), end[kept].tolist(), strict=True)
