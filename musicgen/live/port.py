"""What playing needs of the world: a place that messages go to and come from, and that knows what time it is. Seconds, from any zero.

`rtmidi_port` is the real one. Tests have one whose time passes only while it is waited for.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

from musicgen.files.midi_events import NOTE_OFF, NOTE_ON, PROGRAM

__all__ = [
    "ALL_NOTES_OFF",
    "CLICK_CHANNEL",
    "CLOCK",
    "CLOCKS_PER_QUARTER",
    "CONTINUE",
    "CONTROL",
    "NOTE_OFF",
    "NOTE_ON",
    "PROGRAM",
    "SONG_POSITION",
    "START",
    "STOP",
    "STOPPED",
    "SUSTAIN",
    "Heard",
    "Port",
    "is_note_off",
    "is_note_on",
]

CONTROL = 0xB0
SUSTAIN, ALL_NOTES_OFF = 64, 123  # controllers
SONG_POSITION, CLOCK, START, CONTINUE, STOP = 0xF2, 0xF8, 0xFA, 0xFB, 0xFC
CLOCKS_PER_QUARTER = 24
CLICK_CHANNEL = 9  # counted from 0: drums, of General MIDI
STOPPED = b""  # heard when someone wants an end


class Heard(NamedTuple):
    """A whole message, and when it came."""

    time: float
    message: bytes


class Port(Protocol):
    def now(self) -> float: ...

    def send(self, message: bytes) -> None: ...

    def receive(self, until: float) -> Heard | None:
        """What came in first and was not taken yet; waits for it, but not longer than `until`."""
        ...


def is_note_on(message: bytes) -> bool:
    return len(message) == 3 and message[0] & 0xF0 == NOTE_ON and message[2] > 0


def is_note_off(message: bytes) -> bool:
    """Many keyboards send a note-on without velocity instead."""
    return len(message) == 3 and (message[0] & 0xF0 == NOTE_OFF or (message[0] & 0xF0 == NOTE_ON and message[2] == 0))
