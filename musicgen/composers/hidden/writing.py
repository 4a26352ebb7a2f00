"""Writing: what the chains want, cell by cell, as far as a sketch lets it be. Every given cell and every constraint is kept here.

Shapes: V voices, T steps, B beats, 4 cells a beat.
"""

from __future__ import annotations

import numpy as np

from musicgen.composers.hidden.symbols import LOWEST, Grid, IntArray, shift_of
from musicgen.music.chorale import REST, BoolArray, Chorale
from musicgen.music.sketch import Sketch


def written(sketch: Sketch, allowed: BoolArray, grid: Grid, cells: IntArray, struck: BoolArray) -> Chorale:
    """The free cells sound what is wanted, or the nearest that they may; what may not go on sounding is struck anew."""
    wanted, strikes = _by_step(grid, cells, sketch.given.steps), _by_step(grid, struck, sketch.given.steps)
    wanted = wanted + LOWEST + shift_of(sketch.given.key)
    begins, holds = sketch.must_begin(), sketch.must_hold()
    pitch, onset = sketch.given.pitch.copy(), sketch.given.onset.copy()
    for voice, step in np.argwhere(sketch.free).tolist():
        may = allowed[voice, step]
        held = int(pitch[voice, step - 1]) if step else REST
        can_hold = step > 0 and held != REST and bool(may[held]) and not begins[voice, step]
        wants_other = bool(strikes[voice, step]) or held != wanted[voice, step]
        if can_hold and (holds[voice, step] or not wants_other):
            pitch[voice, step], onset[voice, step] = held, False
        else:
            pitch[voice, step], onset[voice, step] = _nearest(may, int(wanted[voice, step])), True
    return sketch.given.replaced(pitch=pitch, onset=onset)


def _by_step(grid: Grid, cells: IntArray | BoolArray, steps: int) -> IntArray:
    """(V, B, 4) to (V, T)."""
    beat = np.searchsorted(grid.spans[:, 0], np.arange(steps), side="right") - 1
    return np.asarray(cells[:, beat, np.arange(steps) - grid.spans[beat, 0]])


def _nearest(may: BoolArray, wanted: int) -> int:
    pitches = np.flatnonzero(may)
    return int(pitches[np.abs(pitches - wanted).argmin()])
