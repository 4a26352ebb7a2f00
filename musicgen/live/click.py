"""A metronome: the beats of a meter as short strokes on the drums' channel, the first of a bar higher."""

from __future__ import annotations

from collections.abc import Callable
from math import ceil
from typing import Literal

from musicgen.live.player import NEAR, Player, Send, Sound
from musicgen.live.port import CLICK_CHANNEL
from musicgen.music.score import Meter

Clicks = Literal["none", "count", "turn", "always"]
"""When it sounds: never, before the first bar, while it is the player's turn, or all the time."""

_FIRST, _OTHER = 76, 77  # wood blocks, high and low, of General MIDI
_LENGTH = 0.1  # quarters


class Metronome:
    """Strikes the beats from `begin` on at which `is_heard`. No beat is struck before it comes, so that all can be decided then."""

    def __init__(self, send: Send, meter: Meter, is_heard: Callable[[float], bool]) -> None:
        self._player, self._is_heard = Player(send), is_heard
        self._beat, self._bar = float(meter.beat_quarters), float(meter.bar_quarters)
        self._next = 0.0

    @property
    def next_at(self) -> float:
        return min(self._next, self._player.next_at)

    def begin(self, position: float) -> None:
        self._next = ceil(position / self._beat - NEAR) * self._beat

    def advance(self, position: float) -> None:
        while self._next <= position + NEAR:
            if self._is_heard(self._next):
                into = self._next % self._bar
                is_first = min(into, self._bar - into) < NEAR
                pitch, velocity = (_FIRST, 100) if is_first else (_OTHER, 70)
                self._player.add([Sound(self._next, self._next + _LENGTH, CLICK_CHANNEL, pitch, velocity)])
            self._next += self._beat
        self._player.advance(position)

    def silence(self) -> None:
        self._player.silence()
