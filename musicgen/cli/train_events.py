"""`musicgen train tiny|small|base --corpus mine`: a model of any MIDI. Under torchrun only the first process speaks."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import typer

from musicgen.cli import screen

EVENT_PRESETS = ("tiny", "small", "base")
STOPPED = 130


def train_on_events(
    preset: str,
    corpus: str,
    run: Path | None,
    output: Path | None,
    settings: Sequence[str],
    lstm: bool,
    start: str | None,
    device: str,
    as_json: bool,
) -> None:
    """The checkpoint is named like the corpus, unless `output` says otherwise."""
    from musicgen.corpus.shards import load_events
    from musicgen.training.event_card import changed_lines
    from musicgen.training.events import train_events

    known = load_events(corpus)
    run = run or Path("runs") / f"{known.name}-{preset}{'-lstm' if lstm else ''}{'-tuned' if start else ''}"
    output = output or Path("checkpoints") / known.name
    with screen.progress("training") as show:
        outcome, metrics = train_events(
            preset, known, run, output, settings, lstm=lstm, start=start, device=device, on_progress=screen.telling(show)
        )
    if os.environ.get("RANK", "0") != "0":
        raise typer.Exit(code=0 if outcome.finished else STOPPED)
    if as_json:
        screen.result_json(asdict(outcome) | {"checkpoint": output if outcome.finished else None, "metrics": metrics})
    if not outcome.finished:
        screen.remark(f"musicgen: stopped after update {outcome.updates}; the same command goes on from there (the run is in {run})")
        raise typer.Exit(code=STOPPED)
    if as_json:
        return
    valid = metrics["valid"]
    screen.remark(
        f"valid {valid['nats_per_id']:.4f} nats an id, {valid['nats_per_note']:.4f} a note, at update {outcome.best_update}; "
        f"{metrics['ids_seen']:,} ids in {outcome.seconds / 60:.1f} min"
    )
    for line in changed_lines(metrics.get("changed", {})):
        screen.remark(line)
    screen.remark(f"next: musicgen generate --model {output} --bars 8 -o new.mid")
    screen.result(output)
