"""Who may ask, and how many at once: programs on this computer, and no page of a browser unless its origin was allowed.

A page elsewhere cannot read our answers, but it could send orders, or come by a name that it has led to 127.0.0.1 (DNS rebinding).
"""

from __future__ import annotations

from collections.abc import Collection
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from musicgen.errors import ConfigError
from musicgen.serving.studio import BUSY

LOCAL_NAMES = ("127.0.0.1", "localhost", "::1")
FORBIDDEN = 403
RETRY_SECONDS = 10
RETRY = {"Retry-After": str(RETRY_SECONDS)}
MOST_AT_ONCE = 64  # requests whose bodies may lie in memory


class Guard:
    """Before all else of the app. `origins`: of pages that may ask, like `http://localhost:3000`; `most`: requests at once."""

    def __init__(self, app: ASGIApp, origins: Collection[str] = (), most: int = MOST_AT_ONCE) -> None:
        self.app, self.origins, self._most, self._here = app, origins, most, 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        reason = self._reason(Headers(scope=scope))
        if reason:
            return await JSONResponse({"error": reason}, FORBIDDEN)(scope, receive, send)
        if self._here >= self._most:
            return await JSONResponse({"error": crowded(self._here)}, BUSY, RETRY)(scope, receive, send)
        self._here += 1
        try:
            await self.app(scope, receive, send)
        finally:
            self._here -= 1

    def _reason(self, headers: Headers) -> str | None:
        """Why a request is refused."""
        host = headers.get("host", "")
        if _name_of(host) not in LOCAL_NAMES:
            return "this server answers to 127.0.0.1 and localhost alone, not to another name"
        origin = headers.get("origin")
        if origin is not None and origin not in self.origins and origin != f"http://{host}":
            return "pages of this origin may not ask here; its owner can start the server with --allow-origin"
        return None


def read_origin(text: str) -> str:
    """`http://localhost:3000/` as browsers write it, without the stroke."""
    origin = text.rstrip("/")
    scheme, host = origin.partition("://")[::2]
    if scheme not in ("http", "https") or _name_of(host) is None or host != urlsplit(f"//{host}").netloc or "@" in host:
        raise ConfigError(f"--allow-origin: {text!r} is the origin of no page; write scheme, host and port, like http://localhost:3000")
    return origin.lower()


def crowded(count: int) -> str:
    return f"{count} requests wait already; try again in {RETRY_SECONDS} seconds"


def _name_of(host: str) -> str | None:
    try:
        return urlsplit(f"//{host}").hostname
    except ValueError:
        return None
