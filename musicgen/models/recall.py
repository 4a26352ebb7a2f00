"""What the steps so far tell of the next one, without being learned: how long each voice has held its sound and whence it came; and, where
the piece has gone this way before, how it went on then. Music repeats itself, and a small network does not find that out by attention.

A line is one voice, or all of them together. It has gone this way before as far as its last steps are the same as those up to an earlier
step, some whole quarters ago. The longest such way counts, in struck sounds; of equal ones, the latest.
Shapes: B pieces, V voices, T steps. Ids are sounds, struck then held, as in `sketcher`.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

MOST_AGE = 16
QUARTER = 4  # steps
LENGTHS = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32)
"""Where the classes of a way's length begin; class 0 is no way at all."""


class Recalled(NamedTuple):
    """What is known at a step from the steps before it. All are (B, V), or (B, T, V) for all steps; `nothing` stands where there is none.

    before: the ids of the step before. age: steps since those were struck. left: the ids that sounded before they were struck.
    alone: the ids that followed where this voice went this way, alone_class: how long a way. together, together_class: where all voices
    did. led: where the leading voice did, alone; alone_class of that voice says how long.
    """

    before: Tensor
    age: Tensor
    left: Tensor
    alone: Tensor
    alone_class: Tensor
    together: Tensor
    together_class: Tensor
    led: Tensor


class Recall:
    """A piece as far as it is read, step by step. `now` is what is known at the step after."""

    def __init__(self, start: Tensor, steps: int, sounds: int, nothing: int, leader: int) -> None:
        """start (B, V): the ids of the first step; `steps`: how many there are at most; `nothing`: an id that says nothing is known."""
        self.sounds, self.nothing, self.leader = sounds, nothing, leader
        self.ids = start.new_full((*start.shape, steps), nothing)
        self.ids[..., 0] = start
        self.steps_read = 1
        self.classes = torch.tensor(LENGTHS, device=start.device)
        # (B, V + 1, quarters): the way of each voice, and of all, that ends at the last step and so many quarters before it.
        self.ways = start.new_zeros((len(start), start.shape[1] + 1, 0))
        none, zero = torch.full_like(start, nothing), torch.zeros_like(start)
        self.now = Recalled(start, zero, none, none, zero, none, zero, none)

    def read(self, ids: Tensor) -> Recalled:
        """Takes in the ids (B, V) of the next step -> what is known at the step after it."""
        before = self.now.before
        struck = ids < self.sounds
        begins = struck | (ids >= 2 * self.sounds)
        age = torch.where(begins, 0, (self.now.age + 1).clamp(max=MOST_AGE))
        left = torch.where(begins, before, self.now.left)
        self.ids[..., self.steps_read] = ids
        self.steps_read += 1
        self._go_on(ids, struck)
        self.now = Recalled(ids, age, left, *self._followed(ids))
        return self.now

    def _go_on(self, ids: Tensor, struck: Tensor) -> None:
        last = self.steps_read - 1
        then = self.ids[..., last % QUARTER : last : QUARTER].flip(-1)
        same = then == ids[..., None]
        same = torch.cat([same, same.all(dim=1, keepdim=True)], dim=1)
        sounds = torch.cat([struck, struck.sum(dim=1, keepdim=True)], dim=1).long()
        ways = torch.nn.functional.pad(self.ways, (0, then.shape[-1] - self.ways.shape[-1]))
        self.ways = torch.where(same, ways + sounds[..., None], 0)

    def _followed(self, ids: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        quarters = self.ways.shape[-1]
        if not quarters:
            return self.now[3:]
        # Of equal ways the latest is the best.
        best = (self.ways * quarters - torch.arange(quarters, device=ids.device)).argmax(dim=-1, keepdim=True)  # (B, V + 1, 1)
        lengths = self.ways.gather(-1, best)[..., 0]
        after = self.steps_read - QUARTER * (best + 1)
        classes = torch.bucketize(lengths, self.classes, right=True)
        voices = ids.shape[1]
        lines = torch.cat(
            [after[:, :voices], after[:, voices:].expand(-1, voices, -1), after[:, self.leader, None].expand(-1, voices, -1)], -1
        )
        known = torch.stack([lengths[:, :voices], lengths[:, voices:].expand_as(ids), lengths[:, self.leader, None].expand_as(ids)], -1) > 0
        alone, together, led = torch.where(known, self.ids.gather(-1, lines), self.nothing).unbind(-1)
        return alone, classes[:, :voices], together, classes[:, voices:].expand_as(ids), led


def recall_all(ids: Tensor, sounds: int, nothing: int, leader: int) -> Recalled:
    """ids (B, V, T) -> what is known at each of the T steps, (B, T, V). The first step is taken to be before itself."""
    recall = Recall(ids[..., 0], ids.shape[-1], sounds, nothing, leader)
    known = [recall.now, recall.now, *(recall.read(ids[..., step]) for step in range(1, ids.shape[-1] - 1))]
    return Recalled(*(torch.stack(rows, dim=1) for rows in zip(*known[: ids.shape[-1]], strict=True)))
