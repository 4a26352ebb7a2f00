"""Training on streams: a run that is stopped anywhere goes on bit for bit, however many rows are taken at once, and it learns."""

from dataclasses import replace
from functools import cached_property

import event_pieces as events
import pytest
import torch

from musicgen.errors import CheckpointError
from musicgen.generation.foretelling import Measured
from musicgen.models.checkpoint import load_tensors, read_checkpoint
from musicgen.training.distributed import Ranks
from musicgen.training.language import Learner, train_language
from musicgen.training.language_config import LanguageTraining
from musicgen.training.loop import STATE
from musicgen.training.streams import Rows, whole_rows

SHORT = LanguageTraining(updates=8, batch=4, warmup=2, test_every=4, valid_rows=4)


def train(folder, config=SHORT, kind="causal", **more):
    checkpoint = events.checkpoint(kind, dropout=0.2)
    tokenizer = events.tokenizer()
    valid = whole_rows(events.pieces(4, 6), 128, tokenizer.bar_ids, config.valid_rows)
    return train_language(checkpoint, config, tokenizer, events.pieces(0, 4), valid, folder, Ranks(), **more)


def same(one, other):
    for file in (STATE, "model.safetensors"):
        tensors = load_tensors(other / file)
        for name, tensor in load_tensors(one / file).items():
            assert torch.equal(tensor, tensors[name]), name


@pytest.mark.parametrize("kind", ["causal", "lstm"])
def test_a_run_in_sittings_is_a_run_in_one(kind, tmp_path):
    assert train(tmp_path / "whole", kind=kind).finished

    def press(progress):
        if progress.update == 5:
            raise KeyboardInterrupt

    assert not train(tmp_path / "parts", kind=kind, stop_after=3).finished
    stopped = train(tmp_path / "parts", kind=kind, on_progress=press)
    assert (stopped.updates, stopped.finished) == (5, False)
    outcome = train(tmp_path / "parts", kind=kind)
    assert (outcome.updates, outcome.finished) == (8, True)
    same(tmp_path / "whole", tmp_path / "parts")
    assert read_checkpoint(tmp_path / "parts").kind == kind
    assert (tmp_path / "parts" / "tokenizer.json").is_file()
    with pytest.raises(CheckpointError, match="other settings"):
        train(tmp_path / "parts", replace(SHORT, batch=5), kind=kind)


class Noted(Rows):
    """Rows that remember which were asked for."""

    @cached_property
    def asked(self):
        return []

    def row(self, update, number):
        self.asked.append((update, number))
        return super().row(update, number)


def test_rows_taken_two_at_once_give_the_same_weights():
    weights = []
    for at_once in (4, 2, 3):
        config = replace(SHORT, at_once=at_once)
        learner = Learner(events.checkpoint(dropout=0.0), config, Ranks(), None)
        rows = Noted(events.pieces(), events.tokenizer(), 128, config)
        for update in range(3):
            learner.update(rows, update)
        weights.append(learner.model.state_dict())
        assert rows.asked == [(update, number) for update in range(3) for number in range(4)]
    for other in weights[1:]:
        for name, weight in weights[0].items():
            assert torch.allclose(weight, other[name], atol=1e-6), name


@pytest.mark.parametrize("kind", ["causal", "lstm"])
def test_motifs_are_learned(kind):
    config = LanguageTraining(updates=40, batch=4, warmup=5, learning_rate=1e-2, lowest=0, highest=0, average=0.5)
    learner = Learner(events.checkpoint(kind, dropout=0.0, width=32), config, Ranks(), None)
    rows = Rows(events.pieces(0, 2), events.tokenizer(), 128, config)
    losses = [learner.update(rows, update) for update in range(40)]
    assert losses[0] > 5
    assert losses[-1] < 1.2


def test_measuring_is_of_the_averaged_weights_and_leaves_the_others():
    learner = Learner(events.checkpoint(), SHORT, Ranks(), None)
    before = {name: weight.clone() for name, weight in learner.model.state_dict().items()}
    rows = whole_rows(events.pieces(), 128, events.tokenizer().bar_ids, 5)
    fresh = learner.measure(rows, 0)
    for weight in learner.averaged.values():
        weight.zero_()
    nothing = learner.measure(rows, 0)
    assert nothing.nats_per_id == pytest.approx(torch.log(torch.tensor(float(events.tokenizer().size))).item(), abs=1e-4)
    assert fresh.counts.sum() == sum(len(row) - 1 for row in rows)
    assert all(torch.equal(weight, before[name]) for name, weight in learner.model.state_dict().items())
    figures = nothing.figures(events.tokenizer())
    assert figures["nats_per_note"] == pytest.approx(figures["nats_per_id"] * figures["ids"] / figures["notes"], rel=1e-3)
    assert set(figures["nats_by_kind"]) >= {"Pitch", "PitchDrum", "Bar", "Duration"}
    assert isinstance(nothing, Measured)
