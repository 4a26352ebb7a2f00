import numpy as np
import pytest

from musicgen.corpus.store import Corpus
from musicgen.evaluation.beside_bach import TOTAL, Reference, median_grades, report_style
from musicgen.evaluation.grade import PUBLISHED, Grade


@pytest.fixture(scope="module")
def small(bach_pieces):
    """A corpus of some pieces of each split."""
    pieces = [piece for split in ("train", "valid", "test", "extra") for piece in bach_pieces if piece.split == split]
    return Corpus("small", tuple(pieces[:20] + pieces[230:250] + pieces[300:315]), "f00", "here", {})


def test_bach_is_beside_a_set_of_his_own(small):
    reference = Reference.of(small)
    report = report_style([piece.chorale for piece in small.pieces("valid")], reference)
    table = "\n".join(report.lines())
    assert report.bach is reference.bach is not None
    assert report.bach.pieces == len(small.pieces("test"))
    assert report.likeness.grades[TOTAL].value == pytest.approx(report.bach.grades[TOTAL].value, abs=2)
    for name in (*PUBLISHED, *report.likeness.distances):
        assert name in table
    assert set(report.to_dict()) == {"rates", "likeness", "bach"}


def test_without_a_reference_there_are_rates_alone(small):
    report = report_style([small.all_pieces[0].chorale])
    assert report.likeness is report.bach is None
    assert len(report.lines()) == 1


def test_medians_of_grades_and_their_intervals():
    grades = [Grade(float(total), dict.fromkeys(PUBLISHED, total / 9)) for total in (1, 2, 3, 4, 50)]
    rates = median_grades(grades, seed=1)
    assert rates[TOTAL].value == 3
    assert (rates[TOTAL].low, rates[TOTAL].high) == (1, 50)
    assert rates["pitch"].value == pytest.approx(3 / 9)
    alone = median_grades(grades[:1])["pitch"]
    assert alone.value == pytest.approx(1 / 9)
    assert np.isnan(alone.low)
