"""A tiny untrained model of events: whatever it draws must be music all the same."""

import pytest
import torch

from musicgen.generation.generator import Generator
from musicgen.models.causal import Causal, CausalConfig
from musicgen.models.checkpoint import Checkpoint, save_checkpoint
from musicgen.tokenizers.events import EventTokenizer


@pytest.fixture(scope="session")
def event_tokenizer():
    return EventTokenizer.make("remi", positions=12)


def config_of(tokenizer, window=192):
    specials = (tokenizer.bar_ids, tokenizer.fill_id, tokenizer.hole_id, tokenizer.bos_id, tokenizer.pad_id)
    return CausalConfig(tokenizer.size, *specials, width=16, heads=2, layers=1, inner=16, window=window)


@pytest.fixture(scope="session")
def wild(event_tokenizer):
    """With large weights: it likes some ids very much, other ones in every surrounding."""
    torch.manual_seed(0)
    model = Causal(config_of(event_tokenizer)).eval()
    with torch.no_grad():
        for weight in model.parameters():
            weight *= 4
    return Generator("wild", model, event_tokenizer)


@pytest.fixture(scope="session")
def wild_folder(wild, tmp_path_factory):
    """Its checkpoint."""
    folder = tmp_path_factory.mktemp("models") / "wild"
    tokenizer = wild.tokenizer
    model = {name: value for name, value in vars(wild.model.config).items()}
    checkpoint = Checkpoint("causal", model, {"kind": "remi", "file": "tokenizer.json"}, {}, {})
    save_checkpoint(folder, checkpoint, wild.model.state_dict(), dtype=torch.float32)
    tokenizer.save(folder)
    return folder
