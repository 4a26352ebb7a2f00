"""A run that is stopped anywhere goes on bit for bit, and a batch can be learned by heart."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from pieces import first_steps
from tiny import CHECKPOINT, CONFIG, MASKED_CHECKPOINT, SKETCHER_CHECKPOINT, TOKENIZER

from musicgen.errors import CheckpointError
from musicgen.models.checkpoint import load_tensors, read_checkpoint
from musicgen.models.quartet import Quartet
from musicgen.training import loop
from musicgen.training.batches import WindowSource
from musicgen.training.config import TrainingConfig
from musicgen.training.loop import LOG, STATE, Progress, learning_rate, train, update_once
from musicgen.training.tasks import AllOthers

SHORT = TrainingConfig(updates=10, batch=4, window=24, warmup=3, test_every=5, transpose=1)
DROPOUT = replace(CHECKPOINT, model={**CHECKPOINT.model, "dropout": 0.3})
SKETCHER_DROPOUT = replace(SKETCHER_CHECKPOINT, model={**SKETCHER_CHECKPOINT.model, "dropout": 0.3, "hidden": 0.2})
MASKED_DROPOUT = replace(MASKED_CHECKPOINT, model={**MASKED_CHECKPOINT.model, "dropout": 0.3})


@pytest.fixture(scope="module")
def chorales(bach_pieces):
    return [first_steps(piece.chorale, 64) for piece in bach_pieces[:4]]


def assert_same_tensors(one: Path, other: Path) -> None:
    expected, found = load_tensors(one), load_tensors(other)
    assert expected.keys() == found.keys()
    for name, tensor in expected.items():
        assert torch.equal(tensor, found[name]), name


@pytest.mark.parametrize("checkpoint", [DROPOUT, SKETCHER_DROPOUT, MASKED_DROPOUT], ids=["quartet", "sketcher", "masked"])
def test_ten_updates_are_five_saved_loaded_and_five_more(checkpoint, tmp_path, chorales) -> None:
    whole, halves = tmp_path / "whole", tmp_path / "halves"
    train(checkpoint, SHORT, chorales[:3], chorales[3:], whole)
    half = train(checkpoint, SHORT, chorales[:3], chorales[3:], halves, stop_after=5)
    assert not half.finished
    rest = train(checkpoint, SHORT, chorales[:3], chorales[3:], halves)
    assert rest.finished
    assert rest.updates == 10
    for file in (STATE, "model.safetensors"):
        assert_same_tensors(whole / file, halves / file)


def test_ctrl_c_leaves_a_run_that_goes_on_as_if_nothing_had_happened(tmp_path, chorales) -> None:
    whole, stopped = tmp_path / "whole", tmp_path / "stopped"
    train(DROPOUT, SHORT, chorales[:3], chorales[3:], whole)

    def press(progress: Progress) -> None:
        if progress.update == 4:
            raise KeyboardInterrupt

    outcome = train(DROPOUT, SHORT, chorales[:3], chorales[3:], stopped, on_progress=press)
    assert not outcome.finished
    assert outcome.updates == 4
    train(DROPOUT, SHORT, chorales[:3], chorales[3:], stopped)
    assert_same_tensors(whole / STATE, stopped / STATE)


def test_a_run_that_is_killed_goes_on_from_its_last_saved_state(tmp_path, chorales) -> None:
    """As after kill -9: nothing is saved at the end, and the last state is older than the last update."""
    config = replace(SHORT, save_minutes=0.0)
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    train(DROPOUT, config, chorales[:3], chorales[3:], whole)
    kept = {}

    def die(progress: Progress) -> None:
        if progress.update == 4:
            kept["state"] = (killed / STATE).read_bytes()
        if progress.update == 7:
            raise SystemError

    with pytest.raises(SystemError):
        train(DROPOUT, config, chorales[:3], chorales[3:], killed, on_progress=die)
    (killed / STATE).write_bytes(kept["state"])
    assert train(DROPOUT, config, chorales[:3], chorales[3:], killed).updates == 10
    for file in (STATE, "model.safetensors"):
        assert_same_tensors(whole / file, killed / file)


def test_a_run_leaves_a_checkpoint_and_a_log(tmp_path, chorales) -> None:
    seen: list[Progress] = []
    outcome = train(CHECKPOINT, SHORT, chorales[:3], chorales[3:], tmp_path, on_progress=seen.append)
    assert read_checkpoint(tmp_path).training["updates"] == 10
    looks = [json.loads(line) for line in (tmp_path / LOG).read_text().splitlines()]
    assert [look["update"] for look in looks] == [5, 10]
    assert outcome.best == pytest.approx(min(look["valid"] for look in looks), abs=1e-4)
    assert [progress.update for progress in seen] == list(range(1, 11))
    assert seen[-1].seconds_left == 0


def test_another_setting_is_not_mixed_into_a_run(tmp_path, chorales) -> None:
    train(CHECKPOINT, SHORT, chorales[:3], chorales[3:], tmp_path, stop_after=2)
    with pytest.raises(CheckpointError, match="other settings"):
        train(CHECKPOINT, replace(SHORT, batch=5), chorales[:3], chorales[3:], tmp_path)


def test_training_stops_when_patience_ends(tmp_path, chorales, monkeypatch) -> None:
    monkeypatch.setattr(loop, "nats_per_cell", lambda *_: 1.0)
    outcome = train(CHECKPOINT, replace(SHORT, test_every=2, patience=3), chorales[:3], chorales[3:], tmp_path)
    assert outcome.updates == 2 * (1 + 3)
    assert outcome.best_update == 2


def test_one_batch_can_be_learned_by_heart(chorales) -> None:
    config = TrainingConfig(updates=160, batch=2, window=16, warmup=10, learning_rate=0.02, hidden=0.0, weight_decay=0.0, transpose=0)
    torch.manual_seed(0)
    model = Quartet(replace(CONFIG, width=32))
    averaged = {name: weight.detach().clone() for name, weight in model.state_dict().items()}
    optimizer = torch.optim.AdamW(model.parameters())
    batch = WindowSource(chorales[:1], config, AllOthers(TOKENIZER, config)).batch(0)
    losses = [update_once(model, averaged, optimizer, batch, config, update) for update in range(config.updates)]
    assert losses[0] > 3
    assert losses[-1] < 0.05


def test_the_learning_rate_rises_and_falls_to_zero() -> None:
    config = replace(SHORT, updates=20)
    rates = [learning_rate(config, update) for update in range(config.updates)]
    assert max(rates) == SHORT.learning_rate
    assert rates.index(max(rates)) == SHORT.warmup - 1
    assert 0 < rates[-1] < SHORT.learning_rate / 10
