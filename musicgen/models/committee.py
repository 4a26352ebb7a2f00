"""Committee: some Sketchers of one shape, trained apart from other seeds; a cell's probability is the mean of theirs.

Each has learned other accidents of a small corpus by heart, and the mean has fewer of them. The likelihood stays exact: a mean of what
comes next, given the same past, is what comes next. It speaks as a Sketcher does: memory and views side by side, caches one after another.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor, nn

from musicgen.errors import ConfigError
from musicgen.models.recall import Recall, Recalled
from musicgen.models.sketcher import Cache, Sketcher, SketcherConfig


@dataclass(frozen=True)
class CommitteeConfig:
    members: int
    member: SketcherConfig

    def __post_init__(self) -> None:
        if isinstance(self.member, Mapping):
            values: dict[str, Any] = dict(self.member)
            object.__setattr__(self, "member", SketcherConfig(**values))
        if self.members < 1:
            raise ConfigError(f"{self.members} members; at least 1")

    @property
    def vocab_size(self) -> int:
        return self.member.vocab_size

    @property
    def sounds(self) -> int:
        return self.member.sounds

    @property
    def mask_id(self) -> int:
        return self.member.mask_id

    @property
    def order(self) -> tuple[int, ...]:
        return self.member.order

    @property
    def voices(self) -> int:
        return self.member.voices


class Committee(nn.Module):
    """`Committee(config)(sketch, conditions, lengths, ids) -> logits (B, V, T, K)`: logarithms of the mean probabilities."""

    def __init__(self, config: CommitteeConfig) -> None:
        super().__init__()
        self.config = config
        self.members = nn.ModuleList(Sketcher(config.member) for _ in range(config.members))

    def forward(self, sketch: Tensor, conditions: Tensor, lengths: Tensor, ids: Tensor) -> Tensor:
        return _mean([member(sketch, conditions, lengths, ids) for member in self.members])

    def reader(self, sketch: Tensor, conditions: Tensor, lengths: Tensor) -> Tensor:
        """(B, T, N M), N members."""
        return torch.cat([member.reader(sketch, conditions, lengths) for member in self._sketchers()], dim=-1)

    def new_cache(self, pieces: int, steps: int) -> Cache:
        """The members' layers one after another."""
        caches = [member.new_cache(pieces, steps) for member in self._sketchers()]
        return Cache(torch.cat([cache.kept for cache in caches]), caches[0].rotation)

    def recall(self, start: Tensor, steps: int) -> Recall:
        return self._sketchers()[0].recall(start, steps)

    def advance(self, past: Recalled, memory: Tensor, cache: Cache, step: int) -> Tensor:
        """(B, steps, V, N D)"""
        parts = zip(self._sketchers(), self._split(memory), cache.kept.chunk(self.config.members), strict=True)
        return torch.cat([member.advance(past, own, Cache(kept, cache.rotation), step) for member, own, kept in parts], dim=-1)

    @contextmanager
    def guided(self, guidance: float) -> Iterator[None]:
        """As a Sketcher's, of all members."""
        with ExitStack() as stack:
            for member in self._sketchers():
                stack.enter_context(member.guided(guidance))
            yield

    def decide(self, voice: int, view: Tensor, past: Recalled, now: Tensor) -> Tensor:
        """Logits (B, K)"""
        return _mean([member.decide(voice, own, past, now) for member, own in zip(self._sketchers(), self._split(view), strict=True)])

    def _sketchers(self) -> list[Sketcher]:
        return cast("list[Sketcher]", list(self.members))

    def _split(self, beside: Tensor) -> tuple[Tensor, ...]:
        return beside.chunk(self.config.members, dim=-1)


def _mean(logits: list[Tensor]) -> Tensor:
    probabilities = torch.stack([each.float().log_softmax(dim=-1) for each in logits])
    return probabilities.logsumexp(dim=0) - math.log(len(logits))
