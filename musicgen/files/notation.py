"""How a copyist writes a part: notes cut at barlines and beats, tied, dotted, grouped into tuplets and beams.

Positions are Fractions of a quarter from the start of the bar; a pick-up is counted back from its end.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise

from musicgen.errors import NotationError
from musicgen.files.metrical import NOTE_VALUES, SHORTEST, VALUES, group_starts, is_one_note, is_one_rest, split
from musicgen.music.score import Meter, Note


@dataclass(frozen=True, slots=True)
class Tuplet:
    """`actual` notes in the time of `normal`: 3 in 2 for a triplet; each `unit` quarters long as written."""

    start: Fraction
    end: Fraction
    actual: int
    normal: int

    @property
    def unit(self) -> Fraction:
        return (self.end - self.start) / self.normal

    def written(self, position: Fraction) -> Fraction:
        """Where `position` stands if the tuplet's notes lasted as long as they look."""
        return (position - self.start) * self.actual / self.normal

    def sounding(self, position: Fraction) -> Fraction:
        return self.start + position * self.normal / self.actual


@dataclass(frozen=True, slots=True)
class Event:
    """One written chord or rest (no notes). `value` names the note value, with its dots; a rest of a whole bar has none."""

    start: Fraction
    end: Fraction
    notes: tuple[Note, ...]
    value: tuple[str, int] | None
    tied_from: bool = False
    tied_on: bool = False
    tuplet: Tuplet | None = None
    beams: tuple[str, ...] = ()
    graces: tuple[Note, ...] = ()


@dataclass(frozen=True, slots=True)
class Bar:
    """[start, end) in ticks; `lead`: quarters missing in front of a pick-up."""

    number: int
    start: int
    end: int
    meter: Meter
    lead: Fraction = Fraction(0)


# --- tuplets


def _is_binary(value: Fraction, shortest: int = SHORTEST) -> bool:
    return shortest % value.denominator == 0


def find_tuplets(edges: Sequence[Fraction], resting: set[Fraction], meter: Meter) -> list[Tuplet]:
    """Tuplets that explain every edge off the binary grid. `edges`: sorted starts and ends of one voice in one bar.

    `resting`: places within rests, where a cut ties nothing. Raises LookupError with the edge that no tuplet explains.
    """
    tuplets: list[Tuplet] = []
    for edge in edges:
        if _is_binary(edge) or (tuplets and edge < tuplets[-1].end):
            continue
        earliest = tuplets[-1].end if tuplets else edges[0]
        candidates = [
            tuplet
            for tuplet in _candidates(edge, meter)
            if earliest <= tuplet.start and tuplet.end <= edges[-1] and _explains(tuplet, edges)
        ]
        if not candidates:
            raise LookupError(edge)
        tuplets.append(min(candidates, key=lambda tuplet: _awkwardness(tuplet, edges, resting, meter)))
    return tuplets


def _awkwardness(tuplet: Tuplet, edges: Sequence[Fraction], resting: set[Fraction], meter: Meter) -> tuple[int, bool]:
    """A tuplet best begins and ends where notes do; else it cuts a rest, at worst ties a note, and is then better as long as a beat."""
    ends = {tuplet.start, tuplet.end}
    cost = 0 if ends <= set(edges) else 1 if ends <= resting.union(edges) else 2
    return cost, cost > 0 and tuplet.end - tuplet.start != meter.beat_quarters


def _candidates(edge: Fraction, meter: Meter) -> Iterable[Tuplet]:
    """From short to long: triplets first in each length; longer ones than a beat may begin on any beat."""
    lengths = ("1/4", "1/2", "3/2", "3") if meter.is_compound else ("1/4", "1/2", "1", "2", "4")
    for length in map(Fraction, lengths):
        step = min(length, meter.beat_quarters) if length.numerator != 3 else meter.beat_quarters
        begins = [step * index for index in range(int(edge // step), -1, -1) if edge - step * index < length]
        counts = ((5, 6), (7, 6)) if length.numerator == 3 else ((3, 2), (5, 4), (7, 4)) if length > Fraction(1, 4) else ((3, 2),)
        for begin in sorted(begins, key=lambda begin: begin % length != 0):
            yield from (Tuplet(begin, begin + length, actual, normal) for actual, normal in counts)


def _explains(tuplet: Tuplet, edges: Sequence[Fraction]) -> bool:
    return all(_is_binary(tuplet.written(edge) / tuplet.unit, 4) for edge in edges if tuplet.start < edge < tuplet.end)


# --- a voice in a bar


@dataclass(frozen=True, slots=True)
class Span:
    """Part of a chord or rest that lies within one bar."""

    start: Fraction
    end: Fraction
    notes: tuple[Note, ...] = ()
    tied_from: bool = False
    tied_on: bool = False


def write_spans(spans: Sequence[Span], meter: Meter) -> list[Event]:
    """Events for spans that follow each other without gaps. Raises LookupError with the position that cannot be written."""
    edges = sorted({edge for span in spans for edge in (span.start, span.end)})
    resting = {mark for span in spans if not span.notes for mark in _quarters_within(span)}
    tuplets = find_tuplets(edges, resting, meter)
    cuts = sorted({edge for tuplet in tuplets for edge in (tuplet.start, tuplet.end)})
    events: list[Event] = []
    for span in spans:
        for piece in _cut(span, cuts):
            tuplet = next((tuplet for tuplet in tuplets if tuplet.start <= piece.start < tuplet.end), None)
            events += _write_in_tuplet(piece, tuplet) if tuplet else _write(piece, meter)
    return with_beams(events, meter)


def _quarters_within(span: Span) -> list[Fraction]:
    quarter = Fraction(1, 4)
    return [quarter * index for index in range(int(span.start // quarter), int(span.end // quarter) + 1)]


def _cut(span: Span, cuts: Sequence[Fraction]) -> list[Span]:
    edges = [span.start, *(cut for cut in cuts if span.start < cut < span.end), span.end]
    return _tied(span, list(pairwise(edges)))


def _tied(span: Span, pieces: Sequence[tuple[Fraction, Fraction]]) -> list[Span]:
    last = len(pieces) - 1
    return [
        replace(span, start=start, end=end, tied_from=span.tied_from or index > 0, tied_on=span.tied_on or index < last)
        for index, (start, end) in enumerate(pieces)
    ]


def _write(span: Span, meter: Meter) -> list[Event]:
    pieces = _tied(span, split(span.start, span.end, meter, is_one_note if span.notes else is_one_rest))
    return [_event(piece, piece.end - piece.start, None) for piece in pieces]


def _write_in_tuplet(span: Span, tuplet: Tuplet) -> list[Event]:
    """As in a bar of `actual` units."""
    meter = Meter(tuplet.actual, int(4 / tuplet.unit))
    written = split(tuplet.written(span.start), tuplet.written(span.end), meter, is_one_note if span.notes else is_one_rest)
    pieces = _tied(span, [(tuplet.sounding(start), tuplet.sounding(end)) for start, end in written])
    return [_event(piece, end - start, tuplet) for piece, (start, end) in zip(pieces, written, strict=True)]


def _event(span: Span, written: Fraction, tuplet: Tuplet | None) -> Event:
    if written not in VALUES:
        raise LookupError(span.start)
    is_note = bool(span.notes)
    return Event(span.start, span.end, span.notes, VALUES[written], is_note and span.tied_from, is_note and span.tied_on, tuplet)


# --- beams


def flags(event: Event) -> int:
    if not event.notes or event.value is None:
        return 0
    return max(0, NOTE_VALUES.index(event.value[0]) - NOTE_VALUES.index("quarter"))


def with_beams(events: Sequence[Event], meter: Meter) -> list[Event]:
    """Flagged notes that follow each other within a beat share a beam; a rest or a longer note ends it."""
    groups: list[list[int]] = []
    previous: Fraction | None = None
    for index, event in enumerate(events):
        group = _beam_group(event.start, events, meter) if flags(event) else None
        if group is not None and group == previous:
            groups[-1].append(index)
        elif group is not None:
            groups.append([index])
        previous = group
    beamed = list(events)
    for indices in groups:
        for index, beams in zip(indices, _beams([events[index] for index in indices]), strict=True):
            beamed[index] = replace(events[index], beams=beams)
    return beamed


def _beam_group(position: Fraction, events: Sequence[Event], meter: Meter) -> Fraction:
    """The start of the beam group that `position` is in; half-note beats with sixteenths in them are beamed by quarters."""
    if meter.unit >= 8 and not meter.is_compound:
        return max((mark for mark in group_starts(meter) if mark <= position), default=Fraction(0))
    beat = meter.beat_quarters
    start = position // beat * beat
    if beat > 1 and not meter.is_compound and any(flags(event) > 1 for event in events if start <= event.start < start + beat):
        return position // 1 * Fraction(1)
    return start


def _beams(group: Sequence[Event]) -> list[tuple[str, ...]]:
    """MusicXML's word for each beam of each note: begin, continue, end, or a hook towards the note it belongs to."""
    if len(group) == 1:
        return [()]
    counts = [flags(event) for event in group]
    around = [0, *counts, 0]
    return [tuple(_beam(depth, index, around, group) for depth in range(1, count + 1)) for index, count in enumerate(counts)]


def _beam(depth: int, index: int, around: Sequence[int], group: Sequence[Event]) -> str:
    before, after = around[index] >= depth, around[index + 2] >= depth
    if before or after:
        return "continue" if before and after else "end" if before else "begin"
    if index == 0:
        return "forward hook"
    if index == len(group) - 1:
        return "backward hook"
    event = group[index]
    return "backward hook" if event.start / (event.end - event.start) % 2 else "forward hook"


# --- a part


def into_voices(notes: Iterable[Note]) -> list[list[tuple[Note, ...]]]:
    """Chords, shared out so that none of a voice's overlap; of notes that begin together the highest goes to the first voice free."""
    chords: dict[tuple[int, int], list[Note]] = defaultdict(list)
    for note in notes:
        if note.duration:
            chords[note.start, note.end].append(note)
    voices: list[list[tuple[Note, ...]]] = []
    for chord in sorted(chords.values(), key=lambda chord: (chord[0].start, -max(note.pitch for note in chord))):
        voice = next((voice for voice in voices if voice[-1][0].end <= chord[0].start), None)
        if voice is None:
            voices.append(voice := [])
        voice.append(tuple(sorted(chord, key=lambda note: note.pitch)))
    return voices or [[]]


def write_voice(
    chords: Sequence[tuple[Note, ...]], graces: Sequence[Note], bars: Sequence[Bar], cuts: Iterable[int], ticks_per_quarter: int, name: str
) -> list[list[Event]]:
    """Events of each bar. `cuts`: ticks where no note is written across (a key changes). Raises NotationError with bar and beat."""
    edges = sorted({*(bar.start for bar in bars), *cuts, *(note.start for note in graces)})
    spans = _spans_by_bar(chords, bars, edges, ticks_per_quarter)
    written = []
    for bar, in_bar in zip(bars, spans, strict=True):
        try:
            events = _write_bar(in_bar, bar, ticks_per_quarter)
        except LookupError as error:
            raise _unwritable(error.args[0], bar, name) from None
        written.append(_with_graces(events, [note for note in graces if bar.start <= note.start < bar.end], bar, ticks_per_quarter))
    return written


def _unwritable(position: Fraction, bar: Bar, name: str) -> NotationError:
    beat = f"{float(1 + position / bar.meter.beat_quarters):.2f}".rstrip("0").rstrip(".")
    reason = "a note starts or ends where no note value or tuplet reaches; quantize it (--quantize), or write MIDI"
    return NotationError(reason, voice=name, place=f"bar {bar.number} beat {beat}")


def _spans_by_bar(chords: Sequence[tuple[Note, ...]], bars: Sequence[Bar], cuts: Sequence[int], tpq: int) -> list[list[Span]]:
    """Chords and the rests between them, cut at barlines and `cuts`."""
    pieces: list[tuple[int, int, tuple[Note, ...]]] = []
    tick = 0
    for chord in [*chords, ()]:
        start = chord[0].start if chord else bars[-1].end
        if start > tick:
            pieces.append((tick, start, ()))
        if chord:
            pieces.append((start, chord[0].end, chord))
            tick = chord[0].end
    spans: list[list[Span]] = [[] for _ in bars]
    bar_index = 0
    for start, end, notes in pieces:
        edges = [start, *(cut for cut in cuts if start < cut < end), end]
        for left, right in pairwise(edges):
            while left >= bars[bar_index].end:
                bar_index += 1
            bar = bars[bar_index]
            begin, stop = (bar.lead + Fraction(tick - bar.start, tpq) for tick in (left, right))
            spans[bar_index].append(Span(begin, stop, notes, left > start, right < end))
    return spans


def _write_bar(spans: Sequence[Span], bar: Bar, tpq: int) -> list[Event]:
    is_full = bar.lead == 0 and Fraction(bar.end - bar.start, tpq) == bar.meter.bar_quarters
    if is_full and len(spans) == 1 and not spans[0].notes:
        return [Event(spans[0].start, spans[0].end, (), None)]
    return write_spans(spans, bar.meter)


def _with_graces(events: Sequence[Event], graces: Sequence[Note], bar: Bar, tpq: int) -> list[Event]:
    at: dict[Fraction, list[Note]] = defaultdict(list)
    for note in graces:
        at[bar.lead + Fraction(note.start - bar.start, tpq)].append(note)
    return [replace(event, graces=tuple(at.get(event.start, ()))) for event in events]
