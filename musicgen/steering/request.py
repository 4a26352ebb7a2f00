"""Request: everything that is asked of one piece, as a value, as flags and as a TOML file that can be kept, shared and edited.

    task = "harmonize"
    source = "tune.musicxml"
    cadence = ["4:3=half", "8:3=perfect"]
    seed = 7

Keys are the flags' names with _ for -. What is not said is left to the composer.
"""

from __future__ import annotations

import json
import math
import re
import secrets
import tomllib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from types import NoneType
from typing import Any, Literal, get_args, get_type_hints

from musicgen.errors import ConfigError, FileError, NotationError, nearest, showing, with_notes
from musicgen.files.atomic import atomic_write, os_reason

Task = Literal["compose", "harmonize", "fill", "vary", "continue", "precede"]
Texts = tuple[str, ...]
TASKS: tuple[Task, ...] = get_args(Task)

_PLAN = ("choir", "bars", "meter", "key", "pickup", "phrase_bars", "phrases", "tempo")
_TUNE = ("source", "part", "keep", "quantize", "separate", "phrases", "choir")
_REGION = ("source", "bars", "start", "end", "voices", "quantize", "separate")
_MARKS = ("pinned_color", "free_color", "pin_part")
_GROWTH = ("source", "bars", "phrase_bars", "quantize", "separate")
_NOTES = ("pin", "avoid", "only", "rhythm", "chords", "chord_mode", "cadence", "local_key", "picardy")
_ASKS = (*_NOTES, "no_crossing", "spacing", "leap", "no_parallels")
DIALS = ("density", "chromaticism", "temperature", "top_p", "sweeps")
_ANSWERS = ("model", "seed", "count", "alternatives", "rank")
_NEW = "original"  # not of a variation, most of which is its source
TAKES: Mapping[Task, Texts] = {
    "compose": (*_PLAN, *_ASKS, *DIALS, *_ANSWERS, _NEW),
    "harmonize": (*_TUNE, *_ASKS, *DIALS, *_ANSWERS, _NEW),
    "fill": (*_REGION, *_MARKS, *_ASKS, *DIALS, *_ANSWERS, _NEW),
    "vary": ("keep_share", "how", *_REGION, *_ASKS, *DIALS, *_ANSWERS),
    "continue": (*_GROWTH, *_ASKS, *DIALS, *_ANSWERS, _NEW),
    "precede": (*_GROWTH, *_ASKS, *DIALS, *_ANSWERS, _NEW),
}
"""Which fields belong to which task."""

LIMITS: Mapping[str, tuple[float, float]] = {
    "tempo": (10, 400),
    "keep_share": (0, 1),
    "spacing": (1, 127),
    "leap": (1, 127),
    "seed": (0, math.inf),
    "count": (1, 999),
    "alternatives": (1, 999),
    "original": (1, math.inf),
    "density": (0.4, 2.5),
    "chromaticism": (0, 30),
}
USUAL_ORIGINAL = 12  # evaluation.copying.LIMIT, which is not imported before it is needed
CHOICES: Mapping[str, Texts] = {"how": ("unlikely", "random"), "chord_mode": ("strict", "loose")}
COUNTS_BARS: tuple[Task, ...] = ("compose", "continue", "precede")
_KEYS = {"start": "from", "end": "to"}  # a field whose key is a word of Python's


@dataclass(frozen=True)
class Request:
    """None, and an empty tuple, leave it to the composer. Texts are read when a sketch is made, for only then there are bars to count."""

    task: Task = "compose"
    source: str | None = None
    """A score's path, as seen from the current folder."""
    bars: int | Texts | None = None
    """How many to compose, also after or before a piece; which to fill or vary."""
    meter: str | None = None
    key: str | None = None
    pickup: float | None = None
    """Quarters."""
    phrase_bars: int | None = None
    phrases: str | None = None
    choir: str | None = None
    tempo: float | None = None
    part: str | None = None
    keep: str | None = None
    start: str | None = None
    end: str | None = None
    voices: str | None = None
    quantize: bool | None = None
    separate: bool | None = None
    """The source is a piano score or a part of chords, whose voices are told apart first."""
    keep_share: float | None = None
    pinned_color: str | None = None
    free_color: str | None = None
    pin_part: str | None = None
    how: str | None = None
    """Which notes `vary` rewrites: unlikely, random."""

    pin: Texts = ()
    avoid: Texts = ()
    only: Texts = ()
    rhythm: Texts = ()
    chords: str | None = None
    chord_mode: str | None = None
    cadence: Texts = ()
    local_key: Texts = ()
    picardy: bool | None = None
    no_crossing: bool | None = None
    spacing: int | None = None
    leap: int | None = None
    no_parallels: bool | None = None

    density: float | None = None
    """Notes a quarter and voice."""
    chromaticism: float | None = None
    """Notes outside the key's scale in 100."""
    temperature: float | None = None
    top_p: float | None = None
    sweeps: float | None = None
    model: str | None = None
    seed: int | None = None
    count: int | None = None
    alternatives: int | None = None
    rank: bool | None = None
    original: int | None = None
    """Slices shared with a training piece from which a draw is refused; true is USUAL_ORIGINAL."""

    origins: Mapping[str, str] = field(default_factory=dict, compare=False, repr=False)
    """Where a field was written, for errors: `{"pin": "--pin"}`."""

    def __post_init__(self) -> None:
        if self.task not in TASKS:
            raise ConfigError(f"{self.task!r} is no task; {nearest(self.task, TASKS)}")
        for name, value in self.given().items():
            if name not in TAKES[self.task]:
                raise ConfigError(f"{self.where(name)} is not for {self.task}, but for {' and '.join(_takers(name))}; leave it out")
            object.__setattr__(self, name, self._checked(name, value))
        if self.alternatives is not None and self.count is not None:
            raise ConfigError(f"{self.where('count')} and {self.where('alternatives')}: choose one; alternatives are distinct")
        if self.rank and self.alternatives is None:
            raise ConfigError(f"{self.where('rank')}: how many alternatives are ranked is not said; ask for some, like 8")
        if self.task != "compose" and not self.source:
            raise ConfigError(f"{self.task} needs a score: .mid, .musicxml, .mxl, .abc or .krn")

    def _checked(self, name: str, value: object) -> object:
        try:
            read = _read_bars(self.task, value) if name == "bars" else READERS[name](value)
        except ValueError as error:
            raise ConfigError(f"{self.where(name)}: {value!r}; {error} is needed") from None
        if name in CHOICES and read not in CHOICES[name]:
            raise ConfigError(f"{self.where(name)}: {value!r}; {nearest(str(read), CHOICES[name])}")
        least, most = LIMITS.get(name, (-math.inf, math.inf))
        if isinstance(read, int | float) and not least <= read <= most:
            bounds = f"from {least}" if math.isinf(most) else f"from {least} to {most}"
            raise ConfigError(f"{self.where(name)}: {value!r} is out of bounds; {bounds} can be asked")
        return read

    def given(self) -> dict[str, Any]:
        """The fields that say something, without the task."""
        values = {name: getattr(self, name) for name in FIELDS}
        return {name: value for name, value in values.items() if value is not None and value != ()}

    def where(self, name: str) -> str:
        return self.origins.get(name, key_of(name))

    @contextmanager
    def reading(self, name: str, text: str) -> Iterator[None]:
        """Errors about a text name the option and the text, and a note shows a caret under what is wrong in it."""
        try:
            with showing(text):
                yield
        except (NotationError, ConfigError) as error:
            raise with_notes(type(error)(f'{self.where(name)} "{" ".join(text.split())}": {error}'), error) from error

    def changed(self, **values: Any) -> Request:
        return replace(self, **values)

    # --- as a file

    @classmethod
    def parse(cls, text: str, path: str | Path = "request") -> Request:
        """Reads TOML; errors name the file, the line, the key and what is allowed."""
        return cls.from_values(*parse_toml(text, path))

    @classmethod
    def from_values(cls, values: Mapping[str, Any], origins: Mapping[str, str]) -> Request:
        return cls(**values, origins=origins)

    def to_toml(self) -> str:
        """A line for each thing asked; `Request.parse` gives it back."""
        return "".join(f"{key_of(name)} = {_toml(value)}\n" for name, value in [("task", self.task), *self.given().items()])


def key_of(name: str) -> str:
    """A field's name in a file; with `-` for `_` it is the flag's."""
    return _KEYS.get(name, name)


def parse_toml(text: str, path: str | Path) -> tuple[dict[str, Any], dict[str, str]]:
    """Fields' values, and where each of them is written."""
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise FileError(path, f'not TOML: {error}; write lines like seed = 7 or pin = ["B 4:3 C3"]') from error
    task = table.get("task")
    names = {key_of(name): name for name in ("task", *FIELDS)}
    choices = [key_of(name) for name in ("task", *(TAKES[task] if task in TASKS else FIELDS))]
    lines = {key: _line(text, key) for key in table}
    for key in table:
        if key not in names:
            raise FileError(path, f"{lines[key]}there is no key {key!r}; {nearest(key, choices)}")
    origins = {names[key]: f"{path}: {lines[key]}{key}" for key in table}
    return {names[key]: value for key, value in table.items()}, origins


def read_request(path: str | Path) -> tuple[dict[str, Any], dict[str, str]]:
    """What a file says, before it is known what the flags say."""
    try:
        text = Path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise FileError(path, os_reason(error)) from error
    except UnicodeDecodeError as error:
        raise FileError(path, "not a text in UTF-8; a request is a TOML file") from error
    return parse_toml(text, path)


def save_request(request: Request, path: str | Path) -> None:
    atomic_write(path, request.to_toml().encode())


# --- values


def _takers(name: str) -> list[str]:
    return [task for task in TASKS if name in TAKES[task]]


def _read_text(value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError('a text, like "4:3"')
    return str(value)


def _read_texts(value: object) -> Texts:
    items = value if isinstance(value, list | tuple) else (value,)
    if not all(isinstance(item, str) for item in items):
        raise ValueError('a text or a list of texts, like ["4:3=half", "8:3=perfect"],')
    return tuple(items)


def _read_whole(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError("a whole number")
    return value


def _read_original(value: object) -> int:
    if value is True:
        return USUAL_ORIGINAL
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError("a whole number of slices, or true")
    return value


def _read_number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError("a number")
    return float(value)


def _read_yes(value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError("true or false")
    return value


def _read_bars(task: Task, value: object) -> int | Texts:
    if task in COUNTS_BARS:
        return _read_whole(value)
    return _read_texts(str(value) if isinstance(value, int) and not isinstance(value, bool) else value)


def _reader(hint: Any) -> Callable[[object], object]:
    kinds: dict[object, Callable[[object], object]] = {str: _read_text, int: _read_whole, float: _read_number, bool: _read_yes}
    return _read_texts if hint == Texts else next(kinds[kind] for kind in get_args(hint) if kind is not NoneType)


FIELDS = tuple(each.name for each in fields(Request) if each.name not in ("task", "origins"))
READERS = {name: _reader(hint) for name, hint in get_type_hints(Request).items() if name in FIELDS} | {"original": _read_original}


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return f"[{', '.join(_toml(item) for item in value)}]"
    # A JSON text is a TOML one, but for the one control character that JSON leaves as it is.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007F") if isinstance(value, str) else repr(value)


def _line(text: str, key: str) -> str:
    """`line 3, `, where a key is found."""
    pattern = re.compile(rf"\s*[\"']?{re.escape(key)}[\"']?\s*=")
    lines = (number for number, line in enumerate(text.splitlines(), 1) if pattern.match(line))
    return next((f"line {number}, " for number in lines), "")


def seeds_from(seed: int | None, count: int) -> list[int]:
    """Those of so many pieces, counting up from the one that is said, or from any."""
    first = secrets.randbelow(1_000_000) if seed is None else seed
    return list(range(first, first + count))
