"""The head of one voice in a Sketcher: what the voice does at a step, from what is known of the past and of the voices decided before it.

Shapes: (...) batch and steps, V voices, D width, E embedding, M motion, I reach, S = K / 2 sounds. Knows ids, not music.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor, nn

from musicgen.models.layers import PerVoice
from musicgen.models.motions import by_motion, distance_index, motion_columns
from musicgen.models.recall import LENGTHS, WAYS, Recalled

if TYPE_CHECKING:
    from musicgen.models.sketcher import SketcherConfig

# An entry of a table moves by one learning rate an update: without a scale, too slowly to forbid or to demand anything.
# The fewer entries a table has, the more often each is met, and the less it can learn by heart.
TABLE_SCALE, INTO_SCALE, PASSING_SCALE, PARALLEL_SCALE = 8.0, 16.0, 24.0, 40.0
OCTAVE = 12  # rungs
INTERVAL_CLASSES = 2 * OCTAVE + 1  # upwards, downwards, none
AGREEMENTS = 3
CLASSES = len(LENGTHS) + 1


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

    @torch.no_grad()
    def keep_tables(self, guidance: float) -> None:
        """Weights are taken not to change until the tables are dropped: single steps need not make them anew."""
        self.guidance, self.kept_tables = guidance, None
        self.kept_tables = self._tables()

    def drop_tables(self) -> None:
        self.guidance, self.kept_tables = 1.0, None

    def _tables(self) -> Tables:
        if self.kept_tables is not None:
            return self.kept_tables
        maps = (self.embed_cells, self.from_cells), (self.embed_ways, self.from_ways)
        known = [to(embed.weight.reshape(-1, to.weight.shape[0], embed.embedding_dim)).flatten(0, 1) for embed, to in maps]
        parallel = self.guidance * PARALLEL_SCALE * self.embed_parallel.weight[..., None] * self.moves_alike
        motions = TABLE_SCALE * self.embed_motions.weight
        specific = len(motions) - parallel.shape[0] * parallel.shape[1]
        return Tables(
            known=torch.cat(known),
            motions=torch.cat([motions[:specific], motions[specific:] + parallel.flatten(0, 1)]),
            into=INTO_SCALE * self.embed_into.weight,
            passing=self.guidance * PASSING_SCALE * self.embed_passing.weight[:, self.class_of_interval],
            going_on=TABLE_SCALE * self.embed_going_on.weight[:, 0],
        )

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
