"""What follows what, as harmony books say."""

import pytest

from musicgen.music.functions import FunctionalChord, chords_of, following_cost, transposed


def chord(mode: str, root: int, quality: str = "", inversion: int = 0, goal: int | None = None) -> FunctionalChord:
    def fits(each: FunctionalChord) -> bool:
        return (each.root, each.quality, each.inversion) == (root, quality, inversion) and (goal is None or each.goal == goal)

    return next(each for each in chords_of(mode) if fits(each))


TONIC, IV, V, V7, VI = (chord("major", *each) for each in ((0,), (5,), (7,), (7, "7"), (9, "m")))
SECOND = chord("major", 2, "m")


def test_dominants_go_on_to_tonics_and_not_back_to_predominants() -> None:
    assert following_cost(V7, TONIC) < following_cost(V7, VI) < following_cost(V7, IV)
    assert following_cost(SECOND, V) < following_cost(V, SECOND)


def test_a_seventh_is_added_and_not_lost() -> None:
    assert following_cost(V, V7) < following_cost(V7, V)


def test_a_six_four_is_cadential_or_dear() -> None:
    six_four = chord("major", 0, "", 2)
    assert following_cost(six_four, V) < 0 < following_cost(six_four, IV)
    assert following_cost(V, six_four) > following_cost(IV, six_four)


@pytest.mark.parametrize(("root", "quality", "goal"), [(2, "7", V), (9, "7", SECOND), (4, "7", VI), (0, "7", IV)])
def test_an_applied_dominant_is_cheapest_before_its_goal(root: int, quality: str, goal: FunctionalChord) -> None:
    applied = chord("major", root, quality)
    others = [each for each in (TONIC, IV, V, VI, SECOND) if each != goal]
    assert all(following_cost(applied, goal) < following_cost(applied, other) for other in others)


def test_leading_notes_and_basses() -> None:
    assert V.leading_note == chord("major", 11, "dim", 1).leading_note == 11
    assert IV.leading_note is None
    assert chord("major", 2, "7").leading_note == 6
    assert chord("minor", 7, "7", 3).bass == 5
    in_d = transposed(chord("minor", 7, "7", 1), 2)
    assert (in_d.root, in_d.bass, in_d.leading_note, in_d.goal) == (9, 1, 1, 2)


@pytest.mark.parametrize("mode", ["major", "minor"])
def test_every_chord_has_its_place_once_and_a_goal_where_it_leads(mode: str) -> None:
    chords = chords_of(mode)
    places = [(each.root, each.quality, each.inversion, each.goal) for each in chords]
    assert len(set(places)) == len(places)
    assert all((each.goal is not None) == (each.function in ("dominant", "applied")) for each in chords)
    assert all(each.cost >= 0 for each in chords)
