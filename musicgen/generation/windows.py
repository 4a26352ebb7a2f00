"""Streams longer than a model's window: where it is full, whole bars are dropped at the front, and the stream goes on from what is left.

Knows ids and where bars begin; what a stream may say is its steer's business.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from musicgen.sampling.decoding import DecodingOptions, StreamModel, decode_batch
from musicgen.sampling.event_steering import EventSteer

KEPT = 2  # a window begins with so small a part of itself
_NEXT_SEED = 1_000_003


def draw_streams(
    model: StreamModel,
    prompts: Sequence[Sequence[int]],
    steers: Sequence[EventSteer],
    options: Sequence[DecodingOptions],
    bar_ids: Sequence[int],
    on_progress: Callable[[float], None] | None = None,
) -> None:
    """Draws every stream to the end of its steer, which keeps its notes. What a stream becomes does not depend on its neighbours."""
    window = int(model.config.window)
    streams = [list(prompt) for prompt in prompts]
    live, part = list(range(len(streams))), 0
    while live:
        for index in live:
            streams[index] = last_bars(streams[index], bar_ids, window // KEPT)
            steers[index].moved(len(streams[index]))
        drawn = decode_batch(
            model,
            [streams[index] for index in live],
            [of_part(options[index], part) for index in live],
            [steers[index] for index in live],
            lambda request, id: _tell(steers, on_progress),
        )
        for index, ids in zip(live, drawn, strict=True):
            streams[index] += ids
        live, part = [index for index in live if not steers[index].ended], part + 1


def of_part(options: DecodingOptions, part: int) -> DecodingOptions:
    """The options of a stream for one of the parts that it is drawn in, each from a seed of its own."""
    return replace(options, seed=options.seed + part * _NEXT_SEED)


def _tell(steers: Sequence[EventSteer], on_progress: Callable[[float], None] | None) -> None:
    if on_progress:
        on_progress(sum(max(0, steer.bar) for steer in steers) / sum(len(steer.plan.bars) for steer in steers))


def last_bars(ids: Sequence[int], bar_ids: Sequence[int], most: int) -> list[int]:
    """As many whole bars from the end as have at most so many ids, or the last one; all if they are few enough."""
    if len(ids) <= most:
        return list(ids)
    begins = frozenset(bar_ids)
    starts = [index for index, id in enumerate(ids) if id in begins]
    return list(ids[next((start for start in starts if len(ids) - start <= most), starts[-1]) :])
