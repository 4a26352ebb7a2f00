"""The sampler against arithmetic: on a toy whose joint distribution is known, its draws must follow it, in any order."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
from test_left_to_right import LIMIT, LIMIT_OF_12, MASK, OPTIONS, SOUNDING, chi_square, joint

from musicgen.errors import ConfigError
from musicgen.sampling.any_order import AnyOrderTask, Logits, OrderOptions, choose, fill_any_order

ONE_BY_ONE = OrderOptions("random", together=1, redraws=0)
ORDERS = [ONE_BY_ONE, replace(ONE_BY_ONE, order="confident"), replace(ONE_BY_ONE, redraws=2, share=0.5)]


def conditionals(table: np.ndarray, sharpness: float = 1.0) -> Logits:
    """The exact logits of each cell given the visible ones."""

    def logits_of(ids, cells):
        return np.stack([_logits(ids[piece].ravel(), 2 * voice + step) for piece, voice, step in zip(*cells, strict=True)])

    def _logits(cells, cell: int):
        known = [slice(None) if id_ == MASK else id_ for id_ in cells]
        hidden = [c for c in range(4) if cells[c] == MASK]
        marginal = table[tuple(known)].sum(axis=tuple(axis for axis, c in enumerate(hidden) if c != cell))
        return sharpness * np.log(np.maximum(marginal, 1e-30))

    return logits_of


def task(pieces: int, steps: int = 2) -> AnyOrderTask:
    shape = (pieces, 2, steps)
    nowhere = np.zeros(shape, bool)
    return AnyOrderTask(np.full(shape, MASK), ~nowhere, np.ones((*shape, 129), bool), nowhere, nowhere, SOUNDING, MASK)


def indifferent(ids, cells):
    return np.zeros((len(cells[0]), 4))


@pytest.mark.parametrize("order", ORDERS, ids=["random", "confident", "redrawn"])
def test_draws_follow_the_joint_distribution(order: OrderOptions) -> None:
    table = joint()
    assert chi_square(fill_any_order(conditionals(table), task(3000), OPTIONS, order, range(3000)).ids, table) < LIMIT


@pytest.mark.parametrize("order", ORDERS, ids=["random", "confident", "redrawn"])
def test_a_wrong_sampler_fails_the_same_test(order: OrderOptions) -> None:
    table = joint()
    assert chi_square(fill_any_order(conditionals(table, 0.6), task(3000), OPTIONS, order, range(3000)).ids, table) > LIMIT


def test_the_log_probabilities_of_a_piece_are_those_of_the_joint() -> None:
    table = joint()
    fill = fill_any_order(conditionals(table), task(20), OPTIONS, ONE_BY_ONE, range(20))
    expected = np.log(table[tuple(fill.ids.reshape(20, 4).T)])
    assert fill.log_probability.sum(axis=(1, 2)) == pytest.approx(expected, abs=1e-4)


def test_a_piece_is_the_same_in_any_batch() -> None:
    together = fill_any_order(conditionals(joint()), task(6), OPTIONS, OrderOptions(redraws=3), range(6)).ids
    for piece in range(6):
        alone = fill_any_order(conditionals(joint()), task(1), OPTIONS, OrderOptions(redraws=3), [piece]).ids
        assert np.array_equal(alone[0], together[piece])


@pytest.mark.parametrize("sharpness", [1.0, 0.6])
def test_draws_follow_the_distribution_given_what_is_given(sharpness: float) -> None:
    """Voice 0 is given at its second step; a wrong sampler fails the same test."""
    table = np.zeros((4, 4, 4, 4))
    table[:, 1] = joint()[:, 1]
    given = task(3000)
    given.ids[:, 0, 1] = 1
    free = given.free.copy()
    free[:, 0, 1] = False
    fill = fill_any_order(conditionals(joint(), sharpness), replace(given, free=free), OPTIONS, ONE_BY_ONE, range(3000))
    assert (chi_square(fill.ids, table / table.sum()) < LIMIT_OF_12) == (sharpness == 1)


@pytest.mark.parametrize("order", ["random", "confident"])
def test_given_cells_stay_and_a_hold_goes_on_from_them(order) -> None:
    given = task(50)
    given.ids[:, 0, 0] = 1
    free = given.free.copy()
    free[:, 0, 0] = False
    fill = fill_any_order(indifferent, replace(given, free=free), OPTIONS, OrderOptions(order), range(50))
    assert (fill.ids[:, 0, 0] == 1).all()
    assert set(fill.ids[:, 0, 1]) == {0, 1, 3}
    assert (fill.log_probability[:, 0, 0] == 0).all()


def rules(steps: int, seed: int, **changes: object) -> AnyOrderTask:
    """Sounds barred, notes that must begin or be held, at random; something may sound at each cell."""
    rng = np.random.default_rng(seed)
    blank = task(30, steps)
    allowed = np.zeros_like(blank.sounding_allowed)
    allowed[..., 60:62] = rng.random((30, 2, steps, 2)) < 0.7
    allowed[..., 60] |= ~allowed.any(axis=-1)
    begin, hold = rng.random((2, 30, 2, steps)) < 0.3
    return replace(blank, sounding_allowed=allowed, must_begin=begin, must_hold=hold, **changes)


def keeps(ids: np.ndarray, task: AnyOrderTask, piece: int, voice: int) -> bool:
    """Whether one voice of one piece follows the rules, cell by cell as from left to right."""
    for step, id_ in enumerate(ids):
        allowed, before = task.sounding_allowed[piece, voice, step, 60:62], ids[step - 1] % 2
        can_hold = step > 0 and allowed[before] and not task.must_begin[piece, voice, step]
        right = can_hold and id_ % 2 == before if id_ >= 2 else allowed[id_] and not (can_hold and task.must_hold[piece, voice, step])
        if not right:
            return False
    return True


@pytest.mark.parametrize("order", ["random", "confident"])
def test_every_filling_keeps_every_rule(order) -> None:
    for seed in range(5):
        ruled = rules(9, seed)
        fill = fill_any_order(indifferent, ruled, OPTIONS, OrderOptions(order, redraws=2, share=0.5), range(30))
        assert all(keeps(fill.ids[piece, voice], ruled, piece, voice) for piece in range(30) for voice in range(2))


def test_an_id_is_completable_if_some_filling_has_it() -> None:
    """Against all fillings of four steps, some cells visible."""
    ruled = rules(4, 7)
    rng = np.random.default_rng(0)
    for piece, voice in itertools.product(range(30), range(2)):
        fillings = np.array([ids for ids in itertools.product(range(4), repeat=4) if keeps(np.array(ids), ruled, piece, voice)])
        ids = ruled.ids.copy()
        visible = rng.random(4) < 0.4
        ids[piece, voice, visible] = fillings[rng.integers(len(fillings))][visible]
        fitting = fillings[(fillings[:, visible] == ids[piece, voice, visible]).all(axis=1)]
        found = ruled.completable(ids)[piece, voice]
        for step in np.flatnonzero(~visible):
            assert set(np.flatnonzero(found[step])) == set(fitting[:, step])


def test_the_surest_cell_of_each_run_is_chosen_up_to_the_limit() -> None:
    pieces, voices, steps = np.array([[0, 0, 0, 0, 0, 1], [0, 0, 0, 1, 1, 0], [0, 1, 5, 5, 6, 0]])
    sureness = np.array([1.0, 3.0, 2.0, 0.0, 4.0, -1.0])
    assert choose((pieces, voices, steps), sureness, 9).tolist() == [1, 2, 4, 5]
    assert choose((pieces, voices, steps), sureness, 1).tolist() == [4, 5]


def test_a_cell_where_nothing_may_sound_is_an_error() -> None:
    with pytest.raises(RuntimeError, match="nothing may be drawn"):
        fill_any_order(indifferent, replace(task(1), sounding_allowed=np.zeros((1, 2, 2, 129), bool)), OPTIONS, ONE_BY_ONE, [0])


@pytest.mark.parametrize("changes", [{"order": "rising"}, {"together": 0}, {"redraws": -1}, {"share": 0.0}])
def test_impossible_orders_are_refused(changes) -> None:
    with pytest.raises(ConfigError):
        OrderOptions(**changes)
