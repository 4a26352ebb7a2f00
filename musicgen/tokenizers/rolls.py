"""Piano rolls: what sounds and what begins, as planes of pitch and time, moved so that the mean pitch lies in the middle row.

A piece and the same piece in another key give the same roll: neither key nor register can be read from one.
Shapes: C planes, P = ROWS pitches from low to high, T steps; bool.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from musicgen.music.chorale import REST, STEPS_PER_QUARTER, Chorale
from musicgen.music.score import Score

ROWS = 64
Roll = NDArray[np.bool_]


def voices_roll(chorale: Chorale) -> Roll:
    """(2 V, P, T): of each voice what sounds and what begins."""
    voice, step = np.nonzero(chorale.pitch != REST)
    rows = _rows(chorale.pitch[voice, step].astype(np.int64), np.ones(len(step)))
    roll = np.zeros((2 * chorale.voices, ROWS, chorale.steps), dtype=bool)
    roll[2 * voice, rows, step] = True
    begins = chorale.onset[voice, step]
    roll[2 * voice[begins] + 1, rows[begins], step[begins]] = True
    return roll


def score_roll(score: Score) -> Roll:
    """(2, P, T): what sounds in any part, and what begins; drums and grace notes are left out. Every onset moves to its nearest step."""
    notes = [note for part in score.parts if not part.is_drum for note in part.notes if note.duration]
    return notes_roll(
        [note.start * STEPS_PER_QUARTER / score.ticks_per_quarter for note in notes],
        [note.end * STEPS_PER_QUARTER / score.ticks_per_quarter for note in notes],
        [note.pitch for note in notes],
    )


def quarters(roll: Roll, window: int) -> list[int]:
    """The quarters at which a window may begin that does not reach over the end; the first one in any case."""
    return list(range(0, max(1, roll.shape[2] - window + 1), STEPS_PER_QUARTER))


def notes_roll(starts: ArrayLike, ends: ArrayLike, pitches: ArrayLike) -> Roll:
    """(2, P, T) of notes that begin and end at these steps; each sounds for one step at least."""
    first = np.floor(np.asarray(starts, dtype=np.float64) + 0.5).astype(np.int64)
    last = np.maximum(np.floor(np.asarray(ends, dtype=np.float64) + 0.5).astype(np.int64), first + 1)
    roll = np.zeros((2, ROWS, int(last.max(initial=0))), dtype=bool)
    rows = _rows(np.asarray(pitches, dtype=np.int64), last - first)
    for row, start, end in zip(rows, first, last, strict=True):
        roll[0, row, start:end] = True
    roll[1, rows, first] = True
    return roll


def _rows(pitches: NDArray[np.int64], weights: NDArray[Any]) -> NDArray[np.int64]:
    """The row of each pitch; what lies beyond the outermost rows is moved by octaves."""
    if not len(pitches):
        return np.zeros(0, dtype=np.int64)
    rows = pitches - int(np.floor(np.average(pitches, weights=weights) + 0.5)) + ROWS // 2
    rows = np.where(rows < 0, rows % 12, rows)
    return np.where(rows >= ROWS, ROWS - 12 + (rows - ROWS) % 12, rows)
