import numpy as np
import pytest

from musicgen.errors import ConfigError
from musicgen.sampling.draw import SamplingOptions, draw, gumbel, log_sum

LOGITS = np.log(np.array([[0.5, 0.3, 0.15, 0.05]]))


def shares(temperature: float, top_p: float, allowed: list[bool], draws: int = 20_000) -> np.ndarray:
    noise = gumbel(np.random.default_rng(0), (draws, 4))
    drawn = draw(LOGITS.repeat(draws, 0), np.array([allowed]).repeat(draws, 0), noise, temperature, top_p)
    return np.bincount(drawn, minlength=4) / draws


def test_draws_follow_the_probabilities() -> None:
    assert shares(1.0, 1.0, [True] * 4) == pytest.approx([0.5, 0.3, 0.15, 0.05], abs=0.01)


def test_a_temperature_of_a_half_squares_the_odds() -> None:
    squared = np.array([0.25, 0.09, 0.0225, 0.0025])
    assert shares(0.5, 1.0, [True] * 4) == pytest.approx(squared / squared.sum(), abs=0.01)


def test_what_is_not_allowed_is_never_drawn() -> None:
    assert shares(1.0, 1.0, [False, True, False, True]) == pytest.approx([0, 6 / 7, 0, 1 / 7], abs=0.01)


def test_top_p_keeps_the_id_that_crosses_it() -> None:
    assert shares(1.0, 0.6, [True] * 4) == pytest.approx([5 / 8, 3 / 8, 0, 0], abs=0.01)


def test_temperature_0_takes_the_best_allowed_and_ignores_the_noise() -> None:
    assert shares(0, 1.0, [False, True, True, True]).tolist() == [0, 1, 0, 0]


@pytest.mark.parametrize("options", [{"temperature": -1}, {"top_p": 0}, {"top_p": 1.1}, {"sweeps": 0}, {"start_temperature": 99}])
def test_impossible_options_are_refused(options) -> None:
    with pytest.raises(ConfigError):
        SamplingOptions(**options)


def test_a_dial_that_a_model_does_not_take_is_refused() -> None:
    assert SamplingOptions().turned("a", ("sweeps",), {"sweeps": 3}).sweeps == 3
    with pytest.raises(ConfigError, match=r"a has no dial 'drafts'; .*sweeps"):
        SamplingOptions().turned("a", ("sweeps",), {"drafts": 3})


def test_the_logarithm_of_a_sum_is_numpys() -> None:
    logits = np.array([[0.0, 1.0, -np.inf], [-np.inf] * 3, [-1e4, -1e4, -1e4 - 5], [800.0, 790.0, -800.0]])
    assert log_sum(logits) == pytest.approx(np.logaddexp.reduce(logits, axis=1), rel=1e-12)
