"""Studio: does an order, in the process it lives in, with models that stay loaded. An outcome is always one, whatever an order asks."""

from __future__ import annotations

import base64
import math
import sys
import time
import traceback
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from musicgen.composers.composer import Composer
from musicgen.composers.loading import DEFAULT
from musicgen.errors import FileError, MusicgenError
from musicgen.files.io import read_score
from musicgen.music.score import Score
from musicgen.rendering.edition import Edition
from musicgen.rendering.export import rendered
from musicgen.serving.limits import Limits, check_length, check_score
from musicgen.serving.notes import form_of
from musicgen.serving.orders import Order
from musicgen.steering.annotations import marked
from musicgen.steering.answers import Answer, answer
from musicgen.steering.request import DIALS, Request, seeds_from
from musicgen.steering.tasks import Job, load, named, prepare

MOST_WARM = 4  # composers, by model and dials
A_BUG = "this is a bug of ours, the server's screen says where; other requests are not harmed"
OK, REFUSED, GONE, BUG, BUSY, TOO_LONG = 200, 422, 499, 500, 503, 504
HAS_LEFT = "whoever asked has left"  # no one reads it
_FILES = {"musicxml": Path("answer.musicxml"), "midi": Path("answer.mid")}


@dataclass(frozen=True)
class Outcome:
    """`status` as HTTP has it; `content` ready for JSON: the answer, or `{"error": one line}`."""

    status: int
    content: dict[str, Any]


Do = Callable[[Order], Outcome]


def refusal(status: int, line: str) -> Outcome:
    return Outcome(status, {"error": " ".join(line.split())})


class _GivenUpError(Exception):
    """Nobody waits for this order any more."""


class Studio:
    """`model`: whose request names none; `is_given_up`: asked again and again while a composer works."""

    def __init__(self, model: str = DEFAULT, limits: Limits | None = None, is_given_up: Callable[[], bool] = lambda: False) -> None:
        self.model = model
        self.limits = limits or Limits()
        self._is_given_up = is_given_up
        self._load = lru_cache(MOST_WARM)(load)

    def warm(self) -> None:
        self.composer(Request())

    def composer(self, request: Request) -> Composer:
        dials = {name: value for name, value in request.given().items() if name in DIALS}
        return self._load(Request(model=request.model or self.model, **dials))

    def do(self, order: Order) -> Outcome:
        try:
            return Outcome(OK, self._answer(order))
        except MusicgenError as error:
            return refusal(REFUSED, str(error))
        except _GivenUpError:
            return refusal(GONE, HAS_LEFT)
        except Exception:
            traceback.print_exc(file=sys.stderr)
            return refusal(BUG, A_BUG)

    def _answer(self, order: Order) -> dict[str, Any]:
        began = time.monotonic()
        request = order.request.changed(model=order.request.model or self.model)
        seeds = seeds_from(request.seed, request.count or 1)
        loaded = cache(lambda: self.composer(request))
        job = prepare(request, seeds, loaded, self._source(order))
        self._check(job, order)
        with named(request.source) if request.source else nullcontext():
            answers = answer(request, job, loaded(), seeds, self._show)
        return {
            "model": loaded().name,
            "remarks": [*job.remarks, *answers.remarks],
            "pieces": [_piece(each, order) for each in answers.pieces],
            "seconds": round(time.monotonic() - began, 3),
        }

    def _show(self, share: float) -> None:
        if self._is_given_up():
            raise _GivenUpError

    def _source(self, order: Order) -> Score | None:
        if order.score is None:
            return None
        name, quantize = order.request.source or "", bool(order.request.quantize)
        score = order.score if isinstance(order.score, Score) else _read(name, order.score, quantize)
        with named(name):
            check_score(score, self.limits)
        return score

    def _check(self, job: Job, order: Order) -> None:
        """What could not be done, or not be written, is refused before a model works."""
        for piece in job.pieces:
            check_length(piece.sketch.given, self.limits)
        if job.draft:
            _written(job.draft, order)


def _read(name: str, data: bytes, quantize: bool) -> Score:
    """Through a private file, which only this function sees: errors say the score's name."""
    with TemporaryDirectory(prefix="musicgen-") as folder:
        path = Path(folder) / name
        path.write_bytes(data)
        try:
            return read_score(path, quantize=quantize)
        except FileError as error:
            raise FileError(name, error.reason.replace(str(path), name)) from None


def _piece(each: Answer, order: Order) -> dict[str, Any]:
    score = each.written()
    record: dict[str, Any] = {"seed": each.seed, "key": str(each.chorale.key), "meter": str(each.chorale.meter)}
    if each.score is not None:
        record |= {"score": _number(each.score), "parts": {name: _number(value) for name, value in each.parts.items()}}
    if each.shared:
        record["shared"] = str(each.shared)
    return record | _written(marked(score, each.chorale) if order.annotate else score, order)


def _number(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def _written(score: Score, order: Order) -> dict[str, Any]:
    """The score in the forms that are wanted, from the bytes that the command line would write."""
    edition = Edition(layout=order.layout)
    files = {form: rendered(score, path, edition)[path] for form, path in _FILES.items() if form in order.formats}
    written: dict[str, Any] = {form: base64.b64encode(data).decode() if form == "midi" else data.decode() for form, data in files.items()}
    return written | ({"notes": form_of(score).model_dump()} if "notes" in order.formats else {})
