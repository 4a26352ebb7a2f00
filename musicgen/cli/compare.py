"""`musicgen compare`: folders, files and models side by side, beside Bach and dice; also as a page or a picture."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from musicgen.cli import screen
from musicgen.cli.options import DEFAULT_CORPUS, CorpusOption, JsonOption, corpus_if_there, use_one_thread
from musicgen.errors import FileError, nearest

if TYPE_CHECKING:
    from musicgen.corpus.store import Corpus
    from musicgen.evaluation.compare import Table
    from musicgen.evaluation.sets import Asked, PieceSet

OUTPUTS = (".html", ".png", ".svg")


def compare(
    sets: Annotated[
        list[str],
        typer.Argument(metavar="SET...", help="Folders of four-voice files, single files, or models, by name or checkpoint folder."),
    ],
    output: Annotated[
        list[Path] | None,
        typer.Option(
            "--output", "-o", help="Also write a page with scores and sound (.html) or a picture (.svg, .png). Several times for several."
        ),
    ] = None,
    count: Annotated[int, typer.Option(min=1, help="Pieces that each model composes.")] = 60,
    bars: Annotated[int, typer.Option(min=1, help="Bars of each.")] = 12,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the first piece.")] = 1,
    corpus: CorpusOption = DEFAULT_CORPUS,
    references: Annotated[bool, typer.Option(" /--no-references", help="Leave out the rows of Bach and of dice.")] = True,
    deep: Annotated[bool, typer.Option("--deep", help="Models also by likelihood and reconstruction, which takes minutes.")] = False,
    discriminator: Annotated[bool, typer.Option(" /--no-discriminator", help="Train no network to tell the sets from Bach.")] = True,
    as_json: JsonOption = False,
) -> None:
    """Compare folders of files and models with one another, with Bach and with dice.

    Files may come from anywhere; what cannot be read or has not four voices is left out and said.
    """
    _check(output or ())
    use_one_thread()
    from musicgen.evaluation.compare import compare as compared
    from musicgen.evaluation.compare_text import remarks, table_lines
    from musicgen.evaluation.sets import Asked
    from musicgen.files.atomic import atomic_write

    asked = Asked(count, bars, seed)
    dials = {"--count": (count, 60), "--bars": (bars, 12), "--seed": (seed, 1), "--corpus": (corpus, DEFAULT_CORPUS)}
    flags = {"--no-references": not references, "--deep": deep, "--no-discriminator": not discriminator}
    words = [word for name, (value, usual) in dials.items() if value != usual for word in (name, str(value))]
    command = shlex.join(["musicgen", "compare", *sets, *words, *(name for name, given in flags.items() if given)])
    stages = screen.Stages()
    with stages("read and compose"):
        learned = corpus_if_there(corpus, "style measures alone, and no row of Bach")
        chosen = _find(sets, asked, learned)
    with stages("measure"), screen.progress("measuring") as show:
        table = compared(chosen, learned, asked=asked, references=references, deep=deep, discriminator=discriminator, on_progress=show)
    with stages("write"):
        for path in output or ():
            atomic_write(path, _rendered(table, path, command))
    if as_json:
        told = {"command": command, "files": [str(path) for path in output or ()], "seconds": stages.seconds}
        return screen.result_json(table.to_dict() | told)
    screen.remarks(remarks(table.rows))
    for line in (*table_lines(table), *(output or ())):
        screen.result(line)


def _check(paths: Sequence[Path]) -> None:
    """Refuses what could not be written, before any work."""
    from musicgen.files.atomic import check_output

    for place, path in enumerate(paths):
        if path.suffix.lower() not in OUTPUTS:
            raise FileError(path, f"a comparison is written as a page or a picture; {nearest(path.suffix.lower(), OUTPUTS)}")
        if path in paths[:place]:
            raise FileError(path, "this output is named twice; name each once")
        check_output(path)


def _rendered(table: Table, path: Path, command: str) -> bytes:
    if path.suffix.lower() == ".html":
        from musicgen.evaluation.compare_page import report_page

        with screen.progress("drawing and playing") as show:
            return report_page(table, command, lambda share: show(share, ""))
    from musicgen.evaluation.compare_picture import overview
    from musicgen.rendering.figures import png_of, svg_of

    picture = overview(table)
    return png_of(picture) if path.suffix.lower() == ".png" else svg_of(picture).encode()


def _find(names: list[str], asked: Asked, corpus: Corpus | None) -> dict[str, PieceSet]:
    """The sets by what their rows are called."""
    from musicgen.evaluation.sets import BACH, bach_set, find_set, labels

    found: dict[str, PieceSet] = {}
    with screen.progress("composing") as show:
        for number, (label, name) in enumerate(zip(labels(names), names, strict=True)):
            bach = bach_set(corpus) if name == BACH and corpus else None

            def progress(share: float, number: int = number, label: str = label) -> None:
                show((number + share) / len(names), label)

            found[label] = bach or find_set(name, asked, progress)
    return found
