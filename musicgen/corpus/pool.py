"""Work in several processes, of which some may die: what one was working on is tried again piece by piece, and the others go on."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from typing import Any, Protocol, TypeVar

Item = TypeVar("Item", contravariant=True)
Chunk = TypeVar("Chunk", bound=Sequence[Any])


class Work(Protocol[Item]):
    """Done on a chunk in another process. `died` is called here for the one item that such a process died of."""

    def __call__(self, chunk: Any) -> None: ...

    def died(self, item: Item) -> None: ...


def cores() -> int:
    """How many this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def run_in_pool(work: Work[Any], chunks: Sequence[Chunk], workers: int = 0) -> Iterator[Chunk]:
    """Each chunk, once it is done. `workers`: 0 for as many as there are cores; 1 works here, without other processes."""
    workers = min(workers or cores(), len(chunks))
    if workers <= 1:
        for chunk in chunks:
            work(chunk)
            yield chunk
        return
    suspects: list[Chunk] = []
    left = list(reversed(chunks))
    while left:
        yield from _while_it_holds(work, left, suspects, workers)
    for chunk in suspects:
        _one_by_one(work, chunk)
        yield chunk


def _while_it_holds(work: Work[Any], left: list[Chunk], suspects: list[Chunk], workers: int) -> Iterator[Chunk]:
    """Takes chunks from the end of `left`. When a process dies all that were under way become suspects."""
    running: dict[Future[None], Chunk] = {}
    pool = _pool(workers)
    try:
        while left or running:
            while left and len(running) < 2 * workers:
                running[pool.submit(work, left[-1])] = left[-1]
                left.pop()
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                future.result()
                yield running.pop(future)
    except BrokenProcessPool:
        suspects += running.values()
    finally:
        _end(pool)


def _one_by_one(work: Work[Any], chunk: Chunk) -> None:
    pool = _pool(1)
    try:
        for item in chunk:
            try:
                pool.submit(work, (item,)).result()
            except BrokenProcessPool:
                work.died(item)
                _end(pool)
                pool = _pool(1)
    finally:
        _end(pool)


def _pool(workers: int) -> ProcessPoolExecutor:
    """Not forked from this process, which may have threads; Ctrl-C is for this process alone."""
    methods = multiprocessing.get_all_start_methods()
    context = multiprocessing.get_context("forkserver" if "forkserver" in methods else "spawn")
    return ProcessPoolExecutor(workers, context, _be_a_worker)


def _be_a_worker() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_leave_with_the_parent, daemon=True).start()


def _leave_with_the_parent() -> None:
    """A parent that is killed cannot end its workers, and they would wait for work for ever."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _end(pool: ProcessPoolExecutor) -> None:
    """Without waiting for what is under way."""
    processes: dict[Any, Any] = getattr(pool, "_processes", None) or {}
    pool.shutdown(wait=False, cancel_futures=True)
    for process in list(processes.values()):
        process.terminate()
