"""Spelling: any cells of a voice, one by one, for the beats that no known figure explains: rests, wild runs. Nothing is impossible.

A cell goes on, or strikes a rest or any of the 128 pitches, given what the voice sounded before. Shapes as in `observed`.
"""

from __future__ import annotations

import numpy as np

from musicgen.composers.hidden.observed import Observed
from musicgen.composers.hidden.symbols import LOWEST, IntArray
from musicgen.models.hmm import FloatArray

MIDI = 128
GOES_ON = np.array([0.6, 0.9])  # how often a note, a rest is held
RESTS = 0.15  # how much of what is struck is a rest
ANYWHERE = 0.2  # how much of what sounds is as if nothing had sounded before
HALVED_BY = 2.0  # semitones from the last pitch


def spelled_cells(seen: Observed, compass: FloatArray) -> FloatArray:
    """(V, B, 4) log p of each cell; compass (V, 128) log weights of a voice's pitches. A beat shorter than 4 has filled cells behind."""
    voices = len(seen.cells)
    cells = (seen.cells + seen.shift + LOWEST).reshape(voices, -1)
    silent, struck = seen.silent.reshape(voices, -1), seen.struck.reshape(voices, -1)
    total = np.zeros(cells.shape)
    anyhow = np.exp(compass) / np.exp(compass).sum(axis=1, keepdims=True)
    for voice in range(voices):
        before = np.append(cells[voice, :1], cells[voice, :-1])
        pitches = np.log(_near(anyhow[voice])[before, cells[voice]])
        pitches[0] = np.log(anyhow[voice, cells[voice, 0]])
        goes_on = GOES_ON[np.append(False, silent[voice, :-1]).astype(int)]
        goes_on[0] = 0.0
        strikes = np.log1p(-goes_on) + np.where(silent[voice], np.log(RESTS), np.log(1 - RESTS) + pitches)
        with np.errstate(divide="ignore"):
            total[voice] = np.where(struck[voice], strikes, np.log(goes_on))
    return total.reshape(seen.cells.shape)


def _near(anyhow: FloatArray) -> FloatArray:
    """(128 before, 128) sums to one."""
    pitches: IntArray = np.arange(MIDI)
    near = 0.5 ** (np.abs(pitches[:, None] - pitches) / HALVED_BY)
    return np.asarray((1 - ANYWHERE) * near / near.sum(axis=1, keepdims=True) + ANYWHERE * anyhow)
