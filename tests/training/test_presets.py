"""A preset of several members makes a committee of them, and goes on where it was stopped."""

from dataclasses import asdict, replace

import numpy as np
import pytest
from tiny import SKETCHER_CONFIG

from musicgen.composers.loading import load_composer
from musicgen.corpus.store import Corpus
from musicgen.models.sketcher import SketcherConfig
from musicgen.tokenizers.grid import CONDITION_SIZES, GridTokenizer
from musicgen.training import presets
from musicgen.training.config import TrainingConfig
from musicgen.training.presets import Preset, find_preset, train_preset

TOKENIZER = GridTokenizer("pair", relative=True)
MODEL = replace(SKETCHER_CONFIG, vocab_size=TOKENIZER.size, input_size=TOKENIZER.size + 2, condition_sizes=CONDITION_SIZES)
SHORT = TrainingConfig(updates=6, batch=2, window=24, warmup=2, test_every=3, transpose=0)


@pytest.fixture
def corpus(bach_pieces, monkeypatch) -> Corpus:
    """Four pieces, and a preset of two members that learns from them."""
    monkeypatch.setitem(presets.PRESETS, "two", lambda: Preset("sketcher", MODEL, TOKENIZER, SHORT, members=2))
    pieces = [
        replace(piece, split=split, near_copy_in=())
        for piece, split in zip(bach_pieces, ("train", "train", "valid", "valid"), strict=False)
    ]
    return Corpus("four", tuple(pieces), "f", "music21", {})


def test_two_members_make_a_committee(tmp_path, corpus) -> None:
    seen: list[tuple[int, int]] = []
    stopped = train_preset("two", corpus, tmp_path / "run", tmp_path / "made", stop_after=3)
    assert not stopped.finished
    assert not (tmp_path / "made" / "config.json").exists()
    outcome = train_preset(
        "two", corpus, tmp_path / "run", tmp_path / "made", on_progress=lambda now: seen.append((now.update, now.updates))
    )
    assert outcome.finished
    assert seen == [(update, 12) for update in range(4, 13)]
    committee = load_composer(str(tmp_path / "made"))
    members = [load_composer(str(tmp_path / "run" / f"member-{number}")) for number in (1, 2)]
    piece = corpus.all_pieces[2].chorale
    mean = -np.log(np.mean([np.exp(-member.nats(piece).nats.astype(float)) for member in members], axis=0))
    np.testing.assert_allclose(committee.nats(piece).nats, mean, atol=1e-4)
    assert "committee" in (tmp_path / "made" / "MODEL_CARD.md").read_text()


@pytest.mark.parametrize("name", ["flagship", "jsb16"])
def test_a_sketchers_preset_is_made_for_its_tokenizer(name: str) -> None:
    preset = find_preset(name)
    assert isinstance(preset.model, SketcherConfig)
    assert (preset.model.vocab_size, preset.tokenizer.relative) == (preset.tokenizer.size, True)
    assert SketcherConfig(**asdict(preset.model)) == preset.model
