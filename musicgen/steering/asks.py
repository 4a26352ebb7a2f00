"""What may be asked of a sketch, one text each, the same in a flag, in a request file and in Python: `B 4:3 C3`, `4:3=half`.

Each takes a sketch and a text, and gives the sketch bound by it. Errors say which characters of the text are wrong.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple, cast

from musicgen.errors import ConfigError, NotationError, nearest, pointing
from musicgen.files.lead_sheet import SHEETS, read_chords
from musicgen.music.chorale import Chorale
from musicgen.music.chord_chart import chords_of_sheet
from musicgen.music.endings import ENDINGS, Ending
from musicgen.music.modes import key_of, scale_of
from musicgen.music.pitch import Key, parse_pitch
from musicgen.music.places import span_at, step_at
from musicgen.music.sketch import Sketch

_PLACE = re.compile(r"[0-9]+(:[0-9.]*)?([-–][0-9:.]*)?")
_CADENCE = re.compile(r"\s*([^\s=]+)\s*=\s*([^\s=]+)\s*(.*?)\s*", re.DOTALL)

Ask = Callable[[Sketch, str], Sketch]


class Word(NamedTuple):
    """`start`: where it begins in the text."""

    text: str
    start: int


class Spot(NamedTuple):
    """`B 4:3 C3`: letters of voices, a place or none, what is asked there."""

    voices: str
    place: str
    rest: Sequence[Word]

    @property
    def asked(self) -> str:
        return " ".join(word.text for word in self.rest)


def pin(sketch: Sketch, text: str) -> Sketch:
    """`B 4:3 C3`, one note of a beat; `S 1:1-2:1 G4 A4 B4 A4`, notes of equal length."""
    spot = _spot(sketch, text, "B 4:3 C3")
    if not spot.place:
        raise NotationError("a place is needed, bar and beat; write like B 4:3 C3").at(spot.rest[0].start, spot.rest[0].start + 1)
    _check_notes(spot.rest)
    return sketch.pin(_one_voice(spot), spot.place, spot.asked)


def avoid(sketch: Sketch, text: str) -> Sketch:
    """`T 1-8 C5`, `T >F4`, `SA 3:2 F#4 F#5`: notes that shall not occur."""
    spot = _spot(sketch, text, "T 1-8 C5 or T >F4")
    _check_notes(spot.rest, "<>")
    for voice in spot.voices:
        sketch = sketch.avoid(voice, spot.place, spot.asked)
    return sketch


def only(sketch: Sketch, text: str) -> Sketch:
    """`A 3:2 F# A`: these notes, in any octave."""
    spot = _spot(sketch, text, "A 3:2 F#")
    for word in spot.rest:
        with pointing(word.start, len(word.text)):
            parse_pitch(word.text if word.text[-1].isdigit() else f"{word.text}4")
    for voice in spot.voices:
        sketch = sketch.only(voice, spot.place, spot.asked)
    return sketch


def rhythm(sketch: Sketch, text: str) -> Sketch:
    """`B 1-4 1/4`, `A 3/8 1/8`: note lengths, parts of a whole note, over and over."""
    spot = _spot(sketch, text, "B 1-4 1/4")
    for voice in spot.voices:
        with pointing(spot.rest[0].start, len(text.rstrip()) - spot.rest[0].start):
            sketch = sketch.rhythm(voice, spot.place, spot.asked)
    return sketch


def cadence(sketch: Sketch, text: str, picardy: bool = False) -> Sketch:
    """`4:3=half`, `8:3=perfect in D minor`."""
    asked = read_cadence(text, sketch.given)
    return sketch.cadence(asked.place, asked.kind, asked.key, picardy)


class AskedCadence(NamedTuple):
    """`key` is None where it is the key of the place."""

    place: str
    kind: Ending
    key: Key | None


def read_cadence(text: str, chorale: Chorale) -> AskedCadence:
    match = _CADENCE.fullmatch(text)
    if match is None:
        raise NotationError(f"{text!r} names no cadence; write a place and a kind, like 4:3=half").at(0, len(text))
    place, kind, key = match.groups()
    with pointing(match.start(1), len(place)):
        step_at(place, chorale)
    if kind not in ENDINGS:
        raise ConfigError(f"{kind!r} is no kind of cadence; {nearest(kind, ENDINGS)}").at(*match.span(2))
    with pointing(match.start(3), len(key)):
        named = key_of(re.sub(r"^in\s+", "", key)) if key else None
    return AskedCadence(place, cast(Ending, kind), named)


def chords(sketch: Sketch, text: str, strict: bool = True) -> Sketch:
    """`1:1 C, 1:3 G7/B`, `I V65 | vi`, `5 6 4-3`, or the file of a lead sheet: `song.musicxml`."""
    if not names_sheet(text):
        return sketch.chords(text, strict)
    return sketch.with_chords(chords_of_sheet(read_chords(text.strip()), sketch.given), strict)


def names_sheet(text: str) -> bool:
    """Whether chords are asked for by the file of a lead sheet."""
    return Path(text.strip()).suffix.lower() in SHEETS


def local_key(sketch: Sketch, text: str) -> Sketch:
    """`5-8 D minor`, `1-4 E phrygian`."""
    place, *rest = words(text) or [Word("", 0)]
    if not rest:
        raise NotationError(f"{text!r} names no place and key; write like 5-8 D minor").at(0, len(text))
    with pointing(place.start, len(place.text)):
        start, end = span_at(place.text, sketch.given)
    with pointing(rest[0].start, len(text) - rest[0].start):
        scale = scale_of(text[rest[0].start :], start, end)
    return sketch.with_constraints(scale)


def phrase_lengths(text: str) -> tuple[int, ...]:
    """`4+4+8` -> (4, 4, 8), in bars."""
    lengths, start = [], 0
    for item in text.split("+"):
        with pointing(start, len(item)):
            if re.fullmatch(r"\s*[1-9][0-9]{0,3}\s*", item) is None:
                raise NotationError(f"{item!r} is no length of a phrase in bars; write like 4+4+4+4")
        lengths.append(int(item))
        start += len(item) + 1
    return tuple(lengths)


def words(text: str) -> list[Word]:
    return [Word(match[0], match.start()) for match in re.finditer(r"\S+", text)]


def _spot(sketch: Sketch, text: str, example: str) -> Spot:
    ensemble = sketch.given.ensemble
    named = [name for name in ensemble.names if not ensemble.is_choir and text.casefold().startswith(f"{name.casefold()} ")]
    first = len(named[0].split()) if named else 1
    voices, *rest = words(text) or [Word("", 0)]
    voices, rest = Word(named[0] if named else voices.text, voices.start), rest[first - 1 :]
    with pointing(voices.start, len(voices.text)):
        letters = ensemble.letters_in(voices.text)
    place = rest.pop(0) if rest and _PLACE.fullmatch(rest[0].text) else Word("", 0)
    if place.text:
        with pointing(place.start, len(place.text)):
            span_at(place.text, sketch.given)
    if not rest:
        raise NotationError(f"nothing is asked there; write like {example}").at(len(text), len(text) + 1)
    return Spot(letters, place.text, rest)


def _one_voice(spot: Spot) -> str:
    if len(spot.voices) > 1:
        raise NotationError(f"{spot.voices} are several voices, but a note is pinned in one; write it once for each").at(
            0, len(spot.voices)
        )
    return spot.voices


def _check_notes(names: Sequence[Word], bounds: str = "") -> None:
    for word in names:
        with pointing(word.start, len(word.text)):
            parse_pitch(word.text[1:] if word.text[0] in tuple(bounds) else word.text)
