from dataclasses import replace

import numpy as np
import pytest
import torch

from musicgen.errors import ConfigError
from musicgen.models.convnet import ConvNet, ConvNetConfig
from musicgen.models.fitting import UNKNOWN, FitConfig, Rolls, answer, fit, spread

CONFIG = FitConfig(updates=50, batch=16, window=16, shift=1, average=0.5, look_every=10, learning_rate=1e-2)


def make_rolls(count=60, seed=0):
    """Long notes against short ones; the second question, one voice or two, is known of every other piece alone."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 2, size=(count, 2))
    rolls = []
    for is_short, are_two in labels:
        roll = np.zeros((2, 24, 48), dtype=bool)
        low = rng.integers(6, 15)
        for row in (low, low + 2) if are_two else (low,):
            roll[0, row], roll[1, row, :: 2 if is_short else 8] = True, True
        rolls.append(roll)
    labels[::2, 1] = UNKNOWN
    return Rolls(rolls, [[0, 8, 16, 32]] * count, labels)


def trained(config=CONFIG, seed=1, looks=None):
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        net = ConvNet(ConvNetConfig(2, (2, 2), widths=(8, 12), dropout=0.0))
        fit(net, make_rolls(), make_rolls(12, 1), config, seed, lambda *look: (looks if looks is not None else []).append(look))
    return net


def test_both_questions_are_learned_though_one_is_often_unanswered():
    asked = make_rolls(40, 2)
    given = answer(trained(), asked, CONFIG)
    assert [shares.shape for shares in given] == [(40, 2), (40, 2)]
    assert (given[0].argmax(1) == asked.labels[:, 0]).mean() > 0.9
    known = asked.labels[:, 1] != UNKNOWN
    assert (given[1].argmax(1) == asked.labels[:, 1])[known].mean() > 0.9
    np.testing.assert_allclose(given[0].sum(1), 1)


def test_the_best_look_is_kept_and_training_stops_when_none_is_better():
    looks = []
    net = trained(replace(CONFIG, updates=300, look_every=5, patience=2, learning_rate=0.05), looks=looks)
    nats = [nats for _, nats in looks]
    assert looks[-1][0] < 1
    assert min(nats) < min(nats[-2:])
    inner = make_rolls(12, 1)
    shares = answer(net, inner, CONFIG)
    kept = sum(
        -np.log(part[known, labels[known]]).mean()
        for part, labels in zip(shares, inner.labels.T, strict=True)
        for known in [labels != UNKNOWN]
    )
    assert kept == pytest.approx(min(nats), rel=1e-4)


def test_equal_seeds_give_equal_networks():
    one, again, other = (trained(replace(CONFIG, updates=3), seed).state_dict() for seed in (1, 1, 2))
    assert all(torch.equal(weight, again[name]) for name, weight in one.items())
    assert not all(torch.equal(weight, other[name]) for name, weight in one.items())


def test_an_answer_is_the_mean_over_windows_of_the_piece_alone():
    net, asked = trained(replace(CONFIG, updates=5)), make_rolls(6, 3)
    together = answer(net, asked, CONFIG)[0]
    alone = answer(net, asked.subset([4]), CONFIG)[0]
    np.testing.assert_allclose(together[4:5], alone, rtol=1e-5)
    logs = [np.log(answer(net, Rolls(asked.rolls[4:5], [[start]], asked.labels[4:5]), CONFIG)[0]) for start in asked.starts[4]]
    mean = np.exp(np.mean(logs, axis=0))
    np.testing.assert_allclose(alone, mean / mean.sum(), rtol=1e-4)


def test_windows_are_spread_from_the_first_to_the_last():
    assert spread(range(3), 8) == [0, 1, 2]
    assert spread(range(0, 100, 4), 3) == [0, 48, 96]


@pytest.mark.parametrize("wrong", [{"updates": 0}, {"shift": -1}, {"average": 1.0}, {"learning_rate": 0.0}])
def test_dials_that_cannot_be_are_refused(wrong):
    with pytest.raises(ConfigError):
        replace(CONFIG, **wrong)
