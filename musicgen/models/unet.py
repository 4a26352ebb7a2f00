"""U-Net: a picture in, a plane for each source out, after Jansson et al. 2017 (singing voice separation), on rolls instead of spectrograms.

Down by strided 5 x 5 convolutions, up by transposed ones, each with sight of the layer of its size on the way down, the last of the
picture itself. Where the paper's last layer is a sigmoid of one source, here the planes are logits of a choice: what is there belongs to
one of the sources.
Shapes: B batch, C channels in, V planes out, P rows, T columns; P and T are multiples of `UNet.multiple`. Knows pictures, not music.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn

from musicgen.errors import ConfigError


@dataclass(frozen=True)
class UNetConfig:
    """channels: of each layer on the way down, the first at half size, each further one at half of that."""

    inputs: int = 2
    outputs: int = 4
    channels: tuple[int, ...] = (16, 32, 64, 96)
    dropout: float = 0.1

    def __post_init__(self) -> None:
        object.__setattr__(self, "channels", tuple(self.channels))
        if not self.channels or min(self.inputs, self.outputs, *self.channels) < 1 or not 0 <= self.dropout < 1:
            raise ConfigError("a U-Net needs a layer, channels, inputs and outputs of at least 1, dropout from 0 to below 1")


class UNet(nn.Module):
    """`UNet(config)(picture (B, C, P, T)) -> logits (B, V, P, T)`."""

    def __init__(self, config: UNetConfig) -> None:
        super().__init__()
        self.config = c = config
        sizes = (c.inputs, *c.channels)
        self.down = nn.ModuleList(_down(before, after) for before, after in pairwise(sizes))
        outs = (c.channels[0], *c.channels[:-1])
        self.up = nn.ModuleList(
            _up(size if layer == len(outs) - 1 else 2 * size, out, c.dropout if layer else 0.0)
            for layer, (size, out) in enumerate(zip(c.channels, outs, strict=True))
        )
        beside = nn.Conv2d(outs[0] + c.inputs, outs[0], 3, padding=1, bias=False)
        self.leave = nn.Sequential(beside, nn.BatchNorm2d(outs[0]), nn.ReLU(), nn.Conv2d(outs[0], c.outputs, 1))

    @property
    def multiple(self) -> int:
        return int(2 ** len(self.config.channels))

    def forward(self, picture: Tensor) -> Tensor:
        seen = [picture]
        for layer in self.down:
            seen.append(layer(seen[-1]))
        states = seen.pop()
        for layer in reversed(self.up):
            states = torch.cat([layer(states), seen.pop()], dim=1)
        logits: Tensor = self.leave(states)
        return logits


def _down(before: int, after: int) -> nn.Module:
    return nn.Sequential(nn.Conv2d(before, after, 5, stride=2, padding=2, bias=False), nn.BatchNorm2d(after), nn.LeakyReLU(0.2))


def _up(before: int, after: int, dropout: float) -> nn.Module:
    turned = nn.ConvTranspose2d(before, after, 5, stride=2, padding=2, output_padding=1, bias=False)
    return nn.Sequential(turned, nn.BatchNorm2d(after), nn.ReLU(), nn.Dropout2d(dropout))
