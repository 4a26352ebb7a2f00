"""What the models share. B batch, V voices, T steps. Torch only; no music."""

from __future__ import annotations

import torch
from torch import Tensor, nn


def carry(ids: Tensor, hold_id: int) -> Tensor:
    """Replaces each `hold_id` by the last other id before it along the last axis; holds before any other id stay."""
    steps = torch.arange(ids.shape[-1], device=ids.device).expand_as(ids)
    last = torch.where(ids != hold_id, steps, 0).cummax(dim=-1).values
    return ids.gather(-1, last)


def next_other(ids: Tensor, hold_id: int) -> Tensor:
    """The first step at or after each one whose id is not `hold_id`, along the last axis; its length where there is none."""
    length = ids.shape[-1]
    steps = torch.arange(length, device=ids.device).expand_as(ids)
    return torch.where(ids != hold_id, steps, length).flip(-1).cummin(dim=-1).values.flip(-1)


def reversal(lengths: Tensor, steps: int) -> Tensor:
    """(B, T) indices that reverse the first `lengths[b]` steps of each row and leave its padding in place."""
    index = torch.arange(steps, device=lengths.device)[None]
    return torch.where(index < lengths[:, None], lengths[:, None] - 1 - index, index)


def delayed(states: Tensor) -> Tensor:
    """(B, T, D) moved one step later, zeros first: what was known before each step."""
    return torch.cat([torch.zeros_like(states[:, :1]), states[:, :-1]], dim=1)


class PerVoice(nn.Module):
    """A linear map of its own for each voice, (..., V, A) -> (..., V, B); starts as one map of all voices together would."""

    def __init__(self, voices: int, inputs: int, outputs: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(voices, inputs, outputs).uniform_(-1, 1) / (voices * inputs) ** 0.5)

    def forward(self, states: Tensor) -> Tensor:
        return torch.einsum("...va,vab->...vb", states, self.weight)


class Block(nn.Module):
    """A pre-norm Transformer layer: attention with rotary positions (Su et al. 2021), then SwiGLU (Shazeer 2020)."""

    def __init__(self, width: int, heads: int, inner: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.norm_attention, self.norm_inner = nn.LayerNorm(width), nn.LayerNorm(width)
        self.project = nn.Linear(width, 3 * width, bias=False)
        self.attended = nn.Linear(width, width, bias=False)
        self.gate_and_value = nn.Linear(width, 2 * inner, bias=False)
        self.back = nn.Linear(inner, width, bias=False)
        self.dropout = nn.Dropout(dropout)

    def forward(self, states: Tensor, rotation: Tensor, attention_mask: Tensor | None) -> Tensor:
        """states (B, T, D), rotation of `rotary` for the T steps -> (B, T, D). attention_mask (..., T, T) True where a step may look;
        None: each looks at itself and back."""
        query, key, value = self._heads(states, rotation)
        back = attention_mask is None
        attended = nn.functional.scaled_dot_product_attention(query, key, value, attn_mask=attention_mask, is_causal=back)
        return self._finish(states, attended)

    def advance(self, states: Tensor, rotation: Tensor, cache: Tensor, step: int, span: int, attention_mask: Tensor | None) -> Tensor:
        """N steps from `step` on (B, N, D), each looking back `span` steps at most, itself included; writes cache (2, B, H, T, D / H).
        attention_mask (N, …) as of `mask_ahead`, for all layers."""
        end, start = step + states.shape[1], max(0, step + 1 - span)
        query, cache[0, :, :, step:end], cache[1, :, :, step:end] = self._heads(states, rotation)
        key, value = cache[:, :, :, start:end]
        return self._finish(states, nn.functional.scaled_dot_product_attention(query, key, value, attn_mask=attention_mask))

    def _heads(self, states: Tensor, rotation: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Query, key and value (B, H, T, D / H)."""
        projected = self.project(self.norm_attention(states)).unflatten(-1, (3, self.heads, -1))
        query_key_value = projected.permute(2, 0, 3, 1, 4)
        query, key = rotate(query_key_value[:2], rotation)
        return query, key, query_key_value[2]

    def _finish(self, states: Tensor, attended: Tensor) -> Tensor:
        states = states + self.dropout(self.attended(attended.transpose(1, 2).flatten(2)))
        gate, value = self.gate_and_value(self.norm_inner(states)).chunk(2, dim=-1)
        result: Tensor = states + self.dropout(self.back(nn.functional.silu(gate) * value))
        return result


def rotary(steps: Tensor, size: int) -> Tensor:
    """(2, T, size / 2) cosines and sines of the angles by which the pairs of a head of `size` numbers turn at each step."""
    frequencies = 10_000.0 ** (-torch.arange(0, size, 2, device=steps.device) / size)
    angles = steps[:, None] * frequencies
    return torch.stack([angles.cos(), angles.sin()])


def rotate(states: Tensor, rotation: Tensor) -> Tensor:
    """Turns the pairs (i, i + size / 2) of the last axis of (..., T, size)."""
    cosines, sines = rotation.to(states.dtype)
    first, second = states.chunk(2, dim=-1)
    return torch.cat([first * cosines - second * sines, first * sines + second * cosines], dim=-1)


def within_span(steps: int, span: int, device: torch.device) -> Tensor:
    """(T, T), True where the steps of row and column lie less than `span` apart."""
    index = torch.arange(steps, device=device)
    return (index[:, None] - index[None]).abs() < span


def mask_ahead(step: int, steps: int, span: int, device: torch.device) -> Tensor | None:
    """For `Block.advance` over some steps from `step` on: (steps, keys) where each may look; a single one looks at all keys."""
    first = max(0, step + 1 - span)
    return None if steps == 1 else within_span(step + steps - first, span, device).tril()[step - first :]
