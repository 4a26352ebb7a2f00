"""What is missing in the middle: bars of some tracks drawn where all else is heard, a few bars at a time where a window holds no more.

What was drawn is heard when the next bars are. Knows no files.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from musicgen.errors import ConfigError
from musicgen.generation.context import Ids, Reader
from musicgen.generation.results import Lines, notes_by_line
from musicgen.generation.windows import of_part
from musicgen.music.score import Note
from musicgen.sampling.decoding import DecodingOptions, StreamModel, decode_batch
from musicgen.sampling.event_steering import IDS_OF_NOTE, EventPlan, EventSteer, Harmony

MOST_AT_A_TIME = 8  # bars
ABSENCE = 4  # bars after which a track has to sound; it does at least once in each part
_USUAL_NOTES = 6  # a bar of a track that nobody has written yet
_MORE = 1.5  # what is drawn may be so much longer than what was there


@dataclass(frozen=True, eq=False)
class Filling:
    """The lines `chosen` (by place) are drawn in the token bars `region`; `harmony` is of these bars."""

    model: StreamModel
    reader: Reader
    chosen: Sequence[int]
    region: Sequence[int]
    harmony: Harmony | None = None

    def draw(
        self, kept: Lines, before: Lines, options: Sequence[DecodingOptions], on_progress: Callable[[float], None] | None = None
    ) -> list[list[list[Note]]]:
        """For each of the options the new notes of every line. `kept`: what stays of each line; `before`: what was there."""
        sizes, wanted = self._sizes(kept, before)
        fresh: list[list[list[Note]]] = [[[] for _ in kept] for _ in options]
        parts = self._parts(sizes, wanted)
        for number, part in enumerate(parts):
            wished = int(sum(wanted[index] for index in part))
            steers = self._part(part, kept, fresh, wished, [of_part(each, number) for each in options])
            for lines, steer in zip(fresh, steers, strict=True):
                for line, notes in zip(
                    lines, notes_by_line(steer.notes, self.reader.timeline, part, self.reader.labels, kept), strict=True
                ):
                    line += notes
            if on_progress:
                on_progress((number + 1) / len(parts))
        return fresh

    @property
    def slots(self) -> list[int]:
        return sorted({self.reader.labels[index].slot for index in self.chosen})

    @property
    def window(self) -> int:
        return int(self.model.config.window)

    def _sizes(self, kept: Lines, before: Lines) -> tuple[list[int], list[float]]:
        """Ids of every bar as it is read, and how many may be drawn for it."""
        read, there = (np.diff(self.reader.bar_starts(self.reader.ids(lines))) for lines in (kept, before))
        usual = IDS_OF_NOTE * _USUAL_NOTES * len(self.slots)
        return [int(size) + 1 + len(self.slots) for size in read], [_MORE * max(usual, size) for size in (there - read).tolist()]

    def _parts(self, sizes: Sequence[int], wanted: Sequence[float]) -> list[list[int]]:
        """Neighbouring bars of the region that a window holds with room for something around them."""
        parts: list[list[int]] = []
        for index in self.region:
            longer = [*parts[-1], index] if parts and parts[-1][-1] == index - 1 else []
            if longer and len(longer) <= MOST_AT_A_TIME and sum(sizes[bar] + wanted[bar] for bar in longer) <= 0.7 * self.window:
                parts[-1] = longer
            else:
                parts.append([index])
        return parts

    def _part(
        self, part: Sequence[int], kept: Lines, fresh: Sequence[Lines], wanted: int, options: Sequence[DecodingOptions]
    ) -> list[EventSteer]:
        prompts = []
        for lines in fresh:
            ids = self.reader.ids([[*old, *new] for old, new in zip(kept, lines, strict=True)])
            prompts.append(self._prompt(part, ids, min(wanted, self.window // 2)))
        steers = [EventSteer(self.reader.words, self._plan(part), self.window - len(prompt)) for prompt in prompts]
        for steer, prompt in zip(steers, prompts, strict=True):
            steer.moved(len(prompt))
        decode_batch(self.model, prompts, options, steers)
        return steers

    def _plan(self, part: Sequence[int]) -> EventPlan:
        timeline = self.reader.timeline
        rows = [list(self.region).index(index) for index in part]
        harmony = Harmony(self.harmony.classes[rows], self.harmony.room[rows]) if self.harmony else None
        bars = tuple(timeline.planned(timeline.bars[index]) for index in part)
        return EventPlan(bars, tuple(self.slots), harmony, ABSENCE, open_end=False)

    def _prompt(self, part: Sequence[int], ids: Ids, room: int) -> list[int]:
        """BOS, the bars with their hole and as much around them as leaves room, FILL. Bars that are still to be drawn are not shown."""
        starts = self.reader.bar_starts(ids)
        tokenizer, marks = self.reader.tokenizer, 2 + len(part) * (1 + len(self.slots))
        first, last = part[0], part[-1] + 1
        most = self.window - room - marks
        wider = [True, True]
        while any(wider):
            for side in (0, 1):
                new = (first - 1, last) if side == 0 else (first, last + 1)
                there = new[0] >= 0 and new[1] < len(starts) and not (side and last in self.region)
                wider[side] = wider[side] and there and starts[new[1]] - starts[new[0]] <= most
                if wider[side]:
                    first, last = new
        excerpt = ids[starts[first] : starts[last]]
        context, _ = tokenizer.with_hole(excerpt, self.slots, range(part[0] - first, part[-1] + 1 - first))
        prompt = [tokenizer.bos_id, *(int(id) for id in context), tokenizer.fill_id]
        if self.window - len(prompt) < len(part) * (2 + IDS_OF_NOTE):
            bar = self.reader.timeline.bars[part[0]].bar
            raise ConfigError(
                f"the bar at place {bar + 1} has {len(prompt)} ids, the model's window of {self.window} has no room to write in it; "
                "choose another bar, or a model with a longer window"
            )
        return prompt
