"""Sketcher: left to right over steps, voices in turn within a step, with sight of what is given, before and after.

A Transformer encoder reads the given cells of the whole piece, all others hidden. A causal decoder reads the cells of the steps before.
For each step a small head then decides one voice after the other. So any free cells given any others have an exact likelihood, and the
piece is as long as its steps, not as its cells.

Every id says its pitch; the ids come in two halves: sounds that are struck (0 a rest, then a ladder of pitches), then the same sounds held.
A sound is held only where it sounded before: other held ids have no probability.
Shapes: B batch, V voices, T steps, C conditions, D width, E embedding, S = K / 2 sounds. Knows ids, not music.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import combinations
from typing import NamedTuple, cast

import torch
from torch import Tensor, nn

from musicgen.errors import ConfigError
from musicgen.models.layers import Block, PerVoice, mask_ahead, rotary, within_span
from musicgen.models.motions import distance_index
from musicgen.models.recall import MOST_AGE, Recall, Recalled, recall_all
from musicgen.models.voice_head import VoiceHead


@dataclass(frozen=True)
class SketcherConfig:
    """`vocab_size` ids can be drawn, `input_size` ids can be read, the first of these beyond vocab_size hides a cell.

    `order`: the voices as they are decided within a step. `span`: how many steps attention reaches. `hidden`: the share of cells that the
    decoder does not see while training. `motion`, `reach`: the largest motion and interval, in rungs, that are counted.
    """

    vocab_size: int
    input_size: int
    condition_sizes: tuple[int, ...]
    order: tuple[int, ...] = (0, 3, 1, 2)
    embedding: int = 48
    condition_embedding: int = 16
    width: int = 192
    heads: int = 4
    inner: int = 480
    encoder_layers: int = 2
    decoder_layers: int = 4
    span: int = 256
    dropout: float = 0.3
    hidden: float = 0.2
    motion: int = 12
    reach: int = 36

    def __post_init__(self) -> None:
        object.__setattr__(self, "condition_sizes", tuple(self.condition_sizes))
        object.__setattr__(self, "order", tuple(self.order))
        if not 2 <= self.vocab_size < self.input_size or self.vocab_size % 2:
            raise ConfigError(f"vocab_size {self.vocab_size} must be even, at least 2 and less than input_size {self.input_size}")
        if sorted(self.order) != list(range(len(self.order))):
            raise ConfigError(f"order {self.order}: each voice once, counted from 0")
        if min(self.heads, self.width, self.reach) < 1:
            raise ConfigError("heads, width and reach must be positive")
        if self.width % (2 * self.heads):
            raise ConfigError(f"width {self.width} must be a multiple of twice the heads, {2 * self.heads}")
        sizes = (self.embedding, self.condition_embedding, self.inner, self.decoder_layers, self.span, self.motion)
        if min(sizes) < 1 or self.encoder_layers < 0 or not 0 <= self.dropout < 1 or not 0 <= self.hidden < 1:
            raise ConfigError("sizes, layers, span and motion must be positive, dropout and hidden from 0 to below 1")

    @property
    def voices(self) -> int:
        return len(self.order)

    @property
    def context(self) -> int:
        """Numbers that the conditions of a step become."""
        return len(self.condition_sizes) * self.condition_embedding

    @property
    def mask_id(self) -> int:
        return self.vocab_size

    @property
    def sounds(self) -> int:
        return self.vocab_size // 2

    def sound(self, ids: Tensor) -> Tensor:
        """The sound that an id strikes or holds, 0 … S - 1; ids that are only read come after."""
        return torch.where(ids < self.vocab_size, ids % self.sounds, ids - self.sounds)

    def rung(self, ids: Tensor) -> Tensor:
        """The sound of an id if it is a pitch, else -1."""
        sound = self.sound(ids)
        return torch.where((sound > 0) & (sound < self.sounds), sound, -1)


class Cache(NamedTuple):
    """Keys and values of the decoder's layers (L, 2, B, H, T, D / H), and the rotation of each step."""

    kept: Tensor
    rotation: Tensor

    def of(self, rows: Tensor, steps: int) -> Cache:
        """These rows (B',), of which the first `steps` steps are written; the others are not copied."""
        kept = self.kept.new_empty((*self.kept.shape[:2], len(rows), *self.kept.shape[3:]))
        torch.index_select(self.kept[..., :steps, :], 2, rows, out=kept[..., :steps, :])
        return Cache(kept, self.rotation)


class Sketcher(nn.Module):
    """`Sketcher(config)(sketch, conditions, lengths, ids) -> logits (B, V, T, K)`."""

    def __init__(self, config: SketcherConfig) -> None:
        super().__init__()
        self.config = c = config
        self.reader = Reader(c)
        self.embed_past = CellEmbedding(c)
        self.embed_line = LineEmbedding(c)
        pairs = c.voices * (c.voices - 1) // 2
        self.embed_intervals = nn.Embedding(pairs * (2 * c.reach + 2), c.embedding)
        self.enter = nn.Linear(c.voices * (c.embedding + LineEmbedding.size) + pairs * c.embedding + c.width + c.context, c.width)
        self.layers = nn.ModuleList(Block(c.width, c.heads, c.inner, c.dropout) for _ in range(c.decoder_layers))
        self.leave = nn.LayerNorm(c.width)
        self.to_voices = nn.Linear(c.width + c.context, c.voices * c.width)
        self.line_to_voices = PerVoice(c.voices, LineEmbedding.size, c.width)
        self.heads = nn.ModuleList(VoiceHead(c, voice) for voice in range(c.voices))
        self.dropout = nn.Dropout(c.dropout)

    def forward(self, sketch: Tensor, conditions: Tensor, lengths: Tensor, ids: Tensor) -> Tensor:
        """sketch (B, V, T) the given ids, MASK elsewhere; conditions (B, C, T); lengths (B,) of valid steps; ids (B, V, T) the whole piece.

        A cell's logits read the sketch, the ids of the steps before, and those of its own step that are given or decided before it.
        They say nothing at the first step, before which there is none.
        """
        c = self.config
        past = recall_all(ids, c.sounds, c.mask_id, c.order[0])
        memory = self.reader(sketch, conditions, lengths)
        seen = self._hidden_in_part(past.before)
        line = self.embed_line(past, seen)
        states = self._enter(seen, line, memory)
        steps = ids.shape[-1]
        rotation = rotary(torch.arange(steps, device=ids.device), c.width // c.heads)
        attention_mask = within_span(steps, c.span, ids.device).tril()
        for layer in self.layers:
            states = layer(states, rotation, attention_mask)
        views = self._views(states, line, memory)
        now = sketch.transpose(1, 2).clone()
        logits: list[Tensor] = [states] * c.voices
        for voice in c.order:
            logits[voice] = self.heads[voice](views[..., voice, :], past, now)
            now[..., voice] = ids[:, voice]
        return torch.stack(logits, dim=1)

    def new_cache(self, pieces: int, steps: int) -> Cache:
        """For `advance` to write to."""
        c = self.config
        size = c.width // c.heads
        return Cache(torch.zeros(c.decoder_layers, 2, pieces, c.heads, steps, size), rotary(torch.arange(steps), size))

    def recall(self, start: Tensor, steps: int) -> Recall:
        """What is read so far, to be told step by step; start (B, V)."""
        return Recall(start, steps, self.config.sounds, self.config.mask_id, self.config.order[0])

    def advance(self, past: Recalled, memory: Tensor, cache: Cache, step: int) -> Tensor:
        """What each voice's head sees of N steps from `step` on (B, N, V, D), from what is known of their past (B, N, V) and the reader's
        memory of them (B, N, M)."""
        line = self.embed_line(past, past.before)
        states = self._enter(past.before, line, memory)
        rotation = cache.rotation[:, step : step + memory.shape[1]]
        attention_mask = mask_ahead(step, memory.shape[1], self.config.span, memory.device)
        for layer, kept in zip(self.layers, cache.kept, strict=True):
            assert isinstance(layer, Block)  # nn.ModuleList forgets what it holds
            states = layer.advance(states, rotation, kept, step, self.config.span, attention_mask)
        return self._views(states, line, memory)

    @contextmanager
    def guided(self, guidance: float) -> Iterator[None]:
        """While it lasts, what the heads have learned of intervals that pass into each other counts `guidance` times, and weights rest."""
        heads = cast("list[VoiceHead]", list(self.heads))
        for head in heads:
            head.keep_tables(guidance)
        try:
            yield
        finally:
            for head in heads:
                head.drop_tables()

    def decide(self, voice: int, view: Tensor, past: Recalled, now: Tensor) -> Tensor:
        """Logits (B, K) of a voice from its view of the step (B, D), the past, and the ids of this step (B, V), MASK if not known."""
        logits: Tensor = self.heads[voice](view, past, now)
        return logits

    def _enter(self, seen: Tensor, line: Tensor, memory: Tensor) -> Tensor:
        """seen (..., V), line (..., V, L), memory (..., M) -> (..., D)."""
        rungs = self.config.rung(seen)
        rows = 2 * self.config.reach + 2
        intervals = [
            distance_index(rungs[..., high], rungs[..., low], self.config.reach) + pair * rows
            for pair, (high, low) in enumerate(combinations(range(self.config.voices), 2))
        ]
        between = self.embed_intervals(torch.stack(intervals, dim=-1)).flatten(-2)
        entered: Tensor = self.dropout(self.enter(torch.cat([self.embed_past(seen), between, line.flatten(-2), memory], dim=-1)))
        return entered

    def _views(self, states: Tensor, line: Tensor, memory: Tensor) -> Tensor:
        """What each voice's head sees (..., V, D): the decoder's state, its own line, the conditions."""
        seen = torch.cat([self.leave(states), memory[..., -self.config.context :]], dim=-1)
        views: Tensor = self.to_voices(seen).unflatten(-1, (self.config.voices, -1)) + self.line_to_voices(line)
        return views

    def _hidden_in_part(self, before: Tensor) -> Tensor:
        if not self.training or not self.config.hidden:
            return before
        hidden = torch.rand(before.shape, device=before.device) < self.config.hidden
        return before.masked_fill(hidden & (before < self.config.vocab_size), self.config.mask_id)


class Reader(nn.Module):
    """What is given, and the conditions, as seen from each step: a bidirectional Transformer."""

    def __init__(self, config: SketcherConfig) -> None:
        super().__init__()
        self.config = c = config
        self.embed_given = CellEmbedding(c)
        self.embed_conditions = nn.ModuleList(nn.Embedding(size, c.condition_embedding) for size in c.condition_sizes)
        self.enter = nn.Linear(c.voices * c.embedding + c.context, c.width)
        self.layers = nn.ModuleList(Block(c.width, c.heads, c.inner, c.dropout) for _ in range(c.encoder_layers))
        self.leave = nn.LayerNorm(c.width)
        self.dropout = nn.Dropout(c.dropout)

    def forward(self, sketch: Tensor, conditions: Tensor, lengths: Tensor) -> Tensor:
        """sketch (B, V, T), conditions (B, C, T), lengths (B,) -> (B, T, M): the states, then the conditions as they are."""
        context = torch.cat([table(row) for table, row in zip(self.embed_conditions, conditions.unbind(1), strict=True)], dim=-1)
        states = self.dropout(self.enter(torch.cat([self.embed_given(sketch.transpose(1, 2)), context], dim=-1)))
        steps = torch.arange(sketch.shape[-1], device=sketch.device)
        rotation = rotary(steps, self.config.width // self.config.heads)
        near = within_span(len(steps), self.config.span, sketch.device)
        valid = steps < lengths[:, None]
        # Padding looks at itself alone, so that no row is without anything to look at.
        attention_mask = (near & valid[:, None, :]) | torch.eye(len(steps), dtype=torch.bool, device=sketch.device)
        for layer in self.layers:
            states = layer(states, rotation, attention_mask[:, None])
        return torch.cat([self.leave(states), context], dim=-1)


class CellEmbedding(nn.Module):
    """(..., V) ids -> (..., V E): what sounds, plus whether it is struck or held; each voice with rows of its own."""

    def __init__(self, config: SketcherConfig) -> None:
        super().__init__()
        self.config = c = config
        self.rows = c.sounds + c.input_size - c.vocab_size
        self.embed_sound = nn.Embedding(c.voices * self.rows, c.embedding)
        self.embed_struck = nn.Embedding(c.voices * 2, c.embedding)

    def forward(self, ids: Tensor) -> Tensor:
        voices = torch.arange(self.config.voices, device=ids.device)
        struck = (ids < self.config.sounds).long()
        embedded = self.embed_sound(self.config.sound(ids) + voices * self.rows) + self.embed_struck(struck + voices * 2)
        flat: Tensor = embedded.flatten(-2)
        return flat


class LineEmbedding(nn.Module):
    """(..., V, L): how long each voice has held its sound, and how it came there."""

    ages, moves = 16, 24
    size = ages + moves

    def __init__(self, config: SketcherConfig) -> None:
        super().__init__()
        self.config = c = config
        self.embed_age = nn.Embedding(c.voices * (MOST_AGE + 1), self.ages)
        self.embed_move = nn.Embedding(c.voices * (2 * c.motion + 2), self.moves)

    def forward(self, past: Recalled, seen: Tensor) -> Tensor:
        """seen (..., V): the ids of the step before, MASK where they are hidden."""
        c = self.config
        voices = torch.arange(c.voices, device=seen.device)
        moves = distance_index(c.rung(seen), c.rung(past.left), c.motion)
        return torch.cat([self.embed_age(past.age + voices * (MOST_AGE + 1)), self.embed_move(moves + voices * (2 * c.motion + 2))], dim=-1)
