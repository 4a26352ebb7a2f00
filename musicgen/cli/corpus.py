"""`musicgen corpus`: pieces to learn from."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from musicgen.cli import event_corpus, screen
from musicgen.cli.options import DEFAULT_CORPUS, JsonOption

if TYPE_CHECKING:
    from musicgen.corpus.build import CorpusReport
    from musicgen.corpus.traditions import TraditionsReport

app = typer.Typer(help="Build a corpus to learn from, or show what is in it.")


@app.command()
def build(
    source: Annotated[
        str,
        typer.Argument(
            help="bach-chorales; traditions, which takes minutes; a folder of MIDI, MusicXML, kern and ABC files, with --name; "
            "or of what music21 brings: essen, folk, quartets, palestrina, monteverdi, trecento, or several, as in essen+quartets."
        ),
    ] = DEFAULT_CORPUS,
    name: Annotated[str | None, typer.Option(help="What a corpus of event tokens is called.")] = None,
    folder: Annotated[Path, typer.Option(help="The folder that corpora lie in.")] = Path("corpora"),
    kind: Annotated[str, typer.Option(help="Of event tokens: remi, tsd, octuple or compound.")] = event_corpus.KIND,
    positions: Annotated[int, typer.Option(help="Of event tokens: places in a beat, 12, 24, 36 or 48.")] = event_corpus.POSITIONS,
    bpe: Annotated[int, typer.Option(help="Of event tokens: learn so many ids by byte pair encoding, 0 for none.")] = 0,
    tokenizer: Annotated[
        str | None, typer.Option(help="Of event tokens: those of a model or corpus, by name, to train on from it; or a tokenizer.json.")
    ] = None,
    workers: Annotated[int, typer.Option(help="Processes that read files, 0 for one a core.")] = 0,
    ray: Annotated[bool, typer.Option("--ray", help="Read files on the machines of a Ray cluster.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Read every piece of a source, and report what was dropped or changed and why."""
    if event_corpus.is_event_source(source, name):
        return event_corpus.build(source, name, folder, event_corpus.Tokens(kind, positions, bpe, tokenizer), workers, ray, as_json)
    event_corpus.check_source(source)
    from musicgen.corpus.build import build_corpus
    from musicgen.corpus.traditions import NAME, build_traditions

    with screen.progress("reading") as show:

        def on_progress(done: int, total: int, file: str) -> None:
            show(done / total, file)

        report: CorpusReport | TraditionsReport = (
            build_traditions(folder, on_progress) if source == NAME else build_corpus(source, folder, on_progress)
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
    from musicgen.corpus.shards import is_events, load_events
    from musicgen.corpus.store import load_corpus
    from musicgen.corpus.traditions import NAME

    if is_events(name):
        return event_corpus.show(load_events(name), split, as_json)
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
