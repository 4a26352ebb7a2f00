"""`musicgen serve`: the tasks over HTTP, for programs on this computer; and MuseScore's plugin, which asks it."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from musicgen.cli import screen
from musicgen.cli.options import DEFAULT_MODEL, JsonOption, use_one_thread
from musicgen.cli.steering_options import described

PORT = 8765  # as in serving/musescore/asking.js
NEEDED = ("fastapi", "uvicorn")


def serve(
    port: Annotated[int, typer.Option(min=0, max=65535, help="On 127.0.0.1; 0 takes one that is free.")] = PORT,
    model: Annotated[str, typer.Option("--model", "-m", help="The composer of requests that name none.")] = DEFAULT_MODEL,
    seconds: Annotated[float, typer.Option(min=1, help="A request that takes longer is ended.")] = 120.0,
    allow_origin: Annotated[list[str] | None, typer.Option(help="A page that may ask: http://localhost:3000. Also several times.")] = None,
    install_plugin: Annotated[bool, typer.Option("--install-plugin", help="Copy MuseScore's plugin to its plugins, and end.")] = False,
    plugin_folder: Annotated[Path | None, typer.Option(help="Copy it to this folder of plugins, and end.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Answer requests of programs on this computer, such as MuseScore.

    POST /compose, /harmonize, /fill, /vary, /continue and /precede take what a request file says, as JSON, with the score in it;
    /openapi.json says how. Ctrl-C ends it.
    """
    if install_plugin or plugin_folder:
        return _install(plugin_folder, as_json)
    _serve(port, model, seconds, allow_origin or [], as_json)


def _install(folder: Path | None, as_json: bool) -> None:
    from musicgen.serving.musescore_plugin import install

    folders = install(folder)
    if as_json:
        return screen.result_json({"plugin": folders})
    for path in folders:
        screen.result(path)
    screen.remark("next: switch musicgen on in MuseScore's plugin manager, and start `musicgen serve`")


def _serve(port: int, model: str, seconds: float, origins: list[str], as_json: bool) -> None:
    from musicgen.errors import MissingExtraError

    for package in NEEDED:
        if find_spec(package) is None:
            raise MissingExtraError("musicgen serve", package, "serve")
    use_one_thread()
    from musicgen.composers.methods import PLUGINS
    from musicgen.serving.app import make_app
    from musicgen.serving.guards import read_origin
    from musicgen.serving.limits import Limits
    from musicgen.serving.listen import bound, listen
    from musicgen.serving.worker import Worker

    limits = Limits(seconds=seconds)
    pages = [read_origin(origin) for origin in origins]
    listener = bound(port)
    worker = Worker(model, limits, tuple(PLUGINS))
    try:
        worker.start()
        address = "http://{}:{}".format(*listener.getsockname())
        if as_json:
            screen.result_json({"address": address, "model": model})
        else:
            screen.result(address)
            screen.remark(f"{model} is ready; Ctrl-C ends it")
        listen(make_app(worker.do, model, limits, pages, described(), worker.give_up), listener, worker.close)
    except KeyboardInterrupt:
        screen.remark("musicgen: stopped")
    finally:
        worker.close()
        listener.close()
