"""`musicgen evaluate` for any MIDI: whether long pieces stay music, minute by minute; how well a model foretells pieces."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from musicgen.cli import screen
from musicgen.cli.options import JsonOption, use_one_thread
from musicgen.errors import ConfigError, MusicgenError

if TYPE_CHECKING:
    from musicgen.music.score import Score
    from musicgen.sampling.decoding import DecodingOptions

TEMPO, QUARTERS = 120, 4
MOST_PIECES = 200  # of a corpus


def drift(
    target: Annotated[str, typer.Argument(help="A model of events, which writes pieces for it; or MIDI files in a folder.")],
    minutes: Annotated[int, typer.Option(min=1, max=60, help="How long the pieces are.")] = 5,
    count: Annotated[int, typer.Option(min=1, max=999, help="How many pieces the model writes, in one batch.")] = 4,
    programs: Annotated[str | None, typer.Option(help="For which programs, like 0,33,drums; if not said, any.")] = None,
    temperature: Annotated[float, typer.Option(help="1 is the model's own distribution.")] = 1.0,
    top_p: Annotated[float, typer.Option(help="Only the likeliest ids that reach this probability together.")] = 0.95,
    repetition: Annotated[float, typer.Option(help="As of `musicgen generate`.")] = 0.0,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the first piece.")] = 1,
    corpus: Annotated[str | None, typer.Option(help="A corpus of events to measure beside.")] = None,
    split: Annotated[str, typer.Option(help="Which of its pieces.")] = "valid",
    as_json: JsonOption = False,
) -> None:
    """Notes a second, entropy of pitches, likeness to what came before and silence, minute by minute, beside a corpus."""
    use_one_thread()
    from musicgen.evaluation.drift import measure_drift
    from musicgen.sampling.decoding import DecodingOptions

    beside = measure_drift(_corpus_scores(corpus, split), minutes) if corpus else None
    if Path(target).exists() and not (Path(target) / "config.json").exists():
        found = measure_drift(_file_scores(Path(target)), minutes)
    else:
        found = measure_drift(_written(target, minutes, count, programs, seed, DecodingOptions(temperature, top_p, repetition)), minutes)
    if as_json:
        return screen.result_json({"target": found.to_dict(), "corpus": beside.to_dict() if beside else None})
    for line in [target, *found.lines(), *([f"{corpus}, {split}", *beside.lines()] if beside else [])]:
        screen.result(line)


def event_likelihood(model: str, split: str, corpus: str | None, seen: bool, as_json: bool) -> None:
    """Of a model of events; on the corpus that it has learned from, unless another is named."""
    use_one_thread()
    from musicgen.corpus.shards import load_events
    from musicgen.evaluation.event_likelihood import measure_event_likelihood
    from musicgen.evaluation.unseen import check_unseen
    from musicgen.generation.loading import load_event_model

    loaded = load_event_model(model)
    known = load_events(corpus or str(loaded.checkpoint.corpus.get("name")))
    if not seen:
        check_unseen(loaded, known, split)
    with screen.progress("measuring") as show:
        report = measure_event_likelihood(loaded, known, split, on_progress=lambda share: show(share, ""))
    if as_json:
        return screen.result_json(report.to_dict() | {"model": loaded.name, "corpus": known.name, "split": split})
    for line in report.lines():
        screen.result(line)


def _written(model: str, minutes: int, count: int, programs: str | None, seed: int, options: DecodingOptions) -> list[Score]:
    from musicgen.generation.loading import load_generator
    from musicgen.generation.tracks import parse_programs

    labels = parse_programs(programs) if programs is not None else ()
    generator = load_generator(model)
    bars = minutes * TEMPO // QUARTERS
    with screen.progress("drawing") as show:
        pieces = generator.generate(
            bars,
            seeds=range(seed, seed + count),
            tempo=TEMPO,
            programs=labels,
            options=options,
            on_progress=lambda share: show(share, ""),
        )
    return [piece.score for piece in pieces]


def _file_scores(path: Path) -> Iterator[Score]:
    """Files that cannot be read are said and left out."""
    from musicgen.files.io import find_scores, read_score

    for file in find_scores(path):
        try:
            yield read_score(file)
        except MusicgenError as error:
            screen.remark(f"left out: {error}")


def _corpus_scores(name: str, split: str) -> Iterable[Score]:
    from musicgen.corpus.shards import load_events
    from musicgen.files.midi import score_of_midi
    from musicgen.tokenizers.events import EventTokenizer

    corpus = load_events(name)
    if split not in corpus.splits:
        raise ConfigError(f"{name} has no split {split!r}; choices: {', '.join(corpus.splits)}")
    tokenizer = EventTokenizer.load(corpus.tokenizer_folder)
    pieces = corpus.pieces(split)
    for index in range(min(len(pieces), MOST_PIECES)):
        score = tokenizer.decode(pieces[index].ids[1:-1])
        yield score_of_midi(bytes(score.dumps_midi()))
