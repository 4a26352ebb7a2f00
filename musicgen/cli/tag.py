"""`musicgen tag`: what scores are like; `evaluate tagger`: how often that is right; and `train tagger`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from musicgen.cli import screen
from musicgen.cli.options import JsonOption, QuantizeOption, SplitOption, use_one_thread

if TYPE_CHECKING:
    from musicgen.evaluation.tagging import Tagger, Tags
    from musicgen.training.loop import Outcome, Progress

CORPUS = "traditions"
SHOWN = 0.1  # what is less likely than this is only in --json

TaggerOption = Annotated[str, typer.Option("--model", help="A trained tagger by name, or its folder.")]


def tag(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Scores of any number of voices, or folders of them.")],
    model: TaggerOption = "tagger",
    quantize: QuantizeOption = False,
    as_json: JsonOption = False,
) -> None:
    """Say what tradition each score is most like, its mode, meter and number of voices, with probabilities."""
    use_one_thread()
    from musicgen.errors import FileError
    from musicgen.evaluation.tagging import Tagger
    from musicgen.files.io import find_scores

    tagger = Tagger.load(model)
    found: dict[str, Tags] = {}
    for file in files:
        for path in find_scores(file):
            try:
                found[str(path)] = _tagged(tagger, path, quantize)
            except FileError as error:
                if path == file:
                    raise
                screen.remark(f"{path}: left out; {error.reason}")
                continue
            if not as_json:
                for line in _lines(str(path), found[str(path)]):
                    screen.result(line)
    if not found:
        raise FileError(files[0], "none of these scores could be read; choose others")
    if as_json:
        screen.result_json(found)


def _tagged(tagger: Tagger, path: Path, quantize: bool) -> Tags:
    """Errors name the file."""
    from musicgen.errors import FileError, NotationError
    from musicgen.files.io import read_score

    try:
        return tagger.tag(read_score(path, quantize=quantize))
    except NotationError as error:
        raise FileError(path, str(error)) from error


def _lines(path: str, tags: Tags) -> list[str]:
    said = {
        question: ", ".join(
            f"{answer} {100 * share:.0f} %" for place, (answer, share) in enumerate(shares.items()) if not place or share > SHOWN
        )
        for question, shares in tags.items()
    }
    return [path, *(f"  {question:9} {text}" for question, text in said.items())]


def evaluate_tagger(
    model: Annotated[str, typer.Argument(help="A trained tagger by name, or its folder.")] = "tagger",
    split: SplitOption = "valid",
    corpus: Annotated[str, typer.Option(help="The labelled corpus it learned from, by its name under corpora/ or its folder.")] = CORPUS,
    as_json: JsonOption = False,
) -> None:
    """How often a tagger is right about pieces of works it has not seen, and what it takes them for."""
    use_one_thread()
    from musicgen.corpus.labelled import load_labelled
    from musicgen.evaluation.tagging import Tagger, measure_tagger

    report = measure_tagger(Tagger.load(model), load_labelled(corpus), split)
    if as_json:
        return screen.result_json(report.to_dict())
    for line in report.lines():
        screen.result(line)


def train_tagger(corpus: str, output: Path, settings: Sequence[str], on_progress: Callable[[Progress], None]) -> Outcome:
    """Trains, measures on held-out works, and writes weights, config, metrics and card."""
    use_one_thread()
    from musicgen.corpus.labelled import load_labelled
    from musicgen.evaluation.tagger_card import publish_tagger
    from musicgen.training.publish import where_and_how
    from musicgen.training.tagger import train_tagger as trained

    pieces = load_labelled(corpus)
    outcome = trained(pieces, output, settings, on_progress)
    command = " ".join(["musicgen train tagger", *(f"--set {setting}" for setting in settings)])
    facts = {"valid_nats": outcome.best, "best_update": outcome.best_update, "updates": outcome.updates}
    facts |= where_and_how(pieces, len(pieces.pieces("train")), outcome.seconds)
    publish_tagger(output, pieces, facts, command)
    return outcome
