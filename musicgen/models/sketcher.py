"""Sketcher: left to right over steps, voices in turn within a step, with sight of what is given, before and after.

A Transformer encoder reads the given cells of the whole piece, all others hidden. A causal decoder reads the cells of the steps before.
For each step a small head then decides one voice after the other. So any free cells given any others have an exact likelihood, and the
piece is as long as its steps, not as its cells.

Every id says its pitch; the ids come in two halves: sounds that are struck (0 a rest, then a ladder of pitches), then the same sounds held.
A sound is held only where it sounded before: other held ids have no probability.
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

# An entry of the table of motions moves by one learning rate an update: without a scale, too slowly to forbid anything.
MOTION_SCALE = 8.0


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
    width: int = 256
    heads: int = 4
    inner: int = 640
    encoder_layers: int = 2
    decoder_layers: int = 4
    span: int = 256
    dropout: float = 0.25
    hidden: float = 0.15
    motion: int = 12
    reach: int = 36

    def __post_init__(self) -> None:
        object.__setattr__(self, "condition_sizes", tuple(self.condition_sizes))
        object.__setattr__(self, "order", tuple(self.order))
        if not 2 <= self.vocab_size < self.input_size or self.vocab_size % 2:
            raise ConfigError(f"vocab_size {self.vocab_size} must be even, at least 2 and less than input_size {self.input_size}")
        if sorted(self.order) != list(range(len(self.order))):
            raise ConfigError(f"order {self.order}: each voice once, counted from 0")
        if self.width % (2 * self.heads):
            raise ConfigError(f"width {self.width} must be a multiple of twice the heads, {2 * self.heads}")
        sizes = (self.embedding, self.condition_embedding, self.inner, self.encoder_layers, self.decoder_layers, self.span, self.motion)
        if min(sizes) < 1 or not 0 <= self.dropout < 1 or not 0 <= self.hidden < 1:
            raise ConfigError("sizes, layers, span and motion must be positive, dropout and hidden from 0 to below 1")

    @property
    def voices(self) -> int:
        return len(self.order)

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


class Sketcher(nn.Module):
    """`Sketcher(config)(sketch, conditions, lengths, ids) -> logits (B, V, T, K)`."""

    def __init__(self, config: SketcherConfig) -> None:
        super().__init__()
        self.config = c = config
        self.reader = Reader(c)
        self.embed_past = CellEmbedding(c)
        pairs = c.voices * (c.voices - 1) // 2
        self.embed_intervals = nn.Embedding(pairs * (2 * c.reach + 2), c.embedding)
        self.enter = nn.Linear((c.voices + pairs) * c.embedding + c.width, c.width)
        self.layers = nn.ModuleList(Block(c.width, c.heads, c.inner, c.dropout) for _ in range(c.decoder_layers))
        self.leave = nn.LayerNorm(c.width)
        self.heads = nn.ModuleList(VoiceHead(c, voice) for voice in range(c.voices))
        self.dropout = nn.Dropout(c.dropout)

    def forward(self, sketch: Tensor, conditions: Tensor, lengths: Tensor, ids: Tensor) -> Tensor:
        """sketch (B, V, T) the given ids, MASK elsewhere; conditions (B, C, T); lengths (B,) of valid steps; ids (B, V, T) the whole piece.

        A cell's logits read the sketch, the ids of the steps before, and those of its own step that are given or decided before it.
        They say nothing at the first step, before which there is none.
        """
        before = torch.cat([ids[..., :1], ids[..., :-1]], dim=-1).transpose(1, 2)  # (B, T, V)
        states = self._enter(self._hidden_in_part(before), self.reader(sketch, conditions, lengths))
        steps = ids.shape[-1]
        rotation = rotary(torch.arange(steps, device=ids.device), self.config.width // self.config.heads)
        attention_mask = within_span(steps, self.config.span, ids.device).tril()
        for layer in self.layers:
            states = layer(states, rotation, attention_mask)
        states = self.leave(states)
        now = sketch.transpose(1, 2).clone()
        logits: list[Tensor] = [states] * self.config.voices
        for voice in self.config.order:
            logits[voice] = self.heads[voice](states, before, now)
            now[..., voice] = ids[:, voice]
        return torch.stack(logits, dim=1)

    def new_cache(self, pieces: int, steps: int) -> Tensor:
        """Keys and values of the decoder's layers (L, 2, B, H, T, D / H), to be written by `advance`."""
        c = self.config
        return torch.zeros(c.decoder_layers, 2, pieces, c.heads, steps, c.width // c.heads)

    def advance(self, before: Tensor, memory: Tensor, cache: Tensor, step: int) -> Tensor:
        """The state (B, D) of one step from the ids of the step before (B, V) and the reader's memory of this step (B, D)."""
        states = self._enter(before[:, None], memory[:, None])
        rotation = rotary(torch.tensor([step], device=before.device), self.config.width // self.config.heads)
        for layer, kept in zip(self.layers, cache, strict=True):
            assert isinstance(layer, Block)  # nn.ModuleList forgets what it holds
            states = layer.advance(states, rotation, kept, step, self.config.span)
        left: Tensor = self.leave(states)[:, 0]
        return left

    def decide(self, voice: int, state: Tensor, before: Tensor, now: Tensor) -> Tensor:
        """Logits (B, K) of a voice from its step's state, the ids of the step before and those of this one (B, V), MASK if not known."""
        logits: Tensor = self.heads[voice](state, before, now)
        return logits

    def _enter(self, before: Tensor, memory: Tensor) -> Tensor:
        rungs = self.config.rung(before)
        rows = 2 * self.config.reach + 2
        intervals = [
            distance_index(rungs[..., high], rungs[..., low], self.config.reach) + pair * rows
            for pair, (high, low) in enumerate(combinations(range(self.config.voices), 2))
        ]
        embedded = self.embed_past(before), self.embed_intervals(torch.stack(intervals, dim=-1)).flatten(-2)
        entered: Tensor = self.dropout(self.enter(torch.cat([*embedded, memory], dim=-1)))
        return entered

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
        self.enter = nn.Linear(c.voices * c.embedding + len(c.condition_sizes) * c.condition_embedding, c.width)
        self.layers = nn.ModuleList(Block(c.width, c.heads, c.inner, c.dropout) for _ in range(c.encoder_layers))
        self.leave = nn.LayerNorm(c.width)
        self.dropout = nn.Dropout(c.dropout)

    def forward(self, sketch: Tensor, conditions: Tensor, lengths: Tensor) -> Tensor:
        """sketch (B, V, T), conditions (B, C, T), lengths (B,) -> (B, T, D)."""
        context = [table(row) for table, row in zip(self.embed_conditions, conditions.unbind(1), strict=True)]
        states = self.dropout(self.enter(torch.cat([self.embed_given(sketch.transpose(1, 2)), *context], dim=-1)))
        steps = torch.arange(sketch.shape[-1], device=sketch.device)
        rotation = rotary(steps, self.config.width // self.config.heads)
        near = within_span(len(steps), self.config.span, sketch.device)
        valid = steps < lengths[:, None]
        # Padding looks at itself alone, so that no row is without anything to look at.
        attention_mask = (near & valid[:, None, :]) | torch.eye(len(steps), dtype=torch.bool, device=sketch.device)
        for layer in self.layers:
            states = layer(states, rotation, attention_mask[:, None])
        left: Tensor = self.leave(states)
        return left


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


class VoiceHead(nn.Module):
    """Logits of one voice at one step, from the decoder's state, the step before, and what is known of this step.

    Besides pitches it scores motions of its own voice, from the state and from a table: how the voice moves while each other one does,
    from which interval. So it learns once, for all keys, which motions go together.
    """

    def __init__(self, config: SketcherConfig, voice: int) -> None:
        super().__init__()
        self.config = c = config
        self.voice = voice
        self.embed_known = CellEmbedding(c)
        self.embed_interval = nn.Embedding(c.voices * (2 * c.reach + 2), c.embedding)
        self.from_state = nn.Linear(c.width, c.width)
        self.from_known = nn.Linear(c.voices * c.embedding, c.width, bias=False)
        self.to_sounds = nn.Linear(c.width, c.sounds + 1)
        self.to_motions = nn.Linear(c.width, 2 * c.motion + 1)
        self.embed_motions = nn.Embedding(c.voices * (2 * c.reach + 2) * (2 * c.motion + 2), 2 * c.motion + 1)
        nn.init.zeros_(self.embed_motions.weight)
        self.dropout = nn.Dropout(c.dropout)
        # What depends on ids alone is looked up: one step of one piece is too short for long chains of small operations.
        self.others = [other for other in range(c.voices) if other != voice]
        self.rungs: Tensor
        self.columns: Tensor
        self.intervals: Tensor
        ids = torch.arange(c.input_size)
        candidates = torch.arange(c.sounds + 1).expand(c.input_size, -1)  # the last one is holding, a motion of 0
        candidates = torch.where(candidates == c.sounds, c.rung(ids)[:, None], torch.where(candidates > 0, candidates, -1))
        self.register_buffer("rungs", c.rung(ids), persistent=False)
        self.register_buffer("columns", motion_columns(candidates, c.rung(ids), c.motion), persistent=False)
        self.register_buffer("intervals", torch.arange(c.voices) * (2 * c.reach + 2), persistent=False)

    def forward(self, state: Tensor, before: Tensor, now: Tensor) -> Tensor:
        """state (..., D), before and now (..., V), MASK where not known -> (..., K). Nothing of `now` is read in the own voice."""
        c = self.config
        now = now.clone()
        now[..., self.voice] = before[..., self.voice]
        rungs_before, rungs_now = self.rungs[before], self.rungs[now]
        own = rungs_before[..., self.voice, None]
        interval_now = distance_index(rungs_now, own, c.reach) + self.intervals
        known = self.embed_known(now) + self.embed_interval(interval_now).flatten(-2)
        hidden = self.dropout(nn.functional.gelu(self.from_state(state) + self.from_known(self.dropout(known))))
        motions = self.to_motions(hidden) + self._motions_beside(rungs_before, rungs_now, own)
        scores = self.to_sounds(hidden) + by_motion(motions, self.columns[before[..., self.voice]])
        return self._as_ids(scores, before[..., self.voice])

    def _motions_beside(self, before: Tensor, now: Tensor, own: Tensor) -> Tensor:
        """(..., 2 M + 1) summed over the other voices."""
        interval = distance_index(before, own, self.config.reach) + self.intervals
        motion = distance_index(now, before, self.config.motion)
        rows = interval * (2 * self.config.motion + 2) + motion
        scores: Tensor = self.embed_motions(rows[..., self.others]).sum(dim=-2)
        return MOTION_SCALE * scores

    def _as_ids(self, scores: Tensor, before: Tensor) -> Tensor:
        """S scores of striking each sound and one of holding -> logits of K ids, -inf for holding what did not sound before."""
        sounds = torch.arange(self.config.sounds, device=scores.device)
        is_held = sounds == self.config.sound(before)[..., None]
        held = torch.where(is_held, scores[..., -1:], float("-inf"))
        return torch.cat([scores[..., :-1], held], dim=-1)
