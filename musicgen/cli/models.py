"""`musicgen models`: what can be named with --model."""

from __future__ import annotations

from dataclasses import asdict

from musicgen.cli import screen
from musicgen.cli.options import JsonOption


def models(as_json: JsonOption = False) -> None:
    """List the composers there are, and what each can do."""
    from musicgen.composers.loading import list_composers
    from musicgen.generation.loading import list_generators

    infos = [*(asdict(info) for info in list_composers()), *list_generators()]
    if as_json:
        return screen.result_json(infos)
    rows = [list(infos[0]), *(list(info.values()) for info in infos)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        screen.result("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
