"""Where the chords of a text lie, and what is said of a text that cannot be read."""

from fractions import Fraction

import numpy as np
import pytest

from musicgen.errors import NotationError, caret
from musicgen.music.chorale import REST, Chorale
from musicgen.music.chord_chart import chords_of_sheet, parse_chords
from musicgen.music.pitch import Key
from musicgen.music.score import Meter, MeterAt


def blank(steps, meter="4/4", pickup=0, key=None):
    """A chorale of rests."""
    onset = np.zeros((4, steps), dtype=bool)
    onset[:, 0] = True
    return Chorale(np.full((4, steps), REST), onset, np.zeros(steps), (MeterAt(0, Meter.parse(meter)),), key or Key(), pickup)


def over_bass(line, key="C major"):
    notes = line.split()
    return Chorale.parse(f"4/4, {key}\nS {' '.join(['C5'] * len(notes))}\nB {line}")


def spans(text, given, **options):
    return [(chord.label, chord.start, chord.end) for chord in parse_chords(text, given, **options)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1:1 C, 1:3 G7/B, 2:1 Am", [("C", 0, 8), ("G7/B", 8, 16), ("Am", 16, 32)]),
        ("1:2 C", [("C", 4, 32)]),
        ("1:1-1:3 C, 2:1 G", [("C", 0, 8), ("G", 16, 32)]),
        ("1:1 C, 1:2.5 G", [("C", 0, 6), ("G", 6, 32)]),
        ("1:1 I V65 vi, 2:1 I", [("I", 0, 4), ("V65", 4, 8), ("vi", 8, 16), ("I", 16, 32)]),
        ("1:1 I . V", [("I", 0, 8), ("V", 8, 32)]),
        ("1:1-3:1 I V", [("I", 0, 16), ("V", 16, 32)]),
        ("1:1 C, 1:3 N.C., 2:1 G", [("C", 0, 8), ("G", 16, 32)]),
        ("1:1 V4-3, 1:2 I", [("V4-3", 0, 2), ("V4-3", 2, 4), ("I", 4, 32)]),
        ("I V65", [("I", 0, 16), ("V65", 16, 32)]),
        ("I", [("I", 0, 16)]),
        ("I V65 | vi . ii6 V7", [("I", 0, 8), ("V65", 8, 16), ("vi", 16, 24), ("ii6", 24, 28), ("V7", 28, 32)]),
        ("| C | G |", [("C", 0, 16), ("G", 16, 32)]),
        ("1:1 C,\n 2:1 G", [("C", 0, 16), ("G", 16, 32)]),
    ],
)
def test_where_chords_lie(text, expected):
    assert spans(text, blank(32)) == expected


def test_bars_are_counted_after_the_pickup():
    assert spans("I | V", blank(36, pickup=4)) == [("I", 4, 20), ("V", 20, 36)]
    assert spans("0:4 V, 1:1 I", blank(36, pickup=4)) == [("V", 0, 4), ("I", 4, 36)]


def test_beats_are_the_meters():
    assert spans("1:1 I V", blank(24, meter="6/8")) == [("I", 0, 6), ("V", 6, 24)]
    assert spans("I V I", blank(36, meter="3/4")) == [("I", 0, 12), ("V", 12, 24), ("I", 24, 36)]


def test_numerals_are_read_in_the_key_of_their_place():
    first, second = parse_chords("V | V", blank(32), key_at=lambda step: Key() if step < 16 else Key(1))
    assert (first.root, second.root) == (7, 2)


def test_one_figure_for_each_bass_note():
    given = over_bass("A2 - - - E3 - - - E3 - - - A2 - - -", key="A minor")
    chords = parse_chords("5 64-5/# 7/# 5", given)
    assert [(chord.start, chord.end, chord.bass) for chord in chords] == [(0, 4, 9), (4, 6, 4), (6, 8, 4), (8, 12, 4), (12, 16, 9)]
    assert chords[3].classes == {4, 8, 11, 2}


def test_a_figure_at_a_place_lasts_as_long_as_the_bass_note():
    given = over_bass("G2 - - - G2 - - - C3 - - - C3 - - -")
    assert spans("1:1 7", given) == [("7", 0, 8)]
    assert spans("1:1 7, 1:2 4-3", given) == [("7", 0, 4), ("4-3", 4, 6), ("4-3", 6, 8)]


@pytest.mark.parametrize(
    ("text", "marked", "match"),
    [
        ("1:1 H7", "H7", "bar 1 beat 1: H7 is no chord"),
        ("1:1 C, 2:3 Cfoo", "Cfoo", "bar 2 beat 3: Cfoo is no chord symbol"),
        ("1:1 C, 3:1 G", "3", "there is no bar 3"),
        ("1:1 C, 1:5 G", "5", "no beat 5"),
        ("1:3 C, 1:1 G", "G", "G begins before C ends"),
        ("1:1-2:1 C, 1:3 G", "G", "G begins before C ends"),
        ("1:1 C, 1:1 G", "G", "G begins before C ends"),
        ("1:1 C 1:3 G", "1:3", "parted by commas"),
        ("C, G", ",", "no place is named"),
        ("1:1 C, G", "G", "a place and its chords"),
        ("1:1", "1:1", "no chord is named at 1:1"),
        ("1:1 6", "6", "no bass note is given"),
        ("1:1-1:2 I V I", "I", "3 chords do not share 4 sixteenths"),
        ("I V I", "I", "3 bars of chords, but the piece has 2"),
        ("I | . V", ".", "none is named before it"),
        ("2:3 I V I V", "V", "reach beyond the end"),
        ("1:1 C, 1:1.25 V4-3, 1:1.5 C", "V4-3", "lasts a sixteenth"),
        ("1:1 B-7", "B-7", "Bb7 to some and Bm7 to others"),
    ],
)
def test_a_refusal_points_at_the_word(text, marked, match):
    with pytest.raises(NotationError, match=match) as caught:
        parse_chords(text, blank(32))
    start, end = caught.value.fault
    assert text[start:end].startswith(marked)
    assert caret(text, (start, end)).splitlines()[1].index("^") == start


@pytest.mark.parametrize("text", ["", "  ", ",", "|", "| |", "."])
def test_no_chords_are_refused(text):
    with pytest.raises(NotationError, match="no chords are named"):
        parse_chords(text, blank(32))


def test_the_number_of_figures_is_that_of_the_bass_notes():
    with pytest.raises(NotationError, match="3 figures for 4 given bass notes"):
        parse_chords("5 6 5", over_bass("G2 - - - G2 - - - C3 - - - C3 - - -"))


def test_chords_of_a_sheet():
    sheet = [(Fraction(0), "C"), (Fraction(2), "G"), (Fraction(2), "G7/B"), (Fraction(4), "N.C."), (Fraction(6), "Am"), (Fraction(9), "F")]
    chords = chords_of_sheet(sheet, blank(32))
    assert [(chord.label, chord.start, chord.end) for chord in chords] == [("C", 0, 8), ("G7/B", 8, 16), ("Am", 24, 32)]


def test_a_sheet_off_the_grid_is_refused():
    with pytest.raises(NotationError, match="between two sixteenths"):
        chords_of_sheet([(Fraction(1, 3), "C")], blank(32))
