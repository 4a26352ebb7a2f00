"""Causal: a left-to-right Transformer over streams of ids, with a cache of keys and values, rotary positions and the number of the bar.

Rows of different lengths are padded on the left when they are read for the first time; a pad is never looked at.
Shapes: B rows, N ids, T steps of the cache, K vocabulary, D width, H heads, L layers. Knows ids, not music.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from musicgen.errors import ConfigError
from musicgen.models.bars import BarCount, Marks, bar_numbers
from musicgen.models.layers import Block, rotary


@dataclass(frozen=True)
class StreamConfig:
    """Of any model of streams. `window`: the most ids that are looked at. `bars`: numbers of bars that are told apart; then they repeat.
    `bar_ids` begin a bar, `fill_id`, `hole_id`, `bos_id`, `pad_id` as of `EventTokenizer`."""

    vocab_size: int
    bar_ids: tuple[int, ...]
    fill_id: int
    hole_id: int
    bos_id: int
    pad_id: int = 0
    width: int = 256
    layers: int = 6
    window: int = 1024
    dropout: float = 0.1
    bars: int = 64
    sizes: ClassVar[tuple[str, ...]] = ("vocab_size", "width", "layers", "window", "bars")

    def __post_init__(self) -> None:
        object.__setattr__(self, "bar_ids", tuple(self.bar_ids))
        for name in self.sizes:
            if getattr(self, name) < 1:
                raise ConfigError(f"model.{name}={getattr(self, name)}: at least 1")
        if not 0 <= self.dropout < 1:
            raise ConfigError(f"model.dropout={self.dropout}: from 0 to below 1")

    @property
    def marks(self) -> Marks:
        return Marks(self.bar_ids, self.bos_id, self.fill_id, self.hole_id)


@dataclass(frozen=True)
class CausalConfig(StreamConfig):
    heads: int = 4
    inner: int = 640
    sizes: ClassVar[tuple[str, ...]] = (*StreamConfig.sizes, "heads", "inner")

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.width % (2 * self.heads):
            raise ConfigError(f"model.width={self.width}: a multiple of twice the heads, {2 * self.heads}")


class CausalCache:
    """What was read so far, of rows that step together. `kept` (L, 2, B, H, T, D / H); its first `step` steps are read, and of these the
    first `padding[b]` of a row are pads."""

    def __init__(self, config: CausalConfig, rows: int, length: int, device: torch.device) -> None:
        self.config, self.step = config, 0
        self.counts = [BarCount(config.marks) for _ in range(rows)]
        self.padding = torch.zeros(rows, dtype=torch.long, device=device)
        self.padded = False
        self.kept = torch.empty(config.layers, 2, rows, config.heads, 0, config.width // config.heads, device=device)
        self.rotation = torch.empty(0)
        self._resize(length)

    def keep(self, rows: Sequence[int]) -> None:
        """Only these rows go on, in this order."""
        chosen = torch.tensor(rows, device=self.kept.device)
        self.kept, self.padding = self.kept.index_select(2, chosen), self.padding[chosen]
        self.padded = bool(self.padding.any())
        self.counts = [self.counts[row] for row in rows]

    def make_room(self, steps: int) -> None:
        if self.step + steps > self.kept.shape[4]:
            self._resize(max(self.step + steps, 3 * self.kept.shape[4] // 2))

    def _resize(self, length: int) -> None:
        old, self.kept = self.kept, self.kept.new_zeros(*self.kept.shape[:4], length, self.kept.shape[5])
        self.kept[:, :, :, :, : self.step] = old[:, :, :, :, : self.step]
        self.rotation = rotary(torch.arange(length, device=old.device), old.shape[5])


class Causal(nn.Module):
    """`Causal(config)(ids) -> logits (B, N, K)`, of the id after each one."""

    def __init__(self, config: CausalConfig) -> None:
        super().__init__()
        self.config = c = config
        self.embed_ids = nn.Embedding(c.vocab_size, c.width)
        self.embed_bars = nn.Embedding(c.bars, c.width)
        self.layers = nn.ModuleList(Block(c.width, c.heads, c.inner, c.dropout) for _ in range(c.layers))
        self.leave = nn.LayerNorm(c.width)
        self.dropout = nn.Dropout(c.dropout)
        start_embeddings(self.embed_ids, self.embed_bars)

    def forward(self, ids: Tensor) -> Tensor:
        """ids (B, N), padded on the right or not at all."""
        c = self.config
        states = self._enter(ids, bar_numbers(ids, c.marks) % c.bars)
        rotation = rotary(torch.arange(ids.shape[1], device=ids.device), c.width // c.heads)
        for layer in self.layers:
            states = layer(states, rotation, None)
        return self._leave(states)

    def start(self, rows: int, length: int) -> CausalCache:
        """For `advance` to write to; it grows if the rows become longer than `length`."""
        return CausalCache(self.config, rows, length, self.embed_ids.weight.device)

    def advance(self, ids: Tensor, cache: CausalCache) -> Tensor:
        """Reads N more ids of each row (B, N), the first of all padded on the left -> logits (B, K) of what comes next."""
        cache.make_room(ids.shape[1])
        numbers = [count.read(row) for count, row in zip(cache.counts, ids.tolist(), strict=True)]
        states = self._enter(ids, torch.tensor(numbers, device=ids.device) % self.config.bars)
        start, end = cache.step, cache.step + ids.shape[1]
        if start == 0:
            cache.padding = (ids == self.config.pad_id).cumprod(1).sum(1)
            cache.padded = bool(cache.padding.any())
        rotation, attention_mask = cache.rotation[:, start:end], _visible(cache, start, end)
        for layer, kept in zip(self.layers, cache.kept, strict=True):
            assert isinstance(layer, Block)  # nn.ModuleList forgets what it holds
            states = layer.advance(states, rotation, kept, start, end, attention_mask)  # nothing lies too far back
        cache.step = end
        return self._leave(states[:, -1])

    def _enter(self, ids: Tensor, bars: Tensor) -> Tensor:
        entered: Tensor = self.dropout(self.embed_ids(ids) * self.config.width**0.5 + self.embed_bars(bars))
        return entered

    def _leave(self, states: Tensor) -> Tensor:
        return nn.functional.linear(self.leave(states), self.embed_ids.weight)


def start_embeddings(embed_ids: nn.Embedding, embed_bars: nn.Embedding) -> None:
    """The table of ids is also the map to logits, which have to start small."""
    nn.init.normal_(embed_ids.weight, std=embed_ids.embedding_dim**-0.5)
    nn.init.normal_(embed_bars.weight, std=0.1)


def _visible(cache: CausalCache, start: int, end: int) -> Tensor | None:
    """(B or 1, 1, N, end), True where an id may look; None if at all before it. A pad looks at itself alone, so that it sees something."""
    if end - start == 1 and not cache.padded:
        return None
    keys = torch.arange(end, device=cache.kept.device)
    asking = keys[start:]
    visible = keys[None] <= asking[:, None]
    if not cache.padded:
        return visible[None, None]
    real = keys >= cache.padding[:, None]
    return ((visible & real[:, None]) | (keys == asking[:, None]))[:, None]
