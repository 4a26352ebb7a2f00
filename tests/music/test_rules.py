"""Rules of part-writing: what they let a voice do, and whether a finished piece keeps them, agree."""

import numpy as np
import pytest

from musicgen.errors import NotationError
from musicgen.music.chorale import Chorale
from musicgen.music.rules import UNKNOWN, Leap, NoCrossing, NoParallels, Spacing

BEFORE = np.array([[72, 67, 64, 48]])


def allowed(rule, voice: int, now: list[int], before=BEFORE) -> set[int]:
    return set(np.flatnonzero(rule.allowed(voice, before, np.array([now]))[0]).tolist())


def test_no_voice_crosses_any_that_is_known() -> None:
    assert allowed(NoCrossing(), 1, [72, UNKNOWN, UNKNOWN, 48]) == set(range(48, 73))
    assert allowed(NoCrossing(), 3, [UNKNOWN, UNKNOWN, 60, UNKNOWN]) == set(range(61))


def test_spacing_binds_upper_neighbours_only() -> None:
    assert allowed(Spacing(12), 2, [72, 67, UNKNOWN, 36]) == set(range(55, 80))
    assert allowed(Spacing(12), 3, [72, 67, 64, UNKNOWN]) == set(range(128))


def test_a_leap_is_counted_from_the_note_before_and_not_from_a_rest() -> None:
    assert allowed(Leap(4), 0, [UNKNOWN] * 4) == set(range(68, 77))
    assert allowed(Leap(4), 0, [UNKNOWN] * 4, np.array([[-1, 67, 64, 48]])) == set(range(128))


def test_leaps_reach_what_is_asked_later() -> None:
    may_sound = np.ones((1, 3, 129), bool)
    may_sound[..., 128] = False
    may_sound[0, 2] = False
    may_sound[0, 2, 60] = True
    reached = Leap(3).reach(may_sound, np.ones((1, 3), bool))
    assert np.flatnonzero(reached[0, 1]).tolist() == list(range(57, 64))
    assert np.flatnonzero(reached[0, 0]).tolist() == list(range(54, 67))


def test_parallels_need_both_to_move_the_same_way() -> None:
    # Soprano and bass are octaves apart; the bass rises by a tone.
    barred = set(range(128)) - allowed(NoParallels(), 0, [UNKNOWN, UNKNOWN, UNKNOWN, 50])
    assert barred == {74, 86, 98, 110, 122}
    assert allowed(NoParallels(), 0, [UNKNOWN, UNKNOWN, UNKNOWN, 48]) == set(range(128))


CASES = [
    (NoCrossing(), "S C5 - C5 -\nA G4 - D5 -\nT E4 - F4 -\nB C3 - D3 -", False),
    (NoCrossing(), "S C5 - D5 -\nA G4 - G4 -\nT E4 - F4 -\nB C3 - B2 -", True),
    (Spacing(12), "S C5 - G5 -\nA G4 - F4 -\nT E4 - C4 -\nB C3 - A2 -", False),
    (Leap(5), "S C5 - G5 -\nA G4 - G4 -\nT E4 - E4 -\nB C3 - C3 -", False),
    (Leap(7), "S C5 - G5 -\nA G4 - G4 -\nT E4 - E4 -\nB C3 - C3 -", True),
    (NoParallels(), "S C5 - D5 -\nA G4 - A4 -\nT E4 - F4 -\nB C3 - B2 -", True),
    (NoParallels(), "S C5 - D5 -\nA G4 - F4 -\nT E4 - A4 -\nB C3 - D3 -", False),
]


@pytest.mark.parametrize(("rule", "text", "kept"), CASES)
def test_a_finished_piece_is_judged_by_the_same_rule(rule, text: str, kept: bool) -> None:
    chorale = Chorale.parse(text)
    assert rule.kept_by(chorale, np.ones_like(chorale.onset)) == kept
    draws = []
    for voice in range(4):
        now = chorale.pitch[:, 2].astype(int)[None].copy()
        now[0, voice] = UNKNOWN
        draws.append(bool(rule.allowed(voice, chorale.pitch[:, 0].astype(int)[None], now)[0, chorale.pitch[voice, 2]]))
    assert all(draws) == kept
    assert rule.kept_by(chorale, np.zeros_like(chorale.onset))  # what is given breaks it at its own risk


def test_senseless_sizes_are_refused() -> None:
    with pytest.raises(NotationError, match="leaps of 0"):
        Leap(0)
    with pytest.raises(NotationError, match="spacing of 0"):
        Spacing(0)


def test_leaps_that_are_given_bar_nothing_before_them() -> None:
    may_sound = np.zeros((1, 4, 129), bool)
    may_sound[0, 0, 40:60] = True
    for step, pitch in enumerate((50, 62, 50), start=1):
        may_sound[0, step, pitch] = True
    reached = Leap(3).reach(may_sound, np.array([[True, False, False, False]]))
    assert np.flatnonzero(reached[0, 0]).tolist() == list(range(47, 54))
