"""Many sketches at once: batches of like length, padded on the right."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from musicgen.errors import ConfigError, NotationError
from musicgen.music.chorale import Chorale
from musicgen.music.constraints import VoiceRanges
from musicgen.music.ensemble import Ensemble
from musicgen.music.rules import described
from musicgen.music.sketch import Sketch

STEPS_TOGETHER = 4096  # pieces are sampled together up to this many steps, padding included: about 300 MB

OnProgress = Callable[[float], None]


def check_requests(name: str, ensemble: Ensemble, sketches: Sequence[Sketch], seeds: Sequence[int], takes_rules: bool = False) -> None:
    """Refuses what a composer of these voices cannot fill, before any work; `takes_rules`: whether it decides voice by voice."""
    for sketch in sketches:
        if sketch.rules and not takes_rules:
            rules = described(sketch.rules)
            raise ConfigError(f"{name} cannot keep rules between voices ({rules}); leave them out or choose the flagship")
        if sketch.given.voices != ensemble.voices:
            raise NotationError(f"a sketch of {sketch.given.voices} voices; {name} writes {ensemble.voices}: {ensemble}")
        if not (sketch.given.ensemble.is_numbered or sketch.given.ensemble.names == ensemble.names):
            raise NotationError(f"a sketch for {sketch.given.ensemble}; {name} writes for {ensemble}; give the chorale its ensemble")
    for seed in seeds:
        if seed < 0:
            raise ConfigError(f"seed {seed}: at least 0")


def in_ensemble(sketch: Sketch, ensemble: Ensemble) -> Sketch:
    """A sketch of which nobody said whose voices they are is for this ensemble, within its ranges."""
    if ensemble.is_choir or not sketch.given.ensemble.is_numbered:
        return sketch
    anywhere = VoiceRanges(sketch.given.ensemble.ranges)
    ranges = (VoiceRanges(ensemble.ranges) if each == anywhere else each for each in sketch.constraints)
    return replace(sketch, given=sketch.given.replaced(ensemble=ensemble), constraints=tuple(ranges))


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
