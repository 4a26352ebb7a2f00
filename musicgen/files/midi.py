"""MIDI files <-> Score, tick for tick, in the form that sequencers and MuseScore expect; and pretty_midi's objects.

What MIDI cannot hold: spellings, ties, slurs, and fermatas, which are written as markers so that they come back.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from io import BytesIO
from itertools import chain, repeat
from math import lcm
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from musicgen.errors import FileError, MusicgenError, NotationError
from musicgen.files.atomic import os_reason
from musicgen.files.midi_events import (
    CONTROL,
    END_OF_TRACK,
    KEY,
    LYRIC,
    MARKER,
    MAX_DIVISION,
    MAX_TRACKS,
    METER,
    NOTE_OFF,
    NOTE_ON,
    PORT,
    PROGRAM,
    TEMPO,
    TEXT,
    TRACK_NAME,
    Event,
    Track,
    decode_midi,
    decode_text,
    encode_midi,
)
from musicgen.files.midi_maps import key_events, lead_of, meter_events, read_maps, tempo_events
from musicgen.files.midi_notes import Paired, note_events, pair_notes, sounding_notes, with_last_ticks
from musicgen.files.midi_words import with_words
from musicgen.music.resolution import needed_resolution, rescaled
from musicgen.music.score import TICKS_PER_QUARTER, Note, Part, Score, counted

if TYPE_CHECKING:
    from pretty_midi import PrettyMIDI

MAX_QUARTERS = 50_000  # 10 hours at 80 quarters a minute
DRUM_CHANNEL = 9  # counted from 0; musicians say channel 10
PITCHED_CHANNELS = tuple(channel for channel in range(16) if channel != DRUM_CHANNEL)
FERMATA = "fermata"
_AND = ", "  # between the words of one marker
_BESIDE = 24  # of a quarter: as far as a note may lie from the marker of its fermata
_VOLUME, _PAN = 7, 10  # of MIDI's controllers


class Loudness(NamedTuple):
    """Of a track, for a mixer: `volume` 0 to 127 sounds at 40 log10(volume / 127) decibels; `pan` 0 is left, 64 the middle, 127 right."""

    volume: int = 100
    pan: int = 64


# --- reading


def read_midi(path: str | PathLike[str]) -> Score:
    """Each channel of each track becomes a part. What had to be decided is said in the score's remarks."""
    try:
        return score_of_midi(Path(path).read_bytes())
    except OSError as error:
        raise FileError(path, os_reason(error)) from error
    except MusicgenError as error:
        raise FileError(path, str(error)) from error


def score_of_midi(data: bytes) -> Score:
    """The score in the bytes of a MIDI file."""
    midi = decode_midi(data)
    events = list(chain.from_iterable(track.events for track in midi.tracks))
    maps = read_maps((event for event in events if event.kind in (METER, KEY, TEMPO)), midi.ticks_per_quarter)
    found = [(index, line) for index, track in enumerate(midi.tracks) for line in _lines(track, index + 1)]
    lines = [line for _, line in found]
    if not lines:
        raise NotationError("the file holds no notes; choose another, or export it with its notes")
    parts, early = with_last_ticks([part for part, _ in lines], midi.ticks_per_quarter)
    parts = _with_fermatas(parts, events, midi.ticks_per_quarter)
    parts = with_words(parts, [owner for owner, _ in found], midi.tracks, midi.ticks_per_quarter)
    _refuse_endless(parts, midi.ticks_per_quarter)
    unmarked = [number for number, track in enumerate(midi.tracks, 1) if not track.has_end_mark]
    remarks = [f"Track {number} has no end mark; it ends with its last event." for number in unmarked]
    if early:
        remarks.append(f"{counted(early, 'note')} ended one tick early, as MuseScore writes them; the tick was given back.")
    return Score(
        parts=parts,
        ticks_per_quarter=midi.ticks_per_quarter,
        meters=maps.meters,
        keys=maps.keys,
        tempos=maps.tempos,
        pickup=maps.pickup,
        title=_title(midi.format, midi.tracks),
        remarks=(*maps.remarks, *remarks, *chain.from_iterable(remarks for _, remarks in lines)),
    )


def _refuse_endless(parts: Iterable[Part], ticks_per_quarter: int) -> None:
    quarters = max((part.end for part in parts), default=0) // ticks_per_quarter
    if quarters > MAX_QUARTERS:
        raise NotationError(f"the piece lasts {quarters:,} quarters; at most {MAX_QUARTERS:,} are allowed, look for a note that never ends")


def _name(track: Track) -> str:
    return next((name for event in track.events if event.kind == TRACK_NAME and (name := decode_text(event.data))), "")


def _title(file_format: int, tracks: tuple[Track, ...]) -> str:
    """The name of the conductor track; of the only track in format 0."""
    if file_format == 1 and any(event.kind == NOTE_ON for event in tracks[0].events):
        return ""
    return _name(tracks[0])


def _lines(track: Track, number: int) -> Iterator[tuple[Part, list[str]]]:
    """The part and the remarks of every channel of a track that has notes."""
    channels = sorted({event.channel for event in track.events if event.kind == NOTE_ON and event.data[1]})
    name = _name(track) or f"Track {number}"
    for channel in channels:
        events = [event for event in track.events if event.channel == channel and event.kind in (NOTE_ON, NOTE_OFF, PROGRAM)]
        paired = pair_notes((event for event in events if event.kind != PROGRAM), track.end)
        program, programs = _program(events, paired.notes[0].start)
        label = name if len(channels) == 1 else f"{name} channel {channel + 1}"
        yield Part(label, paired.notes, program, channel == DRUM_CHANNEL), _remarks(label, paired, programs)


def _program(events: Iterable[Event], first_note: int) -> tuple[int, int]:
    """The program at the first note, else the first one named, else MIDI's 0; and how many different ones there are."""
    changes = [(event.tick, event.data[0]) for event in events if event.kind == PROGRAM]
    before = [program for tick, program in changes if tick <= first_note]
    program = before[-1] if before else changes[0][1] if changes else 0
    return program, len({program, *(later for tick, later in changes if tick > first_note)})


def _remarks(name: str, paired: Paired, programs: int) -> list[str]:
    found = [
        (paired.overlapping, "began while the same pitch still sounded; each keeps a length of its own"),
        (paired.unended, "had no end; the next stroke of that pitch or the end of the track ends it"),
        (paired.instant, "had no length; it is now one tick"),
    ]
    remarks = [f"{name}: {counted(count, 'note')} {what}." for count, what in found if count]
    return [*remarks, f"{name}: the instrument changes on the way; the first is kept."] if programs > 1 else remarks


def _with_fermatas(parts: Iterable[Part], events: Iterable[Event], ticks_per_quarter: int) -> tuple[Part, ...]:
    """A note that was played a little beside its fermata has it too."""
    marked = sorted(event.tick for event in events if event.kind == MARKER and FERMATA in decode_text(event.data).lower().split(_AND))
    beside = ticks_per_quarter // _BESIDE

    def has_one(note: Note) -> bool:
        place = bisect_left(marked, note.start - beside)
        return place < len(marked) and marked[place] <= note.start + beside

    if not marked:
        return tuple(parts)
    return tuple(replace(part, notes=tuple(replace(n, fermata=True) if has_one(n) else n for n in part.notes)) for part in parts)


# --- writing


def midi_of_score(score: Score, mix: Sequence[Loudness] = ()) -> bytes:
    """Format 1: a conductor track, then a track and a channel a part, all ending at the end of the last bar; `mix`: of each part, or none.

    480 ticks a quarter, or the next multiple that holds every tick of the score. A pick-up as MuseScore writes it (midi_maps); grace
    notes sound before their main note (midi_notes). Drums have channel 10, more than 15 other parts go on at the next MIDI port. A score
    without a tempo gets 80 quarters a minute. A first bar that is shorter than the second will be read back as a pick-up.
    """
    if len(score.parts) >= MAX_TRACKS:
        raise NotationError(f"{len(score.parts)} parts; a MIDI file of ours holds {MAX_TRACKS - 1}, split the score")
    score = rescaled(score, _resolution(score))
    _refuse_endless(score.parts, score.ticks_per_quarter)
    lead = lead_of(score)
    end = score.bar_starts(max(score.end, score.written_end))[-1]
    maps = (tempo_events(score), meter_events(score, lead.meter), key_events(score))
    conductor = [*_names(score.title), *chain(*maps), *_markers(score), *_words_below(score)]
    mixed = zip(_places(score.parts), mix or repeat(None, len(score.parts)), strict=True)
    tracks = [conductor, *(_part_events(part, place, score, loudness) for (part, place), loudness in mixed)]
    return encode_midi(score.ticks_per_quarter, [_finished(track, lead.rest, end) for track in tracks])


def _resolution(score: Score) -> int:
    """Ticks a quarter: a multiple of 480 if MIDI's 15 bits allow it."""
    needed = needed_resolution(score)
    for resolution in (lcm(TICKS_PER_QUARTER, needed), needed):
        if resolution <= MAX_DIVISION:
            return resolution
    raise NotationError(f"the notes need {needed} ticks a quarter, MIDI holds {MAX_DIVISION}; quantize the score")


def _places(parts: Iterable[Part]) -> Iterator[tuple[Part, tuple[int, int]]]:
    """Port and channel of each part."""
    pitched = 0
    for part in parts:
        if part.is_drum:
            yield part, (0, DRUM_CHANNEL)
        else:
            port, index = divmod(pitched, len(PITCHED_CHANNELS))
            yield part, (port, PITCHED_CHANNELS[index])
            pitched += 1


def _part_events(part: Part, place: tuple[int, int], score: Score, loudness: Loudness | None) -> list[Event]:
    port, channel = place
    if not 0 <= part.program <= 127:
        raise NotationError(f"program {part.program} is outside MIDI's 0 to 127", voice=part.name)
    ports = [Event(0, PORT, 0, bytes((port,)))] if port else []
    notes = note_events(sounding_notes(part.notes, score.ticks_per_quarter), channel)
    controls = ((_VOLUME, loudness.volume), (_PAN, loudness.pan)) if loudness else ()
    mixed = [Event(0, CONTROL, channel, bytes(control)) for control in controls]
    return [*_names(part.name), *ports, Event(0, PROGRAM, channel, bytes((part.program,))), *mixed, *_syllables(part), *notes]


def _syllables(part: Part) -> Iterator[Event]:
    """Of the first verse, with a space where a word ends, as karaoke programs read them."""
    lyrics = [(note.start, lyric) for note in part.notes for lyric in note.lyrics]
    first = min((lyric.verse for _, lyric in lyrics), default=1)
    for start, lyric in lyrics:
        if lyric.verse == first:
            yield Event(start, LYRIC, 0, (lyric.text + ("" if lyric.is_joined else " ")).encode())


def _names(name: str) -> list[Event]:
    return [Event(0, TRACK_NAME, 0, name.encode("utf-8", "replace"))] if name else []


def _markers(score: Score) -> list[Event]:
    """Words over the staves and fermatas, one marker a place: sequencers show one at a time."""
    texts: dict[int, list[str]] = defaultdict(list)
    for mark in score.marks:
        if mark.is_above:
            texts[mark.start].append(mark.text.replace("\n", " "))
    beside = score.ticks_per_quarter // _BESIDE
    last = -beside - 1
    for tick in sorted({note.start for part in score.parts for note in part.notes if note.fermata}):
        if tick - last > beside:  # notes of a performance begin a little apart
            last = next((place for place in range(tick, tick + beside + 1) if place in texts), tick)
            if FERMATA not in texts[last]:
                texts[last].append(FERMATA)
    return [Event(tick, MARKER, 0, _AND.join(words).encode()) for tick, words in sorted(texts.items())]


def _words_below(score: Score) -> list[Event]:
    """Words under the staves, as texts: nobody sings them."""
    return [Event(mark.start, TEXT, 0, mark.text.replace("\n", " ").encode()) for mark in score.marks if not mark.is_above]


def _finished(events: list[Event], rest: int, end: int) -> list[Event]:
    """Sorted and closed; `rest` ticks later, but for what holds from the beginning."""
    later = [
        event if event.tick == 0 and event.kind not in (NOTE_ON, NOTE_OFF, MARKER, LYRIC, TEXT) else _later(event, rest) for event in events
    ]
    later.sort(key=lambda event: event.tick)
    return [*later, Event(max(end + rest, later[-1].tick if later else 0), END_OF_TRACK, 0, b"")]


def _later(event: Event, rest: int) -> Event:
    return event._replace(tick=event.tick + rest)


# --- pretty_midi


def to_pretty_midi(score: Score) -> PrettyMIDI:
    """With the ticks of the MIDI file: `pm.time_to_tick(note.start)` is exact."""
    import pretty_midi

    data = midi_of_score(score)
    try:
        return pretty_midi.PrettyMIDI(BytesIO(data))
    except ValueError as error:  # it refuses pieces of more than ten million ticks
        raise NotationError(f"pretty_midi cannot hold this piece: {error}") from error


def from_pretty_midi(midi: PrettyMIDI) -> Score:
    """Seconds go back to the ticks of the object's own resolution."""
    data = BytesIO()
    midi.write(data)
    return score_of_midi(data.getvalue())
