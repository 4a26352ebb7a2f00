"""A small fully convolutional network over piano rolls, which answers questions about a piece.

After Choi, Fazekas and Sandler, "Automatic tagging using deep convolutional neural networks" (ISMIR 2016): blocks of convolution, batch
normalization, ReLU and max-pooling, and no dense layers before the answer. Theirs reads mel-spectrograms; this one reads notes, and takes
the mean over what is left of pitch and time, so that a roll may be of any length.
Shapes: B windows, C planes, P pitches, T steps, K answers to a question.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from torch import Tensor, nn

from musicgen.errors import ConfigError

KERNEL = 3


@dataclass(frozen=True)
class ConvNetConfig:
    """`answers`: how many there are to each question; `widths`: planes after each block; `first_steps`: the first block takes so many steps
    at a time, each of the others halves pitch and time."""

    planes: int
    answers: tuple[int, ...] = (2,)
    widths: tuple[int, ...] = (16, 24, 32, 32)
    first_steps: int = 4
    dropout: float = 0.3

    def __post_init__(self) -> None:
        object.__setattr__(self, "answers", tuple(self.answers))  # JSON knows lists alone
        object.__setattr__(self, "widths", tuple(self.widths))
        if min(self.planes, self.first_steps, *self.answers, *self.widths) < 1 or not 0 <= self.dropout < 1:
            raise ConfigError("planes, answers, widths and first_steps are at least 1, dropout from 0 to below 1")


class ConvNet(nn.Module):
    """`net(rolls)[question]` are logits."""

    def __init__(self, config: ConvNetConfig) -> None:
        super().__init__()
        self.config = config
        planes = (config.planes, *config.widths)
        blocks = [
            _block(before, after, config.first_steps if number == 0 else 1) for number, (before, after) in enumerate(pairwise(planes))
        ]
        self.body = nn.Sequential(*blocks)
        self.dropout = nn.Dropout(config.dropout)
        self.heads = nn.ModuleList(nn.Linear(planes[-1], answers) for answers in config.answers)

    def forward(self, rolls: Tensor) -> list[Tensor]:
        """(B, C, P, T) of 0 and 1 -> (B, K) of each question."""
        found = self.dropout(self.body(rolls).mean((2, 3)))
        return [head(found) for head in self.heads]


def _block(before: int, after: int, steps: int) -> nn.Sequential:
    """A block that moves on by `steps` in its convolution and by two in its pooling, or by one where it has moved on already."""
    reach = (KERNEL, KERNEL if steps == 1 else steps + 1)
    convolution = nn.Conv2d(before, after, reach, stride=(1, steps), padding=(reach[0] // 2, reach[1] // 2), bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(after), nn.ReLU(), nn.MaxPool2d((2, 2 if steps == 1 else 1)))
