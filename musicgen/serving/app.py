"""The app: one address for each task, what it answers, and a short queue before the one who does the work."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from fastapi import FastAPI, Request
from fastapi.middleware.cors import CORSMiddleware
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException

from musicgen.composers.loading import ComposerInfo, list_composers
from musicgen.errors import MusicgenError
from musicgen.serving.guards import Guard
from musicgen.serving.limits import Limits
from musicgen.serving.notes import NotesForm
from musicgen.serving.orders import BadJsonError, Order, example_of, read_json, read_order, schema_of
from musicgen.serving.studio import BUG, BUSY, REFUSED, TOO_LONG, Do, Outcome, refusal
from musicgen.steering.request import TASKS, Task

BODY_SECONDS = 20.0  # for a body to arrive
BAD_JSON, TOO_SLOW, TOO_LARGE, NO_JSON = 400, 408, 413, 415
RETRY_SECONDS = 10
GONE = 499  # whoever asked has left; no one reads it
ABOUT = {
    BAD_JSON: "The body is not a JSON object.",
    403: "Another host's name, or a page whose origin was not allowed.",
    TOO_SLOW: "The body did not arrive.",
    TOO_LARGE: "The body is too large.",
    NO_JSON: "The body is not said to be application/json.",
    REFUSED: "What is asked cannot be; the error says where, what, what is allowed and what to do.",
    BUG: "A bug of ours.",
    BUSY: "Too many wait; Retry-After says when to come again.",
    TOO_LONG: "It took too long and was ended.",
}


class Failure(BaseModel):
    """What went wrong, in one line."""

    error: str


class Piece(BaseModel):
    """`musicxml`, `midi` (base64) and `notes` as they were wanted; score and what it is made of, where alternatives are ranked."""

    seed: int
    key: str
    meter: str
    score: float | None = None
    parts: dict[str, float | None] = {}
    shared: str | None = None
    musicxml: str | None = None
    midi: str | None = None
    notes: NotesForm | None = None


class Reply(BaseModel):
    """`remarks`: what a user should know, a sentence each."""

    model: str
    remarks: list[str]
    pieces: list[Piece]
    seconds: float


class ModelInfo(BaseModel):
    """A composer that may be named."""

    model_config = ConfigDict(title="Model")
    name: str
    kind: str
    can: str


class Health(BaseModel):
    """`waiting`: orders, the one in work among them."""

    ok: bool = True
    model: str
    waiting: int = Field(ge=0)


class Queue:
    """Orders one by one, in turn; who comes when too many wait is sent away."""

    def __init__(self, do: Do, most: int) -> None:
        self._do, self._most, self._turn = do, most, asyncio.Lock()
        self.waiting = 0

    async def outcome(self, order: Order, http: Request) -> Outcome:
        if self.waiting >= self._most:
            return refusal(BUSY, f"{self.waiting} requests wait already; try again in {RETRY_SECONDS} seconds")
        self.waiting += 1
        try:
            async with self._turn:
                if await http.is_disconnected():
                    return refusal(GONE, "whoever asked has left")
                return await asyncio.to_thread(self._do, order)
        finally:
            self.waiting -= 1


def make_app(
    do: Do, model: str, limits: Limits | None = None, origins: Sequence[str] = (), about: Mapping[str, str] | None = None
) -> FastAPI:
    """`do` blocks; `model` is whose request names none; `about` says what each field of a request means."""
    limits = limits or Limits()
    models = _models(model)
    names = frozenset(models)
    queue = Queue(do, limits.waiting)

    app = FastAPI(title="musicgen", version="1", docs_url=None, redoc_url=None)
    app.add_middleware(CORSMiddleware, allow_origins=list(origins), allow_methods=["GET", "POST"], allow_headers=["Content-Type"])
    app.add_middleware(Guard, origins=frozenset(origins))
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(Exception, _bug)

    @app.get("/health", responses=_failures(403))
    async def health() -> Health:
        """Whether the server is there, and how many wait."""
        return Health(model=model, waiting=queue.waiting)

    @app.get("/models", responses=_failures(403))
    async def composers() -> list[ModelInfo]:
        """The composers that `model` may name."""
        return [ModelInfo(name=info.name, kind=info.kind, can=info.can) for info in models.values()]

    for task in TASKS:
        _add_task(app, task, queue, limits, names, about or {})
    return app


def _models(model: str) -> dict[str, ComposerInfo]:
    found = {info.name: info for info in list_composers()}
    return {model: ComposerInfo(model, "named when the server was started", "compose, harmonize, fill", model)} | found


def _add_task(app: FastAPI, task: Task, queue: Queue, limits: Limits, models: Collection[str], about: Mapping[str, str]) -> None:
    async def handle(http: Request) -> JSONResponse:
        try:
            body = await _body(http, limits.body)
            order = read_order(task, read_json(body), limits, models)
        except BadJsonError as error:
            return _response(refusal(BAD_JSON, str(error)))
        except MusicgenError as error:
            return _response(refusal(REFUSED, str(error)))
        return _response(await queue.outcome(order, http))

    content = {"application/json": {"schema": schema_of(task, limits, about), "example": example_of(task)}}
    app.post(
        f"/{task}",
        name=task,
        summary=task.capitalize(),
        response_model=Reply,
        responses=_failures(*ABOUT),
        openapi_extra={"requestBody": {"required": True, "content": content}},
    )(handle)


async def _body(http: Request, most: int) -> bytes:
    """The bytes of a JSON body, as long as they are not too many."""
    if http.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise HTTPException(NO_JSON, "the body must be sent as Content-Type: application/json")
    data = bytearray()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for chunk in http.stream():
                data += chunk
                if len(data) > most:
                    raise HTTPException(TOO_LARGE, f"the body is larger than {most:,} bytes, the most that is read")
    except TimeoutError:
        raise HTTPException(TOO_SLOW, f"the body did not arrive in {BODY_SECONDS:g} seconds") from None
    return bytes(data)


def _response(outcome: Outcome) -> JSONResponse:
    headers = {"Retry-After": str(RETRY_SECONDS)} if outcome.status == BUSY else None
    return JSONResponse(outcome.content, outcome.status, headers)


async def _http_error(http: Request, error: Exception) -> JSONResponse:
    """Every failure has the same form, also those of the framework: no such address, no such method."""
    assert isinstance(error, HTTPException)
    return JSONResponse({"error": error.detail}, error.status_code, error.headers)


async def _bug(http: Request, error: Exception) -> JSONResponse:
    return _response(refusal(BUG, "this is a bug of ours, the server's screen says where; it goes on"))


def _failures(*statuses: int) -> dict[int | str, dict[str, Any]]:
    return {status: {"model": Failure, "description": ABOUT[status]} for status in statuses}
