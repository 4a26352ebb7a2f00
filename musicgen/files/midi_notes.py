"""Note-on and note-off messages <-> notes, one channel of one track at a time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import NamedTuple

from musicgen.files.midi_events import NOTE_OFF, NOTE_ON, Event
from musicgen.music.score import Note, Part

GRACE_PER_QUARTER = 8  # a grace note is written as a thirty-second
FINE_GRID = 24  # lines a quarter
_LEAST_FINE_STEP = 8  # ticks; with fewer, half of the notes of a free performance might end just before a line


class Paired(NamedTuple):
    """Notes by start, then pitch; what had to be decided on the way, as counts."""

    notes: tuple[Note, ...]
    overlapping: int
    unended: int
    instant: int


class _Message(NamedTuple):
    tick: int
    velocity: int  # 0 ends a note


def pair_notes(events: Iterable[Event], end: int) -> Paired:
    """The first note-off of a pitch ends the note of it that began first, so that two voices in unison keep their lengths.

    Where note-offs are missing, that reading would carry the fault through the whole piece: from there on, a note ends where its pitch
    is struck again, at the next note-off, or at `end`, the last tick of the track. A note that ends as it begins lasts one tick.
    """
    messages: dict[int, list[_Message]] = defaultdict(list)
    for tick, kind, _, data in events:
        messages[data[0]].append(_Message(tick, data[1] if kind == NOTE_ON else 0))
    notes: list[Note] = []
    overlapping = unended = instant = 0
    for pitch, line in messages.items():
        spans, missing = _spans(line, end)
        spans.sort()
        unended += missing
        instant += sum(stop == start for start, stop, _ in spans)
        overlapping += sum(after[0] < before[1] for before, after in pairwise(spans))
        notes += [Note(start, max(1, stop - start), pitch, velocity) for start, stop, velocity in spans]
    notes.sort(key=lambda note: (note.start, note.pitch, note.duration))
    return Paired(tuple(notes), overlapping, unended, instant)


Span = tuple[int, int, int]  # start, end, velocity


def _spans(line: list[_Message], end: int) -> tuple[list[Span], int]:
    """First in, first out, up to the last moment of silence; the rest, if anything stays open, restruck."""
    spans: list[Span] = []
    held: list[_Message] = []
    settled_messages = settled_spans = first = 0
    for index, message in enumerate(line):
        if message.velocity:
            held.append(message)
        elif first < len(held):
            spans.append((held[first].tick, message.tick, held[first].velocity))
            first += 1
        if first == len(held):
            settled_messages, settled_spans = index + 1, len(spans)
    if first == len(held):
        return spans, 0
    rest, missing = _restruck(line[settled_messages:], end)
    return spans[:settled_spans] + rest, missing


def _restruck(line: list[_Message], end: int) -> tuple[list[Span], int]:
    """One note at a time; counts those that no note-off ended. A second blow at the same tick is the same note."""
    spans: list[Span] = []
    missing = 0
    sounding: _Message | None = None
    for message in line:
        strikes = message.velocity > 0
        if sounding:
            missing += strikes
            if message.tick > sounding.tick or not strikes:
                spans.append((sounding.tick, message.tick, sounding.velocity))
                sounding = None
        if strikes:
            sounding = sounding or message
    if sounding:
        missing += 1
        spans.append((sounding.tick, max(end, sounding.tick), sounding.velocity))
    return spans, missing


def with_last_ticks(parts: Sequence[Part], ticks_per_quarter: int) -> tuple[tuple[Part, ...], int]:
    """MuseScore ends every note one tick early; where more than half end so, they get that tick back. Also says how many did.

    A note ends early if one tick more would bring it from a line of a fine grid (thirty-seconds, triplet sixteenths) to another.
    """
    grid = ticks_per_quarter // FINE_GRID
    if ticks_per_quarter % FINE_GRID or grid < _LEAST_FINE_STEP:
        return tuple(parts), 0

    def is_early(note: Note) -> bool:
        return note.start % grid == 0 and (note.end + 1) % grid == 0

    early = sum(is_early(note) for part in parts for note in part.notes)
    if 2 * early <= sum(len(part.notes) for part in parts):
        return tuple(parts), 0

    def whole(note: Note) -> Note:
        return replace(note, duration=note.duration + 1) if is_early(note) else note

    return tuple(replace(part, notes=tuple(map(whole, part.notes))) for part in parts), early


def sounding_notes(notes: Iterable[Note], ticks_per_quarter: int) -> Iterator[Note]:
    """Grace notes (duration 0) become thirty-seconds that end where their main note begins, in their order.

    They take their time from the notes that lead to it, of each at most half, and are shorter where that is not enough. At tick 0 they
    take it from the main note, so that whoever reads the file does not find a chord.
    """
    graces: dict[int, list[Note]] = defaultdict(list)
    mains: list[Note] = []
    for note in notes:
        if note.duration:
            mains.append(note)
        else:
            graces[note.start].append(note)
    usual = max(1, ticks_per_quarter // GRACE_PER_QUARTER)
    opening = graces.pop(0, [])
    first = [note for note in mains if note.start == 0]
    least = min((note.duration for note in first), default=usual * (len(opening) + 1))
    length = min(usual, least // (len(opening) + 1))
    yield from _in_a_row(opening, 0, max(1, length))
    taken = length * len(opening)
    mains = [replace(note, start=taken, duration=note.duration - taken) if note.start == 0 else note for note in mains]
    room = {start: usual * len(group) for start, group in graces.items()}
    for note in mains:
        if note.end in room:
            room[note.end] = min(room[note.end], note.duration // 2)
    lengths = {start: max(1, min(room[start], start) // len(group)) for start, group in graces.items()}
    for note in mains:
        given = lengths[note.end] * len(graces[note.end]) if note.end in lengths else 0
        yield replace(note, duration=max(1, note.duration - given))
    for start, group in graces.items():
        yield from _in_a_row(group, max(0, start - lengths[start] * len(group)), lengths[start])


def _in_a_row(graces: Iterable[Note], start: int, length: int) -> Iterator[Note]:
    for place, note in enumerate(graces):
        yield Note(start + place * length, length, note.pitch, note.velocity)


def note_events(notes: Iterable[Note], channel: int) -> list[Event]:
    """In order of time; at the same tick the ends come first, so that a repeated pitch is struck again."""
    events: list[Event] = []
    for note in notes:
        events.append(Event(note.start, NOTE_ON, channel, bytes((note.pitch, note.velocity))))
        events.append(Event(note.end, NOTE_OFF, channel, bytes((note.pitch, 64))))
    return sorted(events, key=lambda event: (event.tick, event.kind, event.data))
