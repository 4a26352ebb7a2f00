"""TrainingConfig: every dial of a training run. Saved as JSON in the checkpoint; `--set name=value` changes one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, get_args, get_origin, get_type_hints

from musicgen.errors import ConfigError, nearest


@dataclass(frozen=True)
class TrainingConfig:
    updates: int = 3600
    """Length of the whole schedule; the learning rate falls to zero at its end."""
    batch: int = 32
    """Windows an update."""
    window: int = 96
    """Steps (sixteenths) a window."""
    learning_rate: float = 2e-3
    warmup: int = 200
    """Updates in which the learning rate rises."""
    weight_decay: float = 0.05
    clip: float = 1.0
    """Greatest norm of the gradient."""
    average: float = 0.998
    """Decay of the running average of the weights, which is what is tested and kept."""
    transpose: int = 6
    """Pieces are moved by up to this many semitones, as far as the voices' ranges allow."""
    modulate: float = 0.0
    """Share of the windows whose piece is read as in a key one or two fifths away: for a tokenizer that counts pitches from the key."""
    empty: float = 0.4
    """Share of the sketches practised on that give nothing at all."""
    hidden: float = 0.3
    """Share of windows in which some cells are hidden from the model."""
    hidden_cells: float = 0.5
    """In such a window, at most this share of the cells is hidden."""
    test_every: int = 250
    """Updates between two looks at the valid split."""
    patience: int = 8
    """Looks without a new best after which training stops."""
    save_minutes: float = 5.0
    """Minutes between two saved states."""
    seed: int = 1

    def __post_init__(self) -> None:
        check_dials(
            self, ("updates", "batch", "window", "test_every", "patience"), ("average", "modulate", "empty", "hidden", "hidden_cells")
        )
        if min(self.warmup, self.seed) < 0 or not 0 <= self.transpose <= 11:
            raise ConfigError("training.warmup and training.seed must be at least 0, training.transpose 0 to 11")


def check_dials(config: Any, counts: Sequence[str], shares: Sequence[str]) -> None:
    """What every training asks of its dials: counts are at least 1, shares lie from 0 to 1, what it measures by is no negative number."""
    for name in counts:
        if getattr(config, name) < 1:
            raise ConfigError(f"training.{name}={getattr(config, name)}: at least 1")
    for name in shares:
        if not 0 <= getattr(config, name) <= 1:
            raise ConfigError(f"training.{name}={getattr(config, name)}: from 0 to 1")
    for name in ("learning_rate", "clip", "save_minutes", "weight_decay"):
        if not 0 <= getattr(config, name) < math.inf:
            raise ConfigError(f"training.{name}={getattr(config, name)}: a number of at least 0")


def apply_settings(configs: dict[str, Any], settings: Sequence[str]) -> dict[str, Any]:
    """`apply_settings({"training": TrainingConfig()}, ["training.batch=8"])`: the configs with the named fields changed."""
    changed = dict(configs)
    for setting in settings:
        path, equals, text = setting.partition("=")
        group, dot, name = path.partition(".")
        if not (equals and dot):
            raise ConfigError(f"{setting!r} is no setting; write group.name=value, groups: {', '.join(sorted(configs))}")
        if group not in changed:
            raise ConfigError(f"no settings named {group!r}; {nearest(group, configs)}")
        known = [field.name for field in fields(changed[group])]
        if name not in known:
            raise ConfigError(f"{group} has no setting {name!r}; {nearest(name, known)}")
        changed[group] = replace(changed[group], **{name: _parse(path, text, get_type_hints(type(changed[group]))[name])})
    return changed


def _parse(path: str, text: str, kind: Any) -> Any:
    try:
        return tuple(get_args(kind)[0](item) for item in text.split(",")) if get_origin(kind) is tuple else kind(text)
    except (TypeError, ValueError):
        raise ConfigError(f"{path}={text!r}: a value of type {getattr(kind, '__name__', kind)} is needed") from None
