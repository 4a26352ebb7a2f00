"""From a corpus of events to a checkpoint, by the command line: presets, fine-tuning and its report, refusals."""

import json

import event_pieces as events
import pytest

from musicgen.cli import main
from musicgen.cli.train_events import EVENT_PRESETS as NAMED
from musicgen.corpus.shards import NewPiece, load_events, write_events
from musicgen.errors import CheckpointError, ConfigError, CorpusError
from musicgen.models.checkpoint import load_model, read_checkpoint
from musicgen.tokenizers.events import EventTokenizer
from musicgen.training.event_presets import EVENT_PRESETS, resolve
from musicgen.training.events import find_start, rows_of

SMALL = [f"model.{name}" for name in ("width=16", "heads=2", "layers=1", "inner=24", "window=96")]
SHORT = [f"training.{name}" for name in ("updates=4", "batch=2", "test_every=2", "valid_rows=99", "warmup=1")]


def sets(settings):
    return [word for setting in settings for word in ("--set", setting)]


@pytest.fixture(scope="module")
def corpora(tmp_path_factory):
    folder = tmp_path_factory.mktemp("corpora")
    for name, first in (("old", 0), ("mine", 20)):
        ids = [events.pieces(number, number + 1).ids(0)[1:-1] for number in range(first, first + 6)]
        made = [NewPiece(f"{name}-{number}", "valid" if number % 3 == 2 else "train", piece) for number, piece in enumerate(ids)]
        write_events(name, "motifs", events.tokenizer(), made, folder=folder)
    return folder


@pytest.fixture
def here(corpora, tmp_path, monkeypatch):
    (tmp_path / "corpora").symlink_to(corpora)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_trained_then_tuned_with_a_report_of_what_changed(here, capsys):
    assert main(["train", "tiny", "--corpus", "old", *sets(SMALL + SHORT)]) == 0
    said = capsys.readouterr()
    assert said.out.strip() == "checkpoints/old"
    assert "nats an id" in said.err
    metrics = json.loads((here / "checkpoints/old/metrics.json").read_text())
    valid = metrics["valid"]
    assert valid["nats_per_note"] == pytest.approx(valid["nats_per_id"] * valid["ids"] / valid["notes"], rel=1e-3)
    assert metrics["valid_fill_nats_per_id"] > 0
    assert EventTokenizer.load(here / "checkpoints/old") == events.tokenizer()

    learned = read_checkpoint(here / "checkpoints/old").corpus
    assert learned["ensembles"] == load_events("old").ensembles("train")

    assert main(["evaluate", "likelihood", "old", "--json"]) == 0
    whole = json.loads(capsys.readouterr().out)
    assert {name: whole[name] for name in valid} == valid  # every row of the valid split was measured then too
    assert whole["interval"][0] < valid["nats_per_id"] < whole["interval"][1]
    assert main(["evaluate", "likelihood", "old", "--split", "train"]) == 2
    assert main(["evaluate", "likelihood", "old", "--corpus", "mine"]) == 2
    refused = capsys.readouterr().err
    assert "has learned from the train split" in refused
    assert "this is mine" in refused

    tune = ["train", "tiny", "--corpus", "mine", "--from", "old", "--json", *sets([*SHORT, "training.learning_rate=0.01"])]
    assert main(tune) == 0
    told = json.loads(capsys.readouterr().out)
    changed = told["metrics"]["changed"]
    assert set(changed) == {"mine", "old"}
    assert changed["old"]["before"] == valid
    assert changed["mine"]["after"]["nats_per_id"] < changed["mine"]["before"]["nats_per_id"]
    assert changed["mine"]["after"] == told["metrics"]["valid"]
    card = (here / "checkpoints/mine/MODEL_CARD.md").read_text()
    assert "What fine-tuning changed" in card
    assert "musicgen train tiny --corpus mine --from old" in card
    checkpoint = read_checkpoint(here / "checkpoints/mine")
    assert checkpoint.model == read_checkpoint(here / "checkpoints/old").model
    assert checkpoint.corpus["from"] == "old"
    load_model(here / "checkpoints/mine", checkpoint)

    with pytest.raises(ConfigError, match="width follows from the weights"):
        resolve("tiny", events.tokenizer(), ["model.width=32"], False, checkpoint)
    with pytest.raises(ConfigError, match="cannot become lstm"):
        resolve("tiny", events.tokenizer(), [], True, checkpoint)
    with pytest.raises(CheckpointError, match="build the corpus with --tokenizer old"):
        find_start("old", EventTokenizer.make(velocities=16))


@pytest.mark.parametrize("preset", NAMED)
def test_presets_have_the_weights_they_say(preset):
    said = int(EVENT_PRESETS[preset].means.split()[0]) * 1e6
    for lstm in (False, True):
        checkpoint, training = resolve(preset, events.tokenizer(), ["training.batch=3"], lstm, None)
        assert training.batch == 3
        assert sum(weight.numel() for weight in _unbuilt(checkpoint).parameters()) == pytest.approx(said, rel=0.05)
    assert set(NAMED) == set(EVENT_PRESETS)


def _unbuilt(checkpoint):
    import torch

    with torch.device("meta"):
        return checkpoint.build()


def test_what_cannot_be_is_refused_in_one_line(here, capsys):
    for words, why in {
        ("tiny", "--corpus", "nothing"): "there is no corpus here",
        ("tiny", "--corpus", "old", "--set", "model.kind=gru"): "no model of events",
        ("tiny", "--corpus", "old", "--set", "model.vocab_size=9"): "follows from the tokenizer",
        ("tiny", "--corpus", "old", "--set", "model.heads=5"): "a multiple of twice the heads",
        ("tiny", "--corpus", "old", "--set", "training.parallel=mpi"): "ddp or fsdp",
        ("tiny", "--corpus", "old", "--from", "flagship"): "knows no events",
        ("tiny", "--corpus", "old", "--from", "missing"): "no such checkpoint",
        ("tiny", "--corpus", "old", "--device", "tpu"): "not to be had",
        ("markov", "--lstm"): "--from and --lstm are for",
    }.items():
        assert main(["train", *words]) == 2, words
        error = capsys.readouterr().err
        assert why in error, error
        assert error.count("\n") == 1
    assert not (here / "runs").exists()
    empty = write_events("one", "motifs", events.tokenizer(), [NewPiece("a", "train", events.pieces(0, 1).ids(0)[1:-1])], folder=here)
    with pytest.raises(CorpusError, match="no piece is in the split valid"):
        rows_of(load_events(empty.folder), "valid", 96, events.tokenizer(), 4)
