import numpy as np
import pytest
from pieces import drawn

from musicgen.errors import NotationError
from musicgen.evaluation.distances import (
    DISTRIBUTIONS,
    BachDistances,
    jackknife_error,
    jensen_shannon,
    measure_distances,
    within_modes,
)
from musicgen.music.chorale import RANGES, STEPS_PER_QUARTER


def spoiled(chorale, rng, share):
    """That share of all quarters of all voices replaced by a note at random."""
    pitch, onset = np.array(chorale.pitch), np.array(chorale.onset)
    for start in range(0, chorale.steps, STEPS_PER_QUARTER):
        quarter = slice(start, start + STEPS_PER_QUARTER)
        after = start + STEPS_PER_QUARTER
        for voice, (lowest, highest) in enumerate(RANGES):
            if rng.random() < share:
                pitch[voice, quarter] = rng.integers(lowest, highest + 1)
                onset[voice, quarter] = [True] + [False] * (len(onset[voice, quarter]) - 1)
                onset[voice, after : after + 1] = True
    return chorale.replaced(pitch=pitch, onset=onset)


@pytest.fixture(scope="module")
def reference(bach_pieces):
    return BachDistances.of([piece.chorale for piece in bach_pieces if piece.split == "train"][::2])


def test_unheard_bach_is_nearest_and_dice_are_farthest_by_every_distance(reference, bach_pieces):
    valid, test = ([piece.chorale for piece in bach_pieces if piece.split == split][:60] for split in ("valid", "test"))
    rng = np.random.default_rng(1)
    bach = reference.measure(test)
    between = reference.measure([spoiled(chorale, rng, 0.5) for chorale in valid])
    dice = reference.measure([spoiled(chorale, rng, 1) for chorale in valid])
    assert list(bach) == list(DISTRIBUTIONS)
    for name in DISTRIBUTIONS:
        assert bach[name].value < between[name].value, name
        assert between[name].high < dice[name].low, name


def test_the_same_pieces_are_no_distance_apart(bach_pieces):
    chorales = [piece.chorale for piece in bach_pieces[:20]]
    assert measure_distances(chorales, chorales) == pytest.approx(dict.fromkeys(DISTRIBUTIONS, 0), abs=1e-7)


def test_distances_of_two_histograms():
    left, right = np.array([2.0, 0, 0]), np.array([0, 0, 5.0])
    assert jensen_shannon(left, right) == 1
    assert jensen_shannon(left, 3 * left) == 0
    assert jensen_shannon(np.array([1.0, 1]), np.array([1.0, 0])) == pytest.approx(0.5579, abs=1e-4)


def test_more_pieces_in_minor_are_no_other_style():
    major, minor = np.array([3.0, 1, 0]), np.array([0, 2.0, 2])
    nothing = np.zeros(3)
    reference = np.concatenate([5 * major, minor])
    assert within_modes(np.concatenate([major, 9 * minor]), reference) == pytest.approx(0, abs=1e-7)
    assert within_modes(np.concatenate([nothing, minor]), reference) == pytest.approx(0, abs=1e-7)
    assert within_modes(np.concatenate([nothing, minor[::-1]]), reference) > 0.5


def test_the_jackknife_knows_the_error_of_a_mean():
    values = np.array([1.0, 4, 4, 7, 11])
    without_one = (values.sum() - values) / 4
    assert jackknife_error(without_one) == pytest.approx(values.std(ddof=1) / np.sqrt(5))


def test_an_interval_is_wider_for_fewer_pieces(reference, bach_pieces):
    chorales = [piece.chorale for piece in bach_pieces if piece.split == "test"]
    few, many = (reference.measure(some)["chord qualities"] for some in (chorales[:10], chorales))
    assert few.high - few.low > many.high - many.low > 0
    alone = reference.measure(chorales[:1])["chord qualities"]
    assert alone.value > 0
    assert np.isnan(alone.low)
    assert np.isnan(alone.high)


@pytest.mark.parametrize(("chorales", "message"), [([], "no pieces"), ([drawn("S C5\nA G4")], "this piece is for 1 voice 1, 2 voice 2")])
def test_what_cannot_be_measured_is_refused(reference, chorales, message):
    with pytest.raises(NotationError, match=message):
        reference.measure(chorales)
