"""From finished runs to a checkpoint folder: the best weights, some of them seated as a committee, figures and a card."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from musicgen.corpus.labelled import LabelledCorpus
from musicgen.corpus.matrices import SOURCE as MATRICES
from musicgen.corpus.shards import EventCorpus
from musicgen.corpus.store import Corpus
from musicgen.files.atomic import atomic_write
from musicgen.models.checkpoint import Checkpoint, load_model, load_tensors, read_checkpoint, save_checkpoint, write_text
from musicgen.music.chorale import Chorale
from musicgen.music.ensemble import BACHS_CHOIR, Ensemble
from musicgen.tokenizers.grid import GridTokenizer
from musicgen.training.config import TrainingConfig
from musicgen.training.loop import LOG, Outcome, nats_per_cell
from musicgen.training.tasks import TASKS, find_task

AFTER = {
    "quartet": ", after DeepBach (Hadjeres, Pachet and Nielsen 2017)",
    "sketcher": ", left to right with sight of the sketch",
    "committee": ": sketchers, left to right, their probabilities averaged",
    "masked": ", any order, after Coconet (Huang et al. 2017)",
}
WRITES = (
    "Writes four-part chorales in the style of J. S. Bach: `musicgen compose --model {name}`, `musicgen harmonize tune.mid --model {name}`."
)
WRITES_OTHERS = (
    "Writes for {voices}, as in {corpus}. With this folder as FOLDER: `musicgen compose --model FOLDER`,\n"
    "`musicgen harmonize tune.mid --model FOLDER`."
)
MEASURES = (
    "Says how likely pieces are that come as step matrices: `musicgen evaluate likelihood {name} --data FILE.json --split valid`. Such\n"
    "pieces tell neither repeated notes nor meters, pick-ups and fermatas, so this model has heard of none: compose with another."
)


def seat(outcomes: Sequence[Outcome], valid_pieces: Sequence[Chorale], folder: Path) -> Outcome:
    """Makes a committee, a checkpoint in `folder`, of the best weights of each run."""
    checkpoints = [read_checkpoint(outcome.folder) for outcome in outcomes]
    first = checkpoints[0]
    committee = replace(first, kind="committee", model={"members": len(outcomes), "member": first.model})
    weights = {
        f"members.{number}.{name}": weight
        for number, outcome in enumerate(outcomes)
        for name, weight in load_tensors(outcome.folder / "model.safetensors").items()
    }
    save_checkpoint(folder, committee, weights)
    task = find_task(committee.kind, GridTokenizer(**committee.tokenizer), TrainingConfig(**committee.training))
    best = nats_per_cell(load_model(folder, committee), valid_pieces, task)
    looks = [entry | {"member": number} for number, outcome in enumerate(outcomes, start=1) for entry in looks_of(outcome)]
    write_text(folder / LOG, "".join(json.dumps(entry) + "\n" for entry in looks))
    return replace(outcomes[-1], best=best, seconds=sum(outcome.seconds for outcome in outcomes), folder=folder)


def publish(name: str, corpus: Corpus, pieces: int, settings: Sequence[str], outcome: Outcome, output: Path) -> None:
    checkpoint = read_checkpoint(outcome.folder)
    metrics = _metrics(checkpoint.kind, corpus, pieces, outcome)
    write_files(output, outcome.folder, checkpoint, metrics, model_card(name, checkpoint, metrics, settings))


def write_files(output: Path, run: Path, checkpoint: Checkpoint, metrics: Mapping[str, Any], card: str) -> None:
    """The best weights of a run as a checkpoint. config.json goes last: a folder without one is none."""
    atomic_write(output / "model.safetensors", (run / "model.safetensors").read_bytes())
    write_text(output / "metrics.json", json.dumps(metrics, indent=2) + "\n")
    write_text(output / "MODEL_CARD.md", card)
    write_text(output / "config.json", checkpoint.to_json())


def _metrics(kind: str, corpus: Corpus, pieces: int, outcome: Outcome) -> dict[str, Any]:
    return {
        "valid_nats_per_cell": outcome.best,
        "kind": TASKS[kind].kind,
        "best_update": outcome.best_update,
        "updates": outcome.updates,
        **where_and_how(corpus, pieces, outcome.seconds),
        "history": looks_of(outcome),
    }


def where_and_how(corpus: Corpus | LabelledCorpus | EventCorpus, pieces: int, seconds: float) -> dict[str, Any]:
    """What every metrics.json says of a training."""
    return {
        "seconds": round(seconds, 1),
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, {torch.get_num_threads()} threads",
        "versions": {package: version(package) for package in ("musicgen", "torch", "numpy")},
        "corpus": {"name": corpus.name, "source": corpus.source, "fingerprint": corpus.fingerprint, "train_pieces": pieces},
    }


def looks_of(outcome: Outcome) -> list[dict[str, float]]:
    """Every look at the valid split, once: after a kill -9 some are there twice."""
    entries = [json.loads(line) for line in (outcome.folder / LOG).read_text(encoding="utf-8").splitlines()]
    return list({(entry.get("member"), entry["update"]): entry for entry in entries}.values())


def model_card(name: str, checkpoint: Checkpoint, metrics: dict[str, Any], settings: Sequence[str]) -> str:
    """What it is, what it learned from, how good it is, and the command that makes it again."""
    parameters = sum(weight.numel() for weight in checkpoint.build().parameters())
    command = " ".join(["musicgen train", name, *(f"--set {setting}" for setting in settings)])
    corpus, versions, best = metrics["corpus"], metrics["versions"], metrics["best_update"]
    when = (
        f"each member at its best of {metrics['updates']} updates"
        if checkpoint.kind == "committee"
        else f"at update {best} of {metrics['updates']}"
    )
    priced = " (without the price of being told the key, which `evaluate` adds)" if corpus["source"] == MATRICES else ""
    again = f"Make it again, once `musicgen corpus build {corpus['name']}` has been run:"
    if corpus["source"] == MATRICES:
        command += " --corpus FILE.json"
        again = "Make it again from a file of the pieces it learned from, whose fingerprint stands above:"
    ensemble = Ensemble.from_dict(checkpoint.ensemble)
    style = WRITES.format(name=name) if ensemble.is_choir else WRITES_OTHERS.format(voices=", ".join(ensemble.names), corpus=corpus["name"])
    number, whose = "four" if ensemble.is_choir else ensemble.voices, "Bach's" if ensemble == BACHS_CHOIR else "their composers'"
    if ensemble != BACHS_CHOIR:
        command += f" --corpus {corpus['name']}"
        again = f"Make it again, once `musicgen corpus gather FOLDER {corpus['name']}` has been run:"
    return f"""# {name}

{MEASURES.format(name=name) if corpus["source"] == MATRICES else style}

| | |
|---|---|
| model | {checkpoint.kind}, {parameters:,} parameters{AFTER[checkpoint.kind]} |
| learned from | {corpus["train_pieces"]} pieces of {corpus["name"]} ({corpus["source"]}): train without near copies of valid and test |
| corpus fingerprint | `{corpus["fingerprint"]}` |
| valid split | {metrics["valid_nats_per_cell"]:.4f} nats per cell, {metrics["kind"]}{priced}, {when} |
| training | {metrics["seconds"] / 60:.0f} minutes on {metrics["machine"]} |
| versions | {", ".join(f"{package} {number}" for package, number in versions.items())} |

{again}

    {command}

It knows one style, {number} voices and a grid of sixteenths, and it writes no words. The notes it learned from are not part of it; a short
passage can still be {whose} own, as common turns of phrase are. Every dial of the training is in config.json, every look at the valid
split in metrics.json.
"""
