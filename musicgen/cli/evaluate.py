"""`musicgen evaluate`: how good a model is, or how like Bach some files are."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from musicgen.cli import screen
from musicgen.cli.evaluate_events import event_likelihood
from musicgen.cli.options import DEFAULT_CORPUS, CorpusOption, JsonOption, ModelArgument, SplitOption, corpus_if_there, use_one_thread
from musicgen.errors import ConfigError

if TYPE_CHECKING:
    from musicgen.composers.composer import Composer
    from musicgen.corpus.store import Corpus
    from musicgen.music.chorale import Chorale

app = typer.Typer(help="Measure a model, or how like Bach files are, or how much of him they copy.")

SeenOption = Annotated[bool, typer.Option("--seen", help="Measure although the model has learned from these pieces, or may have.")]

DataOption = Annotated[
    Path | None, typer.Option(help="Measure these pieces instead: a JSON file of step matrices that the model has not learned from.")
]


@app.command()
def likelihood(
    model: ModelArgument,
    split: SplitOption = "valid",
    corpus: CorpusOption = DEFAULT_CORPUS,
    data: DataOption = None,
    seen: SeenOption = False,
    as_json: JsonOption = False,
) -> None:
    """How well a model foretells Bach's own pieces, in nats per cell, or the pieces of its own corpus, in nats an id: less is better."""
    from musicgen.generation.loading import is_generator

    if is_generator(model):
        if data is not None:
            raise ConfigError(f"--data is for models of chorales, {model} is one of events; name a --corpus of its tokens")
        return event_likelihood(model, split, None if corpus == DEFAULT_CORPUS else corpus, seen, as_json)
    from musicgen.corpus.matrices import read_matrices
    from musicgen.evaluation.likelihood import measure_likelihood

    # Of matrices nobody can tell which pieces they are: only their train part is taken to be what a model may have learned from.
    composer, pieces, told_nats = _subjects(
        model, split, corpus if data is None else read_matrices(data), seen or (data is not None and split != "train")
    )
    with screen.progress("measuring") as show:
        report = measure_likelihood(composer, pieces, on_progress=lambda share: show(share, ""), told_nats=told_nats)
    _print(report.to_dict(), report.lines(), as_json)


@app.command()
def reconstruction(
    model: ModelArgument,
    split: SplitOption = "valid",
    corpus: CorpusOption = DEFAULT_CORPUS,
    keep: Annotated[str | None, typer.Option(help="The voices that are given, by letters: S, SB, ...", show_default="S")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the first piece.")] = 1,
    seen: SeenOption = False,
    as_json: JsonOption = False,
) -> None:
    """How much of Bach comes back when some of his voices are taken away."""
    from musicgen.evaluation.reconstruction import measure_reconstruction

    composer, pieces, _ = _subjects(model, split, corpus, seen)
    with screen.progress("rewriting") as show:
        report = measure_reconstruction(composer, pieces, seed, keep, lambda share: show(share, ""))
    _print(report.to_dict(), report.lines(), as_json)


@app.command()
def style(
    files: Annotated[list[Path], typer.Argument(help="Files of four voices, or folders of such files.")],
    corpus: CorpusOption = DEFAULT_CORPUS,
    as_json: JsonOption = False,
) -> None:
    """Voice leading, texture, cadences, chords and phrases of some files beside Bach's own; the published grade; distances from Bach."""
    from musicgen.evaluation.beside_bach import Reference, report_style

    pieces = _read(files)
    known = corpus_if_there(corpus, "no grade and no distances")
    report = report_style([*pieces.values()], Reference.of(known) if known else None)
    _print(report.to_dict(), report.lines(), as_json)


@app.command()
def copying(
    files: Annotated[list[Path], typer.Argument(help="Files of four voices, or folders of such files.")],
    corpus: CorpusOption = DEFAULT_CORPUS,
    limit: Annotated[int, typer.Option(min=1, help="Slices from which a piece counts as copied.")] = 12,
    picture: Annotated[
        Path | None, typer.Option(help="Draw what is shared, both scores side by side: a .svg or .png file, or a folder for them.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """What each file shares with a chorale of the train split, in any key: how long, which chorale, which bars of both."""
    from musicgen.cli.pictures import check_pictures, draw_runs
    from musicgen.corpus.matrices import load_any_corpus
    from musicgen.evaluation.copying import CopyIndex, measure_control, measure_copying

    if picture:
        check_pictures(picture)
    learned = load_any_corpus(corpus)
    index = CopyIndex(learned.pieces("train"))
    chorales = _read(files)
    report = measure_copying(index, chorales, limit)
    control = measure_control(index, learned, limit)
    drawn = draw_runs(picture, index, chorales, report.runs) if picture else []
    beside = [f"{learned.name}, test split: {control}"] if control else []
    value = report.to_dict() | {"corpus": learned.name, "control": control.totals() if control else None}
    _print(value | ({"pictures": drawn} if picture else {}), [*report.lines(), str(report), *beside, *drawn], as_json)


@app.command()
def discriminator(
    target: Annotated[str, typer.Argument(help="A folder of four-voice files; or a composer of `musicgen models`, which composes a set.")],
    split: SplitOption = "valid",
    corpus: CorpusOption = DEFAULT_CORPUS,
    count: Annotated[int, typer.Option(min=10, help="Pieces that a composer composes.")] = 60,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the networks, and of the first piece composed.")] = 1,
    as_json: JsonOption = False,
) -> None:
    """How well a network trained for it tells these pieces from held-out Bach: 50 % is as good as him. Beside it, Bach against Bach."""
    use_one_thread()
    from musicgen.corpus.matrices import load_any_corpus
    from musicgen.evaluation.discriminator import discriminate

    held_out = load_any_corpus(corpus)
    if split == "train":
        raise ConfigError("what generated the pieces may have learned from the train split; choose valid or test")
    real = {piece.name: piece.chorale for piece in held_out.pieces(split)}
    generated = _generated(target, split, held_out, count, seed)
    learned = [piece.chorale for piece in held_out.pieces("train", near_copies=False)] if "train" in held_out.counts() else []
    with screen.progress("telling apart") as show:
        report = discriminate([*real.values()], [*generated.values()], seed, lambda share: show(share, ""), more_real=learned)
    value = report.to_dict() | {"split": split, "corpus": held_out.name, **report.named([*real], [*generated])}
    _print(value, [*report.lines(), *report.piece_lines([*generated])], as_json)


def _generated(target: str, split: str, corpus: Corpus, count: int, seed: int) -> dict[str, Chorale]:
    """Pieces by name: read from a folder, or composed."""
    if Path(target).exists() and not (Path(target) / "config.json").exists():
        return {Path(path).name: chorale for path, chorale in _read([Path(target)]).items()}
    from musicgen.composers.loading import load_composer
    from musicgen.evaluation.composed import compose_set
    from musicgen.evaluation.unseen import check_unseen

    composer = load_composer(target)
    check_unseen(composer, corpus, split)
    with screen.progress("composing") as show:
        pieces = compose_set(composer, count, seed, on_progress=lambda share: show(share, ""))
    return {f"seed {number}": piece for number, piece in enumerate(pieces, seed)}


def _subjects(model: str, split: str, corpus: str | Corpus, seen: bool) -> tuple[Composer, list[Chorale], float]:
    """The composer, the pieces to measure it on, and what their labels tell that their source does not, in nats a piece."""
    use_one_thread()
    from musicgen.composers.loading import load_composer
    from musicgen.corpus.matrices import load_any_corpus
    from musicgen.evaluation.unseen import check_unseen

    composer = load_composer(model)
    if isinstance(corpus, str):
        corpus = load_any_corpus(corpus)
    pieces = corpus.pieces(split)
    if not seen:
        check_unseen(composer, corpus, split)
    return composer, [piece.chorale for piece in pieces], corpus.told_nats


def _read(paths: list[Path]) -> dict[str, Chorale]:
    """The pieces of four voices by their paths; of a folder, what cannot be read is left out, and said."""
    from musicgen.evaluation.sets import read_set

    found: dict[str, Chorale] = {}
    for path in paths:
        each = read_set(path)
        names = {name: str(path / name if path.is_dir() else path) for name in (*each.pieces, *each.left_out)}
        bent = [f"{names[name]}: {sentence}" for name, report in each.bent.items() for sentence in report]
        for line in (*bent, *(f"{names[name]}: left out; {reason}" for name, reason in each.left_out.items())):
            screen.remark(line)
        found |= {names[name]: chorale for name, chorale in each.pieces.items()}
    return found


def _print(value: object, lines: list[str], as_json: bool) -> None:
    if as_json:
        return screen.result_json(value)
    for line in lines:
        screen.result(line)
