import numpy as np
import pytest
from pieces import CADENCES, drawn

from musicgen.errors import NotationError
from musicgen.evaluation.grade import PUBLISHED, PUBLISHED_TOTAL, BachGrade
from musicgen.evaluation.repeats import repeated_lengths


@pytest.fixture(scope="module")
def reference(bach_pieces):
    return BachGrade.of([piece.chorale for piece in bach_pieces])


def without_repeated_notes(chorale):
    onset = np.array(chorale.onset)
    onset[:, 1:] &= chorale.pitch[:, 1:] != chorale.pitch[:, :-1]
    return chorale.replaced(onset=onset)


def test_bach_has_the_grade_that_was_published(reference):
    grades = reference.own_grades()
    assert np.median([grade.total for grade in grades]) == pytest.approx(PUBLISHED_TOTAL[0], abs=0.3)
    for feature, (median, _) in PUBLISHED.items():
        tolerance = 0.4 if feature == "repeats" else 0.11
        assert np.median([grade.parts[feature] for grade in grades]) == pytest.approx(median, abs=tolerance), feature


def test_bach_without_his_repeated_notes_has_a_worse_one(reference, bach_pieces):
    bach = [piece.chorale for piece in bach_pieces if piece.split == "test"]
    better, worse = ([reference.grade(chorale).total for chorale in some] for some in (bach, map(without_repeated_notes, bach)))
    assert np.mean(better) + 1 < np.mean(worse) < np.mean(better) + 3


def test_the_total_is_the_sum_of_the_parts(reference):
    grade = reference.grade(drawn(CADENCES["half"]))
    assert set(grade.parts) == set(PUBLISHED)
    assert grade.total == pytest.approx(sum(grade.parts.values()))


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
    with pytest.raises(NotationError, match="voices"):
        reference.grade(drawn("S C5\nA G4"))
    with pytest.raises(NotationError, match="no pieces"):
        BachGrade.of([])
