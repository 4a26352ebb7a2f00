import numpy as np
import pytest
from pieces import CADENCES, VIOLATING, drawn

from musicgen.errors import NotationError
from musicgen.evaluation.grade import PUBLISHED, PUBLISHED_TOTAL, BachGrade, wasserstein
from musicgen.evaluation.repeats import repeated_lengths
from musicgen.music.harmony import find_key


@pytest.fixture(scope="module")
def reference(bach_pieces):
    return BachGrade.of([piece.chorale for piece in bach_pieces[::2]])


def without_repeated_notes(chorale):
    onset = np.array(chorale.onset)
    onset[:, 1:] &= chorale.pitch[:, 1:] != chorale.pitch[:, :-1]
    return chorale.replaced(onset=onset)


def test_bach_has_the_grade_that_was_published(reference):
    grades = reference.own_grades()
    assert np.median([grade.total for grade in grades]) == pytest.approx(PUBLISHED_TOTAL[0], abs=0.3)
    for feature, (median, _) in PUBLISHED.items():
        tolerance = 0.5 if feature == "repeats" else 0.1
        assert np.median([grade.parts[feature] for grade in grades]) == pytest.approx(median, abs=tolerance), feature


def test_bach_without_his_repeated_notes_has_a_worse_one(reference, bach_pieces):
    bach = [piece.chorale for piece in bach_pieces[::20]]
    better, worse = ([reference.grade(chorale).total for chorale in some] for some in (bach, map(without_repeated_notes, bach)))
    assert np.mean(better) + 1 < np.mean(worse) < np.mean(better) + 3


def test_shares_are_carried_from_place_to_place():
    assert wasserstein(np.array([2.0, 0, 0]), np.array([0, 0, 5.0])) == 2
    assert wasserstein(np.array([1.0, 1, 0]), np.array([2.0, 0, 2])) == 0.5
    assert wasserstein(np.array([1.0, 3]), np.array([2.0, 6])) == 0


def test_the_total_is_the_sum_of_the_parts(reference):
    grade = reference.grade(drawn(CADENCES["half"]))
    assert set(grade.parts) == set(PUBLISHED)
    assert grade.total == pytest.approx(sum(grade.parts.values()))


def test_parallels_weigh_as_much_as_they_are_more_than_bachs(reference):
    grade = reference.grade(drawn(VIOLATING["parallel fifths"][0]))
    fifths, octaves = reference.sums["parallels"]["fifths"], reference.sums["parallels"]["octaves"]
    a_note = (fifths + octaves) / reference.notes
    assert grade.parts["parallels"] == pytest.approx(octaves / (fifths + octaves) * (1 / 8) / a_note)
    assert reference.grade(drawn(CADENCES["half"])).parts["parallels"] == 0


def test_a_step_with_another_name_is_another_interval(reference):
    steps, augmented = (
        reference.grade(drawn(f"4/4, C major\nS {line}\nA C4 - -\nT G3 - -\nB C3 - -")) for line in ("E5 F5 G5", "G5 G#5 A5")
    )
    assert steps.parts["soprano intervals"] < augmented.parts["soprano intervals"]


def test_a_mode_that_the_reference_lacks_is_compared_with_the_other(bach_pieces):
    major = BachGrade.of([piece.chorale for piece in bach_pieces[:30] if find_key(piece.chorale).mode == "major"])
    minor = next(piece.chorale for piece in bach_pieces if find_key(piece.chorale).mode == "minor")
    assert 0 < major.grade(minor).parts["pitch"] < 3


def test_silence_has_a_bad_grade(reference):
    silence = reference.grade(drawn("S . . .\nA . . .\nT . . .\nB . . ."))
    assert silence.total > 50
    assert np.isfinite(silence.total)


@pytest.mark.parametrize(
    ("soprano", "lengths"),
    [
        ("C5 D5 E5 C5 D5 F5", {2: 2}),
        ("C5 D5 E5 F5 G5 A5", {}),
        ("C5 - D5 - E5 - C5 - D5 - F5 -", {4: 2}),
        ("C5 D5 C5 D5 C5 D5", {2: 3, 4: 2}),
        ("C5 D5 E5 C5 D5 E5 G5 C5 D5", {3: 2, 2: 3}),
    ],
)
def test_repeats_are_the_stretches_that_come_again(soprano, lengths):
    rest = " ".join(["C4", *("-" * (len(soprano.split()) - 1))])
    assert repeated_lengths(drawn(f"S {soprano}\nA {rest}\nT {rest}\nB {rest}")) == lengths


def test_what_cannot_be_graded_is_refused(reference):
    with pytest.raises(NotationError, match="this piece is for 1 voice 1, 2 voice 2"):
        reference.grade(drawn("S C5\nA G4"))
    with pytest.raises(NotationError, match="no pieces"):
        BachGrade.of([])
