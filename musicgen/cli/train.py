"""`musicgen train`: from a corpus to a checkpoint."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated

import typer

from musicgen.cli import screen
from musicgen.cli.options import DEFAULT_CORPUS, DEFAULT_MODEL, CorpusOption, JsonOption
from musicgen.cli.tag import CORPUS as TRADITIONS
from musicgen.cli.tag import train_tagger
from musicgen.cli.train_events import EVENT_PRESETS, report_end, train_on_events

NEXT = {"separator": "separate piano.mid --method", "tagger": "tag score.mid --model"}


def train(
    preset: Annotated[
        str,
        typer.Argument(
            help="deepbach, flagship, jsb16, masked, jsb16-masked, markov, hmm, separator or tagger; tiny, small or base for a corpus of "
            "any MIDI; or a method of --plugin."
        ),
    ] = DEFAULT_MODEL,
    corpus: CorpusOption = DEFAULT_CORPUS,
    run: Annotated[Path | None, typer.Option(help="Where the run keeps its state; by default runs/PRESET.")] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Where the finished checkpoint goes; by default checkpoints/PRESET.")
    ] = None,
    settings: Annotated[list[str] | None, typer.Option("--set", help="Change a setting, like training.batch=8 or model.width=128.")] = None,
    start: Annotated[str | None, typer.Option("--from", help="tiny, small, base: begin with this checkpoint instead of chance.")] = None,
    lstm: Annotated[bool, typer.Option("--lstm", help="tiny, small, base: an LSTM instead of a Transformer.")] = False,
    device: Annotated[str, typer.Option(help="cpu or cuda.")] = "cpu",
    as_json: JsonOption = False,
) -> None:
    """Train a model. Stopped at any time, the same command goes on where it was."""
    from musicgen.corpus.matrices import load_any_corpus
    from musicgen.errors import ConfigError
    from musicgen.training.presets import train_preset

    if preset in EVENT_PRESETS:
        train_on_events(preset, corpus, run, output, settings or (), lstm, start, device, as_json)
        return
    if start or lstm:
        raise ConfigError(f"--from and --lstm are for {', '.join(EVENT_PRESETS)}, which learn from any MIDI, not for {preset}")
    run, output = run or Path("runs") / preset, output or Path("checkpoints") / preset
    with screen.progress("training") as show:
        on_progress = screen.telling(show)
        if preset == "tagger":
            outcome = train_tagger(TRADITIONS if corpus == DEFAULT_CORPUS else corpus, output, settings or (), on_progress)
        else:
            outcome = train_preset(preset, load_any_corpus(corpus), run, output, settings or (), device=device, on_progress=on_progress)
    report_end(outcome, run, output, as_json)
    if not as_json:
        if not math.isnan(outcome.best):
            what = "nats, all questions together," if preset == "tagger" else "nats per cell"
            screen.remark(f"valid {outcome.best:.4f} {what} at update {outcome.best_update}, {outcome.seconds / 60:.1f} min")
        screen.remark(f"next: {screen.program()} {NEXT.get(preset, 'compose --model')} {output}")
        screen.result(output)
