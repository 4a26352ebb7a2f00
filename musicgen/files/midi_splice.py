"""A MIDI file with some notes exchanged and every other event as it was, at its own tick.

Only notes that begin in chosen spans of chosen lines are taken out; controllers, tempo map, markers, lyrics, bytes for devices, names and
the order of tracks stay, in files of format 0 and 1. Knows no models. Running status is a matter of bytes and is not kept.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path

from musicgen.errors import ConfigError, FileError, MusicgenError, nearest
from musicgen.files.io import MIDI, check_input, read_score
from musicgen.files.midi import DRUM_CHANNEL, PITCHED_CHANNELS, midi_of_score, score_of_midi
from musicgen.files.midi_events import (
    END_OF_TRACK,
    META,
    NOTE_OFF,
    NOTE_ON,
    PROGRAM,
    TRACK_NAME,
    Event,
    MidiTracks,
    Track,
    decode_midi,
    decode_text,
    encode_midi,
)
from musicgen.files.midi_notes import note_events
from musicgen.files.untrusted import read_bytes
from musicgen.music.score import Note, Part, Score, counted

Span = tuple[int, int]  # ticks [start, end)


@dataclass(frozen=True)
class Line:
    """What a user calls a track: one channel of one track of the file, numbered from 0, and its notes."""

    track: int
    channel: int
    part: Part

    @property
    def name(self) -> str:
        return self.part.name


@dataclass(frozen=True)
class MidiSource:
    """A file: all of its events, and the same as a score whose parts are the lines that have notes."""

    midi: MidiTracks
    score: Score
    lines: tuple[Line, ...]


# --- reading


def read_source(path: str | PathLike[str]) -> MidiSource:
    """MIDI as it is; any other score as the MIDI that would be written of it."""
    if Path(path).suffix.lower() not in MIDI:
        return source_of(midi_of_score(read_score(path)))
    check_input(path)
    try:
        return source_of(read_bytes(path))
    except FileError:
        raise
    except MusicgenError as error:
        raise FileError(path, str(error)) from error


def source_of(data: bytes) -> MidiSource:
    """Raises a MusicgenError for bytes that are no MIDI file, or hold no notes."""
    score = score_of_midi(data)
    midi = decode_midi(data, every=True)
    parts = iter(score.parts)
    lines = [line for number, track in enumerate(midi.tracks) for line in _lines(number, track, parts)]
    return MidiSource(midi, score, tuple(lines))


def _lines(number: int, track: Track, parts: Iterable[Part]) -> list[Line]:
    """A line for each channel with notes; a track prepared for an instrument but still empty is one too."""
    sounding = sorted({event.channel for event in track.events if _strikes(event)})
    if sounding:
        return [Line(number, channel, part) for channel, part in zip(sounding, parts, strict=False)]
    programs = [event for event in track.events if event.kind == PROGRAM]
    if not programs:
        return []
    name = next((decode_text(event.data) for event in track.events if event.kind == TRACK_NAME), "") or f"Track {number + 1}"
    channel, program = programs[0].channel, programs[0].data[0]
    return [Line(number, channel, Part(name, (), program, channel == DRUM_CHANNEL))]


def find_lines(names: Sequence[str], source: MidiSource) -> list[int]:
    """Places in `source.lines` of tracks named in any case, or by their number from 1. Of two with one name the number decides."""
    return sorted({_find_line(name.strip(), source.lines) for name in names})


def _find_line(name: str, lines: Sequence[Line]) -> int:
    found = [index for index, line in enumerate(lines) if line.name.casefold() == name.casefold()]
    if len(found) == 1:
        return found[0]
    if not found and name.isdigit() and 1 <= int(name) <= len(lines):
        return int(name) - 1
    numbered = ", ".join(f"{index} {line.name}" for index, line in enumerate(lines, 1))
    if found:
        raise ConfigError(f"{len(found)} tracks are named {name!r}; say which by its number: {numbered}")
    hint = nearest(name, [line.name for line in lines]).partition("choices")[0]
    raise ConfigError(f"no track is named {name!r}; {hint}there are, by name or number: {numbered}")


# --- writing


def spliced(
    source: MidiSource, spans: Sequence[Span], fresh: Mapping[int, Sequence[Note]], added: Sequence[Part] = (), end: int = 0
) -> bytes:
    """The file in which the notes of lines `fresh` (by place) that begin in `spans` are exchanged for these; `added` parts come after.

    Tracks end where they did, or with the last note, or at `end` if that is later. A part is added as a track and channel of its own;
    in format 0, where there is one track, as a channel. Raises ConfigError where no channel is free.
    """
    tracks = [list(track.events) for track in source.midi.tracks]
    for index, notes in fresh.items():
        line = source.lines[index]
        tracks[line.track] = _exchanged(tracks[line.track], line.channel, spans, notes)
    for part, channel in zip(added, _free_channels(source, added), strict=True):
        program = Event(0, PROGRAM, channel, bytes((part.program,)))
        if source.midi.format == 0:
            tracks[0] = _merged([program, *tracks[0]], note_events(part.notes, channel))
        else:
            tracks.append(_merged([Event(0, TRACK_NAME, 0, part.name.encode()), program], note_events(part.notes, channel)))
    written = [_ended(track, end if index in _touched(source, fresh, added) else 0) for index, track in enumerate(tracks)]
    return encode_midi(source.midi.ticks_per_quarter, written, source.midi.format)


def _touched(source: MidiSource, fresh: Mapping[int, Sequence[Note]], added: Sequence[Part]) -> set[int]:
    new = range(len(source.midi.tracks), len(source.midi.tracks) + len(added))
    return {source.lines[index].track for index in fresh} | set(new) | ({0} if source.midi.format == 0 else set())


def _exchanged(events: Sequence[Event], channel: int, spans: Sequence[Span], notes: Sequence[Note]) -> list[Event]:
    gone = _messages_of(events, channel, spans)
    return _merged([event for index, event in enumerate(events) if index not in gone], note_events(notes, channel))


def _messages_of(events: Sequence[Event], channel: int, spans: Sequence[Span]) -> set[int]:
    """Places of the note-ons in `spans`, and of the note-offs that then end nothing."""
    gone = {
        index
        for index, event in enumerate(events)
        if event.channel == channel and _strikes(event) and any(start <= event.tick < end for start, end in spans)
    }
    ends = (off for off, strikes in _ended_by(events, channel).items() if strikes and set(strikes) <= gone)
    return gone | set(ends)


def _ended_by(events: Sequence[Event], channel: int) -> dict[int, list[int]]:
    """Place of each note-off -> places of the note-ons it ends: the first that still sounds; where note-offs are missing, all of them."""
    lines: dict[int, list[int]] = defaultdict(list)
    for index, event in enumerate(events):
        if event.channel == channel and event.kind in (NOTE_ON, NOTE_OFF):
            lines[event.data[0]].append(index)
    ended: dict[int, list[int]] = {}
    for line in lines.values():
        for stretch in _stretches(events, line):
            strikes = [index for index in stretch if _strikes(events[index])]
            stops = [index for index in stretch if not _strikes(events[index])]
            if len(strikes) <= len(stops):
                ended |= {stop: [strike] for strike, stop in zip(strikes, stops, strict=False)}
            else:
                ended |= {stop: [strike for strike in strikes if strike < stop] for stop in stops}
    return ended


def _stretches(events: Sequence[Event], line: Sequence[int]) -> list[list[int]]:
    """Of one pitch, from silence to silence; note-offs that end nothing are left out."""
    stretches: list[list[int]] = []
    sounding = 0
    for index in line:
        strikes = _strikes(events[index])
        if strikes and not sounding:
            stretches.append([])
        if strikes or sounding:
            stretches[-1].append(index)
            sounding += 1 if strikes else -1
    return stretches


def _strikes(event: Event) -> bool:
    return event.kind == NOTE_ON and event.data[1] > 0


def _merged(events: Sequence[Event], notes: Sequence[Event]) -> list[Event]:
    """At one tick: ends of new notes, then what was there, then new notes; so neither ends what begins there."""
    order = [*((0, event) for event in notes if event.kind == NOTE_OFF), *((1, event) for event in events)]
    order += [(2, event) for event in notes if event.kind == NOTE_ON]
    order.sort(key=lambda each: (each[1].tick, each[0]))  # stable
    return [event for _, event in order]


def _ended(events: Sequence[Event], end: int) -> list[Event]:
    """With one end mark, after everything else."""
    body = [event for event in events if event.kind != END_OF_TRACK]
    last = max((event.tick for event in events), default=0)
    return [*body, Event(max(last, end), END_OF_TRACK, 0, b"")]


def _free_channels(source: MidiSource, added: Sequence[Part]) -> list[int]:
    taken = {event.channel for track in source.midi.tracks for event in track.events if event.kind < min(0xF0, META)}
    free = [channel for channel in PITCHED_CHANNELS if channel not in taken]
    pitched = sum(not part.is_drum for part in added)
    if pitched > len(free):
        raise ConfigError(f"{counted(pitched, 'track')} to add, but {len(free)} of MIDI's 15 channels are free; name a track there is")
    return [DRUM_CHANNEL if part.is_drum else free.pop(0) for part in added]


# --- new notes beside those that stay


def fitted(fresh: Iterable[Note], kept: Iterable[Note], end: int) -> tuple[list[Note], int]:
    """New notes of one channel beside the notes that stay in it, and how many of them were cut or left out for it.

    No pitch is struck while it sounds, which would end both: a new note ends where its pitch is struck again, or at `end`; where its
    pitch still rings from before, it is left out.
    """
    held: dict[int, list[Note]] = defaultdict(list)
    for note in kept:
        held[note.pitch].append(note)
    later: dict[int, int] = {}
    found, changed = [], 0
    for note in sorted(fresh, key=lambda note: (note.start, note.duration), reverse=True):
        others = held[note.pitch]
        limit = min([end, later.get(note.pitch, end), *(other.start for other in others if other.start >= note.start)])
        stop = min(note.end, limit)
        if stop <= note.start or any(other.start <= note.start < other.end for other in others):
            changed += 1
            continue
        changed += stop < note.end
        later[note.pitch] = note.start
        found.append(replace(note, duration=stop - note.start))
    return sorted(found, key=lambda note: (note.start, note.pitch)), changed
