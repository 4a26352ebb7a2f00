"""Decoder: a trained Causal, arranged for reading one id after the other with as few calls and as little memory traffic as can be.

It agrees with the model it is made of. `int8` keeps the matrices in a quarter of the memory, which is what a step on a processor waits for:
a row then costs its own rounding, and is no longer bit for bit the same alone and in a batch.
Shapes: B rows, T steps, K vocabulary, D width, H heads, S = D / H, L layers. Knows ids, not music.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from musicgen.errors import ConfigError
from musicgen.models.causal import Causal, CausalCache, CausalConfig
from musicgen.models.layers import Block

Product = Callable[[Tensor, Tensor | None], Tensor]  # (B, D) times a matrix, added to (B, anything)


class _Layer(NamedTuple):
    norm_attention: tuple[Tensor, Tensor]
    project: Product
    attended: Product
    norm_inner: tuple[Tensor, Tensor]
    gate_and_value: Product
    back: Product


class DecoderCache:
    """The cache of the model; while single ids are read, pairs of a head that turn together lie side by side."""

    def __init__(self, cache: CausalCache) -> None:
        self.inner, self.paired = cache, False
        self.turns = torch.empty(0)

    @property
    def step(self) -> int:
        return self.inner.step

    def keep(self, rows: Sequence[int]) -> None:
        """Only these rows go on, in this order."""
        self.inner.keep(rows)


class Decoder:
    """`Decoder(model)` has `start` and `advance` as the model has them."""

    def __init__(self, model: Causal, int8: bool = False) -> None:
        self.model, self.config = model.eval(), model.config
        pairs = _pairs(self.config)
        every = torch.cat([pairs + head * len(pairs) for head in range(2 * self.config.heads)])
        self.pairs, self.back = pairs, pairs.argsort()
        made = _int8_product if int8 else _product
        with torch.inference_mode():
            self.layers = [_arranged(layer, every, made) for layer in model.layers if isinstance(layer, Block)]
            self.embed_ids = model.embed_ids.weight.float() * self.config.width**0.5
            self.embed_bars = model.embed_bars.weight.float().clone()
            self.leave = _norm(model.leave)
            self.to_logits = made(model.embed_ids.weight)

    def start(self, rows: int, length: int) -> DecoderCache:
        return DecoderCache(self.model.start(rows, length))

    def advance(self, ids: Tensor, cache: DecoderCache) -> Tensor:
        """As `Causal.advance`."""
        if ids.shape[1] > 1:
            self._arrange(cache, paired=False)
            return self.model.advance(ids, cache.inner)
        self._arrange(cache, paired=True)
        return self._step(ids[:, 0], cache)

    def _step(self, ids: Tensor, cache: DecoderCache) -> Tensor:
        inner, width, heads = cache.inner, self.config.width, self.config.heads
        inner.make_room(1)
        step, rows = inner.step, len(ids)
        kept = inner.kept
        if cache.turns.shape[0] != kept.shape[4]:
            cache.turns = _turns(inner.rotation, heads)
        turn = cache.turns[step]
        slots = kept[:, :, :, :, step].unbind(0)
        read = kept[:, :, :, :, : step + 1].flatten(0, 1).unbind(0)
        bars = torch.tensor([count.step(id) % self.config.bars for count, id in zip(inner.counts, ids.tolist(), strict=True)])
        real = _real(inner, step + 1) if inner.padded else None
        states = torch.embedding(self.embed_ids, ids) + torch.embedding(self.embed_bars, bars)
        for number, layer in enumerate(self.layers):
            projected = layer.project(torch.layer_norm(states, (width,), *layer.norm_attention), None)
            pairs = torch.view_as_complex(projected.view(rows, 3, heads, -1, 2))
            turned = torch.view_as_real(pairs * turn).view(rows, 3, heads, -1)
            slots[number].copy_(turned[:, 1:].transpose(0, 1))
            seen = torch.nn.functional.scaled_dot_product_attention(
                turned[:, 0].unsqueeze(2), read[2 * number], read[2 * number + 1], attn_mask=real
            )
            states = layer.attended(seen.reshape(rows, width), states)
            gate, value = layer.gate_and_value(torch.layer_norm(states, (width,), *layer.norm_inner), None).chunk(2, dim=-1)
            states = layer.back(torch.nn.functional.silu(gate).mul_(value), states)
        inner.step = step + 1
        return self.to_logits(torch.layer_norm(states, (width,), *self.leave), None)

    def _arrange(self, cache: DecoderCache, paired: bool) -> None:
        if cache.paired != paired:
            keys = cache.inner.kept[:, 0]
            keys.copy_(keys[..., self.pairs if paired else self.back])
            cache.paired = paired


def _pairs(config: CausalConfig) -> Tensor:
    """(S,) numbers of a head so that i and i + S / 2, which turn together, lie side by side."""
    size = config.width // config.heads
    return torch.arange(size).view(2, -1).t().flatten()


def _turns(rotation: Tensor, heads: int) -> Tensor:
    """(T, 3, H, S / 2) complex: how queries and keys turn at each step; values do not."""
    turns = torch.complex(rotation[0], rotation[1])
    both = torch.stack([turns, turns, torch.ones_like(turns)], dim=1)
    return both[:, :, None].expand(-1, -1, heads, -1).contiguous()


def _real(cache: CausalCache, end: int) -> Tensor:
    """(B, 1, 1, T) where a step may look: not at pads."""
    return (torch.arange(end) >= cache.padding[:, None])[:, None, None]


def _arranged(layer: Block, every: Tensor, made: Callable[[Tensor], Product]) -> _Layer:
    project = layer.project.weight
    queries_keys = 2 * project.shape[1]
    paired = torch.cat([project[:queries_keys][every], project[queries_keys:]])
    return _Layer(
        _norm(layer.norm_attention),
        made(paired),
        made(layer.attended.weight),
        _norm(layer.norm_inner),
        made(layer.gate_and_value.weight),
        made(layer.back.weight),
    )


def _norm(norm: torch.nn.LayerNorm) -> tuple[Tensor, Tensor]:
    return norm.weight.detach(), norm.bias.detach()


def _product(weight: Tensor) -> Product:
    turned = weight.detach().float().t()
    return lambda states, added: torch.mm(states, turned) if added is None else torch.addmm(added, states, turned)


def _int8_product(weight: Tensor) -> Product:
    """Each row of the matrix by its own scale; products of bf16, sums of float32."""
    known = weight.detach().float()
    scales = (known.abs().amax(dim=1).clamp(min=1e-12) / 127).to(torch.bfloat16)
    rounded = (known / scales.float()[:, None]).round().clamp(-127, 127).to(torch.int8)
    try:
        multiply = torch.ops.aten._weight_int8pack_mm
    except AttributeError:
        raise ConfigError("int8: this torch has no products of int8; leave it away, or update torch") from None

    def product(states: Tensor, added: Tensor | None) -> Tensor:
        result: Tensor = multiply(states.to(torch.bfloat16), rounded, scales)
        return result.float() if added is None else added + result

    return product
