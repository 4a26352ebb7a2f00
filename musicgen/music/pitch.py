"""Pitches, their names and their spelling; keys.

A pitch is a MIDI number, C4 = 60. A spelling says which of its names is meant: Bb4 or A#4. Keys count sharps (fifths > 0)
or flats (fifths < 0). The line of fifths (… Bb = -2, F = -1, C = 0, G = 1 …) orders both.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from musicgen.errors import NotationError

LETTERS = "CDEFGAB"
NATURAL = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
FIFTHS_OF_LETTER = {"F": -1, "C": 0, "G": 1, "D": 2, "A": 3, "E": 4, "B": 5}
_LETTER_OF_FIFTHS = "FCGDAEB"
_NAME = re.compile(r"^([A-Ga-g])(##|#|x|bb|b|--?|)(-?\d+)$")
_ALTERATION = {"": 0, "#": 1, "##": 2, "x": 2, "b": -1, "bb": -2, "-": -1, "--": -2}

Mode = Literal["major", "minor"]
_SCALES: dict[Mode, tuple[int, ...]] = {"major": (0, 2, 4, 5, 7, 9, 11), "minor": (0, 2, 3, 5, 7, 8, 9, 10, 11)}


@dataclass(frozen=True, slots=True, order=True)
class Spelling:
    """A written note name: `Spelling("B", -1, 4)` is Bb4. The octave belongs to the letter: B#3 sounds as C4."""

    letter: str
    alteration: int
    octave: int

    def __post_init__(self) -> None:
        if self.letter not in NATURAL or not -3 <= self.alteration <= 3:
            raise NotationError(f"{self.letter!r} altered by {self.alteration} is no note name; letters A to G, at most 3 signs")

    @property
    def pitch(self) -> int:
        return 12 * (self.octave + 1) + NATURAL[self.letter] + self.alteration

    @property
    def fifths(self) -> int:
        """Place on the line of fifths: C 0, G 1, F -1, F# 6, Bb -2."""
        return FIFTHS_OF_LETTER[self.letter] + 7 * self.alteration

    @classmethod
    def parse(cls, name: str) -> Spelling:
        """Reads `C4`, `Bb3`, `F#5`, `Fx4`, and music21's flats: `B-3` is Bb3, never octave -3."""
        match = _NAME.match(name.strip())
        if match is None:
            raise NotationError(f"{name!r} is no note name; write a letter A to G, # or b, and an octave, like F#4 or Bb3")
        letter, sign, octave = match.groups()
        return cls(letter.upper(), _ALTERATION[sign], int(octave))

    @classmethod
    def at_fifths(cls, fifths: int, pitch: int) -> Spelling:
        """The spelling of `pitch` that stands at `fifths` on the line of fifths."""
        alteration, index = divmod(fifths + 1, 7)
        letter = _LETTER_OF_FIFTHS[index]
        octave, rest = divmod(pitch - alteration - NATURAL[letter], 12)
        if rest:
            raise NotationError(f"pitch {pitch} cannot be written as {letter} altered by {alteration}")
        return cls(letter, alteration, octave - 1)

    def __str__(self) -> str:
        sign = "#" * self.alteration if self.alteration > 0 else "b" * -self.alteration
        return f"{self.letter}{sign}{self.octave}"


def parse_pitch(name: str) -> int:
    """`parse_pitch("C4") == 60`."""
    pitch = Spelling.parse(name).pitch
    if not 0 <= pitch <= 127:
        raise NotationError(f"{name} is no note of MIDI; they reach from C-1 to G9")
    return pitch


@dataclass(frozen=True, slots=True)
class Key:
    """A key signature and a mode: `Key(-1, "minor")` is D minor."""

    fifths: int = 0
    mode: Mode = "major"

    def __post_init__(self) -> None:
        if not -7 <= self.fifths <= 7 or self.mode not in ("major", "minor"):
            raise NotationError(f"key of {self.fifths} fifths, {self.mode}: fifths go from -7 to 7, mode is major or minor")

    @property
    def tonic_fifths(self) -> int:
        return self.fifths + (3 if self.mode == "minor" else 0)

    @property
    def tonic(self) -> int:
        """Pitch class of the tonic, 0 to 11."""
        return 7 * self.tonic_fifths % 12

    @property
    def tonic_name(self) -> str:
        return str(Spelling.at_fifths(self.tonic_fifths, 60 + self.tonic))[:-1]

    @property
    def scale(self) -> frozenset[int]:
        """The pitch classes of the scale; in minor with both sixths and both sevenths."""
        return frozenset((self.tonic + degree) % 12 for degree in _SCALES[self.mode])

    def alteration(self, letter: str) -> int:
        """What the signature does to a letter: 1 for a sharp, -1 for a flat."""
        return (self.fifths - FIFTHS_OF_LETTER[letter] + 5) // 7

    @classmethod
    def of_tonic(cls, tonic: int, mode: Mode) -> Key:
        """The key with the fewest signs on pitch class `tonic`; 6 sharps rather than 6 flats in minor, flats in major."""
        fifths = (7 * tonic - (3 if mode == "minor" else 0)) % 12
        return cls(fifths - 12 if fifths > (6 if mode == "minor" else 5) else fifths, mode)

    @classmethod
    def parse(cls, text: str) -> Key:
        """Reads `G major`, `f# minor`, `Bb`, `d` (a small letter alone is minor), `Dm`."""
        match = re.match(r"^\s*([A-Ga-g])(#|b|-)?\s*(major|minor|maj|min|m)?\s*$", text)
        if match is None:
            raise NotationError(f"{text!r} is no key; write like 'G major', 'F# minor', 'Bb' or 'd'")
        letter, sign, mode_word = match.groups()
        minor = mode_word in ("minor", "min", "m") or (mode_word is None and letter.islower())
        fifths = FIFTHS_OF_LETTER[letter.upper()] + 7 * _ALTERATION[sign or ""] - (3 if minor else 0)
        if not -7 <= fifths <= 7:
            raise NotationError(f"{text!r} would need {abs(fifths)} signs, at most 7 can be written; use the enharmonic key")
        return cls(fifths, "minor" if minor else "major")

    def transposed(self, semitones: int) -> Key:
        return Key.of_tonic((self.tonic + semitones) % 12, self.mode) if semitones % 12 else self

    def __str__(self) -> str:
        return f"{self.tonic_name} {self.mode}"


def lowest_fifths(key: Key) -> int:
    """Where the key's window begins on the line of fifths; minor keys reach to the raised third of their dominant's dominant."""
    return key.fifths - (2 if key.mode == "minor" else 3)


def spell(pitch: int, key: Key) -> Spelling:
    """The usual name of `pitch` in `key`: chromatic notes as Bach writes them, raised leading notes before lowered ones.

    A window of twelve fifths around the key: in C major from Eb to G#, in A minor from Bb to D#.
    """
    lowest = lowest_fifths(key)
    fifths = lowest + (7 * pitch - lowest) % 12
    return Spelling.at_fifths(fifths, pitch)


def pitch_name(pitch: int, key: Key | None = None) -> str:
    """`pitch_name(61) == "C#4"`, `pitch_name(61, Key(-5)) == "Db4"`."""
    return str(spell(pitch, key or Key()))
