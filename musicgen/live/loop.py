"""A region that goes round and round, different each time. While one version plays the next is composed.

If that is not ready in time, what was played last is played again: there is no gap.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from musicgen.errors import MusicgenError
from musicgen.live.click import Clicks, Metronome
from musicgen.live.player import NEAR, Player, Send
from musicgen.live.variations import Theme
from musicgen.live.worker import Fill, Task, Worker
from musicgen.music.score import Score


class Loop:
    """A `session.Playing`. drifts: each version is of the one before, not of the theme; rounds: after so many it ends."""

    def __init__(
        self,
        send: Send,
        theme: Theme,
        fill: Fill,
        worker: Worker,
        seed: int,
        count_in: int = 0,
        clicks: Clicks = "none",
        drifts: bool = False,
        rounds: float = math.inf,
        say: Callable[[str], None] = lambda line: None,
    ) -> None:
        self._theme, self._fill, self._worker, self._seed, self._say = theme, fill, worker, seed, say
        self._drifts, self._rounds, self._clicks = drifts, rounds, clicks
        meter = theme.score.meter_at(theme.start)
        self._origin = count_in * float(meter.bar_quarters)
        self.music = Player(send)
        self._metronome = Metronome(send, meter, self._clicks_at)
        self._version = theme.score
        self._version_seed: int | None = None
        self._next: tuple[Task[Score], int] | None = None  # and its seed
        self._round, self._began = -1, 0.0  # -1 as long as it is counted in
        self.is_over = False
        self.record: list[dict[str, Any]] = []

    @property
    def next_at(self) -> float:
        return min(self.music.next_at, self._metronome.next_at, self._start(self._round + 1))

    def begin(self, position: float) -> None:
        """Also in the middle of a round: notes that sound there are struck."""
        self._round, self._began = -1, position
        self._metronome.begin(position)

    def hear(self, message: bytes, position: float) -> None:
        """A loop plays on whatever is played beside it."""

    def advance(self, position: float) -> None:
        now = math.floor((position - self._origin) / self._theme.quarters + NEAR)
        if now > self._round and len(self.record) >= self._rounds:
            self.is_over = True
        elif now > self._round:
            self._turn(now)
        self._metronome.advance(position)
        self.music.advance(position)

    def silence(self) -> None:
        self.music.silence()
        self._metronome.silence()

    def _start(self, number: int) -> float:
        return self._origin + number * self._theme.quarters

    def _clicks_at(self, position: float) -> bool:
        return self._clicks != "none" and (self._clicks == "always" or position < self._origin - NEAR)

    def _turn(self, number: int) -> None:
        """Once more, with the newest version that is ready."""
        is_late = self._next is not None and not self._next[0].done()
        if self._next and not is_late:
            self._take(*self._next)
        self._round, start = number, self._start(number)
        self.music.switch([sound.later(start) for sound in self._theme.sounds(self._version)], max(start, self._began))
        self.record.append({"round": len(self.record) + 1, "seed": self._version_seed, "is_late": is_late})
        version = "as it is written" if self._version_seed is None else f"varied, seed {self._version_seed}"
        self._say(f"round {len(self.record)}: {version}{'; once more, for the next was not ready in time' if is_late else ''}")
        if not is_late:
            self._prepare()

    def _take(self, task: Task[Score], seed: int) -> None:
        try:
            self._version, self._version_seed = task.result(), seed
        except MusicgenError as error:
            self._say(f"seed {seed} came to nothing: {error}")

    def _prepare(self) -> None:
        base, seed = self._version if self._drifts else self._theme.score, self._seed
        self._seed += 1
        self._next = self._worker.submit(lambda: self._theme.varied(base, self._fill, seed)), seed
