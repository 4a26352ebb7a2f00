"""Listening on 127.0.0.1, and nowhere else, until Ctrl-C."""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Callable

import uvicorn
from fastapi import FastAPI
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

from musicgen.errors import ConfigError

ADDRESS = "127.0.0.1"
IDLE_SECONDS = 10.0  # at least so long, at most twice, may a connection have no request in work
LAST_SECONDS = 1  # for requests in work when the server ends


def bound(port: int) -> socket.socket:
    """A socket that no one else has; port 0 takes one that is free."""
    listener = socket.socket()
    try:
        if hasattr(socket, "SO_EXCLUSIVEADDRUSE"):
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        else:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((ADDRESS, port))
        listener.listen()
    except OSError as error:
        listener.close()
        taken = error.errno == errno.EADDRINUSE
        reason = "another program listens there, perhaps a musicgen serve" if taken else (error.strerror or str(error)).lower()
        raise ConfigError(f"--port: {port}: {reason}; choose another, like --port {port + 1 if port < 65535 else 8765}") from None
    return listener


def listen(app: FastAPI, listener: socket.socket, on_end: Callable[[], None]) -> None:
    """Blocks until Ctrl-C or SIGTERM; `on_end` ends what is in work then."""
    server_of(app, on_end).run(sockets=[listener])


def server_of(app: FastAPI, on_end: Callable[[], None]) -> uvicorn.Server:
    config = uvicorn.Config(
        app,
        log_level="warning",
        http=_Impatient,
        ws="none",
        timeout_graceful_shutdown=LAST_SECONDS,
        lifespan="off",
        server_header=False,
    )
    return _Server(config, on_end)


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, on_end: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_end = on_end

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._on_end()  # before requests in work are waited for
        await super().shutdown(sockets)


class _Impatient(H11Protocol):
    """Ends a connection on which no request comes, or one letter by letter: uvicorn waits for its first for ever."""

    _seen: RequestResponseCycle | None
    _next_look: asyncio.TimerHandle

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._look_later()

    def connection_lost(self, exc: Exception | None) -> None:
        self._next_look.cancel()
        super().connection_lost(exc)

    def _look_later(self) -> None:
        self._seen = self.cycle
        self._next_look = self.loop.call_later(IDLE_SECONDS, self._look)

    def _look(self) -> None:
        is_done = self.cycle is None or self.cycle.response_complete
        if is_done and self.cycle is self._seen:
            self.transport.abort()
        else:
            self._look_later()
