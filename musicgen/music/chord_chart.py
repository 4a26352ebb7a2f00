"""Chords as a musician writes them down, name by name at their places, to steps of a chorale.

1:1 C, 1:3 G7/B, 2:1 Am       each lasts to the next place, the last to the end of the piece; or say how long: 2:1-2:3 Am
1:1 I V65 vi ii6              one a beat from there on; over a span, 1:1-3:1 I V, they share it equally
I V65 | vi . ii6 V7 | I       by bars from bar 1 on; the names in a bar share it, a point goes on with the chord before
I V65 vi                      without bar lines, one a bar
5 6 65 4-3                    figures alone: one for each note of the given bass
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import groupby, pairwise

from musicgen.errors import NotationError, pointing
from musicgen.music.chorale import REST, STEPS_PER_QUARTER, Chorale
from musicgen.music.chord_names import is_figures, read_name
from musicgen.music.chords import ChordAt
from musicgen.music.pitch import Key
from musicgen.music.places import beat_steps_at, span_at

GOES_ON = "."
_WORD = re.compile(r"[^\s,|]+|[,|]")


@dataclass(frozen=True, slots=True)
class _Word:
    """A word of the text and where it stands there."""

    text: str
    start: int


@dataclass(frozen=True, slots=True)
class _Slot:
    """A name's steps [start, end); `open` where it lasts as long as nothing else comes."""

    start: int
    end: int
    word: _Word
    open: bool = False


def parse_chords(text: str, given: Chorale, key_at: Callable[[int], Key] | None = None) -> tuple[ChordAt, ...]:
    """The chords of `text` in order of time. `key_at`: the key of a step, for Roman numerals; the piece's if left out."""
    words = [_Word(match[0], match.start()) for match in _WORD.finditer(text)]
    if not any(word.text not in (",", "|", GOES_ON) for word in words):
        raise NotationError("no chords are named; write like 1:1 C, 1:3 G7/B, 2:1 Am or I V65 | vi ii6 V7 | I")
    chords: list[ChordAt] = []
    for slot in _slots(words, given):
        try:
            chords += _chords(slot, given, key_at or (lambda _: given.key))
        except NotationError as error:
            raise _wrong(slot.word, error.reason, given.place(slot.start)) from error
    return tuple(chords)


def chords_of_sheet(symbols: Iterable[tuple[Fraction, str]], given: Chorale) -> tuple[ChordAt, ...]:
    """Chord symbols by their beginning in quarters, as `files.lead_sheet.read_chords` gives them. Of two at one place the last holds."""
    starts = {quarter * STEPS_PER_QUARTER: name for quarter, name in symbols}
    for step, name in starts.items():
        if step.denominator != 1:
            raise NotationError(f"the chord {name} begins between two sixteenths; move it to one", place=given.place(int(step)))
    steps = sorted(int(step) for step in starts if step < given.steps)
    slots = [_Slot(start, end, _Word(starts[Fraction(start)], 0)) for start, end in zip(steps, [*steps[1:], given.steps], strict=False)]
    return tuple(chord for slot in slots for chord in _chords(slot, given, lambda _: given.key))


def _chords(slot: _Slot, given: Chorale, key_at: Callable[[int], Key]) -> list[ChordAt]:
    """One chord; two, half as long each, for a suspension; none for `N.C.`"""
    name, bass, end = slot.word.text, int(given.pitch[-1, slot.start]), slot.end
    named = read_name(name, key_at(slot.start), None if bass == REST else bass)
    if is_figures(name):
        end = slot.start + next((index for index, low in enumerate(given.pitch[-1, slot.start : end]) if low != bass), end - slot.start)
    if len(named) > end - slot.start:
        raise NotationError(f"{name} is two chords, but lasts a sixteenth; give it more time")
    edges = [slot.start + (end - slot.start) * index // max(1, len(named)) for index in range(len(named) + 1)]
    return [
        ChordAt(start, stop, each.root, each.classes, each.bass, name) for each, start, stop in zip(named, edges, edges[1:], strict=False)
    ]


def _slots(words: Sequence[_Word], given: Chorale) -> list[_Slot]:
    if any(":" in word.text for word in words):
        return _placed(words, given)
    commas = [word for word in words if word.text == ","]
    if commas:
        raise _wrong(commas[0], "commas part places, but no place is named; write like 1:1 C, 1:3 G7, or leave the commas out")
    if all(is_figures(word.text) for word in words):
        return _under_figures(words, given)
    return _by_bars(words, given)


# --- by places


def _placed(words: Sequence[_Word], given: Chorale) -> list[_Slot]:
    slots: list[_Slot] = []
    for is_comma, group in groupby(words, key=lambda word: word.text == ","):
        if not is_comma:
            slots += _item(list(group), given)
    for before, after in pairwise(slots):
        if after.start < before.end and not (before.open and after.start > before.start):
            raise _wrong(after.word, f"{after.word.text} begins before {before.word.text} ends; write the chords in order of time")
    ends = [slot.start for slot in slots[1:]] + [given.steps]
    return [replace(slot, end=end) if slot.open else slot for slot, end in zip(slots, ends, strict=True)]


def _item(words: Sequence[_Word], given: Chorale) -> list[_Slot]:
    """`1:1 C` or `1:1-3:1 I V`."""
    place, *names = words
    bad = next((word for word in names if ":" in word.text or word.text == "|"), None)
    if ":" not in place.text or bad:
        raise _wrong(bad or place, "an item is a place and its chords, items are parted by commas, like 1:1 C, 1:3 G7/B")
    if not names:
        raise _wrong(place, f"no chord is named at {place.text}; write like {place.text} C")
    with pointing(place.start, len(place.text)):
        start, end = span_at(place.text, given)
    if "-" in place.text:
        return _shared(names, start, end)
    beat = beat_steps_at(start, given)
    if start + (len(names) - 1) * beat >= given.steps:
        raise _wrong(names[-1], f"{len(names)} chords of a beat from {place.text} on reach beyond the end; name fewer")
    slots = _shared(names, start, start + len(names) * beat)
    return [*slots[:-1], replace(slots[-1], open=True)]


def _shared(words: Sequence[_Word], start: int, end: int) -> list[_Slot]:
    """Steps [start, end) in equal shares; a point adds its share to the chord before."""
    length = Fraction(end - start, len(words))
    if length.denominator != 1:
        raise _wrong(words[-1], f"{len(words)} chords do not share {end - start} sixteenths equally; name another number, or places")
    slots: list[_Slot] = []
    for index, word in enumerate(words):
        stop = start + (index + 1) * int(length)
        if word.text != GOES_ON:
            slots.append(_Slot(stop - int(length), stop, word))
        elif slots:
            slots[-1] = replace(slots[-1], end=stop)
        else:
            raise _wrong(word, "a point goes on with the chord before, but none is named before it there")
    return slots


# --- by bars, by bass notes


def _by_bars(words: Sequence[_Word], given: Chorale) -> list[_Slot]:
    starts = [start for start in given.bar_starts() if start >= given.pickup]
    ends = [*starts[1:], given.steps]
    bars = [list(group) for is_line, group in groupby(words, key=lambda word: word.text == "|") if not is_line]
    if not any(word.text == "|" for word in words):
        bars = [[word] for word in words]
    if len(bars) > len(starts):
        raise _wrong(
            bars[len(starts)][0],
            f"{len(bars)} bars of chords, but the piece has {len(starts)}; write several in a bar, like I V | vi",
        )
    return [slot for bar, start, end in zip(bars, starts, ends, strict=False) for slot in _shared(bar, start, end)]


def _under_figures(words: Sequence[_Word], given: Chorale) -> list[_Slot]:
    notes = [note for note in given.notes(given.voices - 1) if note.pitch != REST]
    if len(notes) != len(words):
        reason = (
            f"{len(words)} figures for {len(notes)} given bass notes; write one for each, 5 for a plain chord and N.C. for none, or places"
        )
        raise _wrong(words[-1], reason)
    return [_Slot(note.start, note.end, word) for note, word in zip(notes, words, strict=True)]


def _wrong(word: _Word, reason: str, place: str | None = None) -> NotationError:
    return NotationError(reason, place=place).at(word.start, word.start + len(word.text))
