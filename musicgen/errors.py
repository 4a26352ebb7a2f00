"""Everything that can go wrong because of the input, as one tree. The command line prints these as one line and exits with 2.

    MusicgenError
    ├── FileError          a file that cannot be read or written: path, reason
    ├── NotationError      music that does not fit: voice, bar and beat, value, what is allowed, what to do
    ├── CheckpointError    weights that do not match: expected, found
    ├── CorpusError        a corpus that is missing, broken or of another version
    ├── ConfigError        a setting with a wrong name or value: key, choices
    └── MissingExtraError  an optional package is not installed: the pip line that installs it

A message says where, what, what is allowed and what to do, in that order.
"""

from __future__ import annotations

import difflib
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from os import PathLike
from pathlib import Path
from typing import Self

__all__ = [
    "CheckpointError",
    "ConfigError",
    "CorpusError",
    "FileError",
    "MissingExtraError",
    "MusicgenError",
    "NotationError",
    "caret",
    "nearest",
    "pointing",
    "showing",
    "with_notes",
]


class MusicgenError(Exception):
    """Base of every error that a user can cause and mend."""

    fault: tuple[int, int] | None = None
    """[start, end) of what is wrong in the text that was read, for a caret under it."""

    def at(self, start: int, end: int) -> Self:
        """The error itself, now about these characters of a text."""
        self.fault = (start, end)
        return self


class FileError(MusicgenError):
    """`out/x.mid: the folder out does not exist; make it or choose another`."""

    def __init__(self, path: str | PathLike[str], reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.path = path
        self.reason = reason


class NotationError(MusicgenError):
    """`alto, bar 3 beat 2: C6 is above the highest note A5; transpose the piece`."""

    def __init__(self, reason: str, *, voice: str | None = None, place: str | None = None) -> None:
        where = ", ".join(part for part in (voice, place) if part)
        super().__init__(f"{where}: {reason}" if where else reason)
        self.voice = voice
        self.place = place
        self.reason = reason


class CheckpointError(MusicgenError):
    """Weights, vocabulary or corpus of a checkpoint differ from what is asked of it."""


class CorpusError(MusicgenError):
    """A corpus is not built, is damaged, or was built by another version."""


class ConfigError(MusicgenError):
    """A setting with a name or value that does not exist."""


class MissingExtraError(MusicgenError):
    """`engraving needs verovio: .venv/bin/python -m pip install -e '.[score]'`."""

    def __init__(self, purpose: str, package: str, extra: str) -> None:
        super().__init__(f"{purpose} needs {package}: {installing(extra)}")


def installing(extra: str) -> str:
    """The command that adds an extra to the musicgen that runs, a checkout or a package, with the Python that runs it."""
    root = Path(__file__).resolve().parents[1]
    what = f"-e '{_from_here(root)}[{extra}]'" if (root / "pyproject.toml").is_file() else f"'musicgen[{extra}]'"
    return f"{_from_here(Path(sys.executable))} -m pip install {what}"


def _from_here(path: Path) -> Path:
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def nearest(name: str, choices: Iterable[str]) -> str:
    """`; did you mean X? choices: ...` for the end of a ConfigError."""
    known = sorted(choices)
    close = difflib.get_close_matches(name, known, n=1)
    hint = f"did you mean {close[0]}? " if close else ""
    return f"{hint}choices: {', '.join(known)}"


@contextmanager
def pointing(start: int, length: int) -> Iterator[None]:
    """An error about a piece of a text, `length` characters from `start` on, says where in the whole it lies."""
    try:
        yield
    except MusicgenError as error:
        first, last = error.fault or (0, length)
        raise error.at(start + first, start + last) from None


@contextmanager
def showing(text: str) -> Iterator[None]:
    """An error about a text gets a note that shows it with a caret under what is wrong."""
    try:
        yield
    except MusicgenError as error:
        if error.fault:
            error.add_note(caret(text, error.fault))
            error.fault = None
        raise


def with_notes(error: MusicgenError, other: BaseException) -> MusicgenError:
    """An error that speaks for another keeps its notes."""
    for note in getattr(other, "__notes__", ()):
        error.add_note(note)
    return error


def caret(text: str, fault: tuple[int, int]) -> str:
    """The line of a text that its characters [start, end) begin in, and under them `^^^`."""
    start, end = fault
    first = text.rfind("\n", 0, start) + 1
    line = text[first:].split("\n", 1)[0]
    marks = "^" * max(1, min(end - first, len(line)) - (start - first))
    shown = "".join(letter if letter.isprintable() else " " for letter in line)
    return f"{shown}\n{' ' * (start - first)}{marks}"
