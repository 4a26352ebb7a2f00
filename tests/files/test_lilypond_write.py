"""LilyPond's text, read by a few lines that know its absolute pitches, lengths and ties, holds every note of the score.

`tests/clients/round_trips.py` asks LilyPond itself.
"""

import re
from dataclasses import replace
from fractions import Fraction

import pytest
from heard import sounds
from oddities import ODDITIES

from musicgen.files.lilypond_write import lilypond_bytes
from musicgen.music.convert import to_score

STEPS = {"c": 0, "d": 2, "e": 4, "f": 5, "g": 7, "a": 9, "b": 11}
TOKEN = re.compile(r"(?<![\\\w])([a-g])((?:is|es)*)([',]*)(\d+)(\.*)[^\s~|]*\s*(~?)|(?<![\\\w])([rsR])(\d+)(\.*)(?:\*(\d+)(?:/(\d+))?)?")


def read(text: str) -> list[list[tuple[Fraction, Fraction, int]]]:
    """(start, length, pitch) of each variable that has notes, in quarters; single voices without tuplets."""
    parts = []
    for body in re.findall(r"^music\w+ = \{\n(.*?)^\}", text, re.DOTALL | re.MULTILINE):
        body = re.sub(r"%.*", "", re.sub(r"\\key \S+ \\\w+|\\time \S+|\\partial \S+", "", body))
        now, notes, tied = Fraction(0), [], False
        for letter, bends, octave, number, dots, tie, rest, rest_number, rest_dots, times, parts_of in TOKEN.findall(body):
            length = Fraction(4, int(number or rest_number)) * (2 - Fraction(1, 2 ** len(dots or rest_dots)))
            if rest:
                length *= Fraction(int(times or 1), int(parts_of or 1))
            else:
                pitch = 48 + STEPS[letter] + bends.count("is") - bends.count("es") + 12 * (octave.count("'") - octave.count(","))
                if tied:
                    start, before, _ = notes.pop()
                    notes.append((start, before + length, pitch))
                else:
                    notes.append((now, length, pitch))
            tied, now = bool(tie), now + length
        parts.append(notes)
    return parts


@pytest.mark.parametrize("number", [0, 100, 250])
def test_chorales_are_all_there(bach_pieces, number):
    score = to_score(bach_pieces[number].chorale)
    assert read(lilypond_bytes(score).decode()) == sounds(score)


@pytest.mark.parametrize(
    "name", ["three four", "six eight", "pick-up", "five flats", "double sharps and flats", "ties over three bars", "full-bar rests"]
)
def test_oddities_are_all_there(name):
    assert read(lilypond_bytes(ODDITIES[name]).decode()) == sounds(ODDITIES[name])


def test_every_clef_has_its_name():
    marks = [each for sign, lines in (("G", (1, 2)), ("C", (1, 2, 3, 4, 5)), ("F", (3, 4, 5))) for each in ((sign, at, 0) for at in lines)]
    parts = tuple(replace(ODDITIES["three four"].parts[0], clef=clef) for clef in [*marks, ("G", 2, -1), ("F", 4, 1)])
    text = lilypond_bytes(replace(ODDITIES["three four"], parts=parts)).decode()
    names = re.findall(r"\\clef \"?([a-z_^\d]+)", text)
    old = ["soprano", "mezzosoprano", "alto", "tenor", "baritone"]
    assert names == ["french", "treble", *old, "varbaritone", "bass", "subbass", "treble_8", "bass^8"]
