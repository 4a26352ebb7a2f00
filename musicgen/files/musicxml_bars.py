"""The bars of a staff as MusicXML elements, in the order that the format wants: attributes, tempos, then each voice's notes.

Which note values are written is decided in `notation`; here they get their accidentals, stems and marks.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from musicgen.files.metrical import NOTE_VALUES
from musicgen.files.musicxml_figures import add_figures
from musicgen.files.musicxml_text import add_text
from musicgen.files.notation import Bar, Event, Tuplet
from musicgen.files.page import Page, Staff, accidentals
from musicgen.music.pitch import Key
from musicgen.music.score import Clef, Note, TempoAt, TextAt
from musicgen.music.transposition import CONCERT

_BEATS = {Fraction(2): ("half", 0), Fraction(3, 2): ("quarter", 1)}
_UNDER = {"default-y": "-80"}  # tenths of a staff space from the top of the staff, so that numerals stand in a row
_MAX_SHOWN_TEMPOS = 12  # a live recording has hundreds; those are kept for playback and not printed


def add_bar(part: ET.Element, page: Page, bars: Sequence[Bar], index: int) -> None:
    bar = bars[index]
    measure = ET.SubElement(part, "measure", {"number": str(bar.number)} | ({"implicit": "yes"} if bar.number == 0 else {}))
    _add_attributes(measure, page, bar, bars[index - 1] if index else None)
    if page.staff.has_tempos:
        for change in page.score.tempos:
            if bar.start <= change.start < bar.end:
                _add_tempo(measure, bar, change, is_shown=change.start == 0 or len(page.score.tempos) <= _MAX_SHOWN_TEMPOS)
    marks = _marks_by_line(page, bar, index)
    shown = accidentals(page, bars, index)
    stems = _stems(page.staff, index)
    upper: set[tuple[Fraction, Fraction]] = set()
    for number, line in enumerate(page.staff.lines):
        events = line.bars[index]
        voice = Voice(measure, page, bar, number, stems[number], shown, marks.get(number, []))
        colored = any(voice.rest_color(event) for event in events if not event.notes)
        if (
            number
            and not any(event.notes or event.graces for event in events)
            and (not line.first or _resting(events) <= upper)
            and not colored
        ):
            continue
        if number:
            add_text(ET.SubElement(measure, "backup"), "duration", bar.end - bar.start)
        for event in events:
            voice.add(event, hidden=not event.notes and (not line.first or (event.start, event.end) in upper))
        upper |= _resting(events)
    if index == len(bars) - 1:
        add_text(ET.SubElement(measure, "barline", location="right"), "bar-style", "light-heavy")


def _marks_by_line(page: Page, bar: Bar, index: int) -> dict[int, list[TextAt]]:
    """Each with the first voice that has a note just there: MuseScore leaves words at the barline that are only said to stand later."""
    starts = [
        {bar.start + page.ticks(event.start - bar.lead) for event in line.bars[index] if event.notes or not number}
        for number, line in enumerate(page.staff.lines)
    ]
    found: dict[int, list[TextAt]] = {}
    for mark in page.staff.marks:
        if bar.start <= mark.start < bar.end:
            found.setdefault(next((number for number, ticks in enumerate(starts) if mark.start in ticks), 0), []).append(mark)
    return found


def _resting(events: Sequence[Event]) -> set[tuple[Fraction, Fraction]]:
    return {(event.start, event.end) for event in events if not event.notes}


def _stems(staff: Staff, index: int) -> list[str]:
    """Up and down where voices share the staff; empty where the reader's program may choose."""
    if staff.is_shared:
        return ["down" if line.part else "up" for line in staff.lines]
    sounding = [any(event.notes for event in line.bars[index]) for line in staff.lines]
    return [("down" if number % 2 else "up") if sum(sounding) > 1 else "" for number in range(len(staff.lines))]


# --- attributes and tempos


def _add_attributes(measure: ET.Element, page: Page, bar: Bar, previous: Bar | None) -> None:
    """What changes at the barline; everything in the first bar."""
    new_key = previous is None or bar.start in [change.start for change in page.score.keys]
    new_meter = previous is None or previous.meter != bar.meter
    if not (new_key or new_meter):
        return
    attributes = ET.SubElement(measure, "attributes")
    if previous is None:
        add_text(attributes, "divisions", page.score.ticks_per_quarter)
    if new_key:
        _add_key(attributes, page.key_at(bar.start))
    if new_meter:
        time = ET.SubElement(attributes, "time")
        add_text(time, "beats", bar.meter.beats)
        add_text(time, "beat-type", bar.meter.unit)
    if previous is None:
        _add_clef(attributes, page.staff.clef)
    if new_key:
        _add_transposition(attributes, page, bar.start)


def _add_key(attributes: ET.Element, key: Key) -> None:
    element = ET.SubElement(attributes, "key")
    add_text(element, "fifths", key.fifths)
    add_text(element, "mode", key.mode)


def _add_clef(attributes: ET.Element, clef: Clef) -> None:
    sign, line, octaves = clef
    element = ET.SubElement(attributes, "clef")
    add_text(element, "sign", sign)
    if line:
        add_text(element, "line", line)
    if octaves:
        add_text(element, "clef-octave-change", octaves)


def _add_transposition(attributes: ET.Element, page: Page, tick: int) -> None:
    """From what is written to what sounds, where that begins or changes."""
    transposition = page.transposition_at(tick)
    if transposition == (page.transposition_at(tick - 1) if tick else CONCERT):
        return
    sounding = transposition.reversed()
    element = ET.SubElement(attributes, "transpose")
    add_text(element, "diatonic", sounding.steps)
    add_text(element, "chromatic", sounding.semitones)


def _add_tempo(measure: ET.Element, bar: Bar, change: TempoAt, is_shown: bool) -> None:
    """In the meter's beats where that gives a whole number, else in quarters."""
    direction = ET.SubElement(measure, "direction", placement="above")
    metronome = ET.SubElement(ET.SubElement(direction, "direction-type"), "metronome", {} if is_shown else {"print-object": "no"})
    unit, dots = _BEATS.get(bar.meter.beat_quarters, ("quarter", 0))
    per_minute = change.quarters_per_minute / (float(bar.meter.beat_quarters) if bar.meter.beat_quarters in _BEATS else 1)
    if not float(round(per_minute, 6)).is_integer():
        unit, dots, per_minute = "quarter", 0, change.quarters_per_minute
    add_text(metronome, "beat-unit", unit)
    for _ in range(dots):
        ET.SubElement(metronome, "beat-unit-dot")
    add_text(metronome, "per-minute", _number(round(per_minute, 2)))
    if change.start > bar.start:
        add_text(direction, "offset", change.start - bar.start)
    ET.SubElement(direction, "sound", tempo=_number(round(change.quarters_per_minute, 6)))


def _add_words(measure: ET.Element, tick: int, mark: TextAt) -> None:
    """`tick`: the place in the measure where it is written."""
    direction = ET.SubElement(measure, "direction", placement="above" if mark.is_above else "below")
    height = {} if mark.is_above else _UNDER
    add_text(ET.SubElement(direction, "direction-type"), "words", mark.text, **height, **{"font-style": "normal"})
    if mark.start > tick:
        add_text(direction, "offset", mark.start - tick)


def _number(value: float) -> str:
    return str(int(value)) if float(value).is_integer() else str(value)


# --- notes


@dataclass
class Voice:
    """Writes the events of one voice into a bar."""

    measure: ET.Element
    page: Page
    bar: Bar
    number: int
    stem: str
    shown: dict[tuple[int, Fraction, Note], str]
    marks: Sequence[TextAt]

    def add(self, event: Event, hidden: bool) -> None:
        """`hidden`: a rest that the eye finds in another voice of the staff, unless it has a color of its own."""
        tick = self._tick(event.start)
        hidden = hidden and self.rest_color(event) is None
        if self.number == 0 and tick > self.bar.start and tick in [change.start for change in self.page.score.keys]:
            attributes = ET.SubElement(self.measure, "attributes")
            _add_key(attributes, self.page.key_at(tick))
            _add_transposition(attributes, self.page, tick)
        for mark in self.marks:
            if tick <= mark.start < self._tick(event.end):
                _add_words(self.measure, tick, mark)
        for index, note in enumerate(event.graces):
            self._add_grace(event, note, in_chord=False, value="eighth" if len(event.graces) == 1 else "16th", index=index)
        if self.page.staff.lines[self.number].is_bass:
            add_figures(self.measure, self.page.score.figures, tick, self._tick(event.end), self.bar.start)
        for index, note in enumerate(event.notes):
            self._add_note(event, note, index)
        if not event.notes:
            self._add_rest(event, hidden)

    def rest_color(self, event: Event) -> str | None:
        """None under a second line of a part: its rests are those of the first."""
        if not self.page.staff.lines[self.number].first:
            return None
        return self.page.rest_color(self.number, self._tick(event.start), self._tick(event.end))

    def _tick(self, position: Fraction) -> int:
        return self.bar.start + self.page.ticks(position - self.bar.lead)

    def _add_element(self, color: str | None) -> ET.Element:
        """A note or rest. MuseScore and verovio read the color here and at the note's head."""
        return ET.SubElement(self.measure, "note", {"color": color.upper()} if color else {})

    def _add_grace(self, event: Event, note: Note, *, in_chord: bool, value: str, index: int) -> None:
        element = self._add_element(note.color)
        ET.SubElement(element, "grace", slash="yes" if len(event.graces) == 1 else "no")
        self._add_pitch(element, note)
        add_text(element, "voice", self.number + 1)
        add_text(element, "type", value)
        self._add_accidental(element, event, note)
        if len(event.graces) > 1:
            word = "begin" if index == 0 else "end" if index == len(event.graces) - 1 else "continue"
            for depth in ("1", "2"):
                add_text(element, "beam", word, number=depth)

    def _add_rest(self, event: Event, hidden: bool) -> None:
        """A hidden one is written too: MuseScore finds a voice with a gap at the beginning of its bar corrupt."""
        element = self._add_element(self.rest_color(event))
        if hidden:
            element.set("print-object", "no")
        ET.SubElement(element, "rest", {} if event.value else {"measure": "yes"})
        add_text(element, "duration", self.page.ticks(event.end - event.start))
        add_text(element, "voice", self.number + 1)
        self._add_value(element, event)
        if event.tuplet:
            _add_tuplet_marks(ET.SubElement(element, "notations"), event, event.tuplet)

    def _add_note(self, event: Event, note: Note, index: int) -> None:
        element = self._add_element(note.color)
        if index:
            ET.SubElement(element, "chord")
        self._add_pitch(element, note)
        add_text(element, "duration", self.page.ticks(event.end - event.start))
        ties = [kind for kind, is_tied in (("stop", event.tied_from), ("start", event.tied_on)) if is_tied]
        for kind in ties:
            ET.SubElement(element, "tie", type=kind)
        if self.page.staff.parts[0].is_drum:
            ET.SubElement(element, "instrument", id=f"{self.page.part_id}-I{note.pitch}")
        add_text(element, "voice", self.number + 1)
        self._add_value(element, event, note)
        if self.stem:
            add_text(element, "stem", self.stem)
        if index == 0:
            for depth, word in enumerate(event.beams, 1):
                add_text(element, "beam", word, number=str(depth))
        self._add_notations(element, event, note, ties, index)
        words = self.page.staff.lines[self.number].words
        if index == 0 and words:
            words.add_lyrics(element, event)

    def _add_pitch(self, element: ET.Element, note: Note) -> None:
        name = self.page.spelling(note)
        if self.page.staff.parts[0].is_drum:
            unpitched = ET.SubElement(element, "unpitched")
            add_text(unpitched, "display-step", name.letter)
            add_text(unpitched, "display-octave", name.octave + 2)
            return
        pitch = ET.SubElement(element, "pitch")
        add_text(pitch, "step", name.letter)
        if name.alteration:
            add_text(pitch, "alter", name.alteration)
        add_text(pitch, "octave", name.octave)

    def _add_accidental(self, element: ET.Element, event: Event, note: Note) -> None:
        accidental = self.shown.get((self.number, event.start, note))
        if accidental and not self.page.staff.parts[0].is_drum:
            add_text(element, "accidental", accidental)

    def _add_value(self, element: ET.Element, event: Event, note: Note | None = None) -> None:
        if event.value is None:
            return
        kind, dots = event.value
        add_text(element, "type", kind)
        for _ in range(dots):
            ET.SubElement(element, "dot")
        if note is not None:
            self._add_accidental(element, event, note)
        if event.tuplet:
            modification = ET.SubElement(element, "time-modification")
            add_text(modification, "actual-notes", event.tuplet.actual)
            add_text(modification, "normal-notes", event.tuplet.normal)
            add_text(modification, "normal-type", NOTE_VALUES[int(8 / event.tuplet.unit).bit_length() - 1])

    def _add_notations(self, element: ET.Element, event: Event, note: Note, ties: Sequence[str], index: int) -> None:
        """A fermata stands on the last note of a tie, where the music waits."""
        notations = ET.Element("notations")
        for kind in ties:
            ET.SubElement(notations, "tied", type=kind)
        words = self.page.staff.lines[self.number].words
        if index == 0 and words:
            words.add_slur(notations, event, self.number)
        if index == 0 and event.tuplet:
            _add_tuplet_marks(notations, event, event.tuplet)
        if index == 0 and any(member.fermata for member in event.notes) and not event.tied_on:
            ET.SubElement(notations, "fermata", type="inverted" if self.stem == "down" else "upright")
        if len(notations):
            element.append(notations)


def _add_tuplet_marks(notations: ET.Element, event: Event, tuplet: Tuplet) -> None:
    if event.start == tuplet.start:
        ET.SubElement(notations, "tuplet", type="start")
    if event.end == tuplet.end:
        ET.SubElement(notations, "tuplet", type="stop")
