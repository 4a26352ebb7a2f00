"""The app: one address for each task, what it answers, and a short queue before the one who does the work."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from fastapi import FastAPI, Request
from fastapi.middleware.cors import CORSMiddleware
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException

from musicgen.composers.loading import ComposerInfo, list_composers
from musicgen.errors import MusicgenError
from musicgen.serving.guards import RETRY, Guard, crowded
from musicgen.serving.limits import Limits
from musicgen.serving.notes import NotesForm
from musicgen.serving.orders import BadJsonError, Order, example_of, read_json, read_order, schema_of
from musicgen.serving.studio import BUG, BUSY, GONE, HAS_LEFT, REFUSED, TOO_LONG, Do, Outcome, refusal
from musicgen.steering.request import TASKS, Task

BODY_SECONDS = 20.0  # for a body to arrive
LOOK_SECONDS = 1.0  # after which it is looked whether somebody still waits
BAD_JSON, TOO_SLOW, TOO_LARGE, NO_JSON = 400, 408, 413, 415
WHAT = "A composer on this computer. What a request file of `musicgen` says is asked as JSON here, with `score` for `source`."
TASKS_ARE: Mapping[Task, str] = {
    "compose": "A new piece.",
    "harmonize": "The tune stays note for note, and the other voices are new; of a whole score the voices that `keep` names stay.",
    "fill": "Rewrites some bars, or some voices, of a score of all voices; nothing else.",
    "vary": "Rewrites a share of the notes of a score of all voices.",
    "continue": "New bars after a score of all voices.",
    "precede": "New bars before a score of all voices.",
}
NOT_THERE = {
    404: "there is no address {1}; /openapi.json says which there are",
    405: "{1} takes no {0}; /openapi.json says what it takes",
}
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
    """What went wrong."""

    error: str = Field(description="One line: where, what, what is allowed, what to do.")


class Piece(BaseModel):
    """In the forms that `answer_formats` names; the others are left out."""

    seed: int = Field(description="Asked for again, it gives the same piece.")
    key: str = Field(examples=["G minor"])
    meter: str = Field(examples=["4/4"])
    score: float | None = Field(default=None, description="Where alternatives are ranked: higher is better.")
    parts: dict[str, float | None] = Field(default={}, description="What `score` is made of.")
    shared: str | None = Field(default=None, description="The longest run in common with a training piece, where `original` is asked.")
    musicxml: str | None = Field(default=None, description="The text of a file.")
    midi: str | None = Field(default=None, description="A file in base64.")
    notes: NotesForm | None = None


class Reply(BaseModel):
    """One piece, or as many as `count` or `alternatives` say."""

    model: str = Field(description="Who composed it.")
    remarks: list[str] = Field(description="What a user should know, a sentence each.")
    pieces: list[Piece]
    seconds: float = Field(description="It took so long.")


class ModelInfo(BaseModel):
    """A composer that may be named."""

    model_config = ConfigDict(title="Model")
    name: str = Field(description="What `model` takes.")
    kind: str = Field(examples=["left-to-right network"])
    can: str = Field(examples=["compose, harmonize, fill"])


class Health(BaseModel):
    """That it answers is the news."""

    ok: bool = True
    model: str = Field(description="Whose request names none.")
    waiting: int = Field(ge=0, description="Orders, the one in work among them.")


class Queue:
    """Orders one by one, in turn; who comes when too many wait is sent away, and nothing is done for who has left."""

    def __init__(self, do: Do, give_up: Callable[[], None], most: int) -> None:
        self._do, self._give_up, self._most, self._turn = do, give_up, most, asyncio.Lock()
        self.waiting = 0

    async def outcome(self, order: Order, http: Request) -> Outcome:
        if self.waiting >= self._most:
            return refusal(BUSY, crowded(self.waiting))
        self.waiting += 1
        try:
            async with self._turn:
                if await http.is_disconnected():
                    return refusal(GONE, HAS_LEFT)
                return await self._done(order, http)
        finally:
            self.waiting -= 1

    async def _done(self, order: Order, http: Request) -> Outcome:
        work = asyncio.create_task(asyncio.to_thread(self._do, order))
        while not (await asyncio.wait([work], timeout=LOOK_SECONDS))[0]:
            if await http.is_disconnected():
                self._give_up()
        return await work


def make_app(
    do: Do,
    model: str,
    limits: Limits | None = None,
    origins: Sequence[str] = (),
    about: Mapping[str, str] | None = None,
    give_up: Callable[[], None] = lambda: None,
) -> FastAPI:
    """`do` blocks; `give_up`: nobody waits for what is being done; `model` is whose request names none; `about` says what each field of a
    request means."""
    limits = limits or Limits()
    models = _models(model)
    names = tuple(models)
    queue = Queue(do, give_up, limits.waiting)

    app = FastAPI(title="musicgen", version="1", description=WHAT, docs_url=None, redoc_url=None)
    app.add_middleware(CORSMiddleware, allow_origins=list(origins), allow_methods=["GET", "POST"], allow_headers=["Content-Type"])
    app.add_middleware(Guard, origins=frozenset(origins))
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(Exception, _bug)

    @app.get("/health", operation_id="health", responses=_failures(403))
    async def health() -> Health:
        """Whether the server is there, and how many wait."""
        return Health(model=model, waiting=queue.waiting)

    @app.get("/models", operation_id="models", responses=_failures(403))
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

    content = {"application/json": {"schema": schema_of(task, limits, models, about), "example": example_of(task)}}
    app.post(
        f"/{task}",
        name=task,
        operation_id=task,
        summary=task.capitalize(),
        description=TASKS_ARE[task],
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
    return JSONResponse(outcome.content, outcome.status, RETRY if outcome.status == BUSY else None)


async def _http_error(http: Request, error: Exception) -> JSONResponse:
    """Every failure has the same form, also those of the framework."""
    assert isinstance(error, HTTPException)
    line = error.detail
    if error.status_code in NOT_THERE:
        line = NOT_THERE[error.status_code].format(http.method, http.url.path[:80])
    return JSONResponse({"error": line}, error.status_code, error.headers)


async def _bug(http: Request, error: Exception) -> JSONResponse:
    return _response(refusal(BUG, "this is a bug of ours, the server's screen says where; it goes on"))


def _failures(*statuses: int) -> dict[int | str, dict[str, Any]]:
    return {status: {"model": Failure, "description": ABOUT[status]} for status in statuses}
