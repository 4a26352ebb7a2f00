"""Finding a generator by name: checkpoints of event models, under checkpoints/ or anywhere."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from musicgen.errors import ConfigError, nearest
from musicgen.models.folders import EVENT_KINDS, checkpoint_folders, kind_of

if TYPE_CHECKING:
    from musicgen.generation.generator import Generator

DEFAULT = "folk"
_ABOUT = {"causal": "Transformer over events", "lstm": "LSTM over events"}


def generator_folders() -> dict[str, Path]:
    """Name -> folder of what `load_generator` takes by name."""
    return {name: folder for name, folder in checkpoint_folders().items() if kind_of(folder) in EVENT_KINDS}


def list_generators() -> list[dict[str, str]]:
    """Lines of `musicgen models`."""
    return [
        {"name": name, "kind": _ABOUT[kind_of(folder)], "can": "generate, continue, infill", "where": str(folder)}
        for name, folder in generator_folders().items()
    ]


def load_generator(name: str = DEFAULT) -> Generator:
    """By name (`musicgen models` lists them) or by the path of a checkpoint folder."""
    folders = checkpoint_folders()
    folder = folders.get(name, Path(name))
    if name not in folders and not (folder / "config.json").is_file():
        raise ConfigError(f"no model named {name!r}, and no checkpoint folder of that name; {_choices(name)}")
    if kind_of(folder) not in EVENT_KINDS:
        raise ConfigError(f"{name} is no model of events; use it with `musicgen compose`, or choose another here; {_choices(name)}")
    from musicgen.generation.generator import Generator
    from musicgen.models.causal import Causal  # torch is loaded only by those who need it
    from musicgen.models.checkpoint import load_model, read_checkpoint
    from musicgen.models.decoder import Decoder
    from musicgen.tokenizers.events import EventTokenizer

    checkpoint = read_checkpoint(folder)
    model: Any = load_model(folder, checkpoint)
    decoder = Decoder(model) if isinstance(model, Causal) else model
    return Generator(folder.name, decoder, EventTokenizer.load(folder), checkpoint.corpus.get("slots", ()))


def _choices(name: str) -> str:
    there = generator_folders()
    return nearest(name, there) if there else "there is none yet: musicgen train tiny --corpus NAME makes one"
