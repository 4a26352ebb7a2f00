"""Which ids may be drawn at a cell, so that every constraint holds for every cell that the drawn note will sound in.

A HOLD carries its note on: a pitch may be struck at step t only if it may sound from t to the note's end, and HOLD only if the note
held may. Cells of one voice are decided left to right within a pass, since each decides what the next may hold.

Shapes: B pieces, V voices, T steps, K ids, P = 129 things that can sound (128 pitches and a rest).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from musicgen.music.chorale import BoolArray

IdArray = NDArray[np.int64]


class HoldRules:
    """Allowed ids for a pass over ids in which `hold_id` continues a note; made anew for each pass from the ids at its start."""

    def __init__(
        self, barred_before: NDArray[np.int32], must_begin: BoolArray, sounding_of_id: IdArray, ids: IdArray, hold_id: int
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
        # What each voice sounds after its last decided cell, and where that cell is.
        self.decided_at = np.full(ids.shape[:2], -1)
        self.decided_sound = np.full(ids.shape[:2], -1)

    def allowed(self, pieces: IdArray, voices: IdArray, steps: IdArray) -> BoolArray:
        """(N, K) for cells of N different voices; call in rising order of steps, `decide` after each."""
        sound_ok = self._may_sound(pieces, voices, steps)
        allowed = sound_ok[:, np.maximum(self.sounding_of_id, 0)]
        before = self._sounding_before(pieces, voices, steps)
        held_ok = np.take_along_axis(sound_ok, np.maximum(before, 0)[:, None], axis=1)[:, 0]
        allowed[:, self.hold_id] = (before >= 0) & held_ok & ~self.must_begin[pieces, voices, steps]
        return allowed

    def decide(self, pieces: IdArray, voices: IdArray, steps: IdArray, drawn: IdArray) -> None:
        before = self._sounding_before(pieces, voices, steps)
        self.decided_sound[pieces, voices] = np.where(drawn == self.hold_id, before, self.sounding_of_id[drawn])
        self.decided_at[pieces, voices] = steps

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
        decided = self.decided_at[pieces, voices] >= start
        sounding: IdArray = np.where(decided, self.decided_sound[pieces, voices], from_ids)
        return np.where(steps > 0, sounding, -1)


def count_barred(sounding_allowed: BoolArray) -> NDArray[np.int32]:
    """(B, V, T, P) -> (B, V, T + 1, P): how many steps before each one bar the sound; equal counts at both ends mean none between."""
    barred = np.cumsum(~sounding_allowed, axis=2, dtype=np.int32)
    return np.concatenate([np.zeros_like(barred[:, :, :1]), barred], axis=2)
