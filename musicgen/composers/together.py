"""Many sketches at once: batches of like length, padded on the right."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from musicgen.errors import ConfigError, NotationError
from musicgen.music.chorale import Chorale
from musicgen.music.rules import described
from musicgen.music.sketch import Sketch

STEPS_TOGETHER = 4096  # pieces are sampled together up to this many steps, padding included: about 300 MB

OnProgress = Callable[[float], None]


def check_requests(name: str, voices: int, sketches: Sequence[Sketch], seeds: Sequence[int], takes_rules: bool = False) -> None:
    """Refuses what a composer of so many voices cannot fill, before any work; `takes_rules`: whether it decides voice by voice."""
    for sketch in sketches:
        if sketch.rules and not takes_rules:
            rules = described(sketch.rules)
            raise ConfigError(f"{name} cannot keep rules between voices ({rules}); leave them out or choose the flagship")
        if sketch.given.voices != voices:
            raise NotationError(f"a sketch of {sketch.given.voices} voices; {name} writes {voices}")
    for seed in seeds:
        if seed < 0:
            raise ConfigError(f"seed {seed}: at least 0")


def fill_in_batches(
    fill_batch: Callable[[Sequence[Sketch], Sequence[int], OnProgress], list[Chorale]],
    sketches: Sequence[Sketch],
    seeds: Sequence[int],
    on_progress: OnProgress,
) -> list[Chorale]:
    """One chorale a sketch, in the order of the sketches; `fill_batch` gets those of like length together."""
    order = sorted(range(len(sketches)), key=lambda index: sketches[index].given.steps)
    filled: dict[int, Chorale] = {}
    for chosen in _batches(order, [sketch.given.steps for sketch in sketches]):
        batch = fill_batch(
            [sketches[index] for index in chosen],
            [seeds[index] for index in chosen],
            _part(on_progress, len(filled), len(chosen), len(order)),
        )
        filled |= dict(zip(chosen, batch, strict=True))
    return [filled[index] for index in range(len(sketches))]


def _batches(order: Sequence[int], steps: Sequence[int]) -> Iterator[list[int]]:
    """Indices in rising order of steps, cut so that a batch padded to its longest piece has at most STEPS_TOGETHER steps."""
    batch: list[int] = []
    for index in order:
        if batch and (len(batch) + 1) * steps[index] > STEPS_TOGETHER:
            yield batch
            batch = []
        batch.append(index)
    if batch:
        yield batch


def _part(on_progress: OnProgress, before: int, now: int, total: int) -> OnProgress:
    """Progress of one batch as progress of all."""
    return lambda share: on_progress((before + now * share) / total)


def stack(arrays: Sequence[NDArray[Any]], steps: int, value: int | bool) -> NDArray[Any]:
    """Arrays (rows, T, ...) of unequal T as one batch, padded on the right with `value`."""
    padding = [((0, 0), (0, steps - array.shape[1]), *((0, 0) for _ in array.shape[2:])) for array in arrays]
    return np.stack([np.pad(array, pad, constant_values=value) for array, pad in zip(arrays, padding, strict=True)])
