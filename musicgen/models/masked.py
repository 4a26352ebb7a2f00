"""Masked: a distribution over each hidden cell given any visible ones, so that cells can be filled in any order.

Orderless NADE (Uria, Murray and Larochelle 2014) as in Coconet (Huang et al. 2017), with a Transformer in place of convolutions. What would
cost attention long to learn is told: the nearest visible cells of each voice, before and after, how far they are, and how they lie to
each other and to the other voices. Besides sounds, the heads score motions from those two neighbours, struck or held.

Every id says its pitch; the ids come in two halves: sounds that are struck (0 a rest, then a ladder of pitches), then the same sounds held.
A sound is held only where it may have sounded before, and where the next cell holds a sound, only that one is possible.
Shapes: B batch, V voices, T steps, C conditions, D width, E embedding, S = K / 2 sounds. Knows ids, not music.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import torch
from torch import Tensor, nn

from musicgen.errors import ConfigError
from musicgen.models.layers import Block, rotary, within_span
from musicgen.models.motions import by_motion, distance_index, motion_columns

# An entry of a table moves by one learning rate an update: without a scale, too slowly to forbid anything.
TABLE_SCALE = 8.0
# Gaps to the nearest visible cells that are told apart, alone and in pairs.
GAPS, GAPS_TOGETHER = 32, 8


@dataclass(frozen=True)
class MaskedConfig:
    """`vocab_size` ids can be drawn, `input_size` ids can be read, the first of these beyond vocab_size hides a cell.

    `span`: how many steps attention reaches. `motion`, `reach`: the largest motion and interval, in rungs, that are counted.
    """

    vocab_size: int
    input_size: int
    condition_sizes: tuple[int, ...]
    voices: int = 4
    embedding: int = 48
    condition_embedding: int = 16
    width: int = 256
    heads: int = 4
    inner: int = 640
    layers: int = 4
    span: int = 256
    dropout: float = 0.15
    motion: int = 12
    reach: int = 24

    def __post_init__(self) -> None:
        object.__setattr__(self, "condition_sizes", tuple(self.condition_sizes))
        if not 2 <= self.vocab_size < self.input_size or self.vocab_size % 2:
            raise ConfigError(f"vocab_size {self.vocab_size} must be even, at least 2 and less than input_size {self.input_size}")
        if self.width % (2 * self.heads):
            raise ConfigError(f"width {self.width} must be a multiple of twice the heads, {2 * self.heads}")
        sizes = (self.voices, self.embedding, self.condition_embedding, self.inner, self.layers, self.span, self.motion, self.reach)
        if min(sizes) < 1 or not 0 <= self.dropout < 1:
            raise ConfigError("voices, sizes, layers, span, motion and reach must be positive, dropout from 0 to below 1")

    @property
    def mask_id(self) -> int:
        return self.vocab_size

    @property
    def sounds(self) -> int:
        return self.vocab_size // 2

    @property
    def codes(self) -> int:
        """Sounds, and what is no sound: hidden, boundary."""
        return self.sounds + self.input_size - self.vocab_size

    def sound(self, ids: Tensor) -> Tensor:
        """The sound that an id strikes or holds, 0 … S - 1; ids that are only read come after."""
        return torch.where(ids < self.vocab_size, ids % self.sounds, ids - self.sounds)

    def rung(self, sounds: Tensor) -> Tensor:
        """A sound if it is a pitch, else -1."""
        return torch.where((sounds > 0) & (sounds < self.sounds), sounds, -1)


@dataclass(frozen=True)
class Surroundings:
    """What is known of each cell (B, V, T) from the visible ones of its voice, its own id left out.

    before, after: the sounds of the nearest visible cells; gaps: how far, 0 where there is none; held: whether they hold their sounds.
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
    def of(cls, ids: Tensor, lengths: Tensor, config: MaskedConfig) -> Surroundings:
        steps = torch.arange(ids.shape[-1], device=ids.device)
        visible = (ids != config.mask_id) & (steps < lengths[:, None])[:, None]
        last = torch.where(visible, steps, -1).cummax(dim=-1).values
        before = torch.cat([torch.full_like(last[..., :1], -1), last[..., :-1]], dim=-1)
        after = _nearest_after(visible, steps)
        ids_before = torch.where(before >= 0, ids.gather(-1, before.clamp(min=0)), config.mask_id)
        ids_after = torch.where(after >= 0, ids.gather(-1, after.clamp(min=0)), config.mask_id)
        return cls(
            visible,
            torch.where(visible, config.sound(ids), config.sounds),
            config.sound(ids_before),
            config.sound(ids_after),
            torch.where(before >= 0, steps - before, 0),
            torch.where(after >= 0, after - steps, 0),
            _is_held(ids_before, config),
            _is_held(ids_after, config),
        )

    @property
    def guess(self) -> Tensor:
        """The sound of a cell if it is visible or certain, else that of its nearest neighbour, the one before if both are as near."""
        nearer_after = (self.gap_after > 0) & ((self.gap_after < self.gap_before) | (self.gap_before == 0))
        nearest = torch.where(self.forced | nearer_after, self.after, self.before)
        return torch.where(self.visible, self.own, nearest)

    @property
    def forced(self) -> Tensor:
        """Where the next cell holds a sound: this one sounds it."""
        return self.held_after & (self.gap_after == 1)

    @property
    def certainty(self) -> Tensor:
        """0 visible or forced, 1 between equal neighbours, 2 anything else."""
        return torch.where(self.visible | self.forced, 0, torch.where(self.before == self.after, 1, 2))

    @property
    def together(self) -> Tensor:
        """(B, V, T) the row of a table for both neighbours at once: gaps, struck or held, same sound or not."""
        gaps = self.gap_before.clamp(max=GAPS_TOGETHER) * (GAPS_TOGETHER + 1) + self.gap_after.clamp(max=GAPS_TOGETHER)
        return ((gaps * 2 + self.held_before) * 2 + self.held_after) * 2 + (self.before == self.after)


TOGETHER = (GAPS_TOGETHER + 1) ** 2 * 8
CERTAINTIES = 3


def _nearest_after(visible: Tensor, steps: Tensor) -> Tensor:
    """The step of the nearest visible cell after each one, -1 where there is none."""
    length = len(steps)
    following = torch.where(visible, steps, length).flip(-1).cummin(dim=-1).values.flip(-1)
    after = torch.cat([following[..., 1:], torch.full_like(following[..., :1], length)], dim=-1)
    return torch.where(after < length, after, -1)


def _is_held(ids: Tensor, config: MaskedConfig) -> Tensor:
    return (ids >= config.sounds) & (ids < config.vocab_size)


class Masked(nn.Module):
    """`Masked(config)(ids, conditions, lengths) -> logits (B, V, T, K)`."""

    def __init__(self, config: MaskedConfig) -> None:
        super().__init__()
        self.config = c = config
        self.embed_cells = CellEmbedding(c)
        self.embed_conditions = nn.ModuleList(nn.Embedding(size, c.condition_embedding) for size in c.condition_sizes)
        self.pairs = list(combinations(range(c.voices), 2))
        self.embed_intervals = nn.Embedding(len(self.pairs) * (2 * c.reach + 2), c.embedding)
        conditions = len(c.condition_sizes) * c.condition_embedding
        entering = c.voices * self.embed_cells.size + len(self.pairs) * c.embedding + conditions
        self.enter = nn.Linear(entering, c.width)
        self.layers = nn.ModuleList(Block(c.width, c.heads, c.inner, c.dropout) for _ in range(c.layers))
        self.leave = nn.LayerNorm(c.width)
        self.heads = nn.ModuleList(VoiceHead(c, voice) for voice in range(c.voices))
        self.dropout = nn.Dropout(c.dropout)

    def forward(self, ids: Tensor, conditions: Tensor, lengths: Tensor) -> Tensor:
        """ids (B, V, T), MASK where hidden; conditions (B, C, T); lengths (B,) of valid steps. Logits of visible cells mean nothing."""
        around = Surroundings.of(ids, lengths, self.config)
        states = self._enter(around, ids, conditions)
        steps = torch.arange(ids.shape[-1], device=ids.device)
        rotation = rotary(steps, self.config.width // self.config.heads)
        valid = steps < lengths[:, None]
        # Padding looks at itself alone, so that no row is without anything to look at.
        near = within_span(len(steps), self.config.span, ids.device) & valid[:, None, :]
        attention_mask = (near | torch.eye(len(steps), dtype=torch.bool, device=ids.device))[:, None]
        for layer in self.layers:
            states = layer(states, rotation, attention_mask)
        states = self.leave(states)
        logits = torch.stack([head(states, around) for head in self.heads], dim=1)
        return logits.masked_fill(~possible_ids(ids, around, self.config), float("-inf"))

    def _enter(self, around: Surroundings, ids: Tensor, conditions: Tensor) -> Tensor:
        c = self.config
        rungs = c.rung(around.guess)
        rows = 2 * c.reach + 2
        intervals = [distance_index(rungs[:, high], rungs[:, low], c.reach) + n * rows for n, (high, low) in enumerate(self.pairs)]
        context = [table(row) for table, row in zip(self.embed_conditions, conditions.unbind(1), strict=True)]
        beside = self.embed_intervals(torch.stack(intervals, dim=-1)).flatten(-2)
        entered: Tensor = self.dropout(self.enter(torch.cat([self.embed_cells(around, ids), beside, *context], dim=-1)))
        return entered


def possible_ids(ids: Tensor, around: Surroundings, config: MaskedConfig) -> Tensor:
    """(B, V, T, K) True where an id does not contradict the visible cells next to it."""
    sounds = torch.arange(config.vocab_size, device=ids.device) % config.sounds
    is_held = torch.arange(config.vocab_size, device=ids.device) >= config.sounds
    other_before = (around.gap_before == 1)[..., None] & (around.before[..., None] != sounds)
    other_after = around.forced[..., None] & (around.after[..., None] != sounds)
    return ~((other_before & is_held) | other_after) | around.visible[..., None]


class CellEmbedding(nn.Module):
    """Surroundings -> (B, T, V size): each cell, and its nearest visible neighbours, each voice with rows of its own."""

    def __init__(self, config: MaskedConfig) -> None:
        super().__init__()
        self.config = c = config
        self.size = 3 * c.embedding
        self.embed_own = nn.Embedding(c.voices * c.input_size, c.embedding)
        self.embed_before = nn.Embedding(c.voices * c.codes, c.embedding)
        self.embed_after = nn.Embedding(c.voices * c.codes, c.embedding)
        self.embed_gap_before = nn.Embedding(c.voices * (GAPS + 1), c.embedding)
        self.embed_gap_after = nn.Embedding(c.voices * (GAPS + 1), c.embedding)
        self.embed_together = nn.Embedding(c.voices * TOGETHER, c.embedding)

    def forward(self, around: Surroundings, ids: Tensor) -> Tensor:
        own = self._look_up(self.embed_own, ids) + self._look_up(self.embed_together, around.together)
        before = self._look_up(self.embed_before, around.before)
        before = before + self._look_up(self.embed_gap_before, around.gap_before.clamp(max=GAPS))
        after = self._look_up(self.embed_after, around.after)
        after = after + self._look_up(self.embed_gap_after, around.gap_after.clamp(max=GAPS))
        return torch.cat([own, before, after], dim=-1).flatten(-2)

    def _look_up(self, table: nn.Embedding, rows: Tensor) -> Tensor:
        """(B, V, T) rows -> (B, T, V, E)"""
        voices = torch.arange(self.config.voices, device=rows.device)
        embedded: Tensor = table(rows.transpose(1, 2) + voices * (table.num_embeddings // self.config.voices))
        return embedded


class VoiceHead(nn.Module):
    """Logits of one voice, from the states and from what surrounds each of its cells.

    It scores sounds, and motions from the nearest visible sounds before and after, each struck and held: motion 0 is to repeat them.
    """

    def __init__(self, config: MaskedConfig, voice: int) -> None:
        super().__init__()
        self.config = c = config
        self.voice = voice
        self.others = [other for other in range(c.voices) if other != voice]
        self.rows = 2 * c.reach + 2
        self.embed_sounds = nn.Embedding(len(self.others) * CERTAINTIES * c.codes, c.embedding)
        self.embed_intervals = nn.Embedding(2 * len(self.others) * CERTAINTIES * self.rows, c.embedding)
        self.embed_between = nn.Embedding(self.rows, 2 * c.embedding)
        self.embed_together = nn.Embedding(TOGETHER, 2 * c.embedding)
        self.from_state = nn.Linear(c.width, c.width)
        self.from_known = nn.Linear((len(self.others) + 2) * c.embedding, c.width, bias=False)
        self.to_ids = nn.Linear(c.width, c.vocab_size)
        self.motions = 2 * c.motion + 1
        self.to_motions = nn.Linear(c.width, 4 * self.motions)
        self.embed_motions = nn.Embedding(TOGETHER, 4 * self.motions)
        self.embed_motions_beside = nn.Embedding(2 * len(self.others) * CERTAINTIES * self.rows, 2 * self.motions)
        for table in (self.embed_motions, self.embed_motions_beside):
            nn.init.zeros_(table.weight)
        self.dropout = nn.Dropout(c.dropout)
        self.columns: Tensor
        own, candidates = c.rung(torch.arange(c.codes)), c.rung(torch.arange(c.sounds))
        self.register_buffer("columns", motion_columns(candidates.expand(c.codes, -1), own, c.motion), persistent=False)

    def forward(self, states: Tensor, around: Surroundings) -> Tensor:
        """states (B, T, D) -> (B, T, K)."""
        c = self.config
        anchors = torch.stack([around.before[:, self.voice], around.after[:, self.voice]], dim=-1)  # (B, T, 2)
        guesses, certainty = (each[:, self.others].transpose(1, 2) for each in (around.guess, around.certainty))  # (B, T, V - 1)
        place = torch.arange(len(self.others), device=states.device) * CERTAINTIES + certainty
        sides = torch.arange(2, device=states.device)[:, None] * (len(self.others) * CERTAINTIES)
        interval = distance_index(c.rung(guesses)[..., None, :], c.rung(anchors)[..., None], c.reach)  # (B, T, 2, V - 1)
        beside = (place[..., None, :] + sides) * self.rows + interval
        between = distance_index(c.rung(anchors[..., 0]), c.rung(anchors[..., 1]), c.reach)
        together = around.together[:, self.voice]
        others = self.embed_sounds(place * c.codes + guesses) + self.embed_intervals(beside).sum(dim=-3)
        own = self.embed_between(between) + self.embed_together(together)
        known = self.from_known(self.dropout(torch.cat([others.flatten(-2), own], dim=-1)))
        hidden = self.dropout(nn.functional.gelu(self.from_state(states) + known))
        motions = self.to_motions(hidden).unflatten(-1, (2, 2, -1))  # (B, T, 2 sides, struck or held, 2 M + 1)
        told = self.embed_motions(together).unflatten(-1, (2, 2, -1)) + self.embed_motions_beside(beside).sum(-2).unflatten(-1, (2, -1))
        columns = self.columns[anchors][..., None, :].expand(*anchors.shape, 2, c.sounds)
        moved = by_motion(motions + TABLE_SCALE * told, columns).sum(dim=-3)
        logits: Tensor = self.to_ids(hidden) + moved.flatten(-2)
        return logits
