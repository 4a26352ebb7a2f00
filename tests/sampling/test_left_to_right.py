"""The sampler against arithmetic: on a toy whose joint distribution is known, its draws must follow it."""

import itertools
from dataclasses import replace

import numpy as np
import pytest

from musicgen.music.rules import Leap, NoCrossing, VoiceRule
from musicgen.sampling.draw import NOWHERE, SamplingOptions, log_softmax
from musicgen.sampling.left_to_right import NOT_PINNED, Logits, OrderedTask, fill_left_to_right, tempered

# Ids: 0 and 1 two pitches (rows 60 and 61 of what can sound), 2 and 3 the same held, 4 MASK.
SOUNDING = np.array([60, 61, 60, 61])
MASK = 4
ORDER = (1, 0)
OPTIONS = SamplingOptions(temperature=1.0)


def outcomes() -> list[tuple[int, int, int, int]]:
    """Every filling of two voices and two steps, as ids of voice 0 at steps 0 and 1, voice 1 at steps 0 and 1."""
    voices = [(first, second) for first in (0, 1) for second in (0, 1, first + 2)]
    return [(*upper, *lower) for upper, lower in itertools.product(voices, voices)]


def joint(seed: int = 0) -> np.ndarray:
    """(4, 4, 4, 4) probabilities of the 36 fillings; none near zero but for those that cannot be."""
    table = np.zeros((4, 4, 4, 4))
    for cells in outcomes():
        table[cells] = np.random.default_rng((seed, *cells)).gamma(2.0) + 0.3
    return table / table.sum()


def conditionals(table: np.ndarray, sharpness: float = 1.0) -> Logits:
    """The exact logits of a cell given those before it in the order."""

    def logits_of(ids, voice: int, step: int):
        cells = ids.reshape(len(ids), 4)
        _, first, which = np.unique(cells @ [1, 5, 25, 125], return_index=True, return_inverse=True)  # of thousands of rows, a few
        return np.stack([_logits(row, 2 * voice + step) for row in cells[first]])[which]

    def _logits(cells, cell: int):
        known = [slice(None) if c == cell or id_ == MASK else id_ for c, id_ in enumerate(cells)]
        kept = [c for c in range(4) if isinstance(known[c], slice)]
        marginal = table[tuple(known)].sum(axis=tuple(axis for axis, c in enumerate(kept) if c != cell))
        return sharpness * np.log(np.maximum(marginal, 1e-30))

    return logits_of


def task(pieces: int) -> OrderedTask:
    shape = (pieces, 2, 2)
    nowhere = np.zeros(shape, bool)
    return OrderedTask(
        np.full(shape, MASK), ~nowhere, ORDER, np.ones((*shape, 129), bool), nowhere, nowhere, SOUNDING, np.full(shape, NOT_PINNED)
    )


def chi_square(ids: np.ndarray, table: np.ndarray) -> float:
    counts = np.zeros((4, 4, 4, 4))
    np.add.at(counts, tuple(ids.reshape(len(ids), 4).T), 1)
    possible = table > 0
    assert counts[~possible].sum() == 0
    expected = table[possible] * len(ids)
    return float(((counts[possible] - expected) ** 2 / expected).sum())


# 99.9 % of chi-square values with 35 degrees of freedom lie below this.
LIMIT = 66.6
LIMIT_OF_12 = 31.3  # of twelve fillings


def test_draws_follow_the_joint_distribution() -> None:
    table = joint()
    assert chi_square(fill_left_to_right(conditionals(table), task(3000), OPTIONS, range(3000)).ids, table) < LIMIT


def test_a_wrong_sampler_fails_the_same_test() -> None:
    table = joint()
    assert chi_square(fill_left_to_right(conditionals(table, 0.6), task(3000), OPTIONS, range(3000)).ids, table) > LIMIT


def test_the_log_probabilities_of_a_piece_are_those_of_the_joint() -> None:
    table = joint()
    fill = fill_left_to_right(conditionals(table), task(20), OPTIONS, range(20))
    expected = np.log(table[tuple(fill.ids.reshape(20, 4).T)])
    assert fill.log_probability.sum(axis=(1, 2)) == pytest.approx(expected, abs=1e-4)


def test_given_cells_stay_and_the_rest_follows_from_them() -> None:
    given = task(50)
    given.ids[:, 0, 0] = 1
    free = given.free.copy()
    free[:, 0, 0] = False
    fill = fill_left_to_right(conditionals(joint()), replace(given, free=free), OPTIONS, range(50))
    assert (fill.ids[:, 0, 0] == 1).all()
    assert (fill.ids[:, 0, 1] != 2).all()
    assert (fill.log_probability[:, 0, 0] == 0).all()


@pytest.mark.parametrize("sharpness", [1.0, 0.6])
def test_draws_follow_the_distribution_given_what_comes_later(sharpness: float) -> None:
    """Voice 0 is given at its second step; a wrong sampler fails the same test."""
    table = np.zeros((4, 4, 4, 4))
    table[:, 1] = joint()[:, 1]
    given = task(3000)
    given.ids[:, 0, 1] = 1
    free = given.free.copy()
    free[:, 0, 1] = False
    fill = fill_left_to_right(conditionals(joint(), sharpness), replace(given, free=free), OPTIONS, range(3000))
    assert (chi_square(fill.ids, table / table.sum()) < LIMIT_OF_12) == (sharpness == 1)


@pytest.mark.parametrize(("rule", "ids"), [("must_begin", {0, 1}), ("must_hold", {2, 3})])
def test_where_a_note_must_begin_or_be_held_it_is(rule: str, ids: set[int]) -> None:
    second = np.zeros((50, 2, 2), bool)
    second[:, :, 1] = True
    fill = fill_left_to_right(conditionals(joint()), replace(task(50), **{rule: second}), OPTIONS, range(50))
    assert set(fill.ids[:, :, 1].ravel()) == ids


def test_what_may_not_sound_on_is_struck_anew_even_where_it_should_be_held() -> None:
    second = np.zeros((50, 2, 2), bool)
    second[:, :, 1] = True
    allowed = np.ones((50, 2, 2, 129), bool)
    allowed[:, 0, 1, 60] = False
    fill = fill_left_to_right(conditionals(joint()), replace(task(50), must_hold=second, sounding_allowed=allowed), OPTIONS, range(50))
    assert set(map(tuple, fill.ids[:, 0])) == {(0, 1), (1, 3)}


def test_a_cell_where_nothing_may_sound_is_an_error() -> None:
    with pytest.raises(RuntimeError, match="nothing may be drawn"):
        fill_left_to_right(conditionals(joint()), replace(task(1), sounding_allowed=np.zeros((1, 2, 2, 129), bool)), OPTIONS, [0])


def test_a_temperature_of_pitch_leaves_the_rhythm_alone() -> None:
    logits = np.log(np.array([[0.1, 0.2, 0.3, 0.0, 0.4, 0.0], [0.6, 0.0, 0.4, 0.0, 0.0, 0.0]]) + 1e-300)
    logits[logits < -600] = -np.inf
    plain, cold, slow = (np.exp(log_softmax(tempered(logits, *temperatures))) for temperatures in ((1, 1), (0.5, 1), (1, 0)))
    np.testing.assert_allclose(plain, np.exp(logits), atol=1e-12)
    np.testing.assert_allclose(cold[0, :3], 0.6 * np.array([1, 4, 9]) / 14)
    np.testing.assert_allclose(cold[:, 3:], plain[:, 3:], atol=1e-12)
    np.testing.assert_allclose(slow[0], [1 / 6, 2 / 6, 3 / 6, 0, 0, 0], atol=1e-12)


def test_drafts_at_temperature_one_change_no_distribution() -> None:
    table = joint()
    options = replace(OPTIONS, drafts=3)
    assert chi_square(fill_left_to_right(conditionals(table), task(3000), options, range(3000)).ids, table) < LIMIT


def test_drafts_at_a_low_temperature_prefer_what_is_likely_together() -> None:
    table = joint()
    log_p = [
        fill_left_to_right(conditionals(table), task(500), replace(OPTIONS, drafts=8, draft_temperature=temperature), range(500))
        .log_probability.sum(axis=(1, 2))
        .mean()
        for temperature in (1.0, 0.5, 0.0)
    ]
    assert log_p[0] < log_p[1] < log_p[2]


def test_a_piece_is_drafted_alike_alone_and_in_a_batch() -> None:
    options = replace(OPTIONS, drafts=4, draft_temperature=0.5)
    together = fill_left_to_right(conditionals(joint()), task(5), options, range(5)).ids
    for seed in range(5):
        assert np.array_equal(fill_left_to_right(conditionals(joint()), task(1), options, [seed]).ids[0], together[seed])


def asked_later(pieces: int) -> tuple[OrderedTask, np.ndarray]:
    """Voice 0 may only sound the upper pitch at the second step, struck or held; and the joint given that."""
    allowed = np.ones((pieces, 2, 2, 129), bool)
    allowed[:, 0, 1, 60] = False
    table = joint()
    for cells in outcomes():
        table[cells] *= cells[1] in (1, 3)
    return replace(task(pieces), sounding_allowed=allowed), table / table.sum()


@pytest.mark.parametrize("lanes", [1, 64])
def test_many_lanes_follow_the_distribution_given_what_is_asked_later(lanes: int) -> None:
    """One lane meets it blindly and fails the same test."""
    asked, table = asked_later(3000)
    fill = fill_left_to_right(conditionals(joint()), asked, replace(OPTIONS, lanes=lanes), range(3000))
    assert (chi_square(fill.ids, table) < 41) == (lanes > 1)  # 99.9 % with 17 degrees of freedom


def test_many_lanes_follow_the_distribution_given_a_pin_ahead() -> None:
    table = joint()
    for cells in outcomes():
        table[cells] *= cells[1] == 1
    pinned = np.full((3000, 2, 2), NOT_PINNED)
    pinned[:, 0, 1] = 1
    fill = fill_left_to_right(conditionals(joint()), replace(task(3000), pinned=pinned), replace(OPTIONS, lanes=64), range(3000))
    assert set(fill.ids[:, 0, 1]) == {1}
    assert chi_square(fill.ids, table / table.sum()) < LIMIT_OF_12


def test_lanes_are_the_same_alone_and_in_a_batch_and_told_of_each_branch() -> None:
    asked, _ = asked_later(6)
    asked.sounding_allowed[:3] = True  # three pieces with nothing ahead beside three with something
    options, told = replace(OPTIONS, lanes=4, drafts=2), []
    together = fill_left_to_right(conditionals(joint()), asked, options, range(6), branch=lambda parents: told.append(parents)).ids
    assert [len(parents) for parents in (told[0], told[-1])] == [3 + 3 * 4, 6]
    for seed in range(6):
        own = replace(task(1), sounding_allowed=asked.sounding_allowed[seed : seed + 1])
        assert np.array_equal(fill_left_to_right(conditionals(joint()), own, options, [seed]).ids[0], together[seed])


class Never(VoiceRule):
    """Voice 0 may sound nothing at the second step."""

    def allowed(self, voice, before, now):
        return np.full((len(now), 128), voice == 1 or bool((before < 0).all()))


def test_rules_bind_every_draw_and_a_piece_without_a_way_is_named() -> None:
    options = replace(OPTIONS, lanes=4)
    kept = fill_left_to_right(conditionals(joint()), replace(task(40), rules=[(Leap(1), NoCrossing())] * 40), options, range(40))
    pitches = SOUNDING[kept.ids]
    assert (pitches[:, 0] >= pitches[:, 1]).all()
    assert (kept.stuck == NOWHERE).all()
    stuck = fill_left_to_right(conditionals(joint()), replace(task(3), rules=[(), (Never(),), ()]), options, range(3)).stuck
    assert stuck.tolist() == [NOWHERE, 1, NOWHERE]


class Stays(VoiceRule):
    """Voice 1 keeps its pitch."""

    def allowed(self, voice, before, now):
        return (np.arange(128) == before[:, voice, None]) | (before[:, voice, None] < 0) | (voice == 0)


def test_a_wish_is_kept_where_that_leaves_a_way_and_costs_nothing_where_it_leaves_none() -> None:
    def filled(*wishes: VoiceRule):
        return fill_left_to_right(conditionals(joint()), replace(task(20), wishes=[wishes] * 20), replace(OPTIONS, lanes=4), range(20))

    assert (np.diff(SOUNDING[filled(Stays()).ids][:, 1]) == 0).all()
    assert (np.diff(SOUNDING[filled().ids][:, 1]) != 0).any()
    assert np.array_equal(filled(Never()).ids, filled().ids)
    assert (filled(Never()).stuck == NOWHERE).all()
