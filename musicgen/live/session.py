"""One loop that keeps a playing in time with a beat, passes on what is heard, and leaves no note sounding however it ends."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Protocol

from musicgen.live.beat import Beat, Turn
from musicgen.live.player import NEAR, Send
from musicgen.live.port import CLICK_CHANNEL, CLOCK, CLOCKS_PER_QUARTER, PROGRAM, START, STOP, STOPPED, Heard, Port

_PATIENCE = 0.25  # seconds; at the latest after so many the clock that is followed is looked for


class Playing(Protocol):
    """What is played, decided at positions in quarters."""

    @property
    def next_at(self) -> float:
        """When `advance` has something to do; never is infinity."""
        ...

    @property
    def is_over(self) -> bool: ...

    def begin(self, position: float) -> None:
        """Starts, or goes on, here."""
        ...

    def hear(self, message: bytes, position: float) -> None: ...

    def advance(self, position: float) -> None: ...

    def silence(self) -> None: ...


@dataclass
class ClockOut:
    """Sends a clock, 24 messages a quarter, for a sequencer that follows."""

    send: Send
    is_sent: bool = True
    _sent: int = 0

    @property
    def next_at(self) -> float:
        return self._sent / CLOCKS_PER_QUARTER

    def begin(self) -> None:
        if self.is_sent:
            self.send(bytes((START,)))

    def advance(self, position: float) -> None:
        while self.is_sent and self.next_at <= position + NEAR:
            self.send(bytes((CLOCK,)))
            self._sent += 1

    def end(self) -> None:
        if self.is_sent:
            self.send(bytes((STOP,)))


def run(
    port: Port, beat: Beat, playing: Playing, clock_out: bool = False, latency: float = 0.0, say: Callable[[str], None] = print
) -> None:
    """Plays until it is over or someone wants an end. `latency`: seconds that pass between a key struck and its message."""
    clock = ClockOut(port.send, clock_out)
    try:
        if beat.is_running:
            clock.begin()
            playing.begin(beat.position(port.now()))
        while not playing.is_over:
            _advance(port, beat, playing, clock)
            heard = port.receive(_until(port, beat, playing, clock))
            while heard is not None:
                if heard.message == STOPPED:
                    return
                _hear(heard, beat, playing, latency, say)
                heard = port.receive(port.now())
            _turned(beat.check(port.now()), beat, playing, port.now(), say)
    finally:
        _end(playing, clock)


def _advance(port: Port, beat: Beat, playing: Playing, clock: ClockOut) -> None:
    if beat.is_running:
        position = beat.position(port.now())
        clock.advance(position)
        playing.advance(position)


def _until(port: Port, beat: Beat, playing: Playing, clock: ClockOut) -> float:
    nearest = min(playing.next_at, clock.next_at) if clock.is_sent else playing.next_at
    return min(beat.time_of(nearest), port.now() + _PATIENCE)


def _hear(heard: Heard, beat: Beat, playing: Playing, latency: float, say: Callable[[str], None]) -> None:
    if heard.message[0] >= 0xF0:
        _turned(beat.hear(heard), beat, playing, heard.time, say)
    else:
        playing.hear(heard.message, beat.position(heard.time - latency))


def _turned(turn: Turn, beat: Beat, playing: Playing, time: float, say: Callable[[str], None]) -> None:
    if turn == "start":
        playing.silence()
        playing.begin(beat.position(time))
    elif turn == "stop":
        playing.silence()
        say("the clock has stopped; start it to go on")


def _end(playing: Playing, clock: ClockOut) -> None:
    """The clock is stopped even where notes cannot be ended, and notes were tried first."""
    try:
        playing.silence()
    finally:
        clock.end()


def set_program(send: Send, program: int | None, channel: int | None) -> None:
    """On the channel, or on all but that of the drums; nothing if no program is wanted."""
    if program is not None:
        for each in [channel] if channel is not None else [each for each in range(16) if each != CLICK_CHANNEL]:
            send(bytes((PROGRAM | each, program)))


def punctuality(lateness: Sequence[float], tempo: float) -> dict[str, float | int]:
    """How many milliseconds after their moment notes were sent, on average and at most. `lateness` in quarters."""
    late = [60_000 * quarters / tempo for quarters in lateness]
    return {"messages": len(late), "late_ms": round(fmean(late), 3), "latest_ms": round(max(late), 3)} if late else {"messages": 0}
