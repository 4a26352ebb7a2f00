"""Quartet: DeepBach (Hadjeres, Pachet and Nielsen 2017), a distribution over each cell given all other cells.

One recurrent net reads the past, one the future, one net the other voices at this step; each voice has its own head. The
paper runs them anew for every cell, over a window of 16 steps; here they run once over the whole sequence and serve every cell.

One term is not in the paper (`motion=0` takes it away): a table of how a voice moves when another does, from which interval. The nets see
pitches, not intervals, and from 222 pieces do not learn to shun parallels; the table counts in intervals, the same in every key.

Shapes: B batch, V voices, T steps, C conditions, E embedding, D width, K ids drawn. Knows ids, not music.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from musicgen.errors import ConfigError
from musicgen.models.layers import carry, delayed, reversal
from musicgen.models.motions import Cells, Motions


@dataclass(frozen=True)
class QuartetConfig:
    """`vocab_size` ids can be drawn, `input_size` ids can be read. `hold_id` is None where every id says its pitch.

    `ladder`: the first of the ids that are steps of a ladder (pitches a semitone apart), up to vocab_size. `motion`: the largest step of a
    voice, in rungs, that the table of motions knows; 0 for none. `reach`: the largest interval between two voices it knows.
    """

    vocab_size: int
    input_size: int
    hold_id: int | None
    condition_sizes: tuple[int, ...]
    voices: int = 4
    embedding: int = 64
    condition_embedding: int = 8
    width: int = 256
    layers: int = 2
    dropout: float = 0.4
    ladder: int = 2
    motion: int = 0
    reach: int = 36

    def __post_init__(self) -> None:
        object.__setattr__(self, "condition_sizes", tuple(self.condition_sizes))
        if not 1 <= self.vocab_size <= self.input_size:
            raise ConfigError(f"vocab_size {self.vocab_size} must be at least 1 and at most input_size {self.input_size}")
        if self.motion < 0 or self.reach < 0:
            raise ConfigError(f"motion {self.motion} and reach {self.reach} must be at least 0")
        if min(self.voices, self.embedding, self.condition_embedding, self.width, self.layers) < 1 or not 0 <= self.dropout < 1:
            raise ConfigError("voices, embedding, condition_embedding, width and layers must be positive and 0 <= dropout < 1")


class Quartet(nn.Module):
    """`Quartet(config)(ids, conditions, lengths) -> logits (B, V, T, K)`."""

    def __init__(self, config: QuartetConfig) -> None:
        super().__init__()
        self.config = c = config
        self.embed_sounding = nn.Embedding(c.voices * c.input_size, c.embedding)
        self.embed_struck = nn.Embedding(c.voices * 2, c.embedding)
        self.embed_future = nn.Embedding(c.voices * c.input_size, c.embedding)
        self.embed_conditions = nn.ModuleList(nn.Embedding(size, c.condition_embedding) for size in c.condition_sizes)
        conditions = len(c.condition_sizes) * c.condition_embedding
        step = c.voices * c.embedding + conditions
        between = c.dropout if c.layers > 1 else 0.0
        self.past = nn.LSTM(step, c.width, c.layers, batch_first=True, dropout=between)
        self.future = nn.LSTM(step, c.width, c.layers, batch_first=True, dropout=between)
        # Reads the other voices: for each voice the matrix rows of its own cell are multiplied by zero.
        self.present = nn.Parameter(torch.randn(c.voices, c.voices, c.embedding, c.width) * (c.voices * c.embedding) ** -0.5)
        self.present_conditions = nn.Linear(conditions, c.voices * c.width)
        self.others: Tensor
        self.register_buffer("others", 1.0 - torch.eye(c.voices)[:, :, None, None], persistent=False)
        self.merge = nn.Parameter(torch.randn(c.voices, 3 * c.width, c.width) * (3 * c.width) ** -0.5)
        self.merge_bias = nn.Parameter(torch.zeros(c.voices, c.width))
        self.head = nn.Parameter(torch.randn(c.voices, c.width, c.vocab_size) * c.width**-0.5)
        self.head_bias = nn.Parameter(torch.zeros(c.voices, c.vocab_size))
        self.dropout = nn.Dropout(c.dropout)
        knows_motions = c.motion and c.hold_id is not None
        self.motions = Motions(c.voices, c.vocab_size, c.hold_id or 0, c.ladder, c.motion, c.reach) if knows_motions else None

    def forward(self, ids: Tensor, conditions: Tensor, lengths: Tensor) -> Tensor:
        """ids (B, V, T), conditions (B, C, T), lengths (B,) of valid steps -> logits (B, V, T, K); no cell's logits read its own id."""
        shared, known, context = self._states(ids, conditions, lengths)
        width = self.config.width
        present = self.dropout(known.flatten(2)) @ self._present_weights() + self.present_conditions(context)
        present = torch.relu(present).reshape(*present.shape[:2], self.config.voices, width)  # (B, T, V, D)
        hidden = torch.einsum("btd,vde->bvte", shared, self.merge[:, : 2 * width])
        hidden = hidden + torch.einsum("btvd,vde->bvte", present, self.merge[:, 2 * width :]) + self.merge_bias[:, None]
        logits = torch.einsum("bvtd,vdk->bvtk", self.dropout(torch.relu(hidden)), self.head) + self.head_bias[:, None]
        if self.motions is None:
            return logits
        everywhere = torch.ones_like(ids, dtype=torch.bool).nonzero().unbind(1)
        total: Tensor = logits + self.motions(ids, everywhere).reshape(logits.shape)
        return total

    def logits_at(self, ids: Tensor, conditions: Tensor, lengths: Tensor, cells: Cells) -> Tensor:
        """What `forward` gives at N cells (pieces, voices, steps) -> (N, K), for sampling: most heads are never asked."""
        shared, known, context = self._states(ids, conditions, lengths)
        pieces, voices, steps = cells
        width = self.config.width
        at = shared[pieces, steps], known.flatten(2)[pieces, steps], context[pieces, steps]
        logits = at[0].new_empty(len(voices), self.config.vocab_size)
        present_weights = self._present_weights().unflatten(1, (self.config.voices, width))  # type: ignore[no-untyped-call]
        present_conditions = self.present_conditions(at[2]).reshape(len(voices), self.config.voices, width)
        for voice in range(self.config.voices):
            rows = (voices == voice).nonzero()[:, 0]
            present = torch.relu(at[1][rows] @ present_weights[:, voice] + present_conditions[rows, voice])
            hidden = torch.cat([at[0][rows], present], dim=-1) @ self.merge[voice] + self.merge_bias[voice]
            logits[rows] = torch.relu(hidden) @ self.head[voice] + self.head_bias[voice]
        return logits if self.motions is None else logits + self.motions(ids, cells)

    def _states(self, ids: Tensor, conditions: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Past and future of each step (B, T, 2D), what sounds at it (B, T, V, E), its conditions (B, T, C E')."""
        known = self._known(ids)
        context = torch.cat([table(row) for table, row in zip(self.embed_conditions, conditions.unbind(1), strict=True)], dim=-1)
        past = delayed(self._run(self.past, known, context))
        back = reversal(lengths, ids.shape[-1])
        coming = self._embed(self.embed_future, ids)
        future = delayed(self._run(self.future, self._reorder(coming, back), self._reorder(context, back)))
        return torch.cat([past, self._reorder(future, back)], dim=-1), known, context

    def _embed(self, table: nn.Embedding, ids: Tensor) -> Tensor:
        """(B, V, T) ids to (B, T, V, E), each voice with rows of its own."""
        offsets = torch.arange(self.config.voices, device=ids.device) * (table.num_embeddings // self.config.voices)
        embedded: Tensor = table(ids.transpose(1, 2) + offsets)
        return embedded

    def _known(self, ids: Tensor) -> Tensor:
        """What sounds and what is struck. Safe for past and present: a cell's pitch is carried only forward in its own voice."""
        hold = self.config.hold_id
        if hold is None:
            return self._embed(self.embed_sounding, ids)
        return self._embed(self.embed_sounding, carry(ids, hold)) + self._embed(self.embed_struck, (ids != hold).long())

    def _run(self, net: nn.LSTM, cells: Tensor, context: Tensor) -> Tensor:
        states: Tensor = net(self.dropout(torch.cat([cells.flatten(2), context], dim=-1)))[0]
        return states

    def _present_weights(self) -> Tensor:
        return (self.present * self.others).permute(1, 2, 0, 3).flatten(0, 1).flatten(1)  # (V E, V D)

    @staticmethod
    def _reorder(states: Tensor, index: Tensor) -> Tensor:
        return states.gather(1, index.reshape(*index.shape, *(1,) * (states.dim() - 2)).expand_as(states))
