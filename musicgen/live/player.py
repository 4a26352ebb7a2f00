"""Notes in time, of which each that was begun is ended, whatever comes between: another version of the music, a pause, an error.

Positions are quarters. Channels count from 0. It knows no tempo and no scores.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Iterable
from typing import NamedTuple

from musicgen.live.port import ALL_NOTES_OFF, CONTROL, NOTE_OFF, NOTE_ON, SUSTAIN, is_note_off, is_note_on

NEAR = 1e-6  # quarters; positions are sums of floats
Key = tuple[int, int]  # channel, pitch
Send = Callable[[bytes], None]


class Sound(NamedTuple):
    """A note of [start, end) quarters."""

    start: float
    end: float
    channel: int
    pitch: int
    velocity: int

    @property
    def key(self) -> Key:
        return self.channel, self.pitch

    def later(self, quarters: float) -> Sound:
        return self._replace(start=self.start + quarters, end=self.end + quarters)


class _Due(NamedTuple):
    """Of one moment, ends come before beginnings."""

    at: float
    begins: bool
    key: Key
    velocity: int


class Player:
    """`switch` to some music, then `advance` as time goes by; `silence` at any moment ends whatever sounds.

    lateness: how many quarters after its moment each message was sent.
    """

    def __init__(self, send: Send) -> None:
        self._send = send
        self._due: list[_Due] = []
        self._sounding: dict[Key, int] = {}  # how many notes: two voices may meet on one key
        self._channels: set[int] = set()
        self.lateness: list[float] = []

    @property
    def next_at(self) -> float:
        return self._due[0].at if self._due else math.inf

    def add(self, sounds: Iterable[Sound]) -> None:
        """To what is played already."""
        for sound in sounds:
            heapq.heappush(self._due, _Due(sound.start, True, sound.key, sound.velocity))
            heapq.heappush(self._due, _Due(sound.end, False, sound.key, 0))

    def switch(self, sounds: Iterable[Sound], at: float) -> None:
        """This instead of what was played, from `at` on. A note of both that sounds then sounds on; of others nothing stays.

        A note that had begun before and is not sounding begins at `at`.
        """
        music = [sound for sound in sounds if sound.end > at + NEAR]
        held = {sound.key for sound in music if sound.start < at - NEAR}
        for key in [key for key in self._sounding if key not in held]:
            self._end(key)
        self._due.clear()
        going_on, self._sounding = set(self._sounding), dict.fromkeys(self._sounding, 0)
        for sound in music:
            if sound.start < at - NEAR and sound.key in going_on:
                self._sounding[sound.key] += 1
                heapq.heappush(self._due, _Due(sound.end, False, sound.key, 0))
            else:
                self.add([sound._replace(start=max(sound.start, at))])

    def advance(self, position: float) -> None:
        """Sends all that is due."""
        while self._due and self._due[0].at <= position + NEAR:
            due = heapq.heappop(self._due)
            self.lateness.append(max(0.0, position - due.at))
            if due.begins:
                self._begin(due)
            elif self._sounding.get(due.key, 0) > 1:
                self._sounding[due.key] -= 1
            elif due.key in self._sounding:
                self._end(due.key)

    def silence(self) -> None:
        """Ends what sounds and forgets what was to come; says so to whole channels too, for instruments that have missed something."""
        self._due.clear()
        for key in list(self._sounding):
            self._end(key)
        for channel in sorted(self._channels):
            self._send(bytes((CONTROL | channel, ALL_NOTES_OFF, 0)))
        self._channels.clear()

    def _begin(self, due: _Due) -> None:
        channel, pitch = due.key
        if self._sounding.get(due.key):
            self._send(bytes((NOTE_OFF | channel, pitch, 0)))  # struck again
        self._sounding[due.key] = self._sounding.get(due.key, 0) + 1
        self._channels.add(channel)
        self._send(bytes((NOTE_ON | channel, pitch, due.velocity)))

    def _end(self, key: Key) -> None:
        # Forgotten after it is sent: should that fail, the next try ends it again.
        self._send(bytes((NOTE_OFF | key[0], key[1], 0)))
        del self._sounding[key]


class Through:
    """Passes on what is played on the keyboard, at once, and can end it too."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._sounding: set[Key] = set()
        self._channels: set[int] = set()

    def pass_on(self, message: bytes) -> None:
        channel = message[0] & 0x0F
        if is_note_on(message):
            self._sounding.add((channel, message[1]))
        elif is_note_off(message):
            self._sounding.discard((channel, message[1]))
        self._channels.add(channel)
        self._send(message)

    def silence(self) -> None:
        for channel, pitch in list(self._sounding):
            self._send(bytes((NOTE_OFF | channel, pitch, 0)))
            self._sounding.discard((channel, pitch))
        for channel in sorted(self._channels):
            self._send(bytes((CONTROL | channel, SUSTAIN, 0)))
            self._send(bytes((CONTROL | channel, ALL_NOTES_OFF, 0)))
        self._channels.clear()
