"""What the visible cells say of the hidden ones, as look-ups and sums that no attention has to learn. Nothing here reads a hidden id.

Shapes: B batch, V voices, T steps, K ids, S = K / 2 sounds. Ids S … K - 1 hold the sounds 0 … S - 1; K hides a cell; K + 1 is an edge.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

# Two gaps, either neighbour struck or held, the same sound or not: rows of a table for both neighbours at once.
GAPS_TOGETHER = 8
TOGETHER = (GAPS_TOGETHER + 1) ** 2 * 8
CERTAINTIES = 3


@dataclass(frozen=True)
class Surroundings:
    """Of each cell (B, V, T): is it visible, its sound, and the nearest visible cells before and after it in its voice.

    own, before, after: sounds, S where nothing is visible, S + 1 an edge; gap: how many steps away, 0 where there is none; held: does
    it hold its sound. Padding, which begins after `lengths` (B,) steps, is as if it were not there.
    """

    visible: Tensor
    own: Tensor
    before: Tensor
    after: Tensor
    gap_before: Tensor
    gap_after: Tensor
    held_before: Tensor
    held_after: Tensor

    @classmethod
    def of(cls, ids: Tensor, lengths: Tensor, vocab_size: int) -> Surroundings:
        sounds, length = vocab_size // 2, ids.shape[-1]
        steps = torch.arange(length, device=ids.device)
        visible = (ids != vocab_size) & (steps < lengths[:, None])[:, None]
        last = torch.where(visible, steps, -1).cummax(dim=-1).values
        before = nn.functional.pad(last[..., :-1], (1, 0), value=-1)
        following = torch.where(visible, steps, length).flip(-1).cummin(dim=-1).values.flip(-1)
        after = nn.functional.pad(following[..., 1:], (0, 1), value=length)
        ids_before = ids.gather(-1, before.clamp(min=0)).masked_fill(before < 0, vocab_size)
        ids_after = ids.gather(-1, after.clamp(max=length - 1)).masked_fill(after == length, vocab_size)
        return cls(
            visible,
            sound_of(ids.masked_fill(~visible, vocab_size), vocab_size),
            sound_of(ids_before, vocab_size),
            sound_of(ids_after, vocab_size),
            torch.where(before >= 0, steps - before, 0),
            torch.where(after < length, after - steps, 0),
            (ids_before >= sounds) & (ids_before < vocab_size),
            (ids_after >= sounds) & (ids_after < vocab_size),
        )

    @property
    def forced(self) -> Tensor:
        """Where the next cell holds a sound: this one sounds it."""
        return self.held_after & (self.gap_after == 1)

    @property
    def guess(self) -> Tensor:
        """The sound of a cell if it is visible or forced, else that of its nearest neighbour, the one before if both are as near."""
        nearer_after = (self.gap_after > 0) & ((self.gap_after < self.gap_before) | (self.gap_before == 0))
        return torch.where(self.visible, self.own, torch.where(self.forced | nearer_after, self.after, self.before))

    def guesses_at(self, voice: int) -> Tensor:
        """(B, V, T, 2) what all voices are guessed to sound where the cells of one voice have their neighbours, before and after."""
        steps = torch.arange(self.own.shape[-1], device=self.own.device)
        places = torch.stack([steps - self.gap_before[:, voice], steps + self.gap_after[:, voice]], dim=-1)  # (B, T, 2)
        guess = self.guess
        there = guess.gather(-1, places.flatten(1)[:, None].expand(-1, guess.shape[1], -1))
        return there.reshape(*guess.shape, 2)

    @property
    def certainty(self) -> Tensor:
        """Of the guess: 0 visible or forced, 1 between equal neighbours, 2 anything else."""
        return torch.where(self.visible | self.forced, 0, torch.where(self.before == self.after, 1, 2))

    @property
    def together(self) -> Tensor:
        """The row, of TOGETHER, for both neighbours at once."""
        gaps = self.gap_before.clamp(max=GAPS_TOGETHER) * (GAPS_TOGETHER + 1) + self.gap_after.clamp(max=GAPS_TOGETHER)
        return ((gaps * 2 + self.held_before) * 2 + self.held_after) * 2 + (self.before == self.after)

    def possible_ids(self, vocab_size: int) -> Tensor:
        """(B, V, T, K) False where an id of a hidden cell would contradict the visible cell next to it."""
        ids = torch.arange(vocab_size, device=self.own.device)
        sounds, is_held = ids % (vocab_size // 2), ids >= vocab_size // 2
        other_before = (self.gap_before == 1)[..., None] & (self.before[..., None] != sounds)
        other_after = self.forced[..., None] & (self.after[..., None] != sounds)
        return ~((other_before & is_held) | other_after) | self.visible[..., None]


def sound_of(ids: Tensor, vocab_size: int) -> Tensor:
    """The sound that an id strikes or holds; ids that are only read come after."""
    return torch.where(ids < vocab_size, ids % (vocab_size // 2), ids - vocab_size // 2)


class Nearby(nn.Module):
    """(B, T, size): what is visible before and after each step in all voices, on average, near and far: the harmony thereabouts."""

    REACHES = (2.0, 6.0, 20.0, 200.0)  # steps in which a cell's weight falls to a third

    def __init__(self, voices: int, sounds: int, embedding: int) -> None:
        super().__init__()
        self.voices, self.sounds = voices, sounds
        self.size = 2 * len(self.REACHES) * (embedding + 1)
        self.embed_sounds = nn.Embedding(voices * sounds, embedding)

    def forward(self, around: Surroundings) -> Tensor:
        shown = around.visible & (around.own < self.sounds)
        voices = torch.arange(self.voices, device=shown.device)[:, None]
        embedded = self.embed_sounds(around.own.clamp(max=self.sounds - 1) + voices * self.sounds)
        amounts = torch.cat([embedded, torch.ones_like(embedded[..., :1])], dim=-1) * shown[..., None]
        steps = torch.arange(shown.shape[-1], device=shown.device)
        distance = steps[:, None] - steps
        near = [torch.exp(-distance.abs() / reach) * side for reach in self.REACHES for side in (distance >= 0, distance <= 0)]
        gathered = torch.einsum("jts,bse->btje", torch.stack(near), amounts.sum(dim=1))
        counts = gathered[..., -1:] + 0.1
        return torch.cat([gathered[..., :-1] / counts, counts.log()], dim=-1).flatten(-2)


class Recall(nn.Module):
    """(B, V, T, K): the ids that stand at other steps of the piece whose surroundings agree with those of a step, weighted by how well.

    Two steps are compared by the cells that both show, within windows about them; how much an agreement or a difference says is learned.
    What is weighted sums to less than 1: the rest is for there being no such step. Only steps of the same first condition are compared,
    and only with those that show anything.
    """

    WINDOWS = (6, 24)  # steps to either side

    def __init__(self, vocab_size: int) -> None:
        super().__init__()
        self.vocab_size = vocab_size
        self.agreeing = nn.Parameter(torch.tensor([0.3, 0.1]))
        self.differing = nn.Parameter(torch.tensor([0.6, 0.3]))
        self.at_all = nn.Parameter(torch.tensor(-4.0))

    def forward(self, ids: Tensor, around: Surroundings, phase: Tensor) -> Tensor:
        """ids (B, V, T), phase (B, T)."""
        shown = (around.visible & (ids < self.vocab_size)).transpose(1, 2)  # (B, T, V)
        one_hot = nn.functional.one_hot(ids.clamp(max=self.vocab_size - 1).transpose(1, 2), self.vocab_size)
        cells = (one_hot * shown[..., None]).flatten(-2).to(torch.bfloat16)  # small whole numbers: exact
        agreeing = (cells @ cells.transpose(1, 2)).float()
        both = shown.float() @ shown.float().transpose(1, 2)
        scores = self.at_all + torch.zeros_like(agreeing)
        for index, (agrees, differs) in enumerate(along_diagonals(torch.stack([agreeing, both.float() - agreeing]), self.WINDOWS)):
            scores = scores + self.agreeing[index] * agrees - self.differing[index] * differs
        same = (phase[:, :, None] == phase[:, None]) & shown.any(dim=-1)[:, None]
        same = same & ~torch.eye(ids.shape[-1], dtype=torch.bool, device=ids.device)
        weights = nn.functional.pad(scores.masked_fill(~same, -1e4), (1, 0)).softmax(dim=-1)[..., 1:]  # none at all: 0
        recalled: Tensor = weights @ cells.to(weights.dtype)
        return recalled.reshape(one_hot.shape).transpose(1, 2)


def along_diagonals(grid: Tensor, windows: tuple[int, ...]) -> list[Tensor]:
    """(..., T, T) -> for each window the sums of the cells at most so many steps away along the diagonal."""
    size = grid.shape[-1]
    skewed = nn.functional.pad(grid.flip(-1), (0, size)).flatten(-2)[..., :-size].reshape(*grid.shape[:-1], 2 * size - 1)
    total = nn.functional.pad(skewed.cumsum(dim=-2), (0, 0, 1, 0))
    steps = torch.arange(size, device=grid.device)
    sums = []
    for window in windows:
        summed = total[..., (steps + window + 1).clamp(max=size), :] - total[..., (steps - window).clamp(min=0), :]
        back = nn.functional.pad(summed.flatten(-2), (0, size)).reshape(*grid.shape[:-1], 2 * size)
        sums.append(back[..., :size].flip(-1))
    return sums
