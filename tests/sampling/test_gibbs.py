"""The sampler against arithmetic: on a toy whose joint distribution is known, its draws must follow it."""

import itertools

import numpy as np
import pytest

from musicgen.sampling.draw import SamplingOptions
from musicgen.sampling.gibbs import GibbsTask, Logits, gibbs, plan_passes

# Ids: 0 HOLD, 1 and 2 two pitches (rows 60 and 61 of what can sound), 3 MASK, 4 BOUNDARY.
HOLD, MASK = 0, 3
SOUNDING = np.array([-1, 60, 61])


def joint(seed: int = 0) -> np.ndarray:
    """(2, 2, 2, 2) probabilities of voice 0 at steps 0 and 1, voice 1 at steps 0 and 1; none near zero."""
    weights = np.random.default_rng(seed).gamma(2.0, size=(2, 2, 2, 2)) + 0.3
    return weights / weights.sum()


def conditionals(table: np.ndarray, sharpness: float = 1.0) -> Logits:
    """The exact logits (B, 2, 2, 3) of each cell given the other three; a hidden cell is summed over."""
    by_cells = np.full((4, 4, 4, 4, 4, 3), -30.0)
    for cells in itertools.product((1, 2, MASK), repeat=4):
        for cell in range(4):
            unknown = [c for c in range(4) if c == cell or cells[c] == MASK]
            rest = table[tuple(slice(None) if c in unknown else cells[c] - 1 for c in range(4))]
            marginal = rest.sum(axis=tuple(axis for axis, c in enumerate(unknown) if c != cell))
            by_cells[(*cells, cell, slice(1, None))] = sharpness * np.log(marginal)
    return lambda ids, at: by_cells[tuple(ids.reshape(-1, 4)[at[0]].T)][np.arange(len(at[0])), 2 * at[1] + at[2]]


def task(pieces: int) -> GibbsTask:
    shape = (pieces, 2, 2)
    return GibbsTask(np.full(shape, MASK), np.ones(shape, bool), np.ones((*shape, 129), bool), np.zeros(shape, bool), SOUNDING, HOLD, MASK)


def chi_square(ids: np.ndarray, table: np.ndarray) -> float:
    cells = ids.reshape(len(ids), 4) - 1
    counts = np.zeros((2, 2, 2, 2))
    np.add.at(counts, tuple(cells.T), 1)
    expected = table * len(ids)
    return float(((counts - expected) ** 2 / expected).sum())


# 99.9 % of chi-square values with 15 degrees of freedom lie below this.
LIMIT = 37.7
OPTIONS = SamplingOptions(temperature=1.0, start_temperature=1.0, sweeps=6)


def test_gibbs_draws_from_the_stationary_distribution() -> None:
    table = joint()
    fill = gibbs(conditionals(table), task(800), OPTIONS, range(800))
    assert chi_square(fill.ids, table) < LIMIT


def test_a_wrong_sampler_fails_the_same_test() -> None:
    table = joint()
    fill = gibbs(conditionals(table, sharpness=0.6), task(800), OPTIONS, range(800))
    assert chi_square(fill.ids, table) > LIMIT


def test_the_log_probability_is_that_of_the_last_draw() -> None:
    fill = gibbs(lambda ids, at: np.zeros((len(at[0]), 3)), task(3), OPTIONS, range(3))
    cells = fill.log_probability[fill.ids != HOLD]
    # At the first step HOLD is barred, so two ids remain; later three.
    assert {round(1 / p) for p in np.exp(cells)} <= {2, 3}


@pytest.mark.parametrize("voices", [1, 3, 4])
def test_passes_redraw_each_cell_as_often_as_asked(voices: int) -> None:
    free = np.zeros((1, 4, 40), dtype=bool)
    free[:, :voices] = True
    redrawn = sum(1 / (stride * voices) for stride, _ in plan_passes(free[0], SamplingOptions(sweeps=10)))
    assert redrawn == pytest.approx(10, abs=0.5)


def test_annealing_ends_at_the_temperature_asked_for() -> None:
    passes = plan_passes(np.ones((4, 40), dtype=bool), SamplingOptions(temperature=0.7, start_temperature=1.3))
    assert passes[0][1] == 1.3
    assert passes[-1][1] == pytest.approx(0.7)
    assert [stride for stride, _ in passes] == sorted(stride for stride, _ in passes)


def test_nothing_free_is_nothing_drawn() -> None:
    given = GibbsTask(
        np.ones((1, 2, 2), int),
        np.zeros((1, 2, 2), bool),
        *(getattr(task(1), f) for f in ("sounding_allowed", "must_begin")),
        SOUNDING,
        HOLD,
        MASK,
    )
    assert (gibbs(lambda ids, at: np.zeros((len(at[0]), 3)), given, OPTIONS, [0]).ids == 1).all()
