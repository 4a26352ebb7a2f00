"""Where the music is, in quarters, at a time in seconds: by a tempo of one's own, or after another's MIDI clock."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, Protocol

from musicgen.live.port import CLOCK, CLOCKS_PER_QUARTER, CONTINUE, SONG_POSITION, START, STOP, Heard

Turn = Literal["start", "stop", ""]
_SHORTEST = 0.005  # seconds between two clocks, at 500 quarters a minute: what comes faster was held up on its way
_LOST = 0.5  # seconds without a clock, after which a cable is pulled rather than the tempo slow
_JUMP = 0.25  # the share by which an interval differs when the tempo was changed, and did not waver
_PERIOD_WEIGHT, _PHASE_WEIGHT = 0.15, 0.3  # of the newest clock: clocks over USB come a millisecond or two early and late
_CLOCKS_A_POSITION = 6  # song positions count sixteenths


class Beat(Protocol):
    @property
    def is_running(self) -> bool: ...

    @property
    def tempo(self) -> float:
        """Quarters a minute, as it is now."""
        ...

    def position(self, now: float) -> float:
        """Quarters since the beginning."""
        ...

    def time_of(self, position: float) -> float:
        """When that will be; never, if something must be heard before."""
        ...

    def hear(self, heard: Heard) -> Turn:
        """Whether playing begins or ends with this message; it goes on from `position`."""
        ...

    def check(self, now: float) -> Turn:
        """Whether it has ended since nothing was heard."""
        ...


@dataclass(frozen=True)
class SteadyBeat:
    """Quarters a minute from a time on, whatever is heard."""

    tempo: float
    began: float
    is_running: bool = True

    def position(self, now: float) -> float:
        return (now - self.began) * self.tempo / 60

    def time_of(self, position: float) -> float:
        return self.began + position * 60 / self.tempo

    def hear(self, heard: Heard) -> Turn:
        return ""

    def check(self, now: float) -> Turn:
        return ""


class FollowedBeat:
    """Another's clock, 24 messages a quarter. Between two of them time runs at their smoothed tempo, and waits for the second."""

    def __init__(self, tempo: float) -> None:
        """`tempo`: until the first clocks have told theirs."""
        self.is_running = False
        self._clocks = -1  # since the beginning; the first one is at 0
        self._phase = 0.0  # when the last one came, smoothed
        self._last = -math.inf  # when it came
        self._period = 60 / tempo / CLOCKS_PER_QUARTER
        self._is_awaited = False  # whether the next clock starts it

    @property
    def tempo(self) -> float:
        return 60 / self._period / CLOCKS_PER_QUARTER

    def position(self, now: float) -> float:
        since = (now - self._phase) / self._period if self.is_running else 0.0
        return (self._clocks + min(max(since, 0.0), 0.999)) / CLOCKS_PER_QUARTER

    def time_of(self, position: float) -> float:
        ahead = position * CLOCKS_PER_QUARTER - self._clocks
        return self._phase + ahead * self._period if self.is_running and ahead < 0.999 else math.inf

    def hear(self, heard: Heard) -> Turn:
        """What starts begins with the clock after it."""
        kind = heard.message[0]
        if kind == CLOCK:
            return self._tick(heard.time)
        if kind == SONG_POSITION and not self.is_running:
            self._clocks = _CLOCKS_A_POSITION * (heard.message[1] + (heard.message[2] << 7)) - 1
        elif kind in (START, CONTINUE):
            self._clocks = -1 if kind == START else self._clocks
            self._is_awaited = True
        elif kind == STOP:
            was, self.is_running, self._is_awaited = self.is_running, False, False
            return "stop" if was else ""
        return ""

    def check(self, now: float) -> Turn:
        if not self.is_running or now - self._last < _LOST:
            return ""
        self.is_running, self._is_awaited = False, True
        return "stop"

    def _tick(self, time: float) -> Turn:
        interval, self._last = time - self._last, time
        if _SHORTEST < interval < _LOST:
            jumps = abs(interval - self._period) > _JUMP * self._period
            self._period += (1.0 if jumps else _PERIOD_WEIGHT) * (interval - self._period)
        starts, self._is_awaited = self._is_awaited, False
        self.is_running |= starts
        if self.is_running:
            expected = self._phase + self._period
            is_expected = not starts and abs(time - expected) < self._period
            self._phase = expected + _PHASE_WEIGHT * (time - expected) if is_expected else time
            self._clocks += 1
        return "start" if starts else ""
