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
from musicgen.models.motions import by_motion, distance_index, motion_columns
from musicgen.models.recall import LENGTHS, MOST_AGE, WAYS, Recall, Recalled, recall_all

# An entry of a table moves by one learning rate an update: without a scale, too slowly to forbid or to demand anything.
# The fewer entries a table has, the more often each is met, and the less it can learn by heart.
TABLE_SCALE, INTO_SCALE, PASSING_SCALE, PARALLEL_SCALE = 8.0, 16.0, 24.0, 40.0
OCTAVE = 12  # rungs
INTERVAL_CLASSES = 2 * OCTAVE + 1  # upwards, downwards, none
AGREEMENTS = 3
CLASSES = len(LENGTHS) + 1


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
        """While it lasts, what the heads have learned of intervals that pass into each other counts `guidance` times."""
        heads = cast("list[VoiceHead]", list(self.heads))
        for head in heads:
            head.guidance, head.kept_tables = guidance, None
        try:
            yield
        finally:
            for head in heads:
                head.guidance, head.kept_tables = 1.0, None

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


class Tables(NamedTuple):
    """What a head looks up: what each thing known adds to its state (rows, D); scores of motions (rows, 2 M + 1), of intervals into which
    it comes (V - 1, 2 I + 1), into which it passes from a class of intervals (rows, 2 I + 1), of going on as the piece once did (rows,)."""

    known: Tensor
    motions: Tensor
    into: Tensor
    passing: Tensor
    going_on: Tensor


class VoiceHead(nn.Module):
    """Logits of one voice at one step, from its view of the step, the past, and what is known of this step.

    Besides sounds it scores the motion of its own voice and its intervals to the others, from what it sees and from tables: how the voice
    moves while each other one does, from which interval, and into which. So it learns once, for all keys, what goes together. And it
    scores going on as the piece once did.
    One step of one piece is too short for long chains of small operations: what depends on ids alone is looked up.
    """

    is_own: Tensor
    other_voices: Tensor
    of_voice: Tensor
    of_way: Tensor
    cells: Tensor
    interval: Tensor
    interval_cell: Tensor
    passing: Tensor
    class_of_interval: Tensor
    motion_rows: Tensor
    first_motion: Tensor
    motion: Tensor
    moves_alike: Tensor
    way_rows: Tensor
    into: Tensor
    first_going_on: Tensor
    columns: Tensor
    is_held: Tensor

    def __init__(self, config: SketcherConfig, voice: int) -> None:
        super().__init__()
        self.config = c = config
        self.voice = voice
        intervals, motions = 2 * c.reach + 2, 2 * c.motion + 2
        # What is known of each voice (its sound, whether it is struck, its interval) and of each way, as rows; voices and ways run fastest.
        sounds_read = c.sounds + c.input_size - c.vocab_size
        cells = sounds_read + 2 + intervals
        self.embed_cells = nn.Embedding(cells * c.voices, c.embedding)
        self.embed_ways = nn.Embedding(CLASSES * WAYS, c.condition_embedding)
        self.from_cells = PerVoice(c.voices, c.embedding, c.width)
        self.from_ways = PerVoice(WAYS, c.condition_embedding, c.width)
        self.kept_tables: Tables | None = None
        self.guidance = 1.0
        # From each interval to each other voice, while that one moves; then from each class of intervals, whoever the other is.
        self.embed_motions = nn.Embedding(((c.voices - 1) * intervals + INTERVAL_CLASSES) * motions, motions - 1)
        self.embed_parallel = nn.Embedding(INTERVAL_CLASSES, 1)  # moving just as another voice does, from each class of intervals
        self.embed_into = nn.Embedding(c.voices - 1, intervals - 1)
        # From a class of intervals into a class, while the other voice moves or does not.
        self.embed_passing = nn.Embedding(INTERVAL_CLASSES * 2, INTERVAL_CLASSES)
        self.embed_going_on = nn.Embedding(WAYS * AGREEMENTS * CLASSES, 1)
        self.sizes = [c.sounds + 1, motions - 1, (c.voices - 1) * (intervals - 1), WAYS]
        self.to_scores = nn.Linear(c.width, sum(self.sizes))
        self.dropout = nn.Dropout(c.dropout)
        for table in (self.embed_motions, self.embed_parallel, self.embed_into, self.embed_passing, self.embed_going_on):
            nn.init.zeros_(table.weight)
        others = [other for other in range(c.voices) if other != voice]
        self.leader_among_others = others.index(c.order[0]) if c.order[0] in others else None
        ids, voices, ways = torch.arange(c.input_size), torch.arange(c.voices), torch.arange(WAYS)
        rungs, sounds = c.rung(ids), torch.arange(c.sounds)
        of_cell = torch.stack([c.sound(ids), sounds_read + (ids < c.sounds).long()], dim=-1) * c.voices
        self._look_up("is_own", voices == voice)
        self._look_up("other_voices", voices[others])
        self._look_up("of_voice", voices)
        self._look_up("of_way", ways)
        self._look_up("cells", of_cell + voices[:, None, None])  # (V, ids, 2)
        self._look_up("interval", distance_index(rungs[:, None], rungs, c.reach))
        self._look_up("interval_cell", (sounds_read + 2 + self.interval) * c.voices)
        distance = rungs[:, None] - rungs
        classes = distance.abs() % OCTAVE + OCTAVE * (distance < 0)  # a fifth above is not a fourth below
        classes = torch.where(self.interval <= 2 * c.reach, classes, INTERVAL_CLASSES - 1)
        self._look_up("passing", classes * 2)
        distances = torch.arange(intervals - 1) - c.reach
        self._look_up("class_of_interval", distances.abs() % OCTAVE + OCTAVE * (distances > 0))  # of the other voice, seen from this one
        self._look_up("motion_rows", torch.stack([self.interval, classes + (c.voices - 1) * intervals], dim=-1) * motions)  # (ids, ids, 2)
        self._look_up("first_motion", torch.stack([voices[:-1] * intervals, 0 * voices[:-1]], dim=-1) * motions)
        self._look_up("motion", distance_index(rungs[:, None], rungs, c.motion)[..., None])
        alike = torch.eye(motions)[:, :-1]
        self._look_up("moves_alike", alike.index_fill(0, torch.tensor(c.motion), 0.0))
        self._look_up("way_rows", cells * c.voices + torch.arange(CLASSES)[:, None] * WAYS + ways)
        self._look_up("first_going_on", ways * AGREEMENTS * CLASSES)
        candidates = torch.where(sounds > 0, sounds, -1).expand(c.input_size, -1)
        to_sounds = motion_columns(torch.cat([candidates, rungs[:, None]], dim=-1), rungs, c.motion)  # the last one is holding
        self._look_up("columns", to_sounds)
        self._look_up("into", motion_columns(candidates, rungs, c.reach))
        self._look_up("is_held", c.sound(ids)[:, None] == sounds)

    def _look_up(self, name: str, table: Tensor) -> None:
        self.register_buffer(name, table, persistent=False)

    def forward(self, view: Tensor, past: Recalled, now: Tensor) -> Tensor:
        """view (..., D), past and now (..., V), MASK where not known -> (..., K). Nothing of `now` is read in the own voice."""
        own = past.before[..., self.voice]
        sounding = torch.where(self.is_own, past.before, now)
        cells = self.cells[self.of_voice, sounding].flatten(-2)
        intervals = self.interval_cell[sounding, own[..., None]] + self.of_voice
        before, now = past.before.index_select(-1, self.other_voices), now.index_select(-1, self.other_voices)
        classes, agreement = self._ways(past, now)
        tables = self._tables()
        known = _summed(tables.known, torch.cat([cells, intervals, self.way_rows[classes, self.of_way]], dim=-1))
        hidden = self.dropout(nn.functional.gelu(view + self.dropout(known)))
        sounds, motions, into, ways = self.to_scores(hidden).split(self.sizes, dim=-1)
        moves = self.motion[now, before]
        beside = self.motion_rows[before, own[..., None]] + self.first_motion + moves
        motions = by_motion(motions + _summed(tables.motions, beside.flatten(-2)), self.columns[own])
        columns = torch.cat([self.into[now], self.interval[own[..., None], now][..., None]], dim=-1)  # (..., V - 1, S + 1)
        passing = tables.passing[self.passing[before, own[..., None]] + (moves[..., 0] != self.config.motion)]
        into = into.view(*now.shape, -1) + tables.into + passing
        scores = sounds + motions + by_motion(into, columns).sum(dim=-2)
        held = torch.where(self.is_held[own], scores[..., -1:], float("-inf"))
        logits = torch.cat([scores[..., :-1], held], dim=-1)
        nowhere = classes == 0
        going_on = (ways + tables.going_on[self.first_going_on + agreement * CLASSES + classes]).masked_fill(nowhere, 0.0)
        return logits.scatter_add(-1, past.followed[..., self.voice, :].masked_fill(nowhere, 0), going_on.to(logits.dtype))

    def train(self, mode: bool = True) -> VoiceHead:
        self.kept_tables = None
        return super().train(mode)

    def _tables(self) -> Tables:
        """Kept while the model is not trained, for single steps."""
        if self.kept_tables is not None:
            return self.kept_tables
        maps = (self.embed_cells, self.from_cells), (self.embed_ways, self.from_ways)
        known = [to(embed.weight.reshape(-1, to.weight.shape[0], embed.embedding_dim)).flatten(0, 1) for embed, to in maps]
        parallel = self.guidance * PARALLEL_SCALE * self.embed_parallel.weight[..., None] * self.moves_alike
        motions = TABLE_SCALE * self.embed_motions.weight
        specific = len(motions) - parallel.shape[0] * parallel.shape[1]
        tables = Tables(
            known=torch.cat(known),
            motions=torch.cat([motions[:specific], motions[specific:] + parallel.flatten(0, 1)]),
            into=INTO_SCALE * self.embed_into.weight,
            passing=self.guidance * PASSING_SCALE * self.embed_passing.weight[:, self.class_of_interval],
            going_on=TABLE_SCALE * self.embed_going_on.weight[:, 0],
        )
        if not self.training:
            self.kept_tables = tables
        return tables

    def _ways(self, past: Recalled, now: Tensor) -> tuple[Tensor, Tensor]:
        """(..., WAYS) each, from what is known of the others now (..., V - 1): how long each way is, as a class, 0 where what is known
        differs from what followed there; and whether something is known that agrees (2), that differs (1), or nothing (0)."""
        known = now < self.config.vocab_size
        differs = known & (now != past.followed[..., 1].index_select(-1, self.other_voices))
        none = known.new_zeros(known.shape[:-1])
        some, some_differ = [none, known.any(-1)], [none, differs.any(-1)]
        if self.leader_among_others is None:
            some, some_differ = [*some, none], [*some_differ, none]
        else:
            led = known[..., self.leader_among_others]
            expected = past.followed[..., self.config.order[0], 2]
            some, some_differ = [*some, led], [*some_differ, led & (now[..., self.leader_among_others] != expected)]
        differ = torch.stack(some_differ, dim=-1)
        return past.classes[..., self.voice, :].masked_fill(differ, 0), 2 * torch.stack(some, dim=-1).long() - differ.long()


def _summed(table: Tensor, rows: Tensor) -> Tensor:
    """(..., N) rows -> (..., D), the sum of N rows of a table."""
    summed: Tensor = nn.functional.embedding_bag(rows.flatten(0, -2), table, mode="sum")
    return summed.view(*rows.shape[:-1], -1)
