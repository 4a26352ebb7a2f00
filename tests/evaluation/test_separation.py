"""What counts as a note in its voice, and that the measure moves the right way."""

import numpy as np
import pytest

from musicgen.evaluation.separation import measure_separation, only
from musicgen.music.chorale import REST, Chorale
from musicgen.separation.assignment import Costs
from musicgen.separation.rule import RuleSeparator

PLAIN = """
    S  E5 -  D5 -  C5 -
    A  G4 -  G4 -  E4 -
    T  C4 -  B3 -  G3 -
    B  C3 -  G3 -  C3 -
"""
CROSSED = PLAIN.replace("G4 -  G4 -  E4 -", "G4 -  A3 -  E4 -")
UNISON = PLAIN.replace("G4 -  G4 -  E4 -", "G4 -  B3 -  E4 -")


class Stubborn:
    """Gives every note to the voices that a table names, note by note."""

    name = "stubborn"
    costs = Costs(0.0, 0.0, 0.0)

    def __init__(self, voices):
        self.voices = voices

    def wanted(self, notes):
        return 1.0 - np.eye(4)[list(self.voices)]


def measured(text: str, separator=None, **options):
    return measure_separation(separator or RuleSeparator(), [Chorale.parse(text)] * 2, **options)


def test_a_plain_phrase_comes_back_whole():
    report = measured(PLAIN)
    assert (report.accuracy, report.links, report.notes, report.unisons, report.perfect, report.pieces) == (1.0, 1.0, 24, 0, 2, 2)
    assert report.where == {"elsewhere": (1.0, 24)}
    assert "100.00% of the notes in their voice" in report.lines()[0]


def test_a_crossing_is_where_the_rule_errs_and_both_voices_count():
    report = measured(CROSSED)
    assert report.where["in a crossing"] == (0.0, 4)
    assert report.where["elsewhere"][0] == 1.0
    assert report.accuracy == pytest.approx(20 / 24)
    assert report.by_voice == pytest.approx({"soprano": 1.0, "alto": 2 / 3, "tenor": 2 / 3, "bass": 1.0})
    assert report.links < 1.0


def test_a_unison_is_one_note_and_right_with_either_voice():
    for voice in (1, 2):
        report = measured(UNISON, Stubborn([0, 1, 2, 3, 0, voice, 3, 0, 1, 2, 3]))
        assert (report.notes, report.unisons, report.accuracy) == (22, 2, 1.0)
    assert measured(UNISON, Stubborn([0, 1, 2, 3, 1, 0, 3, 0, 1, 2, 3])).accuracy == pytest.approx(9 / 11)
    assert report.where["while a unison sounds"] == (1.0, 6)


def test_links_forgive_the_name_of_a_line_but_not_its_break():
    two = measured(PLAIN, Stubborn([1, 3] * 3), voices="SB")
    assert (two.accuracy, two.links) == (0.5, 1.0)
    broken = measured(PLAIN, Stubborn([0, 3, 1, 3, 0, 3]), voices="SB")
    assert broken.links == 0.5


def test_voices_left_out_are_silent():
    chorale = only(Chorale.parse(PLAIN), "SB")
    assert (chorale.pitch[[1, 2]] == REST).all()
    assert (chorale.pitch[[0, 3]] != REST).all()


def test_the_rule_finds_most_of_bach_and_more_than_a_single_voice_could(bach_pieces):
    pieces = [piece.chorale for piece in bach_pieces if piece.split == "valid"][::30]
    report = measure_separation(RuleSeparator(), pieces)
    assert report.accuracy > 0.93
    assert report.interval[0] <= report.accuracy <= report.interval[1]
    assert report.where["elsewhere"][0] > report.where["while a unison sounds"][0]
    moved = measure_separation(RuleSeparator(), pieces[:1], semitones=-12)
    assert moved.accuracy == pytest.approx(measure_separation(RuleSeparator(), pieces[:1]).accuracy, abs=0.02)
