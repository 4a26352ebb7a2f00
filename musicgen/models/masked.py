"""Masked: a distribution over each hidden cell given any visible ones, so that cells can be filled in any order.

Orderless NADE (Uria, Murray and Larochelle 2014) as in Coconet (Huang et al. 2017), with a Transformer over steps in place of convolutions.
It is told what would take it long to learn (`surroundings`), and besides sounds it scores motions from the nearest visible cells of the
voice, struck or held, and adds what stands at like places of the piece.

Every id says its pitch; the ids come in two halves: sounds that are struck (0 a rest, then a ladder of pitches), then the same sounds held.
A held sound must have sounded before: ids that contradict a visible neighbour have no probability.
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
from musicgen.models.surroundings import CERTAINTIES, TOGETHER, Nearby, Recall, Surroundings

# An entry of a table moves by one learning rate an update: without a scale, too slowly to forbid anything.
TABLE_SCALE = 8.0
# Gaps to the nearest visible cells that are told apart.
GAPS = 32


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
    dropout: float = 0.2
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
    def sounds(self) -> int:
        return self.vocab_size // 2

    @property
    def codes(self) -> int:
        """Sounds, and what is no sound: hidden, an edge."""
        return self.sounds + self.input_size - self.vocab_size

    def rung(self, sounds: Tensor) -> Tensor:
        """A sound if it is a pitch, else -1."""
        return torch.where((sounds > 0) & (sounds < self.sounds), sounds, -1)


class Masked(nn.Module):
    """`Masked(config)(ids, conditions, lengths) -> logits (B, V, T, K)`."""

    def __init__(self, config: MaskedConfig) -> None:
        super().__init__()
        self.config = c = config
        self.pairs = list(combinations(range(c.voices), 2))
        self.embed_cells = CellEmbedding(c)
        self.embed_intervals = nn.Embedding(len(self.pairs) * (2 * c.reach + 2), c.embedding)
        self.embed_conditions = nn.ModuleList(nn.Embedding(size, c.condition_embedding) for size in c.condition_sizes)
        self.nearby = Nearby(c.voices, c.sounds, 2 * c.embedding)
        told = c.voices * self.embed_cells.size + len(self.pairs) * c.embedding + self.nearby.size
        self.enter = nn.Linear(told + len(c.condition_sizes) * c.condition_embedding, c.width)
        self.layers = nn.ModuleList(Block(c.width, c.heads, c.inner, c.dropout) for _ in range(c.layers))
        self.leave = nn.LayerNorm(c.width)
        self.heads = nn.ModuleList(VoiceHead(c, voice) for voice in range(c.voices))
        self.recall = Recall(c.vocab_size)
        self.dropout = nn.Dropout(c.dropout)

    def forward(self, ids: Tensor, conditions: Tensor, lengths: Tensor) -> Tensor:
        """ids (B, V, T), MASK where hidden; conditions (B, C, T); lengths (B,) of valid steps. Logits of visible cells mean nothing."""
        around = Surroundings.of(ids, lengths, self.config.vocab_size)
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
        scored = [head(states, around) for head in self.heads]
        scores, gates = (torch.stack(each, dim=1).float() for each in zip(*scored, strict=True))
        recalled = (self.recall(ids, around, conditions[:, 0]).float() + 1e-6).log() + gates
        logits = torch.logaddexp(scores.log_softmax(dim=-1), recalled)
        return logits.masked_fill(~around.possible_ids(self.config.vocab_size), float("-inf"))

    def _enter(self, around: Surroundings, ids: Tensor, conditions: Tensor) -> Tensor:
        c = self.config
        rungs = c.rung(around.guess)
        rows = 2 * c.reach + 2
        intervals = [distance_index(rungs[:, high], rungs[:, low], c.reach) + n * rows for n, (high, low) in enumerate(self.pairs)]
        beside = self.embed_intervals(torch.stack(intervals, dim=-1)).flatten(-2)
        context = [table(row) for table, row in zip(self.embed_conditions, conditions.unbind(1), strict=True)]
        told = torch.cat([self.embed_cells(around, ids), beside, self.nearby(around), *context], dim=-1)
        entered: Tensor = self.dropout(self.enter(told))
        return entered


class CellEmbedding(nn.Module):
    """Surroundings -> (B, T, V size): each cell, and its nearest visible neighbours, each voice with rows of its own."""

    def __init__(self, config: MaskedConfig) -> None:
        super().__init__()
        self.voices, self.size = config.voices, 3 * config.embedding

        def table(rows: int) -> nn.Embedding:
            return nn.Embedding(config.voices * rows, config.embedding)

        self.embed_own, self.embed_together = table(config.input_size), table(TOGETHER)
        self.embed_before, self.embed_gap_before = table(config.codes), table(GAPS + 1)
        self.embed_after, self.embed_gap_after = table(config.codes), table(GAPS + 1)

    def forward(self, around: Surroundings, ids: Tensor) -> Tensor:
        groups = (
            (self.embed_own, ids, self.embed_together, around.together),
            (self.embed_before, around.before, self.embed_gap_before, around.gap_before.clamp(max=GAPS)),
            (self.embed_after, around.after, self.embed_gap_after, around.gap_after.clamp(max=GAPS)),
        )
        summed = [self._look_up(first, rows) + self._look_up(second, others) for first, rows, second, others in groups]
        return torch.cat(summed, dim=-1).flatten(-2)

    def _look_up(self, table: nn.Embedding, rows: Tensor) -> Tensor:
        """(B, V, T) rows -> (B, T, V, E)"""
        voices = torch.arange(self.voices, device=rows.device)
        embedded: Tensor = table(rows.transpose(1, 2) + voices * (table.num_embeddings // self.voices))
        return embedded


class VoiceHead(nn.Module):
    """Scores of one voice's ids, from the states and from what surrounds its cells, and how far to trust what is recalled.

    It scores sounds, and motions from the nearest visible sounds before and after, each struck and held: motion 0 is to repeat them.
    """

    def __init__(self, config: MaskedConfig, voice: int) -> None:
        super().__init__()
        self.config = c = config
        self.voice = voice
        self.others = [other for other in range(c.voices) if other != voice]
        self.rows, self.motions = 2 * c.reach + 2, 2 * c.motion + 1
        places = len(self.others) * CERTAINTIES
        self.embed_sounds = nn.Embedding(places * c.codes, c.embedding)
        self.embed_intervals = nn.Embedding(2 * places * self.rows, c.embedding)
        self.embed_between = nn.Embedding(self.rows, 2 * c.embedding)
        self.embed_together = nn.Embedding(TOGETHER, 2 * c.embedding)
        self.from_state = nn.Linear(c.width, c.width)
        self.from_known = nn.Linear((len(self.others) + 2) * c.embedding, c.width, bias=False)
        self.to_ids = nn.Linear(c.width, c.vocab_size)
        self.to_gate = nn.Linear(c.width, 1)
        self.to_motions = nn.Linear(c.width, 4 * self.motions)
        self.embed_motions = nn.Embedding(TOGETHER, 4 * self.motions)
        self.embed_motions_beside = nn.Embedding(2 * places * self.rows, 2 * self.motions)
        self.embed_moving_with = nn.Embedding(2 * len(self.others) * self.rows * (self.motions + 1), self.motions)
        for table in (self.embed_motions, self.embed_motions_beside, self.embed_moving_with):
            nn.init.zeros_(table.weight)
        self.dropout = nn.Dropout(c.dropout)
        self.columns: Tensor
        own, candidates = c.rung(torch.arange(c.codes)), c.rung(torch.arange(c.sounds))
        self.register_buffer("columns", motion_columns(candidates.expand(c.codes, -1), own, c.motion), persistent=False)

    def forward(self, states: Tensor, around: Surroundings) -> tuple[Tensor, Tensor]:
        """states (B, T, D) -> scores (B, T, K), gates (B, T, 1)."""
        c = self.config
        anchors = torch.stack([around.before[:, self.voice], around.after[:, self.voice]], dim=-1)  # (B, T, 2)
        together = around.together[:, self.voice]
        places, beside = self._beside(around, anchors)
        others = self.embed_sounds(places) + self.embed_intervals(beside).sum(dim=-3)
        between = distance_index(c.rung(anchors[..., 0]), c.rung(anchors[..., 1]), c.reach)
        own = self.embed_between(between) + self.embed_together(together)
        known = self.from_known(self.dropout(torch.cat([others.flatten(-2), own], dim=-1)))
        hidden = self.dropout(nn.functional.gelu(self.from_state(states) + known))
        told = self.embed_motions(together) + self.embed_motions_beside(beside).sum(dim=-2).flatten(-2)
        # (B, T, before or after, struck or held, motions) -> (B, T, struck or held, sounds)
        motions = (self.to_motions(hidden) + TABLE_SCALE * told).unflatten(-1, (2, 2, -1))
        motions = motions + TABLE_SCALE * self.embed_moving_with(self._moving_with(around, anchors)).sum(dim=-2)[..., None, :]
        columns = self.columns[anchors][..., None, :].expand(*anchors.shape, 2, c.sounds)
        moved = by_motion(motions, columns).sum(dim=-3)
        return self.to_ids(hidden) + moved.flatten(-2), self.to_gate(hidden)

    def _beside(self, around: Surroundings, anchors: Tensor) -> tuple[Tensor, Tensor]:
        """Rows for the other voices' sounds (B, T, V - 1), as far as they are known, and for the intervals to them from the anchors
        (B, T, 2, V - 1)."""
        c = self.config
        guess, certainty = (each[:, self.others].transpose(1, 2) for each in (around.guess, around.certainty))
        places = torch.arange(len(self.others), device=guess.device) * CERTAINTIES + certainty
        sides = torch.arange(2, device=guess.device)[:, None] * (len(self.others) * CERTAINTIES)
        intervals = distance_index(c.rung(guess)[..., None, :], c.rung(anchors)[..., None], c.reach)
        return places * c.codes + guess, (places[..., None, :] + sides) * self.rows + intervals

    def _moving_with(self, around: Surroundings, anchors: Tensor) -> Tensor:
        """(B, T, 2, V - 1) rows for how each other voice moves between an anchor and now, and from which interval to the anchor."""
        c = self.config
        now = c.rung(around.guess[:, self.others]).permute(0, 2, 1)[..., None, :]
        then = c.rung(around.guesses_at(self.voice)[:, self.others]).permute(0, 2, 3, 1)
        intervals = distance_index(then, c.rung(anchors)[..., None], c.reach)
        places = torch.arange(2 * len(self.others), device=anchors.device).reshape(2, -1)
        return (places * self.rows + intervals) * (self.motions + 1) + distance_index(now, then, c.motion)
