"""Many requests in one batch: each is as it would be alone, and what is drawn follows the distribution and the steering."""

import numpy as np
import pytest
import torch

from musicgen.errors import ConfigError
from musicgen.models.causal import Causal, CausalConfig
from musicgen.models.lstm import EventLSTM, EventLSTMConfig
from musicgen.sampling.decoding import ECHO, DecodingOptions, choose, decode_batch

PAD, BOS, EOS, FILL, HOLE, BAR = range(6)
SPECIALS = {"bar_ids": (BAR,), "fill_id": FILL, "hole_id": HOLE, "bos_id": BOS}


class Until:
    """Ends after so many ids; `only` are allowed."""

    def __init__(self, prompt: int, drawn: int, only: tuple[int, ...] = ()) -> None:
        self.length, self.only = prompt + drawn, only

    def allowed(self, ids):
        return np.isin(np.arange(20), self.only) if self.only else None

    def done(self, ids):
        return len(ids) >= self.length


class Flat:
    """A model to which all ids are as likely, always."""

    config = CausalConfig(20, **SPECIALS, window=2000)

    def start(self, rows, length):
        return self

    def keep(self, rows):
        pass

    def advance(self, ids, cache):
        return torch.zeros(len(ids), 20)


@pytest.fixture(params=["causal", "lstm"])
def model(request):
    torch.manual_seed(1)
    if request.param == "lstm":
        return EventLSTM(EventLSTMConfig(20, **SPECIALS, width=16, window=64)).eval()
    return Causal(CausalConfig(20, **SPECIALS, width=16, heads=2, layers=2, inner=24, window=64)).eval()


def test_a_request_is_the_same_alone_and_in_a_batch(model):
    prompts = [[BOS], [BOS, 7, 8, 9, BAR], [BOS, BAR, 6], [BOS, 11, 12, 13, 14, 15, 16]]
    options = [DecodingOptions(seed=seed, temperature=0.8 + seed / 10, top_p=0.9, repetition=seed) for seed in range(4)]
    steer = [Until(len(prompt), length) for prompt, length in zip(prompts, (30, 3, 12, 21), strict=True)]
    together = decode_batch(model, prompts, options, steer)
    alone = [decode_batch(model, [p], [o], [s])[0] for p, o, s in zip(prompts, options, steer, strict=True)]
    assert together == alone
    assert [len(ids) for ids in together] == [30, 3, 12, 21]
    again = decode_batch(model, prompts[:1], [DecodingOptions(seed=9, temperature=0.8, top_p=0.9)], steer[:1])
    assert again[0] != alone[0]


def test_only_what_is_allowed_is_drawn_and_every_id_is_told(model):
    told = []
    drawn = decode_batch(
        model, [[BOS], [BOS]], [DecodingOptions()] * 2, [Until(1, 9, (6, 7)), Until(1, 5)], lambda *each: told.append(each)
    )
    assert set(drawn[0]) <= {6, 7}
    assert [[id for number, id in told if number == n] for n in (0, 1)] == drawn
    with pytest.raises(ConfigError, match="request 0: after 1 ids nothing is allowed"):
        decode_batch(model, [[BOS]], [DecodingOptions()], [Until(1, 9, (PAD,))])


def test_a_full_window_ends_a_request_and_a_prompt_that_fills_it_is_refused(model):
    assert len(decode_batch(model, [[BOS]], [DecodingOptions()], [Until(1, 1000)])[0]) == 63
    for prompt in ([], [BOS] * 64):
        with pytest.raises(ConfigError, match="leave room to go on"):
            decode_batch(model, [prompt], [DecodingOptions()], [Until(1, 5)])
    assert decode_batch(model, [], [], []) == []


def test_draws_follow_the_distribution():
    drawn = decode_batch(Flat(), [[BOS]], [DecodingOptions(top_p=1.0, seed=3)], [Until(1, 1900)])[0]
    counts = np.bincount(drawn, minlength=20)
    assert counts[PAD] == 0
    expected = 1900 / 19
    assert ((counts[1:] - expected) ** 2 / expected).sum() < 42.3  # chi-square, 18 degrees of freedom: one time in 1000 it is more


def test_top_p_and_temperature_against_arithmetic():
    scores = np.log(np.array([0.5, 0.3, 0.15, 0.05], np.float32))

    def counts(temperature, top_p):
        return np.bincount([choose(scores.copy(), temperature, top_p, (step + 0.5) / 100) for step in range(100)])

    assert counts(1, 1).tolist() == [50, 30, 15, 5]
    assert counts(1, 0.81) == pytest.approx([100 * 50 / 95, 100 * 30 / 95, 100 * 15 / 95], abs=1)
    assert counts(1, 0.79) == pytest.approx([62.5, 37.5], abs=1)
    squares = np.array([25, 9, 2.25, 0.25])
    assert counts(0.5, 1) == pytest.approx(100 * squares / squares.sum(), abs=1)
    assert counts(0, 1).tolist() == [100]
    never = np.full(4, -np.inf, np.float32)
    never[2] = 0.0
    assert {choose(never.copy(), 1.0, top_p, uniform) for top_p in (1.0, 0.5) for uniform in (0.0, 0.999999)} == {2}


def test_repetition_is_shunned_and_sought():
    passage = list(range(6, 6 + ECHO))
    prompt = [BOS, *passage, 19, *passage]

    def first(repetition):
        options = [DecodingOptions(seed=seed, repetition=repetition, top_p=1.0) for seed in range(60)]
        return [ids[0] for ids in decode_batch(Flat(), [prompt] * 60, options, [Until(len(prompt), 1)] * 60)]

    assert first(20).count(19) == 0
    assert first(-20).count(19) == 60
    assert 0 < first(0).count(19) < 20


@pytest.mark.parametrize(("name", "value"), [("temperature", -1), ("top_p", 0), ("repetition", 99), ("seed", -1)])
def test_options_out_of_range_are_refused(name, value):
    with pytest.raises(ConfigError, match=name):
        DecodingOptions(**{name: value})
