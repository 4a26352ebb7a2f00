"""EventLSTM: a recurrent network over streams of ids, with the same three methods as `Causal`. Knows ids, not music.

Shapes: B rows, N ids, K vocabulary, D width, L layers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence

from musicgen.models.bars import BarCount, bar_numbers
from musicgen.models.causal import StreamConfig, start_embeddings


@dataclass(frozen=True)
class EventLSTMConfig(StreamConfig):
    """`window`: the ids of a row while training; what lies further back is not forgotten on purpose."""

    width: int = 512
    layers: int = 2
    dropout: float = 0.2


class EventLSTMCache:
    """What was read so far: `states` and `cells` (L, B, D)."""

    def __init__(self, config: EventLSTMConfig, rows: int, device: torch.device) -> None:
        self.counts = [BarCount(config.marks) for _ in range(rows)]
        self.states = torch.zeros(config.layers, rows, config.width, device=device)
        self.cells = torch.zeros_like(self.states)
        self.step = 0

    def keep(self, rows: Sequence[int]) -> None:
        """Only these rows go on, in this order."""
        chosen = torch.tensor(rows, device=self.states.device)
        self.states, self.cells = self.states.index_select(1, chosen), self.cells.index_select(1, chosen)
        self.counts = [self.counts[row] for row in rows]


class EventLSTM(nn.Module):
    """`EventLSTM(config)(ids) -> logits (B, N, K)`, of the id after each one."""

    def __init__(self, config: EventLSTMConfig) -> None:
        super().__init__()
        self.config = c = config
        self.embed_ids = nn.Embedding(c.vocab_size, c.width)
        self.embed_bars = nn.Embedding(c.bars, c.width)
        self.remember = nn.LSTM(c.width, c.width, c.layers, batch_first=True, dropout=c.dropout if c.layers > 1 else 0.0)
        self.leave = nn.LayerNorm(c.width)
        self.dropout = nn.Dropout(c.dropout)
        start_embeddings(self.embed_ids, self.embed_bars)

    def forward(self, ids: Tensor) -> Tensor:
        """ids (B, N), padded on the right or not at all."""
        states, _ = self.remember(self._enter(ids, bar_numbers(ids, self.config.marks)))
        return self._leave(states)

    def start(self, rows: int, length: int) -> EventLSTMCache:
        """For `advance` to write to; an LSTM needs as much for any length."""
        return EventLSTMCache(self.config, rows, self.embed_ids.weight.device)

    def advance(self, ids: Tensor, cache: EventLSTMCache) -> Tensor:
        """Reads N more ids of each row (B, N), the first of all padded on the left -> logits (B, K) of what comes next."""
        numbers = torch.tensor([count.read(row) for count, row in zip(cache.counts, ids.tolist(), strict=True)], device=ids.device)
        memory = (cache.states, cache.cells)
        if ids.shape[1] == 1:
            _, memory = self.remember(self._enter(ids, numbers), memory)
        else:
            padding = (ids == self.config.pad_id).cumprod(1).sum(1)
            turned = (torch.arange(ids.shape[1], device=ids.device) + padding[:, None]) % ids.shape[1]
            entered = self._enter(ids.gather(1, turned), numbers.gather(1, turned))
            packed = pack_padded_sequence(entered, (ids.shape[1] - padding).cpu(), batch_first=True, enforce_sorted=False)
            _, memory = self.remember(packed, memory)
        cache.states, cache.cells = memory
        cache.step += ids.shape[1]
        return self._leave(cache.states[-1])

    def _enter(self, ids: Tensor, numbers: Tensor) -> Tensor:
        bars = self.embed_bars(numbers % self.config.bars)
        entered: Tensor = self.dropout(self.embed_ids(ids) * self.config.width**0.5 + bars)
        return entered

    def _leave(self, states: Tensor) -> Tensor:
        return nn.functional.linear(self.dropout(self.leave(states)), self.embed_ids.weight)
