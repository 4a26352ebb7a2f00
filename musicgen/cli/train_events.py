"""`musicgen train tiny|small|base --corpus mine`: a model of any MIDI. Under torchrun only the first process speaks."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from musicgen.cli import screen
from musicgen.cli.options import STOPPED

if TYPE_CHECKING:
    from musicgen.training.loop import Outcome

EVENT_PRESETS = ("tiny", "small", "base")


def report_end(outcome: Outcome, run: Path, output: Path, as_json: bool, **more: Any) -> None:
    """The outcome for machines, with `more`; a training that was stopped says how it goes on, and ends the command."""
    if as_json:
        screen.result_json(asdict(outcome) | {"checkpoint": output if outcome.finished else None, **more})
    if not outcome.finished:
        screen.remark(f"{outcome.updates} updates are kept in {run}; the same command goes on from there")
        raise typer.Exit(code=STOPPED)


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
    report_end(outcome, run, output, as_json, metrics=metrics)
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
