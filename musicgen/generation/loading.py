"""Finding a generator by name: checkpoints of event models, under checkpoints/ or anywhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from musicgen.errors import ConfigError, nearest
from musicgen.models.folders import EVENT_KINDS, checkpoint_folders, kind_of

if TYPE_CHECKING:
    from musicgen.generation.generator import Generator
    from musicgen.models.causal import Causal
    from musicgen.models.checkpoint import Checkpoint
    from musicgen.models.lstm import EventLSTM
    from musicgen.tokenizers.event_tracks import TrackLabel
    from musicgen.tokenizers.events import EventTokenizer

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


@dataclass(frozen=True, eq=False)
class EventModel:
    """A network over ids, its checkpoint and what the ids mean."""

    name: str
    folder: Path
    checkpoint: Checkpoint
    network: Causal | EventLSTM
    tokenizer: EventTokenizer


def load_event_model(name: str = DEFAULT) -> EventModel:
    """By name (`musicgen models` lists them) or by the path of a checkpoint folder."""
    folders = checkpoint_folders()
    folder = folders.get(name, Path(name))
    if name not in folders and not (folder / "config.json").is_file():
        raise ConfigError(f"no model named {name!r}, and no checkpoint folder of that name; {_choices(name)}")
    if kind_of(folder) not in EVENT_KINDS:
        raise ConfigError(f"{name} is no model of events; use it with `musicgen compose`, or choose another here; {_choices(name)}")
    from musicgen.models.checkpoint import load_model, read_checkpoint  # torch is loaded only by those who need it
    from musicgen.tokenizers.events import EventTokenizer

    checkpoint = read_checkpoint(folder)
    network: Any = load_model(folder, checkpoint)
    return EventModel(folder.name, folder, checkpoint, network, EventTokenizer.load(folder))


def load_generator(name: str = DEFAULT, int8: bool = False) -> Generator:
    """As `load_event_model`, ready to write. `int8`: faster where matrices are large, but a piece may differ alone and in a batch."""
    from musicgen.generation.generator import Generator
    from musicgen.models.causal import Causal
    from musicgen.models.decoder import Decoder

    model = load_event_model(name)
    if int8 and not isinstance(model.network, Causal):
        raise ConfigError(f"{name}: int8 is for Transformers, this is an LSTM; leave it away")
    decoder = Decoder(model.network, int8) if isinstance(model.network, Causal) else model.network
    learned = model.checkpoint.corpus
    return Generator(model.name, decoder, model.tokenizer, learned.get("slots", ()), ensembles_of(learned))


def ensembles_of(corpus: Mapping[str, Any]) -> list[tuple[int, list[TrackLabel]]]:
    """Sets of tracks that a checkpoint has learned from, and how many ids they had."""
    from musicgen.tokenizers.event_tracks import TrackLabel

    return [(int(each["ids"]), [TrackLabel(*track) for track in each["tracks"]]) for each in corpus.get("ensembles", ())]


def find_tokenizer(name: str) -> EventTokenizer:
    """Of a model of events or of a corpus, by its name or folder, or from a tokenizer.json itself."""
    from musicgen.corpus.store import corpus_folder
    from musicgen.tokenizers.events import FILE, EventTokenizer

    places = [checkpoint_folders().get(name, Path(name)), corpus_folder(name)]
    found = next((place for place in places if place.suffix == ".json" or (place / FILE).is_file()), None)
    if found is None:
        raise ConfigError(f"--tokenizer {name}: there is no model, no corpus and no folder of that name with a {FILE}; {_choices(name)}")
    return EventTokenizer.load(found)


def is_generator(name: str) -> bool:
    """Whether `load_event_model` would take it for a model of events."""
    return kind_of(checkpoint_folders().get(name, Path(name))) in EVENT_KINDS


def _choices(name: str) -> str:
    there = generator_folders()
    return nearest(name, there) if there else "there is none yet: musicgen train tiny --corpus NAME makes one"
