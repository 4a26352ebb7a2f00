"""Worker: a studio in a process of its own, which can be ended when an order takes too long, and begun anew when it has died.

One order at a time: sampling is bound to one core, and on two a second order would only slow the first.
"""

from __future__ import annotations

import multiprocessing
import multiprocessing.resource_tracker
import signal
import sys
import threading
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path

from musicgen.composers.loading import DEFAULT
from musicgen.composers.methods import load_plugin
from musicgen.errors import ConfigError, MusicgenError
from musicgen.serving.limits import Limits
from musicgen.serving.orders import Order
from musicgen.serving.studio import BUG, BUSY, TOO_LONG, Outcome, Studio, refusal

SPAWN = multiprocessing.get_context("spawn")  # a fork would copy the server's threads and sockets
START_SECONDS = 180.0  # torch alone takes ten on a busy machine
ENDING = "the server is ending; start it again"
DIED_EARLY = "the process that composes has died while it loaded the model, perhaps for want of memory; choose another model"
DIED = "the process that composes has died of this request, perhaps for want of memory; it is begun anew, ask for less"


@dataclass
class Worker:
    """`plugins`: Python files that register methods; they are run in the process too."""

    model: str = DEFAULT
    limits: Limits = field(default_factory=Limits)
    plugins: Sequence[Path] = ()

    def __post_init__(self) -> None:
        self._busy = threading.Lock()
        self._closed = threading.Event()
        self._sending = threading.Lock()
        self._process: BaseProcess | None = None
        self._pipe: Connection | None = None

    def start(self) -> None:
        """Waits until the model is warm; raises what keeps it from being loaded."""
        with self._busy:
            self._started()

    def do(self, order: Order) -> Outcome:
        """Blocks until the outcome is there, at most `limits.seconds` and the time of a start."""
        with self._busy:
            try:
                pipe = self._started()
                with self._sending:
                    pipe.send(order)
                if pipe.poll(self.limits.seconds):
                    outcome: Outcome = pipe.recv()
                    return outcome
                self._end()
                return refusal(TOO_LONG, f"it took longer than {self.limits.seconds:g} seconds and was ended; ask for fewer bars or pieces")
            except MusicgenError as error:
                return refusal(BUSY if self._closed.is_set() else BUG, str(error))
            except (EOFError, OSError):
                self._end()
                return refusal(BUSY, ENDING) if self._closed.is_set() else refusal(BUG, DIED)

    def give_up(self) -> None:
        """From any thread: whoever waits for the order in work has left. It ends at the composer's next sign of progress."""
        pipe = self._pipe
        with self._sending, suppress(OSError):
            if pipe is not None:
                pipe.send(None)

    def close(self) -> None:
        """From any thread, for good; an order in work is ended."""
        self._closed.set()
        self._kill()

    def _kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.join(5)

    def _started(self) -> Connection:
        if self._pipe is not None and self._process is not None and self._process.is_alive():
            return self._pipe
        self._end()
        if self._closed.is_set():
            raise ConfigError(ENDING)
        self._pipe, theirs = SPAWN.Pipe()
        process = SPAWN.Process(target=work, args=(theirs, self.model, self.limits, tuple(self.plugins)), daemon=True)
        with _ctrl_c_is_ours():
            process.start()
            self._process = process
        theirs.close()
        if self._closed.is_set():  # meanwhile, when there was no process yet to be ended
            self._kill()
        try:
            problem = self._pipe.recv() if self._pipe.poll(START_SECONDS) else "the model took too long to load; try again"
        except (EOFError, OSError):
            problem = DIED_EARLY
        if problem:
            self._end()
            raise ConfigError(problem)
        return self._pipe

    def _end(self) -> None:
        self._kill()
        if self._pipe is not None:
            self._pipe.close()
        self._pipe = self._process = None


@contextmanager
def _ctrl_c_is_ours() -> Iterator[None]:
    """A process that is begun here never hears Ctrl-C, not even before it can say so itself: the server ends it."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    multiprocessing.resource_tracker.ensure_running()  # or it would be begun now, and open our ears again
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def work(pipe: Connection, model: str, limits: Limits, plugins: Sequence[Path]) -> None:
    """The process: says what is wrong, or nothing once it is ready; then an outcome for each order, until the server leaves.

    None after an order gives it up; it may come when that is done already.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # where it is not blocked
    if not sys.warnoptions:
        warnings.simplefilter("ignore")
    studio = Studio(model, limits, lambda: pipe.poll() and pipe.recv() is None)
    problem = _readied(studio, plugins)
    with suppress(EOFError, OSError):
        pipe.send(problem)
        while not problem:
            order = pipe.recv()
            if order is not None:
                pipe.send(studio.do(order))


def _readied(studio: Studio, plugins: Sequence[Path]) -> str:
    """What keeps it from being ready."""
    try:
        for plugin in plugins:
            load_plugin(plugin)
        studio.warm()
    except MusicgenError as error:
        return str(error)
    return ""
