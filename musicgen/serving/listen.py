"""Listening on 127.0.0.1, and nowhere else, until Ctrl-C."""

from __future__ import annotations

import errno
import socket
from collections.abc import Callable

import uvicorn
from fastapi import FastAPI

from musicgen.errors import ConfigError

ADDRESS = "127.0.0.1"
MOST_CONNECTIONS = 64
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
    config = uvicorn.Config(
        app,
        log_level="warning",
        limit_concurrency=MOST_CONNECTIONS,
        timeout_graceful_shutdown=LAST_SECONDS,
        lifespan="off",
        server_header=False,
    )
    _Server(config, on_end).run(sockets=[listener])


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, on_end: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_end = on_end

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._on_end()  # before requests in work are waited for
        await super().shutdown(sockets)
