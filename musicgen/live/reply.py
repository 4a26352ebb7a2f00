"""The answer to one phrase, from the beat after it on: first what was begun while it was played, then the whole, which ends in a cadence.

What is not ready is not waited for. Without the whole, what has begun goes on, and the tune with it; without either, the answer comes
a bar later.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from musicgen.errors import MusicgenError
from musicgen.live.harmonizer import Answer, sounds
from musicgen.live.listener import STEP, Phrase, Window
from musicgen.live.player import NEAR, Sound
from musicgen.live.worker import Task
from musicgen.music.score import Meter

Switch = Callable[[list[Sound], float], None]
"""Plays these sounds instead of what was played, from a position on."""


@dataclass
class Reply:
    """starts: where it begins; switch_at: where more of it may come in; channel: of all voices, if it is one; problem: why there is no
    more than the tune.

    has_tune: whether the tune is played too. Else it is played by someone else, and what is late comes in where that one is.
    """

    window: Window
    phrase: Phrase
    begun: Task[Answer] | None
    whole: Task[Answer]
    meter: Meter
    channel: int | None = None
    has_tune: bool = True
    plays: Literal["nothing", "beginning", "whole"] = "nothing"
    starts: float = 0.0
    switch_at: float = 0.0
    problem: str = ""

    def __post_init__(self) -> None:
        self.starts = self.switch_at = self.window.end

    @property
    def ends(self) -> float:
        return self.starts + self.window.end - self.window.start

    @property
    def next_at(self) -> float:
        """When something is to be decided."""
        return self.ends if self.plays == "whole" else min(self.switch_at, self.ends)

    @property
    def waited_bars(self) -> int:
        return round((self.starts - self.window.end) / float(self.meter.bar_quarters))

    def advance(self, position: float, switch: Switch) -> None:
        if not self.next_at - NEAR <= position < self.ends - NEAR:
            return
        beginning = made(self.begun)
        if self.whole.done():
            self._play_whole(switch)
        elif self.plays == "beginning":
            self.switch_at += float(self.meter.beat_quarters)
        elif beginning:
            switch([*self._tune(), *self._voices(beginning)], self.switch_at)
            self.plays, self.switch_at = "beginning", max(self.switch_at, self._tick_0 + beginning.kept_steps * STEP)
        elif self.has_tune:
            self.starts += float(self.meter.bar_quarters)
            self.switch_at = self.starts
        else:
            self.switch_at += float(self.meter.beat_quarters)

    def _play_whole(self, switch: Switch) -> None:
        self.plays = "whole"
        try:
            voices = self._voices(self.whole.result())
        except MusicgenError as error:
            voices, self.problem = [], str(error)
        switch([*self._tune(), *voices], self.switch_at)

    @property
    def _tick_0(self) -> float:
        return self.starts + self.phrase.start - self.window.start

    def _tune(self) -> list[Sound]:
        return [sound.later(self._tick_0) for sound in sounds(self.phrase.score, self.channel)] if self.has_tune else []

    def _voices(self, answer: Answer) -> list[Sound]:
        return [sound.later(self._tick_0) for sound in sounds(answer.voices, self.channel)]


def made(task: Task[Answer] | None) -> Answer | None:
    """What is ready, and could be made."""
    if task is None or not task.done():
        return None
    try:
        return task.result()
    except MusicgenError:
        return None
