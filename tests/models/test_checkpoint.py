import json
from dataclasses import replace

import pytest
import torch
from tiny import CHECKPOINT, TOKENIZER, tiny_checkpoint, tiny_model

from musicgen.composers.neural import QuartetComposer
from musicgen.errors import CheckpointError
from musicgen.models.checkpoint import load_model, read_checkpoint
from musicgen.tokenizers.grid import GridTokenizer


def test_what_is_saved_is_loaded(tmp_path) -> None:
    folder = tiny_checkpoint(tmp_path / "tiny", seed=3)
    checkpoint = read_checkpoint(folder)
    model = load_model(folder, checkpoint)
    for name, tensor in tiny_model(3).state_dict().items():
        assert torch.equal(model.state_dict()[name], tensor), name
    assert GridTokenizer(**checkpoint.tokenizer) == TOKENIZER


def test_a_folder_that_is_no_checkpoint_says_so(tmp_path) -> None:
    with pytest.raises(CheckpointError, match=r"no config\.json here"):
        read_checkpoint(tmp_path)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"format": 99}', '{"format": 1, "kind": "quartet"}'])
def test_a_damaged_config_is_refused_in_one_line(tmp_path, text: str) -> None:
    (tmp_path / "config.json").write_text(text)
    with pytest.raises(CheckpointError) as caught:
        read_checkpoint(tmp_path)
    assert "\n" not in str(caught.value)


def test_damaged_or_missing_weights_are_refused(tmp_path) -> None:
    folder = tiny_checkpoint(tmp_path / "tiny")
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(CheckpointError, match="cannot be read"):
        load_model(folder, read_checkpoint(folder))
    weights.unlink()
    with pytest.raises(CheckpointError, match="weights are missing"):
        load_model(folder, read_checkpoint(folder))


def test_another_size_is_refused_with_both_shapes(tmp_path) -> None:
    folder = tiny_checkpoint(tmp_path / "tiny")
    wider = replace(CHECKPOINT, model={**CHECKPOINT.model, "width": 32})
    with pytest.raises(CheckpointError, match=r"expected shape .*128.*, found .*64"):
        load_model(folder, wider)


def test_another_vocabulary_is_refused_with_both_sizes(tmp_path) -> None:
    folder = tiny_checkpoint(tmp_path / "tiny")
    config = json.loads((folder / "config.json").read_text())
    config["tokenizer"]["highest"] = 84
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(CheckpointError, match=r"51 ids.*the model 48"):
        QuartetComposer.load(folder)


def test_unknown_settings_and_kinds_are_refused_with_the_nearest(tmp_path) -> None:
    with pytest.raises(CheckpointError, match="did you mean width"):
        replace(CHECKPOINT, model={**CHECKPOINT.model, "widht": 16}).build()
    with pytest.raises(CheckpointError, match="did you mean quartet"):
        replace(CHECKPOINT, kind="quartett").build()


@pytest.mark.parametrize(
    ("group", "value"),
    [("tokenizer", {"tempo": 3}), ("tokenizer", {"lowest": "a"}), ("tokenizer", []), ("model", {"width": "x"}), ("corpus", None)],
)
def test_a_config_of_wrong_types_is_refused_in_one_line(tmp_path, group: str, value) -> None:
    folder = tiny_checkpoint(tmp_path / "tiny")
    config = json.loads((folder / "config.json").read_text())
    config[group] = {**config[group], **value} if isinstance(value, dict) else value
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(CheckpointError, match=r"config\.json"):
        QuartetComposer.load(folder)
