"""Floating-point operations of torch code: matrix products, attention and recurrent layers, counted from their shapes as they run."""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry


class Flops(TorchDispatchMode):
    """`with Flops() as flops: ...`, then `flops.total`. Torch's own counter cannot look into inference mode, where layers run whole."""

    def __init__(self) -> None:
        super().__init__()
        self.total = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        packet = func._overloadpacket
        if packet in flop_registry:
            self.total += int(flop_registry[packet](*args, **(kwargs or {}), out_val=result))
        elif packet.__name__ in WHOLE:
            self.total += WHOLE[packet.__name__](args, result)
        return result


def _linear(args: Any, result: Any) -> int:
    return int(2 * result.numel() * args[1].shape[-1])


def _matmul(args: Any, result: Any) -> int:
    return int(2 * result.numel() * args[0].shape[-1])


def _attention(args: Any, result: Any) -> int:
    """Scores and values: two products over queries (..., T, D) and keys (..., S, D)."""
    return int(4 * args[0].numel() * args[1].shape[-2])


def _einsum(args: Any, result: Any) -> int:
    sizes = {}
    for letters, tensor in zip(args[0].replace(" ", "").partition("->")[0].split(","), args[1], strict=True):
        sizes |= dict(zip(letters.replace("...", ""), tensor.shape[-len(letters.replace("...", "")) :], strict=False))
    return 2 * prod(sizes.values())


def _lstm(args: Any, result: Any) -> int:
    """Every weight matrix once a step, both directions and all layers."""
    batch_and_steps = prod(args[0].shape[:2])
    return int(2 * batch_and_steps * sum(weight.numel() for weight in args[2] if weight.dim() == 2))


def _one_recurrent_layer(args: Any, result: Any) -> int:
    weights = sum(weight.numel() for weight in args[1:3] if isinstance(weight, torch.Tensor))
    return int(2 * prod(args[0].shape[:2]) * weights)


WHOLE: dict[str, Callable[[Any, Any], int]] = {
    "linear": _linear,
    "matmul": _matmul,
    "scaled_dot_product_attention": _attention,
    "einsum": _einsum,
    "lstm": _lstm,
    "mkldnn_rnn_layer": _one_recurrent_layer,
    "mkldnn_rnn_layer_backward": lambda args, result: 2 * _one_recurrent_layer(args, result),
}
