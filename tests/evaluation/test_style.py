import numpy as np
import pytest
from pieces import CADENCES, VIOLATING, drawn

from musicgen.errors import NotationError
from musicgen.evaluation.style import MEASURES, compare_to_bach, format_table, measure
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


@pytest.mark.parametrize("chorales", [[], [drawn("S C5\nA G4")]])
def test_what_cannot_be_measured_is_refused(chorales):
    with pytest.raises(NotationError, match=r"pieces|voices"):
        measure(chorales)
