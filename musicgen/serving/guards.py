"""Who may ask: programs on this computer, and no page of a browser unless its origin was allowed.

A page elsewhere cannot read our answers, but it could send orders, or come by a name that it has led to 127.0.0.1 (DNS rebinding).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

LOCAL_NAMES = ("127.0.0.1", "localhost", "::1")
FORBIDDEN = 403


@dataclass(frozen=True)
class Guard:
    """Before all else of the app. `origins`: of pages that may ask, like `http://localhost:3000`."""

    app: ASGIApp
    origins: Collection[str] = ()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        reason = self._reason(Headers(scope=scope)) if scope["type"] == "http" else None
        if reason is None:
            return await self.app(scope, receive, send)
        await JSONResponse({"error": reason}, FORBIDDEN)(scope, receive, send)

    def _reason(self, headers: Headers) -> str | None:
        """Why a request is refused."""
        host = headers.get("host", "")
        if _name_of(host) not in LOCAL_NAMES:
            return "this server answers to 127.0.0.1 and localhost alone, not to another name"
        origin = headers.get("origin")
        if origin is not None and origin not in self.origins and origin != f"http://{host}":
            return "pages of this origin may not ask here; its owner can start the server with --allow-origin"
        return None


def _name_of(host: str) -> str | None:
    try:
        return urlsplit(f"//{host}").hostname
    except ValueError:
        return None
