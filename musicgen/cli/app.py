"""The `musicgen` program: its commands, and how each ending becomes an exit code.

0 done · 1 our own bug · 2 something the user can mend · 130 stopped with Ctrl-C
"""

from __future__ import annotations

import os
import sys
import traceback
import warnings
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.main import get_command

from musicgen.cli import (
    compare,
    corpus,
    evaluate,
    evaluate_events,
    generate,
    live,
    models,
    practice,
    roll,
    separate,
    serve,
    tag,
    train,
    write,
)
from musicgen.cli.options import STOPPED
from musicgen.cli.steering_options import spelled_out
from musicgen.errors import MusicgenError
from musicgen.files.atomic import os_reason

DEBUG = "MUSICGEN_DEBUG"

app = typer.Typer(
    name="musicgen",
    cls=generate.Commands,
    help="Compose, harmonize and rewrite scores. `musicgen COMMAND --help` says more.",
    add_completion=False,
    rich_markup_mode=None,  # plain help comes up at once
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("compose")(write.compose)
app.command("harmonize")(write.harmonize)
app.command("fill")(write.fill)
app.command("vary")(write.vary)
app.command("continue")(write.continue_)
app.command("precede")(write.precede)
app.command("generate")(generate.generate)
app.command(generate.CONTINUE_EVENTS, hidden=True)(generate.continue_events)
app.command("infill")(generate.infill)
app.command("train")(train.train)
app.add_typer(corpus.app, name="corpus")
evaluate.app.command("compare")(compare.compare)
app.add_typer(evaluate.app, name="evaluate")
app.command("compare")(compare.compare)
app.command("models")(models.models)
app.command("separate")(separate.separate)
evaluate.app.command("separation")(separate.separation)
corpus.app.command("gather")(separate.gather)
app.command("tag")(tag.tag)
app.command("roll")(roll.roll)
app.command("thought")(roll.thought)
app.command("practice")(practice.practice)
app.command("live")(live.live)
app.command("serve")(serve.serve)
evaluate.app.command("tagger")(tag.evaluate_tagger)
evaluate.app.command("drift")(evaluate_events.drift)


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"musicgen {version('musicgen')}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")] = False,
    plugin: Annotated[
        list[Path] | None, typer.Option(help="A Python file that registers methods of your own; they are then known by name.")
    ] = None,
    debug: Annotated[bool, typer.Option("--debug", help=f"Show where a bug of ours lies; so does {DEBUG}=1.")] = False,
) -> None:
    if debug:
        os.environ[DEBUG] = "1"
    for path in plugin or ():
        from musicgen.composers.methods import load_plugin

        load_plugin(path)


@cache
def _program() -> Any:
    """All commands with their options, put together once: it takes longer than to refuse a request."""
    return get_command(app)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a command and returns the exit code; what went wrong is one line on stderr."""
    arguments = spelled_out(sys.argv[1:] if arguments is None else arguments)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")  # a name that the terminal cannot show is no reason to fail
    with warnings.catch_warnings():
        if not os.environ.get(DEBUG):
            warnings.simplefilter("ignore")  # the libraries' warnings are for us, not for a composer
        try:
            code = _program()(args=list(arguments) or ["--help"], prog_name="musicgen", standalone_mode=False) or 0
            sys.stdout.flush()
        except BaseException as error:
            return _exit_code(error)
    return _exit_code(KeyboardInterrupt()) if code == STOPPED else int(code)


def _exit_code(error: BaseException) -> int:
    """Says what went wrong."""
    if BrokenPipeError in (type(error), type(error.__context__)):  # typer has a quiet SystemExit for it
        # Whoever read our output has left; Python must not complain about it again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    if isinstance(error, SystemExit):
        return error.code if isinstance(error.code, int) else 1
    if isinstance(error, KeyboardInterrupt | typer.Abort):
        return _say("musicgen: stopped; no file is left half-written", STOPPED)
    if isinstance(error, MusicgenError):
        for note in getattr(error, "__notes__", ()):
            typer.echo(note, err=True)  # what was asked, with a caret under what is wrong in it
        return _say(f"musicgen: error: {error}", 2)
    if hasattr(error, "format_message"):  # typer's usage errors, whose class has moved between its versions
        return _say(f"musicgen: error: {error.format_message().rstrip('.')}{_help_hint(error)}", 2)
    if isinstance(error, OSError):
        where = f"{error.filename}: " if error.filename else ""
        return _say(f"musicgen: error: {where}{os_reason(error)}", 2)
    if os.environ.get(DEBUG):
        traceback.print_exception(error)
        return 1
    detail = " ".join(f"{type(error).__name__}: {error}".split())
    from musicgen.composers.methods import PLUGINS

    if PLUGINS:
        names = " or ".join(map(str, PLUGINS))
        return _say(f"musicgen: this is a bug of {names}, or of ours ({detail[:300]}); musicgen --debug ... shows where", 1)
    return _say(f"musicgen: this is a bug of ours ({detail[:300]}); please report it with what --debug adds: musicgen --debug ...", 1)


def _help_hint(error: BaseException) -> str:
    context = getattr(error, "ctx", None)
    return f"; `{context.command_path} --help` says what there is" if context else ""


def _say(line: str, code: int) -> int:
    typer.echo(" ".join(line.split()), err=True)
    return code
