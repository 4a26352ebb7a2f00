"""What a user sees: results, remarks, progress with an estimate, and how long each stage took."""

from __future__ import annotations

import json
import math
import shlex
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from musicgen.training.loop import Progress as Trained


def program() -> str:
    """What a hint begins with: `musicgen`, and the plugins that it was called with, whose methods it would not know without them."""
    from musicgen.composers.methods import PLUGINS

    return shlex.join(["musicgen", *(word for path in PLUGINS for word in ("--plugin", str(path)))])


def result(text: object) -> None:
    """For stdout, where another program may read it."""
    typer.echo(str(text))


def remark(text: str) -> None:
    """For stderr."""
    typer.echo(text, err=True)


def remarks(lines: Sequence[str], most: int = 10) -> None:
    for line in lines[:most]:
        remark(line)
    if len(lines) > most:
        remark(f"and {len(lines) - most} more remarks, all of them with --json")


def result_json(value: Any) -> None:
    typer.echo(json.dumps(_plain(value), indent=2, ensure_ascii=False))


def _plain(value: Any) -> Any:
    """JSON knows no nan."""
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float):
        return None if math.isnan(value) else value
    return value if isinstance(value, int | str | bool | None) else str(value)


def is_terminal() -> bool:
    return sys.stderr.isatty()


@contextmanager
def progress(label: str) -> Iterator[Callable[[float, str], None]]:
    """`with progress("composing") as show: show(0.5, "a note beside the bar")`. Only a terminal gets a bar."""
    if not is_terminal():
        yield lambda share, text: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[text]}"),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(label, total=1.0, text="")
        yield lambda share, text: bar.update(task, completed=share, text=text)


def telling(show: Callable[[float, str], None]) -> Callable[[Trained], None]:
    """Moves a bar, or says a line at every look at the valid split where there is no terminal."""
    looks: set[float] = set()

    def on_progress(now: Trained) -> None:
        valid = "" if now.valid is None else f", valid {now.valid:.4f}"
        loss = "" if math.isnan(now.loss) else f", loss {now.loss:.4f}"
        text = f"update {now.update} of {now.updates}{loss}{valid}"
        show(now.update / now.updates, text)
        if now.valid is not None and now.valid not in looks and not is_terminal():
            looks.add(now.valid)
            remark(f"{text}, {now.seconds_left / 60:.0f} min left")

    return on_progress


class Stages:
    """How long each stage of a command took: `with stages("load"): ...`."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        began = time.monotonic()
        yield
        self.seconds[name] = round(time.monotonic() - began, 3)
