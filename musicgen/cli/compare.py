"""`musicgen compare`: folders, files and models side by side, beside Bach and dice; also as a page or a picture."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from musicgen.cli import screen
from musicgen.cli.options import CorpusOption, JsonOption, use_one_thread
from musicgen.errors import CorpusError

if TYPE_CHECKING:
    from musicgen.corpus.store import Corpus
    from musicgen.evaluation.sets import Asked, PieceSet

DEFAULT_CORPUS = "bach-chorales"


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
    use_one_thread()
    from musicgen.evaluation.compare import compare as compared
    from musicgen.evaluation.compare_text import left_out_lines, table_lines
    from musicgen.evaluation.sets import Asked

    stages = screen.Stages()
    asked = Asked(count, bars, seed)
    with stages("read and compose"):
        learned = _corpus(corpus)
        chosen = _find(sets, asked, learned)
    with stages("measure"), screen.progress("measuring") as show:
        table = compared(chosen, learned, asked=asked, references=references, deep=deep, discriminator=discriminator, on_progress=show)
    if as_json:
        return screen.result_json(table.to_dict() | {"seconds": stages.seconds})
    screen.remarks(left_out_lines(table.rows))
    for line in table_lines(table):
        screen.result(line)


def _corpus(name: str) -> Corpus | None:
    from musicgen.corpus.matrices import load_any_corpus

    try:
        return load_any_corpus(name)
    except CorpusError as error:
        if name != DEFAULT_CORPUS:
            raise
        screen.remark(f"style measures alone, and no row of Bach: {error}")
        return None


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
