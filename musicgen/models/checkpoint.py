"""Checkpoints: a folder with config.json, model.safetensors, MODEL_CARD.md and metrics.json. Nothing is ever unpickled.

config.json holds what is needed to build the model and to know what it was trained on:
    {"format": 1, "kind": "quartet", "model": {...}, "tokenizer": {...}, "corpus": {...}, "training": {...}}
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from safetensors.torch import save as serialize
from torch import Tensor, nn

from musicgen.errors import CheckpointError, nearest
from musicgen.files.atomic import atomic_write
from musicgen.models.causal import Causal, CausalConfig
from musicgen.models.committee import Committee, CommitteeConfig
from musicgen.models.convnet import ConvNet, ConvNetConfig
from musicgen.models.lstm import EventLSTM, EventLSTMConfig
from musicgen.models.masked import Masked, MaskedConfig
from musicgen.models.quartet import Quartet, QuartetConfig
from musicgen.models.sketcher import Sketcher, SketcherConfig
from musicgen.models.unet import UNet, UNetConfig

FORMAT = 1
MODELS: dict[str, tuple[type[Any], type[nn.Module]]] = {
    "quartet": (QuartetConfig, Quartet),
    "sketcher": (SketcherConfig, Sketcher),
    "committee": (CommitteeConfig, Committee),
    "masked": (MaskedConfig, Masked),
    "unet": (UNetConfig, UNet),
    "convnet": (ConvNetConfig, ConvNet),
    "causal": (CausalConfig, Causal),
    "lstm": (EventLSTMConfig, EventLSTM),
}


@dataclass(frozen=True)
class Checkpoint:
    """What a checkpoint's config.json says. `kind` names the model, `corpus` and `training` say where it comes from, `ensemble` whose
    voices it writes, which is only written down where they are not soprano, alto, tenor and bass."""

    kind: str
    model: dict[str, Any]
    tokenizer: dict[str, Any]
    corpus: dict[str, Any]
    training: dict[str, Any]
    ensemble: dict[str, Any] = field(default_factory=dict)

    def build(self) -> nn.Module:
        """The model with fresh weights."""
        if self.kind not in MODELS:
            raise CheckpointError(f"no model of kind {self.kind!r}; {nearest(self.kind, MODELS)}")
        config_type, model_type = MODELS[self.kind]
        return model_type(built_from(config_type, self.model))

    def to_json(self) -> str:
        said = {name: value for name, value in asdict(self).items() if value or name != "ensemble"}
        return json.dumps({"format": FORMAT, **said}, indent=2) + "\n"


def built_from(made: type[Any], values: Mapping[str, Any]) -> Any:
    """A config or tokenizer from what config.json says of it."""
    known = {field.name for field in fields(made)}
    unknown = sorted(set(values) - known)
    if unknown:
        raise CheckpointError(f"config.json: {made.__name__} has no setting {unknown[0]!r} in this version; {nearest(unknown[0], known)}")
    try:
        return made(**values)
    except (TypeError, ValueError) as error:
        raise CheckpointError(f"config.json: {made.__name__} cannot be made ({error}); copy the checkpoint again") from None


def save_checkpoint(folder: Path, checkpoint: Checkpoint, weights: Mapping[str, Tensor], *, dtype: torch.dtype = torch.bfloat16) -> None:
    """Writes weights and config, each atomically, the config last: a folder without one is no checkpoint."""
    folder.mkdir(parents=True, exist_ok=True)
    save_tensors(folder / "model.safetensors", {name: tensor.to(dtype) for name, tensor in weights.items()})
    write_text(folder / "config.json", checkpoint.to_json())


def read_checkpoint(folder: Path) -> Checkpoint:
    """config.json of a checkpoint folder."""
    path = folder / "config.json"
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise CheckpointError(f"{folder}: no config.json here, so this is no checkpoint; `musicgen models` lists those there are") from None
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{path}: cannot be read ({error}); copy the checkpoint again") from None
    if not isinstance(values, dict) or values.pop("format", None) != FORMAT:
        raise CheckpointError(f"{path}: not of format {FORMAT}, which this version reads; train again or update musicgen")
    values.setdefault("ensemble", {})
    groups = [each.name for each in fields(Checkpoint) if each.name != "kind"]
    if set(values) != {"kind", *groups} or not all(isinstance(values[group], dict) for group in groups):
        raise CheckpointError(f"{path}: a kind and the groups {', '.join(groups)} are needed; copy the checkpoint again")
    return Checkpoint(**values)


def load_model(folder: Path, checkpoint: Checkpoint, dtype: torch.dtype = torch.float32) -> nn.Module:
    """The trained model in evaluation mode; every tensor's name and shape must match."""
    model = checkpoint.build()
    load_weights(model, load_tensors(folder / "model.safetensors"))
    return model.to(dtype).eval()


def load_weights(model: nn.Module, weights: Mapping[str, Tensor]) -> None:
    expected = {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}
    found = {name: tuple(tensor.shape) for name, tensor in weights.items()}
    for name in sorted(expected.keys() | found.keys()):
        if expected.get(name) != found.get(name):
            raise CheckpointError(f"weights {name}: expected shape {expected.get(name)}, found {found.get(name)}; train the model again")
    model.load_state_dict({name: tensor.to(torch.float32) for name, tensor in weights.items()})


def load_tensors(path: Path) -> dict[str, Tensor]:
    try:
        tensors: dict[str, Tensor] = load_file(path)
        return tensors
    except FileNotFoundError:
        raise CheckpointError(f"{path}: the weights are missing; copy the checkpoint again") from None
    except (OSError, SafetensorError) as error:
        raise CheckpointError(f"{path}: cannot be read ({error}); copy the checkpoint again") from None


def save_tensors(path: Path, tensors: Mapping[str, Tensor], notes: dict[str, str] | None = None) -> None:
    """Atomic: a killed run leaves the old file or the new one."""
    atomic_write(path, serialize({name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}, notes))


def write_text(path: Path, text: str) -> None:
    atomic_write(path, text.encode("utf-8"))
