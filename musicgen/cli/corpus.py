"""`musicgen corpus`: pieces to learn from."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from musicgen.cli import screen
from musicgen.cli.options import DEFAULT_CORPUS, JsonOption

if TYPE_CHECKING:
    from musicgen.corpus.build import CorpusReport
    from musicgen.corpus.traditions import TraditionsReport

app = typer.Typer(help="Build a corpus to learn from, or show what is in it.")


@app.command()
def build(
    name: Annotated[str, typer.Argument(help="Which corpus: bach-chorales, or traditions, which takes minutes.")] = DEFAULT_CORPUS,
    folder: Annotated[Path, typer.Option(help="The folder that corpora lie in.")] = Path("corpora"),
    as_json: JsonOption = False,
) -> None:
    """Read every piece of a source, and report what was dropped or changed and why."""
    from musicgen.corpus.build import build_corpus
    from musicgen.corpus.traditions import NAME, build_traditions

    with screen.progress("reading") as show:

        def on_progress(done: int, total: int, file: str) -> None:
            show(done / total, file)

        report: CorpusReport | TraditionsReport = (
            build_traditions(folder, on_progress) if name == NAME else build_corpus(name, folder, on_progress)
        )
    if as_json:
        return screen.result_json(
            {
                "folder": report.folder,
                "fingerprint": report.corpus.fingerprint,
                "splits": report.corpus.counts(),
                "dropped": dict(report.dropped),
                "bent": dict(report.bent),
            }
        )
    for line in report.lines():
        screen.remark(line)
    screen.result(report.corpus.summary())
    screen.result(report.folder)


@app.command()
def show(
    name: Annotated[str, typer.Argument(help="A corpus by its name under corpora/, or its folder.")] = DEFAULT_CORPUS,
    split: Annotated[str | None, typer.Option(help="List the pieces of a split: train, valid or test.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Print what is in a corpus."""
    from musicgen.corpus.labelled import load_labelled
    from musicgen.corpus.store import load_corpus
    from musicgen.corpus.traditions import NAME

    if Path(name).name == NAME and not split:
        labelled = load_labelled(name)
        shown = {"name": labelled.name, "source": labelled.source, "fingerprint": labelled.fingerprint, "splits": labelled.counts()}
        return screen.result_json(shown) if as_json else screen.result(labelled.summary())
    corpus = load_corpus(name)
    pieces = [
        {
            "name": piece.name,
            "title": piece.chorale.title,
            "key": str(piece.chorale.key),
            "meter": str(piece.chorale.meter),
            "steps": piece.chorale.steps,
        }
        for piece in (corpus.pieces(split) if split else ())
    ]
    if as_json:
        shown = {"name": corpus.name, "source": corpus.source, "fingerprint": corpus.fingerprint, "splits": corpus.counts()}
        return screen.result_json(shown | ({"pieces": pieces} if split else {}))
    if not split:
        return screen.result(corpus.summary())
    for piece in pieces:
        screen.result(f"{piece['name']:<12} {piece['key']:<9} {piece['meter']:<5} {piece['steps']:>4} steps  {piece['title']}".rstrip())
