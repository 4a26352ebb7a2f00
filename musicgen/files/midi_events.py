"""The bytes of a standard MIDI file <-> events with absolute ticks. Knows no notes and no music.

Not mido: one odd meta event makes it refuse a file, it reads numbers of any length (a hang on hostile bytes), needs every text in one
encoding and does not look where a track should end. Here every step is bounded by the bytes that are there. mido is the oracle in tests.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from typing import NamedTuple, NoReturn

from musicgen.errors import MusicgenError

NOTE_OFF, NOTE_ON, CONTROL, PROGRAM = 0x80, 0x90, 0xB0, 0xC0
SYSTEM = (0xF0, 0xF7)  # bytes for one maker's devices
META = 0x100  # kinds from here on are meta events, META + their type byte
TEXT, TRACK_NAME, LYRIC, MARKER, PORT = (META + kind for kind in (0x01, 0x03, 0x05, 0x06, 0x21))
END_OF_TRACK, TEMPO, METER, KEY = (META + kind for kind in (0x2F, 0x51, 0x58, 0x59))
KEPT = frozenset({NOTE_OFF, NOTE_ON, PROGRAM, TEXT, TRACK_NAME, LYRIC, MARKER, END_OF_TRACK, TEMPO, METER, KEY})

MAX_EVENTS = 500_000  # about 300 MB of memory and 3 seconds
MAX_TRACKS = 1_000
MAX_DIVISION = 0x7FFF  # ticks a quarter, 15 bits
_SEARCH = 256  # a MIDI file may be wrapped (RIFF, MacBinary); its header then begins within so many bytes
_DATA_BYTES = {0x80: 2, 0x90: 2, 0xA0: 2, 0xB0: 2, 0xC0: 1, 0xD0: 1, 0xE0: 2}


class Event(NamedTuple):
    """`kind` is a status byte without its channel, or META + type; `data` holds the bytes after it."""

    tick: int
    kind: int
    channel: int
    data: bytes


class Track(NamedTuple):
    """The events of a track in the order of the file, those of `KEPT` or all; `end` is the tick of its last event of any kind."""

    events: tuple[Event, ...]
    end: int
    has_end_mark: bool


class MidiTracks(NamedTuple):
    format: int
    ticks_per_quarter: int
    tracks: tuple[Track, ...]


class MidiBytesError(MusicgenError):
    """Bytes that are no MIDI file; the caller knows the file's name."""


# --- bytes -> events


def decode_midi(data: bytes, every: bool = False) -> MidiTracks:
    """Raises MidiBytesError saying where the bytes stop making sense. `every`: all events, not only those that `KEPT` names."""
    start = data.find(b"MThd", 0, _SEARCH)
    if start < 0:
        raise MidiBytesError("this is not a MIDI file (no MThd header); choose a .mid file")
    if len(data) < start + 14:
        raise MidiBytesError("the file is cut short within its header; export it again")
    size, file_format, declared, division = struct.unpack_from(">IHHH", data, start + 4)
    _check_header(size, file_format, division)
    tracks = _decode_tracks(data, start + 8 + size, every)
    if len(tracks) < declared:
        raise MidiBytesError(f"the file is cut short: {len(tracks)} of {declared} tracks are there; export it again")
    return MidiTracks(file_format, division, tuple(tracks))


def _check_header(size: int, file_format: int, division: int) -> None:
    if size < 6:
        raise MidiBytesError(f"the header says it is {size} bytes long, at least 6 are needed; export the file again")
    if file_format == 2:
        raise MidiBytesError("MIDI format 2 (independent patterns) cannot be read; export as format 0 or 1")
    if file_format > 2:
        raise MidiBytesError(f"MIDI format {file_format} does not exist; export as format 0 or 1")
    if division == 0:
        raise MidiBytesError("0 ticks a quarter; at least 1 is needed, export the file again")
    if division > MAX_DIVISION:
        raise MidiBytesError("time is counted in film frames (SMPTE), so there are no beats; export with ticks per quarter note")


def _decode_tracks(data: bytes, position: int, every: bool) -> list[Track]:
    tracks: list[Track] = []
    events = 0
    while position + 8 <= len(data):
        name, size = struct.unpack_from(">4sI", data, position)
        end = position + 8 + size
        if name == b"MTrk":
            if len(tracks) == MAX_TRACKS:
                raise MidiBytesError(f"more than {MAX_TRACKS} tracks; split the file")
            reader = _TrackReader(data, position + 8, end, f"track {len(tracks) + 1}", MAX_EVENTS - events)
            tracks.append(reader.read(every))
            events += reader.count
        position = end  # other chunks belong to other programs
    return tracks


class _TrackReader:
    """A cursor over the bytes of one track. A declared length beyond the file is an error, unless the end mark comes before."""

    def __init__(self, data: bytes, start: int, end: int, where: str, most_events: int) -> None:
        self.data, self.position, self.end = data, start, min(end, len(data))
        self.is_cut_short = end > len(data)
        self.where = where
        self.most_events = most_events
        self.count = 0

    def read(self, every: bool) -> Track:
        events: list[Event] = []
        tick, running = 0, 0
        while self.position < self.end:
            tick += self.number()
            event, running = self.event(tick, running)
            self.count += 1
            if self.count > self.most_events:
                raise MidiBytesError(f"{self.where}: more than {MAX_EVENTS:,} events in the file; split it")
            if every or event.kind in KEPT:
                events.append(event)
            if event.kind == END_OF_TRACK:
                return Track(tuple(events), tick, True)
        if self.is_cut_short:
            raise MidiBytesError(f"the file is cut short within {self.where}; export it again")
        return Track(tuple(events), tick, False)

    def event(self, tick: int, running: int) -> tuple[Event, int]:
        """The next event and the status byte that later ones may leave out."""
        status = self.byte()
        if status == 0xFF:
            kind = META + self.byte()
            return Event(tick, kind, 0, self.take(self.number())), running
        if status in SYSTEM:
            return Event(tick, status, 0, self.take(self.number())), running
        if status < 0x80:
            self.position -= 1
            status = running
        kind, channel = status & 0xF0, status & 0x0F
        if kind not in _DATA_BYTES:
            self.fail(f"byte {status:02x} begins no MIDI event")
        data = self.take(_DATA_BYTES[kind])
        if max(data) > 0x7F:
            self.fail(f"byte {max(data):02x} stands where a value from 00 to 7f is due")
        return Event(tick, kind, channel, data), status

    def byte(self) -> int:
        return self.take(1)[0]

    def take(self, size: int) -> bytes:
        if self.position + size > self.end:
            if self.is_cut_short:
                raise MidiBytesError(f"the file is cut short within {self.where}; export it again")
            self.fail("an event runs past the end of its track")
        taken = self.data[self.position : self.position + size]
        self.position += size
        return taken

    def number(self) -> int:
        """Seven bits a byte, the highest bit says that more follow; four bytes at most."""
        value = 0
        for _ in range(4):
            byte = self.byte()
            value = value << 7 | byte & 0x7F
            if byte < 0x80:
                return value
        self.fail("a number is longer than four bytes")

    def fail(self, what: str) -> NoReturn:
        raise MidiBytesError(f"{self.where}, byte {self.position}: {what}; the file is damaged, export it again")


def decode_text(data: bytes) -> str:
    """UTF-8 as today's programs write it, else Latin-1; without control characters."""
    return "".join(letter for letter in decode_words(data) if letter.isprintable()).strip()


def decode_words(data: bytes) -> str:
    """The same with the spaces and line ends around it, which say where words end."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        text = data.decode("latin-1")
    return "".join(letter for letter in text if letter.isprintable() or letter in "\r\n")


# --- events -> bytes


def encode_midi(ticks_per_quarter: int, tracks: Sequence[Sequence[Event]], file_format: int = 1) -> bytes:
    """A format 1 file, or 0. Each track's events are in order of time and end with END_OF_TRACK."""
    header = struct.pack(">4sIHHH", b"MThd", 6, file_format, len(tracks), ticks_per_quarter)
    return header + b"".join(_encode_track(track) for track in tracks)


def _encode_track(events: Iterable[Event]) -> bytes:
    body = bytearray()
    now = 0
    for tick, kind, channel, data in events:
        status = bytes((0xFF, kind - META)) if kind >= META else bytes((kind | channel,))
        length = encode_number(len(data)) if kind >= META or kind in SYSTEM else b""
        body += encode_number(tick - now) + status + length + data
        now = tick
    return struct.pack(">4sI", b"MTrk", len(body)) + bytes(body)


def encode_number(value: int) -> bytes:
    if not 0 <= value < 1 << 28:
        raise MidiBytesError(f"{value} does not fit a MIDI number; the most is {(1 << 28) - 1}")
    groups = [value & 0x7F]
    while value := value >> 7:
        groups.append(value & 0x7F | 0x80)
    return bytes(reversed(groups))
