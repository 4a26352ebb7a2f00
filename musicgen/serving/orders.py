"""Orders: what a client sends, read and refused like a request file. The JSON schemas are made of `Request`'s fields, so that neither
can say what the other does not know."""

from __future__ import annotations

import base64
import binascii
import json
import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal, get_args, get_type_hints

from pydantic import ValidationError

from musicgen.errors import ConfigError, nearest
from musicgen.music.score import Score
from musicgen.serving.limits import LARGEST_WHOLE, Limits, check_request
from musicgen.serving.notes import NotesForm, score_of
from musicgen.steering.request import CHOICES, COUNTS_BARS, LIMITS, TAKES, Request, Task, Texts, key_of

Layout = Literal["open", "two-staff"]
SUFFIXES = {"musicxml": ".musicxml", "mxl": ".mxl", "abc": ".abc", "kern": ".krn", "midi": ".mid"}
IN_BASE64 = ("mxl", "midi")
SCORE_FORMATS = (*SUFFIXES, "notes")
ANSWER_FORMATS = ("musicxml", "midi", "notes")
LAYOUTS: tuple[Layout, ...] = get_args(Layout)
EXAMPLE_TUNE = "X:1\nM:4/4\nL:1/4\nK:G\nG A B G | A B A2 | B c d B | A2 G2 |]\n"
EXAMPLE_CHORD = {"Soprano": 71, "Alto": 67, "Tenor": 62, "Bass": 43}
HINTS = get_type_hints(Request)
HERE = {
    "chords": "Symbols at places, '1:1 C, 1:3 G7/B'; numerals by bars, 'I V65 | vi . ii6 V7'; figures, '5 6 4-3'.",
    "model": "A composer of /models; that which the server was started with if not said.",
    "seed": "The same seed gives the same music. By default a random one, which the answer says.",
    "count": "Several pieces, with seeds counting up.",
    "alternatives": "Several that differ from each other.",
}
_NEW, _REWRITTEN = "How many new bars; 4 if not said.", "Bars to rewrite: 5, 5-8 or 2,5-8. A pick-up is bar 0. Also a list."
BARS: Mapping[Task, str] = {"fill": _REWRITTEN, "vary": _REWRITTEN, "continue": _NEW, "precede": _NEW}


class BadJsonError(Exception):
    """A body that is no JSON object: 400, not 422."""


@dataclass(frozen=True)
class Order:
    """A request, the score it is about, as a file's bytes or read already, and the forms that its pieces are wanted in."""

    request: Request
    score: bytes | Score | None = None
    formats: tuple[str, ...] = ("musicxml",)
    layout: Layout = "open"
    annotate: bool = False


def read_json(body: bytes) -> dict[str, Any]:
    """Strict JSON, an object. Raises ConfigError for what JavaScript could not have meant, else BadJsonError."""
    try:
        found = json.loads(body, parse_int=_whole, parse_constant=_refused)
    except (ValueError, RecursionError) as error:
        reason = "nested too deep" if isinstance(error, RecursionError) else " ".join(str(error).split())[:200]
        raise BadJsonError(f"the body is not JSON ({reason}); send an object of what is asked, in UTF-8") from None
    if not isinstance(found, dict):
        raise BadJsonError('the body is no JSON object; send what is asked, like {"seed": 7}')
    return found


def _whole(digits: str) -> int:
    count = len(digits.lstrip("-"))
    if count > 16 or abs(int(digits)) > LARGEST_WHOLE:
        raise ConfigError(f"a number of {count} digits is too large; {LARGEST_WHOLE} is the largest that is read")
    return int(digits)


def _refused(name: str) -> float:
    raise ValueError(f"{name} is no number")


def read_order(task: Task, values: Mapping[str, Any], limits: Limits, models: Collection[str]) -> Order:
    """Raises what a request file would raise, and more: see `limits`."""
    known = keys_of(task)
    for key, value in values.items():
        if key == "source":
            raise ConfigError("source: no file is opened here; send what is in it as `score`, and its `score_format`")
        if key not in known:
            raise ConfigError(f"there is no key {key[:80]!r} for {task}; {nearest(key, known)}")
        if value is None:
            raise ConfigError(f"{key}: null says nothing; leave the key out")
    _one_of("task", values.get("task", task), [task])
    names = {key_of(name): name for name in TAKES[task] if name != "source"}
    asked: dict[str, Any] = {names[key]: value for key, value in values.items() if key in names}
    form = _one_of("score_format", values.get("score_format", "musicxml"), SCORE_FORMATS)
    if task != "compose":
        asked["source"] = f"score{SUFFIXES.get(form, '')}"  # a name for errors alone
    request = Request.from_values(asked | {"task": task}, {})
    check_request(request, limits, models)
    formats = values.get("answer_formats", ["musicxml"])
    if not isinstance(formats, list) or not formats:
        raise ConfigError(f"answer_formats: a list of {', '.join(ANSWER_FORMATS)} is needed")
    return Order(
        request,
        None if task == "compose" else _read_score(values.get("score"), form),
        tuple(dict.fromkeys(_one_of("answer_formats", each, ANSWER_FORMATS) for each in formats)),
        "two-staff" if _one_of("layout", values.get("layout", "open"), LAYOUTS) == "two-staff" else "open",
        _yes("annotate", values.get("annotate", False)),
    )


@cache
def keys_of(task: Task) -> tuple[str, ...]:
    """All that may be said of a task. A request file names it, so that it may be here too."""
    score = () if task == "compose" else ("score", "score_format")
    return ("task", *score, *(key_of(name) for name in TAKES[task] if name != "source"), "answer_formats", "layout", "annotate")


def _one_of(key: str, value: object, choices: Collection[str]) -> str:
    if not isinstance(value, str) or value not in choices:
        raise ConfigError(f"{key}: {str(value)[:80]!r}; {nearest(str(value)[:80], choices)}")
    return value


def _yes(key: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise ConfigError(f"{key}: {str(value)[:80]!r}; true or false is needed")
    return value


def _read_score(value: object, form: str) -> bytes | Score:
    if form == "notes":
        return score_of(_read_notes(value))
    if not isinstance(value, str) or not value:
        raise ConfigError(f"score: the text of a score is needed, here {form}{' in base64' if form in IN_BASE64 else ''}")
    try:
        return base64.b64decode(value, validate=True) if form in IN_BASE64 else value.encode()
    except (binascii.Error, ValueError):
        raise ConfigError(f"score: not {form}{' in base64' if form in IN_BASE64 else ' in UTF-8'}; send the file as it is") from None


def _read_notes(value: object) -> NotesForm:
    try:
        return NotesForm.model_validate(value)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(["score", *map(str, first["loc"])])[:120]
        raise ConfigError(f"{where}: {first['msg'][:200]}; /openapi.json has the form of notes") from None


# --- schemas


def properties(task: Task, limits: Limits, models: Collection[str], about: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """Key -> JSON schema of all that may be asked of a task. `about`: what the fields mean at the command line, in a sentence each."""
    schemas = {name: _schema(task, name, limits, models) for name in TAKES[task] if name != "source"}
    asked = {key_of(name): schema | _description(task, name, about) for name, schema in schemas.items()}
    named: dict[str, dict[str, Any]] = {"task": {"const": task, "description": "As a request file says it; the address says it too."}}
    answers: dict[str, dict[str, Any]] = {
        "answer_formats": {
            "type": "array",
            "items": {"enum": list(ANSWER_FORMATS)},
            "minItems": 1,
            "default": ["musicxml"],
            "description": "What each piece is sent as: midi is base64, notes are JSON.",
        },
        "layout": {"enum": list(LAYOUTS), "default": "open", "description": "A staff for each voice, or two staves."},
        "annotate": {"type": "boolean", "default": False, "description": "Roman numerals and cadences in the score."},
    }
    if task == "compose":
        return named | asked | answers
    score: dict[str, dict[str, Any]] = {
        "score": {
            "anyOf": [{"type": "string", "minLength": 1}, {"$ref": "#/components/schemas/NotesForm"}],
            "description": "The tune." if task == "harmonize" else "The score of all voices.",
        },
        "score_format": {
            "enum": list(SCORE_FORMATS),
            "default": "musicxml",
            "description": f"What `score` is: a file's text, in base64 for {' and '.join(IN_BASE64)}; notes are an object.",
        },
    }
    return named | score | asked | answers


def schema_of(task: Task, limits: Limits, models: Collection[str], about: Mapping[str, str]) -> dict[str, Any]:
    return {
        "type": "object",
        "title": task.capitalize(),
        "additionalProperties": False,
        "properties": properties(task, limits, models, about),
        "required": [] if task == "compose" else ["score"],
    }


def example_of(task: Task) -> dict[str, Any]:
    """What can be sent as it is."""
    if task == "compose":
        return {"key": "G major", "bars": 4, "seed": 7}
    if task == "harmonize":
        return {"score": EXAMPLE_TUNE, "score_format": "abc", "cadence": ["4:3=perfect"], "seed": 7}
    parts = [{"name": name, "notes": [_example_note(bar, pitch) for bar in (0, 1)]} for name, pitch in EXAMPLE_CHORD.items()]
    region = {"bars": ["2"]} if task in ("fill", "vary") else {"bars": 2}
    return {"score": {"fifths": 1, "parts": parts}, "score_format": "notes", "seed": 7} | region


def _example_note(bar: int, pitch: int) -> dict[str, int]:
    return {"start": bar * 1920, "duration": 1920, "pitch": pitch}


def _description(task: Task, name: str, about: Mapping[str, str]) -> dict[str, str]:
    """What the command line says of files, and of options that are given twice, is otherwise here."""
    text = BARS[task] if name == "bars" and task in BARS else HERE.get(name, about.get(name))
    return {"description": text.replace("Also several times.", "Also a list.")} if text else {}


def _schema(task: Task, name: str, limits: Limits, models: Collection[str]) -> dict[str, Any]:
    text: dict[str, Any] = {"type": "string", "maxLength": limits.letters}
    texts: dict[str, Any] = {"anyOf": [text, {"type": "array", "items": text, "maxItems": limits.texts}]}
    if name == "bars" and task in COUNTS_BARS:
        return {"type": "integer", "minimum": 1, "maximum": limits.bars}
    if name == "bars":
        return {"anyOf": [{"type": "integer"}, *texts["anyOf"]]}
    if name == "original":
        return {"anyOf": [{"const": True}, {"type": "integer"} | _bounds(name, limits)]}
    if name in CHOICES or name == "model":
        return {"enum": list(CHOICES.get(name, models))}
    if HINTS[name] == Texts:
        return texts
    kind = next(kind for kind in get_args(HINTS[name]) if kind is not type(None))
    kinds: dict[type, dict[str, Any]] = {str: text, int: {"type": "integer"}, float: {"type": "number"}, bool: {"type": "boolean"}}
    # A text may be a number, as in a request file, where from = 5 is bar 5.
    return {"anyOf": [text, {"type": "number"}]} if kind is str else kinds[kind] | _bounds(name, limits)


def _bounds(name: str, limits: Limits) -> dict[str, float]:
    least, most = LIMITS.get(name, (-math.inf, math.inf))
    most = min(most, {"count": limits.pieces, "alternatives": limits.pieces, "seed": LARGEST_WHOLE}.get(name, most))
    bounds = {"minimum": least, "maximum": most}
    return {key: bound for key, bound in bounds.items() if not math.isinf(bound)}
