"""Meters with their pick-up, keys and tempos of a Score <-> MIDI meta events.

A pick-up is written as MuseScore writes and reads it: a time signature of its own length at tick 0, the full one at the first barline.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction
from typing import NamedTuple, TypeVar

from musicgen.errors import NotationError
from musicgen.files.midi_events import KEY, METER, TEMPO, Event
from musicgen.music.pitch import Key
from musicgen.music.score import KeyAt, Meter, MeterAt, Score, TempoAt

Value = TypeVar("Value")

MIDI_TEMPO = 120.0  # what a MIDI file without a tempo means
CHORALE_TEMPO = 80.0  # what a score without a tempo is written with
MICROSECONDS = 60_000_000  # a minute
_FINEST_UNIT = 32
_MAX_TEMPO_VALUE = 0xFFFFFF  # microseconds a quarter, three bytes


class Maps(NamedTuple):
    meters: tuple[MeterAt, ...]
    keys: tuple[KeyAt, ...]
    tempos: tuple[TempoAt, ...]
    pickup: int
    remarks: tuple[str, ...]


# --- reading


def read_maps(events: Iterable[Event], ticks_per_quarter: int) -> Maps:
    """The last of several events at one tick counts. Raises NotationError for a tempo of 0 or a meter that cannot be."""
    meters, keys, tempos = {0: Meter()}, {}, {0: MIDI_TEMPO}
    remarks: list[str] = []
    has_meter = False
    for tick, kind, _, data in sorted(events, key=lambda event: event.tick):
        if kind == METER:
            meters[tick] = _meter(data)
            has_meter = True
        elif kind == TEMPO:
            tempos[tick] = _tempo(data)
        elif kind == KEY and (key := _key(data)):
            keys[tick] = key
        elif kind == KEY:
            remarks.append(f"A key signature that does not exist (bytes {data.hex(' ')}) was left out.")
    if not has_meter:
        remarks.append("The file has no time signature; 4/4 is assumed.")
    pickup = _take_pickup(meters, ticks_per_quarter)
    return Maps(
        tuple(_meter_changes(meters, pickup, ticks_per_quarter)),
        tuple(KeyAt(tick, key) for tick, key in _changes(keys)),
        tuple(TempoAt(tick, tempo) for tick, tempo in _changes(tempos)),
        pickup,
        tuple(dict.fromkeys(remarks)),
    )


def _changes(values: dict[int, Value]) -> list[tuple[int, Value]]:
    """Without the events that say again what holds already, as some programs write at every bar."""
    changes: list[tuple[int, Value]] = []
    for tick, value in values.items():
        if not changes or changes[-1][1] != value:
            changes.append((tick, value))
    return changes


def _meter_changes(meters: dict[int, Meter], pickup: int, ticks_per_quarter: int) -> Iterator[MeterAt]:
    """As `_changes`, but a meter said again within a bar begins a new one, and so ends a bar that is shorter than the meter."""
    running, barline = None, pickup
    for tick, meter in meters.items():
        if meter != running or (tick - barline) % (meter.bar_quarters * ticks_per_quarter):
            yield MeterAt(tick, meter)
            running, barline = meter, max(tick, pickup)


def _meter(data: bytes) -> Meter:
    if len(data) < 2:
        raise NotationError("a time signature without its two numbers; export the file again")
    if data[1] > 7:
        raise NotationError(f"a time signature over 2 to the power of {data[1]}; export the file again with a meter such as 4/4")
    return Meter(data[0], 1 << data[1])


def _tempo(data: bytes) -> float:
    """The roundest number that is written so: 833,333 microseconds are 72 quarters a minute."""
    value = int.from_bytes(data[:3], "big")
    if value == 0:
        raise NotationError("a tempo of 0 microseconds a quarter; export the file again with a tempo such as 120 quarters a minute")
    tempo = MICROSECONDS / value
    rounded = (round(tempo, digits) for digits in range(4))
    return next((number for number in rounded if number and round(MICROSECONDS / number) == value), tempo)


def _key(data: bytes) -> Key | None:
    fifths = int.from_bytes(data[:1], "big", signed=True)
    if len(data) < 2 or not -7 <= fifths <= 7 or data[1] > 1:
        return None
    return Key(fifths, "minor" if data[1] else "major")


def _take_pickup(meters: dict[int, Meter], ticks_per_quarter: int) -> int:
    """A first meter that holds for one bar and is shorter than the next is a pick-up; the next one then counts from tick 0."""
    ticks = list(meters)
    if len(ticks) < 2:
        return 0
    first, second = meters[0], meters[ticks[1]]
    if ticks[1] != first.bar_quarters * ticks_per_quarter or first.bar_quarters >= second.bar_quarters:
        return 0
    meters[0] = second
    return ticks[1]


# --- writing


class Lead(NamedTuple):
    """The meter that stands for the pick-up, if any, and the ticks of rest to put before it so that it fills that meter."""

    meter: Meter | None
    rest: int


def lead_of(score: Score) -> Lead:
    """A pick-up that no meter measures exactly (one triplet eighth) gets a rest in front, up to whole beats."""
    if not score.pickup:
        return Lead(None, 0)
    full = score.meters[0].meter
    unit = full.unit
    while unit <= _FINEST_UNIT:
        beats = Fraction(score.pickup * unit, 4 * score.ticks_per_quarter)
        if beats.denominator == 1 and beats <= 64:
            return Lead(Meter(int(beats), unit), 0)
        unit *= 2
    whole = -(-score.pickup * full.unit // (4 * score.ticks_per_quarter))
    rest = Fraction(4 * whole * score.ticks_per_quarter, full.unit) - score.pickup
    if rest.denominator != 1 or whole > 64:
        raise NotationError(
            f"a pick-up of {score.pickup} ticks at {score.ticks_per_quarter} a quarter cannot be written in MIDI; change it"
        )
    return Lead(Meter(whole, full.unit) if whole < full.beats else None, int(rest))


def meter_events(score: Score, lead: Meter | None) -> list[Event]:
    """At the score's own ticks."""
    events = [_meter_event(change.start, change.meter) for change in score.meters]
    if lead is None:
        return events
    first = [] if any(change.start == score.pickup for change in score.meters) else [_meter_event(score.pickup, score.meters[0].meter)]
    later = [event for event in events[1:] if event.tick >= score.pickup]
    return [_meter_event(0, lead), *first, *later]


def _meter_event(tick: int, meter: Meter) -> Event:
    """With the metronome's click in MIDI clocks (24 a quarter) and 8 thirty-seconds a quarter."""
    click = max(1, int(meter.beat_quarters * 24))
    return Event(tick, METER, 0, bytes((meter.beats, meter.unit.bit_length() - 1, click, 8)))


def key_events(score: Score) -> list[Event]:
    return [Event(at, KEY, 0, bytes((key.fifths & 0xFF, key.mode == "minor"))) for at, key in ((k.start, k.key) for k in score.keys)]


def tempo_events(score: Score) -> list[Event]:
    tempos = score.tempos
    if not tempos or tempos[0].start > 0:
        tempos = (TempoAt(0, CHORALE_TEMPO), *tempos)
    return [Event(change.start, TEMPO, 0, _tempo_bytes(change.quarters_per_minute)) for change in tempos]


def _tempo_bytes(quarters_per_minute: float) -> bytes:
    value = round(MICROSECONDS / quarters_per_minute) if quarters_per_minute > 0 else 0
    if not 1 <= value <= _MAX_TEMPO_VALUE:
        raise NotationError(f"a tempo of {quarters_per_minute:g} quarters a minute does not fit MIDI; use 3.6 to 1000")
    return value.to_bytes(3, "big")
