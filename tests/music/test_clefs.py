import pytest
from oddities import chorale, score

from musicgen.errors import ConfigError
from musicgen.music.clefs import check_clefs, parse_clef, with_clefs


def clefs(score):
    return [part.clef for part in score.parts]


@pytest.mark.parametrize("name", ["c", "C", "bach", "S=C1 A=C3 T=C4 B=F4", "s=soprano, alto=alto, 3=tenor, Bass=bass"])
def test_bachs_clefs_by_many_names(name):
    check_clefs(name)
    assert clefs(with_clefs(chorale(), name)) == [("C", 1, 0), ("C", 3, 0), ("C", 4, 0), ("F", 4, 0)]


def test_others_keep_theirs():
    before = chorale()
    assert clefs(with_clefs(before, "T=C4")) == [*clefs(before)[:2], ("C", 4, 0), *clefs(before)[3:]]


def test_clefs_an_octave_lower():
    assert parse_clef("G8") == parse_clef("g2-8") == parse_clef("treble8") == ("G", 2, -1)


@pytest.mark.parametrize(
    ("asked", "said"),
    [("C", None), ("alto", "not understood"), ("S=", "not understood"), ("S=C6", "no clef"), ("S=F1", "no clef"), ("S=altp", "mean alto")],
)
def test_what_is_no_clef_is_refused_before_any_work(asked, said):
    if said is None:
        return check_clefs(asked)
    with pytest.raises(ConfigError, match=said):
        check_clefs(asked)


def test_parts_that_are_not_there_are_refused():
    with pytest.raises(ConfigError, match="names no part; the parts are 1 Voice 1, 2 Voice 2"):
        with_clefs(score("C5:4", "C4:4"), "X=C1")
    with pytest.raises(ConfigError, match="names 2 parts"):
        with_clefs(score("C5:4", "C4:4"), "V=C1")
    with pytest.raises(ConfigError, match="are for four voices, this score has 2"):
        with_clefs(score("C5:4", "C4:4"), "c")
