"""Work beside the playing: one thing after another, never waited for, given up at once when there is an end."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Protocol, TypeVar

from musicgen.composers.composer import Composer
from musicgen.music.chorale import Chorale
from musicgen.music.sketch import Sketch

T = TypeVar("T", covariant=True)
U = TypeVar("U")


class Task(Protocol[T]):
    """`result` when it is `done`, or what went wrong."""

    def done(self) -> bool: ...

    def result(self) -> T: ...


class Worker(Protocol):
    """A `concurrent.futures` executor is one."""

    def submit(self, work: Callable[[], U], /) -> Task[U]: ...


Fill = Callable[[Sketch, int], Chorale]
"""Of a sketch and a seed."""


class GivenUpError(Exception):
    """Nobody waits for this work any more."""


class Beside:
    """A thread of its own. `with Beside() as beside: beside.submit(...)`; the end of the block does not wait for work that is under way."""

    def __init__(self) -> None:
        self._is_over = Event()
        self._thread = ThreadPoolExecutor(1, "composing")

    def submit(self, work: Callable[[], U], /) -> Task[U]:
        return self._thread.submit(work)

    def filling(self, composer: Composer) -> Fill:
        """As `composer.fill`, but given up at its next sign of progress when there is an end."""

        def show(share: float) -> None:
            if self._is_over.is_set():
                raise GivenUpError

        return lambda sketch, seed: composer.fill_many([sketch], [seed], show)[0]

    def __enter__(self) -> Beside:
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        self._thread.shutdown(wait=False, cancel_futures=True)
