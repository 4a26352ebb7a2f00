"""Two processes are one with the double batch, by DDP and by FSDP2; one is killed, and the run goes on."""

import shutil
import signal
from dataclasses import replace

import event_pieces as events
import pytest
import torch
from two_ranks import SHORT, together

from musicgen.errors import CheckpointError
from musicgen.models.checkpoint import load_tensors
from musicgen.training.distributed import Ranks, read_notes
from musicgen.training.language import Learner, train_language
from musicgen.training.streams import whole_rows


def alone(folder, config=SHORT):
    valid = whole_rows(events.pieces(4, 6), 64, events.tokenizer().bar_ids, config.valid_rows)
    checkpoint = events.checkpoint(window=64, dropout=0.0)
    return train_language(checkpoint, config, events.tokenizer(), events.pieces(0, 4), valid, folder, Ranks())


def state_of(folder):
    notes = read_notes(folder)
    tensors = {}
    for file in sorted((folder / notes["folder"]).glob("*.safetensors")):
        tensors |= load_tensors(file)
    return notes["state"], tensors


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    alone(folder / "alone", replace(SHORT, at_once=6))
    assert together(folder / "ddp", "ddp") == [0, 0]
    assert together(folder / "killed", "ddp", killed=True) == [-signal.SIGKILL, 1]
    assert state_of(folder / "killed")[0]["update"] == 3
    shutil.copytree(folder / "killed", folder / "changed")
    for name, parallel in (("killed", "ddp"), ("fsdp", "fsdp"), ("changed", "fsdp")):
        assert together(folder / name, parallel) == [0, 0]
    return folder


def test_two_processes_give_the_weights_of_one(runs):
    one = load_tensors(runs / "alone" / "state.safetensors")
    state, two = state_of(runs / "ddp")
    assert state["update"] == 4
    compared = [name for name in one if name.startswith(("model.", "averaged."))]
    assert len(compared) > 20
    for name in compared:
        assert torch.allclose(one[name], two[name], rtol=0, atol=1e-6), name
    learner = Learner(events.checkpoint(window=64), SHORT, Ranks(), None)
    names = {id(weight): name for name, weight in learner.model.named_parameters()}
    ordered = [names[id(weight)] for group in learner.optimizer.param_groups for weight in group["params"]]
    for number, name in enumerate(ordered):  # of the gradients themselves: AdamW would forgive another scale
        mine, theirs = one[f"optimizer.{number}.exp_avg"], two[f"optimizer.{name}.exp_avg"]
        assert torch.allclose(mine, theirs, rtol=1e-3, atol=1e-6 * mine.abs().max().item() + 1e-8), name


@pytest.mark.parametrize("name", ["fsdp", "changed"])
def test_weights_spread_over_processes_are_the_same_too(runs, name):
    one, best = (load_tensors(runs / run / "model.safetensors") for run in ("alone", name))
    for weight in one:
        assert torch.allclose(one[weight], best[weight], rtol=1e-2, atol=1e-6), weight  # kept as bf16, two digits
    looks = [[look["valid"] for look in state_of(runs / run)[0]["history"]] for run in ("ddp", name)]
    assert len(looks[0]) == 2
    assert looks[0] == pytest.approx(looks[1], abs=2e-5)


def test_a_killed_run_goes_on_to_the_same_weights(runs):
    (state, weights), (_, whole) = state_of(runs / "killed"), state_of(runs / "ddp")
    assert state["update"] == 4
    for name, weight in whole.items():
        assert torch.equal(weight, weights[name]), name


def test_a_run_goes_on_as_it_was_begun(runs):
    with pytest.raises(CheckpointError, match="begun under torchrun"):
        alone(runs / "ddp")
