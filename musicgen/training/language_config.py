"""LanguageTraining: every dial of training on streams of events. Saved as JSON in the checkpoint; `--set training.batch=8` changes one."""

from __future__ import annotations

from dataclasses import dataclass

from musicgen.errors import ConfigError
from musicgen.training.config import check_dials

PARALLEL = ("ddp", "fsdp")


@dataclass(frozen=True)
class LanguageTraining:
    updates: int = 4000
    """Length of the whole schedule; the learning rate falls to zero at its end."""
    batch: int = 16
    """Rows an update, of all processes together."""
    at_once: int = 16
    """Rows that a process takes at a time; gradients of a larger share are accumulated. Less needs less memory and changes nothing."""
    learning_rate: float = 1e-3
    warmup: int = 200
    """Updates in which the learning rate rises."""
    weight_decay: float = 0.1
    clip: float = 1.0
    """Greatest norm of the gradient."""
    average: float = 0.99
    """Decay of the running average of the weights, which is what is tested and kept."""
    lowest: int = -5
    """Pieces are moved by a number of semitones from this one"""
    highest: int = 6
    """to this one; drums stay."""
    starts: float = 0.25
    """Share of the excerpts that begin where the piece begins; the others begin at any bar."""
    holes: float = 0.5
    """Share of the excerpts with a hole that has to be filled."""
    context: float = 0.3
    """How much an id around a hole counts beside one that fills it. They are music too, but the model need not foretell where a hole is."""
    valid_rows: int = 64
    """Rows of the valid split that are looked at, spread over all of it."""
    test_every: int = 200
    """Updates between two looks at the valid split."""
    patience: int = 10
    """Looks without a new best after which training stops."""
    save_minutes: float = 5.0
    """Minutes between two saved states."""
    parallel: str = "ddp"
    """With several processes: `ddp`, each has all weights, or `fsdp`, each keeps a part of them (FSDP2)."""
    seed: int = 1

    def __post_init__(self) -> None:
        check_dials(
            self, ("updates", "batch", "at_once", "valid_rows", "test_every", "patience"), ("average", "starts", "holes", "context")
        )
        if min(self.warmup, self.seed) < 0 or not -11 <= self.lowest <= 0 <= self.highest <= 11:
            raise ConfigError("training.warmup and seed must be at least 0, training.lowest from -11 to 0, training.highest from 0 to 11")
        if self.parallel not in PARALLEL:
            raise ConfigError(f"training.parallel={self.parallel}: {' or '.join(PARALLEL)}")
