import numpy as np
import pytest
from pieces import CADENCES, VIOLATING, drawn

from musicgen.errors import NotationError
from musicgen.evaluation.style import FAMILIES, MEASURES, compare_to_bach, format_table, measure
from musicgen.music.chorale import RANGES

FIFTHS = "parallel fifths per 100 transitions"


def dice(chorale, rng):
    """The rhythm of a chorale with any notes in range."""
    pitch = np.array(chorale.pitch)
    for voice, (lowest, highest) in enumerate(RANGES):
        for note in chorale.notes(voice):
            pitch[voice, note.start : note.end] = rng.integers(lowest, highest + 1)
    return chorale.replaced(pitch=pitch)


def test_bach_is_inside_his_own_intervals(bach_pieces):
    rows = compare_to_bach([piece.chorale for piece in bach_pieces])
    assert [row.name for row in rows if not row.is_inside] == []
    for row in rows:
        assert row.rate.value == pytest.approx(row.bach.value, rel=0.003)
        assert row.rate.low == pytest.approx(row.bach.low, rel=0.1, abs=0.01)
        assert row.rate.high == pytest.approx(row.bach.high, rel=0.1, abs=0.01)


def test_dice_are_outside_and_bach_is_nearer(bach_pieces):
    bach = [piece.chorale for piece in bach_pieces if piece.split == "test"][:20]
    rng = np.random.default_rng(1)
    rates, thrown = measure(bach), measure([dice(chorale, rng) for chorale in bach])
    for name in ("voice crossings, % of slices", "overlaps, % of transitions", "non-chord tones, % of onsets"):
        (published,) = [row.bach for row in MEASURES if row.name == name]
        assert not published.contains(thrown[name].value)
        assert abs(rates[name].value - published.value) < abs(thrown[name].value - published.value) / 5


def test_rates_are_pooled_over_pieces():
    fifths, none = drawn(VIOLATING["parallel fifths"][0]), drawn(CADENCES["half"])
    assert measure([fifths])[FIFTHS].value == 100
    assert measure([fifths, none])[FIFTHS].value == 50
    assert measure([fifths, none])["pieces without parallels, %"].value == 50
    assert measure([none])["half cadences, % of fermatas"].value == 100


def test_the_same_seed_gives_the_same_interval(bach_pieces):
    chorales = [piece.chorale for piece in bach_pieces[:10]]
    assert measure(chorales, seed=3) == measure(chorales, seed=3)
    assert measure(chorales, seed=3) != measure(chorales, seed=4)


def test_one_piece_has_no_interval(bach_pieces):
    (row, *_) = compare_to_bach([bach_pieces[0].chorale])
    assert row.rate.value >= 0
    assert np.isnan(row.rate.low)
    assert np.isnan(row.rate.high)


def test_a_rate_without_a_chance_is_nan_and_prints_as_a_dash():
    rows = compare_to_bach([drawn("S C5\nA G4\nT E4\nB C3")])
    (row,) = [row for row in rows if row.name == FIFTHS]
    assert np.isnan(row.rate.value)
    (line,) = [line for line in format_table(rows).splitlines() if line.startswith(FIFTHS)]
    assert "-" in line.removeprefix(FIFTHS)
    assert "*" not in line


def test_a_value_outside_bachs_interval_is_marked():
    table = format_table(compare_to_bach([drawn(VIOLATING["parallel fifths"][0])]))
    (line,) = [line for line in table.splitlines() if line.startswith(FIFTHS)]
    assert "100.0" in line
    assert "*" in line


@pytest.mark.parametrize(("chorales", "message"), [([], "no pieces"), ([drawn("S C5\nA G4")], "this piece is for 1 voice 1, 2 voice 2")])
def test_what_cannot_be_measured_is_refused(chorales, message):
    with pytest.raises(NotationError, match=message):
        measure(chorales)


def rates(text):
    return {row.name: row.rate.value for row in compare_to_bach([drawn(text)])}


def test_chords_are_counted_by_beat_and_in_their_key():
    found = rates(
        """
        4/4, C major
        S  G4 - - - A4 - - - G4 - - - G4 - - - | F4 - - - E4 - - - D4 - - - C4 - - -^
        A  E4 - - - F4 - - - D4 - - - E4 - - - | D4 - - - C4 - - - B3 - - - C4 - - -
        T  C4 - - - C4 - - - B3 - - - C4 - - - | B3 - - - G3 - - - F3 - - - E3 - - -
        B  C3 - - - F3 - - - G3 - - - E3 - - - | G2 - - - C3 - - - G2 - - - C3 - - -
        """
    )
    assert found["major triads, % of beats"] == 100 * 6 / 8
    assert found["seventh chords, % of beats"] == 100 * 2 / 8
    assert found["first inversions, % of beats"] == 100 / 8
    assert found["changes of chord per quarter"] == 7 / 8
    assert found["from dominant to tonic, % of changes"] == pytest.approx(100 * 3 / 7)
    assert found["chords foreign to their key, % of chords"] == 0
    assert (found["length of a phrase, quarters"], found["length of the note under a fermata, quarters"]) == (8, 1)


def test_a_dominant_of_another_chord_is_foreign():
    text = """
        4/4, C major
        S  G4 - - - {} - - - G4 - - - G4 - - -
        A  E4 - - - D4 - - - D4 - - - E4 - - -
        T  C4 - - - A3 - - - B3 - - - C4 - - -
        B  C3 - - - D3 - - - G3 - - - C3 - - -
        """
    foreign = "chords foreign to their key, % of chords"
    assert rates(text.format("F4"))[foreign] == 0
    assert rates(text.format("F#4"))[foreign] == 25


def test_phrases_by_their_fermatas():
    four = "S C5 - - - D5 - - - E5 - - - C5 - - -^ D5 - - - E5 - - - D5 - - - C5 - - -^ C5 - - - C5 - - -^"
    rest = " ".join(["C4", *"-" * 39])
    found = rates(f"{four}\nA {rest}\nT {rest}\nB {rest}")
    assert found["length of a phrase, quarters"] == pytest.approx(10 / 3)
    assert found["phrases of their piece's usual length, %"] == pytest.approx(200 / 3)
    assert found["phrases of eight quarters, %"] == 0
    without = rates(f"{four.replace('^', '')}\nA {rest}\nT {rest}\nB {rest}")
    assert np.isnan(without["length of a phrase, quarters"])


def test_the_table_has_every_measure_under_its_family():
    lines = format_table(compare_to_bach([drawn(CADENCES["half"])])).splitlines()
    headings = [line.split("  ")[0] for line in lines if "value" in line]
    assert headings == list(FAMILIES)
    assert len(lines) == len(MEASURES) + len(FAMILIES)
