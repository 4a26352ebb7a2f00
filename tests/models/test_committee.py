"""A committee's probability is the mean of its members', step by step or all at once."""

from dataclasses import asdict, replace

import pytest
import torch
from tiny import SKETCHER_CONFIG, tiny_committee, tiny_sketcher
from torch import Tensor

from musicgen.errors import ConfigError
from musicgen.models.committee import CommitteeConfig
from musicgen.models.recall import in_steps

STEPS = 9
MASK, BOUNDARY = SKETCHER_CONFIG.vocab_size, SKETCHER_CONFIG.vocab_size + 1


def inputs() -> tuple[Tensor, Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    ids = torch.randint(SKETCHER_CONFIG.sounds, (2, 4, STEPS), generator=generator)
    ids[..., 0] = BOUNDARY
    conditions = torch.stack([torch.randint(size, (2, STEPS), generator=generator) for size in SKETCHER_CONFIG.condition_sizes], dim=1)
    sketch = torch.full_like(ids, MASK)
    sketch[:, 1], sketch[..., 0] = ids[:, 1], BOUNDARY
    return sketch, conditions, torch.full((2,), STEPS), ids


@torch.inference_mode()
def test_the_mean_of_the_members() -> None:
    committee = tiny_committee()
    members = [tiny_sketcher(seed=seed) for seed in range(2)]
    expected = torch.stack([member(*inputs()).softmax(-1) for member in members]).mean(0)
    torch.testing.assert_close(committee(*inputs()).exp(), expected)
    assert not torch.allclose(members[0](*inputs()).softmax(-1), expected)


@torch.inference_mode()
def test_one_step_at_a_time_gives_what_all_steps_at_once_give() -> None:
    committee = tiny_committee()
    sketch, conditions, lengths, ids = inputs()
    whole = committee(sketch, conditions, lengths, ids)
    memory, cache = committee.reader(sketch, conditions, lengths), committee.new_cache(2, STEPS)
    recall = committee.recall(ids[..., 0], STEPS)
    for step in range(STEPS):
        if step > 1:
            recall.read(ids[..., step - 1])
        views = committee.advance(in_steps([recall.now]), memory[:, step : step + 1], cache, step)[:, 0]
        now = sketch[..., step].clone()
        for voice in SKETCHER_CONFIG.order:
            torch.testing.assert_close(
                committee.decide(voice, views[:, voice], recall.now, now), whole[:, voice, step], atol=1e-5, rtol=1e-5
            )
            now[:, voice] = ids[:, voice, step]


def test_a_config_comes_back_from_json() -> None:
    config = CommitteeConfig(2, replace(SKETCHER_CONFIG, span=7))
    assert CommitteeConfig(**asdict(config)) == config
    with pytest.raises(ConfigError, match="0 members"):
        CommitteeConfig(0, SKETCHER_CONFIG)
