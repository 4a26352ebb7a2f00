"""Streams of ids drawn from a left-to-right model: many requests of different lengths and ends in one batch. Knows ids, not music.

A request's music depends on its own prompt, options and seed, not on its neighbours. Shapes: B rows, K vocabulary.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from musicgen.errors import ConfigError
from musicgen.sampling.draw import FloatArray, check_temperature, check_top_p

BoolArray = NDArray[np.bool_]
ECHO = 12
"""So many ids that were there before make a repetition: two or three notes."""
FEWER = 0.75
"""The batch is made smaller once at most this share of its rows goes on: each time costs a copy of the cache."""


@dataclass(frozen=True)
class DecodingOptions:
    """temperature 1 = the model's own distribution, 0 = its best guess; top_p keeps the likeliest ids that reach this probability.

    repetition: nats taken from an id for each time that it came after the same 12 ids before; below 0 repetition is sought.
    """

    temperature: float = 1.0
    top_p: float = 0.95
    repetition: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        check_temperature(self.temperature)
        check_top_p(self.top_p)
        if not -20 <= self.repetition <= 20:
            raise ConfigError(f"repetition {self.repetition}: from -20 (repeat) to 20 (never)")
        if self.seed < 0:
            raise ConfigError(f"seed {self.seed}: at least 0")


class Steer(Protocol):
    """What may come next in a request. `ids`: its prompt and all that was drawn after it; not to be changed."""

    def allowed(self, ids: list[int]) -> BoolArray | None:
        """(K,), or None if all ids are."""
        ...

    def done(self, ids: list[int]) -> bool:
        """Asked after each id that is drawn; the last one is part of the result."""
        ...


class Cache(Protocol):
    def keep(self, rows: Sequence[int]) -> None: ...


class StreamModel(Protocol):
    """`Causal` and `EventLSTM`."""

    @property
    def config(self) -> Any: ...
    def start(self, rows: int, length: int) -> Any: ...
    def advance(self, ids: Tensor, cache: Any) -> Tensor: ...


@dataclass
class _Request:
    number: int
    ids: list[int]
    options: DecodingOptions
    steer: Steer
    rng: np.random.Generator
    prompt: int
    echo: _Echo | None
    ended: bool = False


@dataclass
class _Echo:
    """What followed each run of `ECHO` ids so far."""

    followed: dict[tuple[int, ...], list[int]] = field(default_factory=dict)

    def read(self, ids: list[int], end: int) -> None:
        """The id before `end` is new."""
        if end > ECHO:
            self.followed.setdefault(tuple(ids[end - 1 - ECHO : end - 1]), []).append(ids[end - 1])

    def shun(self, logits: FloatArray, ids: list[int], nats: float) -> None:
        for id in self.followed.get(tuple(ids[-ECHO:]), ()):
            logits[id] -= nats


def decode_batch(
    model: StreamModel,
    prompts: Sequence[ArrayLike],
    options: Sequence[DecodingOptions],
    steer: Sequence[Steer],
    on_token: Callable[[int, int], None] | None = None,
) -> list[list[int]]:
    """The ids drawn for each request, its prompt not among them, until its `done` or until the model's window is full.

    `on_token(request, id)` is told of every id as it is drawn. A pad is never drawn.
    """
    requests = [_begin(number, *each) for number, each in enumerate(zip(prompts, options, steer, strict=True))]
    window = model.config.window
    for request in requests:
        if not request.ids or request.prompt >= window:
            raise ConfigError(f"request {request.number}: a prompt of {request.prompt} ids; from 1 to {window - 1} leave room to go on")
    if requests:
        with torch.inference_mode():
            _decode(model, requests, on_token)
    return [request.ids[request.prompt :] for request in requests]


def _begin(number: int, prompt: ArrayLike, options: DecodingOptions, steer: Steer) -> _Request:
    ids = [int(id) for id in np.asarray(prompt).ravel()]
    echo = _Echo() if options.repetition else None
    if echo:
        for end in range(1, len(ids) + 1):
            echo.read(ids, end)
    return _Request(number, ids, options, steer, np.random.default_rng(options.seed), len(ids), echo)


def _decode(model: StreamModel, requests: Sequence[_Request], on_token: Callable[[int, int], None] | None) -> None:
    """Rows that have ended are read on with pads until enough of them have, and then leave the batch."""
    window, pad = model.config.window, model.config.pad_id
    rows = list(requests)
    longest = max(len(request.ids) for request in rows)
    cache = model.start(len(rows), min(window, longest + 256))
    logits = model.advance(torch.tensor([[pad] * (longest - len(row.ids)) + row.ids for row in rows]), cache)
    while True:
        drawn = _draw(logits.float().cpu().numpy(), rows, pad)
        for row, id in zip(rows, drawn, strict=True):
            if row.ended:
                continue
            row.ids.append(id)
            if row.echo:
                row.echo.read(row.ids, len(row.ids))
            if on_token:
                on_token(row.number, id)
            row.ended = row.steer.done(row.ids) or len(row.ids) >= window
        live = [index for index, row in enumerate(rows) if not row.ended]
        if not live:
            return
        if len(live) <= FEWER * len(rows):
            cache.keep(live)
            rows = [rows[index] for index in live]
        logits = model.advance(torch.tensor([[row.ids[-1]] for row in rows]), cache)


def _draw(logits: FloatArray, rows: Sequence[_Request], pad: int) -> list[int]:
    """One id for each row (B, K), which is used up; rows that have ended draw a pad."""
    logits[:, pad] = -np.inf
    return [pad if row.ended else _draw_one(scores, row) for scores, row in zip(logits, rows, strict=True)]


def _draw_one(scores: FloatArray, row: _Request) -> int:
    if row.echo:
        row.echo.shun(scores, row.ids, row.options.repetition)
    allowed = row.steer.allowed(row.ids)
    if allowed is not None:
        scores[~allowed] = -np.inf
        if scores.max() == -np.inf:
            raise ConfigError(f"request {row.number}: after {len(row.ids)} ids nothing is allowed; ask for less at once")
    return choose(scores, row.options.temperature, row.options.top_p, row.rng.random())


def choose(scores: FloatArray, temperature: float, top_p: float, uniform: float) -> int:
    """An id drawn by one number from 0 to 1 from scores (K,), -inf where not allowed, which are used up.

    The number is spread over ids in their own order, so that scores that differ in the last bit give the same draw.
    """
    scores -= scores.max()
    scores *= 1 / max(temperature, 1e-6)
    likely = np.exp(scores, out=scores)
    total = float(likely.sum())
    # Ids below this would not reach 1 - top_p if all were: none of them is among those kept.
    ids = np.flatnonzero(likely >= total * (1 - top_p) / len(likely))
    likely = likely[ids]
    if top_p < 1:
        falling = np.sort(likely)[::-1]
        last = min(int(np.searchsorted(np.cumsum(falling, dtype=np.float64), top_p * total)), len(falling) - 1)
        kept = likely >= falling[last]
        ids, likely = ids[kept], likely[kept]
    risen = np.cumsum(likely, dtype=np.float64)
    return int(ids[min(int(np.searchsorted(risen, uniform * risen[-1], side="right")), len(ids) - 1)])
