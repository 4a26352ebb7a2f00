"""Which ids may be drawn at a cell, so that every constraint holds for every cell that the drawn note will sound in.

A HOLD carries its note on: a pitch may be struck at step t only if it may sound from t to the note's end, and HOLD only if the note
held may. Within a pass, a cell that may hold the note of another drawn cell is decided after it.

Shapes: B pieces, V voices, T steps, K ids, P = 129 things that can sound (128 pitches and a rest).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from musicgen.music.chorale import BoolArray

IdArray = NDArray[np.int64]
Cells = tuple[IdArray, IdArray, IdArray]
"""Pieces, voices and steps of N cells."""


class HoldRules:
    """Allowed ids for a pass over ids in which `hold_id` continues a note; made anew for each pass from the ids at its start."""

    def __init__(
        self,
        barred_before: NDArray[np.int32],
        must_begin: BoolArray,
        sounding_of_id: IdArray,
        ids: IdArray,
        hold_id: int,
        cells: Cells,
    ) -> None:
        self.barred_before = barred_before  # (B, V, T + 1, P) of `count_barred`
        self.must_begin = must_begin  # (B, V, T)
        self.sounding_of_id = sounding_of_id  # (K,) row of P, -1 for HOLD
        self.hold_id = hold_id
        self.vocab_size = len(sounding_of_id)
        steps = np.arange(ids.shape[-1])
        struck = ids != hold_id
        self.start_of_note = np.maximum.accumulate(np.where(struck, steps, 0), axis=-1)  # (B, V, T)
        after = np.where(struck, steps, ids.shape[-1])
        self.next_struck = np.minimum.accumulate(after[..., ::-1], axis=-1)[..., ::-1]  # (B, V, T), at or after each step
        self.ids = ids
        self.decided_sound = np.full(ids.shape, -1)  # what sounds after each decided cell
        self.follows = np.full(ids.shape, -1)  # the step of the drawn cell whose note a drawn cell may hold
        self.turns = self._take_turns(cells)

    def allowed(self, pieces: IdArray, voices: IdArray, steps: IdArray) -> BoolArray:
        """(N, K) for cells of one turn; `decide` them before the next turn."""
        sound_ok = self._may_sound(pieces, voices, steps)
        allowed = sound_ok[:, np.maximum(self.sounding_of_id, 0)]
        before = self._sounding_before(pieces, voices, steps)
        held_ok = np.take_along_axis(sound_ok, np.maximum(before, 0)[:, None], axis=1)[:, 0]
        allowed[:, self.hold_id] = (before >= 0) & held_ok & ~self.must_begin[pieces, voices, steps]
        return allowed

    def decide(self, pieces: IdArray, voices: IdArray, steps: IdArray, drawn: IdArray) -> None:
        before = self._sounding_before(pieces, voices, steps)
        self.decided_sound[pieces, voices, steps] = np.where(drawn == self.hold_id, before, self.sounding_of_id[drawn])

    def _take_turns(self, cells: Cells) -> IdArray:
        """(N,) the turn of each cell: 0, or one more than that of the drawn cell it may hold."""
        order = np.lexsort(cells[::-1])
        pieces, voices, steps = (axis[order] for axis in cells)
        same_voice = np.zeros(len(order), dtype=bool)
        same_voice[1:] = (pieces[1:] == pieces[:-1]) & (voices[1:] == voices[:-1])
        previous = np.where(same_voice, np.roll(steps, 1), -1)
        linked = same_voice & (previous >= self.start_of_note[pieces, voices, np.maximum(steps - 1, 0)])
        self.follows[pieces, voices, steps] = np.where(linked, previous, -1)
        ranks = np.arange(len(order))
        turns = np.empty(len(order), dtype=np.int64)
        turns[order] = ranks - np.maximum.accumulate(np.where(linked, 0, ranks))
        return turns

    def _may_sound(self, pieces: IdArray, voices: IdArray, steps: IdArray) -> BoolArray:
        """(N, P) what may sound from `steps` to the end of the note that would begin there."""
        length = self.ids.shape[-1]
        following = self.next_struck[pieces, voices, np.minimum(steps + 1, length - 1)]
        end = np.where(steps + 1 < length, following, length)
        result: BoolArray = self.barred_before[pieces, voices, end] == self.barred_before[pieces, voices, steps]
        return result

    def _sounding_before(self, pieces: IdArray, voices: IdArray, steps: IdArray) -> IdArray:
        """(N,) what sounds at the step before; -1 at the first step or where the note before is still hidden."""
        start = self.start_of_note[pieces, voices, np.maximum(steps - 1, 0)]
        held = self.ids[pieces, voices, start]
        from_ids = np.where(held < self.vocab_size, self.sounding_of_id[np.minimum(held, self.vocab_size - 1)], -1)
        follows = self.follows[pieces, voices, steps]
        sounding: IdArray = np.where(follows >= 0, self.decided_sound[pieces, voices, follows], from_ids)
        return np.where(steps > 0, sounding, -1)


def count_barred(sounding_allowed: BoolArray) -> NDArray[np.int32]:
    """(B, V, T, P) -> (B, V, T + 1, P): how many steps before each one bar the sound; equal counts at both ends mean none between."""
    barred = np.cumsum(~sounding_allowed, axis=2, dtype=np.int32)
    return np.concatenate([np.zeros_like(barred[:, :, :1]), barred], axis=2)
