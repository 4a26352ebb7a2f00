"""What a part's name says of how it is heard and written: General MIDI's program, from 0, and the clef. Knows names and pitches alone."""

from __future__ import annotations

import re
from typing import NamedTuple

from musicgen.music.score import Clef

TREBLE, TREBLE_ABOVE, TREBLE_BELOW = ("G", 2, 0), ("G", 2, 1), ("G", 2, -1)
ALTO_CLEF = ("C", 3, 0)
BASS, BASS_ABOVE, BASS_BELOW = ("F", 4, 0), ("F", 4, 1), ("F", 4, -1)
PIANO, CHOIR = 0, 52
MIDDLE = 60  # a part whose range has its middle from here on is written in the treble clef


class Instrument(NamedTuple):
    """`clef`: None where it follows from the range."""

    program: int
    clef: Clef | None = None


# The first that a name matches; words of English, German, French and Italian scores.
_KNOWN: tuple[tuple[str, Instrument], ...] = (
    (r"piccolo|ottavino", Instrument(72, TREBLE)),
    (r"english horn|cor anglais|corno inglese", Instrument(69, TREBLE)),
    (r"violoncell\w*|cell[oi]s?|vcl?|vlc", Instrument(42, BASS)),
    (r"(double|contra|string|upright)[ -]?bass\w*|contrabb?asso|kontrabass|violone", Instrument(43, BASS_BELOW)),
    (r"violin\w*|violons?|geigen?|vl?n", Instrument(40, TREBLE)),
    (r"viola da gamba|gamba|viols?", Instrument(42)),
    (r"violas?|viole|bratschen?|vla", Instrument(41, ALTO_CLEF)),
    (r"(bass) ?clarinet\w*", Instrument(71)),
    (r"recorders?|blockfl\w*|flauto dolce", Instrument(74)),
    (r"flutes?|flauto|flaut[io]|fl[öo]te\w*|fl[uû]tes?", Instrument(73, TREBLE)),
    (r"oboes?|oboi|hautbois", Instrument(68, TREBLE)),
    (r"clarinet\w*|klarinette\w*|clarinett\w*", Instrument(71, TREBLE)),
    (r"bassoons?|fagott\w*", Instrument(70, BASS)),
    (r"soprano sax\w*", Instrument(64, TREBLE)),
    (r"tenor sax\w*", Instrument(66)),
    (r"bari\w* sax\w*", Instrument(67)),
    (r"sax\w*|alto sax\w*", Instrument(65)),
    (r"trumpets?|trombe?|trompete\w*|cornets?", Instrument(56, TREBLE)),
    (r"trombon\w*|posaune\w*", Instrument(57, BASS)),
    (r"tuba|euphonium", Instrument(58, BASS)),
    (r"horns?|corn[oi]|h[öo]rner", Instrument(60)),
    (r"harpsichord|cembalo|clavecin", Instrument(6)),
    (r"organ\w*|orgel", Instrument(19)),
    (r"harp\w*", Instrument(46)),
    (r"guitars?|chitarra|gitarre\w*", Instrument(24, TREBLE_BELOW)),
    (r"marimba", Instrument(12)),
    (r"vibraphone?", Instrument(11)),
    (r"piano\w*|keyboard|clavier|klavier", Instrument(PIANO)),
    (r"(counter|contra)tenor\w*", Instrument(CHOIR)),
    (r"tenor\w*|lead", Instrument(CHOIR, TREBLE_BELOW)),
    (r"bari|bari?tone?\w*|bariton\w*|bass(us|e|o)?", Instrument(CHOIR, BASS)),
    (r"sopran\w*|treble|superius|cantus|discantus|canto|mezzo", Instrument(CHOIR, TREBLE)),
    (r"alt[ou]s?|quintus|sextus|voices?|vox|voce|stimme\w*|chant|singer\w*", Instrument(CHOIR)),
)


def find_instrument(name: str) -> Instrument | None:
    found = (known for pattern, known in _KNOWN if re.search(rf"(?<!\w)(?:{pattern})(?!\w)", name, re.IGNORECASE))
    return next(found, None)


def instrument_of(name: str) -> Instrument:
    """Of what is not known, a piano's."""
    return find_instrument(name) or Instrument(PIANO)


def program_of(name: str) -> int:
    return instrument_of(name).program


def clef_of(name: str, lowest: int, highest: int) -> Clef:
    """The instrument's own; else the one on whose staff the middle of the range lies, a low voice's treble clef an octave below."""
    instrument, middle = instrument_of(name), (lowest + highest) / 2
    if instrument.clef is not None:
        return instrument.clef
    if middle >= MIDDLE:
        return TREBLE
    return TREBLE_BELOW if instrument.program == CHOIR and middle >= MIDDLE - 5 else BASS
