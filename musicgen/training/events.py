"""`musicgen train small --corpus mine`: from a corpus of events to a checkpoint, from the beginning or from a checkpoint on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from musicgen.corpus.shards import EventCorpus, ShardedPieces, load_events
from musicgen.errors import CheckpointError, ConfigError, CorpusError
from musicgen.generation.foretelling import IntArray, Measured, id_nats
from musicgen.models.checkpoint import Checkpoint, load_model, load_tensors, read_checkpoint
from musicgen.models.folders import checkpoint_folders
from musicgen.tokenizers.events import EventTokenizer
from musicgen.tokenizers.holes import NO_SLOT
from musicgen.training.distributed import Ranks, all_ranks
from musicgen.training.event_card import event_card
from musicgen.training.event_presets import KINDS, resolve
from musicgen.training.language import Learner, train_language
from musicgen.training.language_config import LanguageTraining
from musicgen.training.loop import Outcome, Progress
from musicgen.training.presets import check_device
from musicgen.training.publish import looks_of, where_and_how, write_files
from musicgen.training.streams import Rows, whole_rows

SLOTS_FROM, RARELY = 2_000, 0.001
FILLS = 32
"""Rows of the valid split with holes that a finished model is measured on."""


@dataclass(frozen=True)
class Start:
    """A checkpoint to begin with."""

    name: str
    folder: Path
    checkpoint: Checkpoint


def train_events(
    preset: str,
    corpus: EventCorpus,
    run: Path,
    output: Path,
    settings: Sequence[str] = (),
    *,
    lstm: bool = False,
    start: str | None = None,
    device: str = "cpu",
    on_progress: Callable[[Progress], None] = lambda progress: None,
    stop_after: int | None = None,
) -> tuple[Outcome, dict[str, Any]]:
    """Trains in the folder `run`, or goes on there; once finished, the best weights go to `output`. Also returns metrics.json, {} before.

    In each of the processes of torchrun alike; the first of them writes.
    """
    check_device(device)
    tokenizer = EventTokenizer.load(corpus.tokenizer_folder)
    begun = find_start(start, tokenizer) if start else None
    checkpoint, config = resolve(preset, tokenizer, settings, lstm, begun.checkpoint if begun else None)
    facts: dict[str, Any] = {"name": corpus.name, "fingerprint": corpus.fingerprint, "slots": slots_of(corpus.pieces("train"), tokenizer)}
    facts["ensembles"] = corpus.ensembles("train")
    checkpoint = replace(checkpoint, corpus={**facts, **({"from": start} if start else {})})
    window = int(checkpoint.model["window"])
    valid_rows = rows_of(corpus, "valid", window, tokenizer, config.valid_rows)
    with all_ranks(device) as ranks:
        outcome = train_language(
            checkpoint,
            config,
            tokenizer,
            corpus.pieces("train"),
            valid_rows,
            run,
            ranks,
            weights=load_tensors(begun.folder / "model.safetensors") if begun else None,
            on_progress=on_progress,
            stop_after=stop_after,
        )
        metrics: dict[str, Any] = {}
        if outcome.finished and ranks.first:
            metrics = publish_events(preset, corpus, tokenizer, settings, begun, config, outcome, output, lstm)
        ranks.wait()
    return outcome, metrics


def find_start(name: str, tokenizer: EventTokenizer) -> Start:
    """A checkpoint of events by its name or folder, whose ids mean what the corpus' mean."""
    folder = Path(name) if (Path(name) / "config.json").is_file() else checkpoint_folders().get(name)
    if folder is None:
        raise CheckpointError(f"{name}: there is no such checkpoint; `musicgen models` lists those there are")
    checkpoint = read_checkpoint(folder)
    if checkpoint.kind not in KINDS:
        raise CheckpointError(f"{name}: a {checkpoint.kind} knows no events; begin with a checkpoint of kind {' or '.join(KINDS)}")
    own = EventTokenizer.load(folder)
    if not own.means_the_same(tokenizer):
        raise CheckpointError(f"{name}: its ids are not those of the corpus; build the corpus with --tokenizer {name}")
    return Start(name, folder, checkpoint)


def slots_of(pieces: ShardedPieces, tokenizer: EventTokenizer) -> list[int]:
    """Slots of tracks that have one note in a thousand or more, the most frequent first, in up to 2,000 of the pieces, evenly chosen."""
    programs = np.flatnonzero(tokenizer.slots != NO_SLOT)
    counts = np.zeros(len(tokenizer.tokens), dtype=np.int64)
    for number in range(0, len(pieces), max(1, len(pieces) // SLOTS_FROM)):
        counts += np.bincount(tokenizer.base(pieces.ids(number)), minlength=len(counts))
    often = programs[np.argsort(-counts[programs], kind="stable")]
    found: list[int] = tokenizer.slots[often[counts[often] > RARELY * counts[programs].sum()]].tolist()
    return found


def rows_of(corpus: EventCorpus, split: str, window: int, tokenizer: EventTokenizer, most: int) -> list[IntArray]:
    """What a model is measured on: the split in rows, so many at most."""
    if split not in corpus.splits:
        raise CorpusError(f"{corpus.name}: no piece is in the split {split}; a corpus to learn from has some twenty files or more")
    return whole_rows(corpus.pieces(split), window, tokenizer.bar_ids, most)


def measure_checkpoint(folder: Path, rows: Sequence[IntArray], at_once: int) -> Measured:
    """Of a checkpoint on disk, in this process alone."""
    checkpoint = read_checkpoint(folder)
    learner = Learner(checkpoint, LanguageTraining(at_once=at_once), Ranks(), load_tensors(folder / "model.safetensors"))
    return learner.measure(rows, int(checkpoint.model["pad_id"]))


@torch.inference_mode()
def nats_of_fills(folder: Path, corpus: EventCorpus, tokenizer: EventTokenizer) -> float:
    """Nats an id of what fills holes in pieces of the valid split, given what is around it."""
    checkpoint = read_checkpoint(folder)
    model = load_model(folder, checkpoint)
    holed = LanguageTraining(holes=1.0, context=0.0, lowest=0, highest=0, seed=0)
    rows = Rows(corpus.pieces("valid"), tokenizer, int(checkpoint.model["window"]), holed)
    nats = counted = 0.0
    for number in range(FILLS):
        row = rows.row(0, number)
        asked = row.weights * (np.cumsum(row.ids == tokenizer.fill_id) > 0)
        cost = id_nats(model, torch.from_numpy(row.ids)[None], "cpu")[0].numpy()
        nats, counted = nats + float((cost * asked[1:]).sum()), counted + float(asked[1:].sum())
    return nats / max(1.0, counted)


def publish_events(
    preset: str,
    corpus: EventCorpus,
    tokenizer: EventTokenizer,
    settings: Sequence[str],
    start: Start | None,
    config: LanguageTraining,
    outcome: Outcome,
    output: Path,
    lstm: bool,
) -> dict[str, Any]:
    """Writes the checkpoint and returns its metrics."""
    run = outcome.folder
    if not (run / "config.json").is_file():
        raise ConfigError(f"{run}: no weights were better than none; lower training.learning_rate and use another --run")
    checkpoint = read_checkpoint(run)
    rows = rows_of(corpus, "valid", int(checkpoint.model["window"]), tokenizer, config.valid_rows)
    metrics = {
        "valid": measure_checkpoint(run, rows, config.at_once).figures(tokenizer),
        "valid_fill_nats_per_id": round(nats_of_fills(run, corpus, tokenizer), 4),
        "kind": "exact",
        "best_update": outcome.best_update,
        "updates": outcome.updates,
        "ids_seen": outcome.updates * config.batch * int(checkpoint.model["window"]),
        "parameters": sum(weight.numel() for weight in checkpoint.build().parameters()),
        **where_and_how(corpus, corpus.counts()["train"], outcome.seconds),
        **({"changed": what_changed(start, run, corpus, tokenizer, config)} if start else {}),
        "history": looks_of(outcome),
    }
    tokenizer.save(output)
    card = event_card(output.name, preset, checkpoint, metrics, settings, lstm)
    write_files(output, run, checkpoint, metrics, card)
    return metrics


def what_changed(start: Start, after: Path, corpus: EventCorpus, tokenizer: EventTokenizer, config: LanguageTraining) -> dict[str, Any]:
    """Figures of the valid splits before and after, on this corpus and on the one that the checkpoint learned from, if still there."""
    corpora = {corpus.name: corpus}
    try:
        old = load_events(str(start.checkpoint.corpus["name"]))
        if old.fingerprint == start.checkpoint.corpus["fingerprint"]:
            corpora.setdefault(old.name, old)
    except (CorpusError, KeyError):
        pass
    window = int(start.checkpoint.model["window"])
    changed = {}
    for name, known in corpora.items():
        rows = rows_of(known, "valid", window, tokenizer, config.valid_rows)
        figures = [measure_checkpoint(folder, rows, config.at_once).figures(tokenizer) for folder in (start.folder, after)]
        changed[name] = {"before": figures[0], "after": figures[1]}
    return changed
