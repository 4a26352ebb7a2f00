"""What the steps so far tell of the next one, without being learned: how long each voice has held its sound and whence it came; and, where
the piece has gone this way before, how it went on then. Music repeats itself, and a small network does not find that out by attention.

A line is one voice, or all of them together. It has gone this way before as far as its last steps are the same as those up to an earlier
step, some whole quarters ago. The longest such way counts, in struck sounds; of equal ones, the latest. What is hidden is like nothing.
Shapes: B pieces, V voices, T steps. Ids are sounds, struck then held, as in `sketcher`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

MOST_AGE = 16
QUARTER = 4  # steps
LENGTHS = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32)
"""Where the classes of a way's length begin; class 0 is no way at all."""


WAYS = 3
"""A voice alone, all together, the leader alone."""


class Recalled(NamedTuple):
    """What is known at a step from the steps before it; `nothing` stands where there is none. Shapes with T for all steps.

    before (B, V) or (B, T, V): the ids of the step before. age: steps since those were struck. left: the ids that sounded before they were
    struck. followed (…, V, WAYS): the ids that followed where this voice alone, where all together, where the leader went this way;
    classes (…, V, WAYS): how long that way is, as a class. The leader is not led: its last class is 0.
    """

    before: Tensor
    age: Tensor
    left: Tensor
    followed: Tensor
    classes: Tensor


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
        self.now = Recalled(start, zero, none, none[..., None].expand(-1, -1, WAYS), zero[..., None].expand(-1, -1, WAYS))

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

    def branch(self, parents: Tensor) -> None:
        """Each piece goes on as a copy of the one named (B',)."""
        self.ids, self.ways = self.ids[parents], self.ways[parents]
        self.now = Recalled(*(rows[parents] for rows in self.now))

    def peek(self, ids: Tensor) -> Recalled:
        """What would be known if these were the ids of the next step; they are not taken in."""
        kept = self.steps_read, self.ways, self.now
        known = self.read(ids)
        self.steps_read, self.ways, self.now = kept
        return known

    def _go_on(self, ids: Tensor, struck: Tensor) -> None:
        last = self.steps_read - 1
        then = self.ids[..., last % QUARTER : last : QUARTER].flip(-1)
        same = (then == ids[..., None]) & (ids != self.nothing)[..., None]
        same = torch.cat([same, same.all(dim=1, keepdim=True)], dim=1)
        sounds = torch.cat([struck, struck.sum(dim=1, keepdim=True)], dim=1).long()
        ways = torch.nn.functional.pad(self.ways, (0, then.shape[-1] - self.ways.shape[-1]))
        self.ways = torch.where(same, ways + sounds[..., None], 0)

    def _followed(self, ids: Tensor) -> tuple[Tensor, Tensor]:
        quarters, voices = self.ways.shape[-1], ids.shape[1]
        if not quarters:
            return self.now.followed, self.now.classes
        # Of equal ways the latest is the best.
        best = (self.ways * quarters - torch.arange(quarters, device=ids.device)).argmax(dim=-1, keepdim=True)  # (B, V + 1, 1)
        lines = torch.cat([best, self.ways.gather(-1, best)], dim=-1)
        led = lines[:, self.leader, None].expand(-1, voices, -1)
        lines = torch.stack([lines[:, :voices], lines[:, voices:].expand(-1, voices, -1), led], dim=2)  # (B, V, WAYS, 2)
        after, lengths = self.steps_read - QUARTER * (lines[..., 0] + 1), lines[..., 1].contiguous()
        followed = torch.where(lengths > 0, self.ids.gather(-1, after), self.nothing)
        classes = torch.bucketize(lengths, self.classes, right=True).masked_fill(followed == self.nothing, 0)
        classes[:, self.leader, WAYS - 1] = 0
        return followed, classes


def recall_all(ids: Tensor, sounds: int, nothing: int, leader: int) -> Recalled:
    """ids (B, V, T) -> what is known at each of the T steps, (B, T, V). The first step is taken to be before itself."""
    recall = Recall(ids[..., 0], ids.shape[-1], sounds, nothing, leader)
    known = [recall.now, recall.now, *(recall.read(ids[..., step]) for step in range(1, ids.shape[-1] - 1))]
    return in_steps(known[: ids.shape[-1]])


def in_steps(known: Sequence[Recalled]) -> Recalled:
    """What is known at each of some steps, (B, T, V)."""
    return Recalled(*(torch.stack(rows, dim=1) for rows in zip(*known, strict=True)))
