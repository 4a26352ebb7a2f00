"""How voices move against each other, counted in intervals and so the same in every key: tables and look-ups.

A sound is a rung of a ladder (pitches a semitone apart), or -1 where there is none: a rest, a hidden cell, an edge.
Shapes: B batch, V voices, T steps, N cells, K ids, M the largest motion.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from musicgen.models.layers import carry, next_other

Cells = tuple[Tensor, ...]
"""Pieces, voices and steps (N,) of N cells."""


def distance_index(high: Tensor, low: Tensor, most: int) -> Tensor:
    """The row of a table for the distance high - low: 0 to 2 most, larger distances at either end, 2 most + 1 where a sound is missing."""
    known = (high >= 0) & (low >= 0)
    return torch.where(known, (high - low).clamp(-most, most) + most, 2 * most + 1)


def motion_columns(candidates: Tensor, own: Tensor, most: int) -> Tensor:
    """(..., K) the column of a table for the motion from `own` (...) to each sound of `candidates` (..., K).

    0 to 2 most; 2 most + 1 for a candidate that is no sound, or farther than `most`.
    """
    index = candidates - own[..., None] + most
    known = (own[..., None] >= 0) & (candidates >= 0) & (index >= 0) & (index <= 2 * most)
    return torch.where(known, index, 2 * most + 1)


def by_motion(scores: Tensor, columns: Tensor) -> Tensor:
    """Scores (..., 2 M + 1) of motions as scores of the sounds moved to, by their `motion_columns` (..., K); 0 where there is none."""
    return nn.functional.pad(scores, (0, 1)).gather(-1, columns)


class Motions(nn.Module):
    """Log-linear terms for how a voice moves into a cell, and out of the note that begins there, while each other voice moves.

    Tables (V, V, interval, motion, 2 M + 1): from this interval to the other voice and with that motion of the other voice, a score for
    each motion of one's own; M rungs at most. The last interval and the last motion stand for rests, hidden cells and edges.
    """

    def __init__(self, voices: int, vocab_size: int, hold_id: int, ladder: int, motion: int, reach: int) -> None:
        """`ladder`: the first of the ids that are rungs, up to vocab_size; `motion`, `reach`: the largest motion and interval known."""
        super().__init__()
        self.voices, self.vocab_size, self.hold_id, self.ladder, self.motion, self.reach = (
            voices,
            vocab_size,
            hold_id,
            ladder,
            motion,
            reach,
        )
        shape = (voices, voices, 2 * reach + 2, 2 * motion + 2, 2 * motion + 1)
        self.embed_into = nn.Parameter(torch.zeros(shape))
        self.embed_out_of = nn.Parameter(torch.zeros(shape))

    def forward(self, ids: Tensor, cells: Cells) -> Tensor:
        """ids (B, V, T) -> (N, K) for N cells; reads nothing of a cell's own id."""
        hold = self.hold_id
        pieces, voices, steps = cells
        last = ids.shape[-1] - 1
        sounding = carry(ids, hold)
        before = self._column(sounding, pieces, steps - 1)  # (N, V)
        own_before = before.gather(1, voices[:, None])
        into = self._scores(self.embed_into, voices, before, own_before, self._column(sounding, pieces, steps), before)
        following = next_other(ids, hold)[pieces, voices, (steps + 1).clamp(max=last)]
        following = torch.where((steps < last) & (following <= last), following, -1)
        after = self._column(sounding, pieces, following)
        own_after = after.gather(1, voices[:, None])
        leading = self._column(sounding, pieces, torch.where(following > 0, following - 1, -1))
        out_of = self._scores(self.embed_out_of, voices, after, own_after, after, leading)
        candidates = torch.arange(self.vocab_size, device=ids.device).expand(len(voices), -1)
        sounds = torch.where(candidates == hold, own_before, torch.where(candidates >= self.ladder, candidates, -1))
        from_before = motion_columns(sounds, own_before[:, 0], self.motion)
        to_after = motion_columns(sounds, own_after[:, 0], self.motion)
        return by_motion(into, from_before) + by_motion(out_of, to_after)

    def _column(self, sounding: Tensor, pieces: Tensor, steps: Tensor) -> Tensor:
        """(N, V) what all voices sound at a step of each cell's own; -1 beyond the edge, at rests and at hidden cells."""
        column = sounding[pieces, :, steps.clamp(min=0)]
        on_ladder = (column >= self.ladder) & (column < self.vocab_size)
        return torch.where(on_ladder & (steps >= 0)[:, None], column, -1)

    def _scores(self, table: Tensor, voices: Tensor, others: Tensor, own: Tensor, now: Tensor, then: Tensor) -> Tensor:
        """(N, 2 M + 1), summed over the other voices: own interval to them, and their motion from `then` to `now`."""
        interval = distance_index(others, own, self.reach)
        motion = distance_index(now, then, self.motion)
        rows = torch.arange(self.voices, device=voices.device)
        scores = table[voices[:, None], rows, interval, motion]
        return (scores * (rows != voices[:, None])[..., None]).sum(dim=1)
