"""What `tiny`, `small` and `base` mean for streams of events: a Transformer or an LSTM of about as many weights, and how it is trained."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

from musicgen.errors import ConfigError, nearest
from musicgen.models.causal import CausalConfig
from musicgen.models.checkpoint import Checkpoint
from musicgen.models.lstm import EventLSTMConfig
from musicgen.tokenizers.events import EventTokenizer
from musicgen.training.config import apply_settings
from musicgen.training.language_config import LanguageTraining

KINDS: dict[str, type[CausalConfig] | type[EventLSTMConfig]] = {"causal": CausalConfig, "lstm": EventLSTMConfig}
FROM_TOKENIZER = ("vocab_size", "bar_ids", "fill_id", "hole_id", "bos_id", "pad_id")
TOKENIZER_FILE = "tokenizer.json"


@dataclass(frozen=True)
class EventPreset:
    """`causal` and `lstm`: the sizes of either; `means` says parameters, memory and time."""

    causal: dict[str, Any]
    lstm: dict[str, Any]
    training: LanguageTraining
    means: str
    tuning: dict[str, Any] = field(default_factory=dict)
    """What is other in the training where a trained model is the beginning."""


TUNING = {"updates": 300, "warmup": 20, "test_every": 25, "patience": 4, "average": 0.95}

EVENT_PRESETS = {
    "tiny": EventPreset(
        {"width": 192, "heads": 4, "layers": 4, "inner": 512, "window": 512},
        {"width": 320, "layers": 2, "window": 512},
        LanguageTraining(updates=1500, batch=16, learning_rate=2e-3, warmup=100, test_every=100),
        "2 million parameters, for a processor: an hour or two on one core, 1 GB of memory",
        {**TUNING, "learning_rate": 5e-4},
    ),
    "small": EventPreset(
        {"width": 384, "heads": 6, "layers": 8, "inner": 1024, "window": 1024},
        {"width": 768, "layers": 3, "window": 1024},
        LanguageTraining(updates=10_000, batch=32, learning_rate=1e-3, warmup=300, test_every=250, average=0.998),
        "15 million parameters, for one GPU: an hour, 8 GB; on a processor over a week",
        {**TUNING, "learning_rate": 2e-4},
    ),
    "base": EventPreset(
        {"width": 768, "heads": 12, "layers": 12, "inner": 2048, "window": 2048},
        {"width": 1600, "layers": 4, "window": 2048},
        LanguageTraining(updates=20_000, batch=128, learning_rate=6e-4, warmup=1000, test_every=500, average=0.999, valid_rows=256),
        "86 million parameters, for one GPU for a day, or several of them; 24 GB each",
        {**TUNING, "learning_rate": 1e-4, "batch": 32},
    ),
}


def find_event_preset(name: str) -> EventPreset:
    if name not in EVENT_PRESETS:
        raise ConfigError(f"there is no preset {name!r} for events; {nearest(name, EVENT_PRESETS)}")
    return EVENT_PRESETS[name]


def resolve(
    name: str, tokenizer: EventTokenizer, settings: Sequence[str], lstm: bool, start: Checkpoint | None
) -> tuple[Checkpoint, LanguageTraining]:
    """The model, without a corpus, and its training. `start`: the checkpoint that it begins as, whose sizes it has."""
    preset = find_event_preset(name)
    kinds = [setting.partition("=")[2] for setting in settings if setting.partition("=")[0] == "model.kind"]
    kind = kinds[-1] if kinds else "lstm" if lstm else start.kind if start else "causal"
    if kind not in KINDS:
        raise ConfigError(f"model.kind={kind}: no model of events; {nearest(kind, KINDS)}")
    if start and kind != start.kind:
        raise ConfigError(f"--from begins with a model of kind {start.kind}, it cannot become {kind}; leave away --lstm and model.kind")
    known = {what: getattr(tokenizer, what) for what in FROM_TOKENIZER if what != "vocab_size"}
    sizes = start.model if start else {"vocab_size": tokenizer.size, **known, **getattr(preset, kind)}
    model = KINDS[kind](**sizes)
    others = [setting for setting in settings if setting.partition("=")[0] != "model.kind"]
    _check_free(model, others, start is not None)
    training = replace(preset.training, **preset.tuning) if start else preset.training
    configs = apply_settings({"model": model, "training": training}, others)
    checkpoint = Checkpoint(kind, asdict(configs["model"]), {"kind": tokenizer.kind, "file": TOKENIZER_FILE}, {}, {})
    return checkpoint, configs["training"]


def _check_free(model: CausalConfig | EventLSTMConfig, settings: Sequence[str], started: bool) -> None:
    """What follows from the tokenizer, or from weights that are there, cannot be set."""
    names = [item.name for item in fields(model)]
    free = ["dropout"] if started else [name for name in names if name not in FROM_TOKENIZER]
    for setting in settings:
        group, _, name = setting.partition("=")[0].partition(".")
        if group == "model" and name in names and name not in free:
            why = "the weights that --from begins with" if started else "the tokenizer"
            raise ConfigError(f"model.{name} follows from {why} and cannot be set; these can: {', '.join(free)}")
