"""What the models share. B batch, V voices, T steps. Torch only; no music."""

from __future__ import annotations

import torch
from torch import Tensor


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
