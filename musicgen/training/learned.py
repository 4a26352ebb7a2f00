"""Methods that learn without the training loop: counted tables, and whatever a plugin learns in its own way. Corpus -> checkpoint."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from musicgen.composers.composer import Composer, Likelihood
from musicgen.composers.methods import METHODS, find_learnable
from musicgen.corpus.store import Corpus
from musicgen.errors import ConfigError
from musicgen.models.checkpoint import Checkpoint, save_tensors, write_text
from musicgen.music.chorale import Chorale
from musicgen.training.config import apply_settings
from musicgen.training.loop import Outcome, Progress
from musicgen.training.publish import where_and_how


def learn(kind: str, corpus: Corpus, output: Path, settings: Sequence[str], on_progress: Callable[[Progress], None]) -> Outcome:
    """Learns from the train split and writes a checkpoint. Nothing is written before all is learned."""
    method = find_learnable(kind)
    if not is_dataclass(method.config_type):
        raise ConfigError(f"{kind}: config_type must be a dataclass, its fields are the dials of --set model.NAME=VALUE")
    config = apply_settings({"model": method.config_type()}, settings)["model"]
    # Near copies of valid and test pieces would make their figures too good.
    learned = [piece.chorale for piece in corpus.pieces("train", near_copies=False)]
    valid = [piece.chorale for piece in corpus.pieces("valid")]
    began = time.monotonic()
    weights = method.learn(learned, valid, config, _as_progress(on_progress, began))
    seconds = time.monotonic() - began
    checkpoint = Checkpoint(
        kind, asdict(config), {}, {"name": corpus.name, "fingerprint": corpus.fingerprint}, {}, corpus.ensemble.to_dict()
    )
    save_tensors(output / "model.safetensors", weights)
    write_text(output / "config.json", checkpoint.to_json())
    nats = _valid_nats(method.load(output), valid)
    metrics = {
        "valid_nats_per_cell": nats and nats[0],
        "kind": nats and nats[1],
        **where_and_how(corpus, len(learned), seconds),
    }
    write_text(output / "metrics.json", json.dumps(metrics, indent=2) + "\n")
    write_text(output / "MODEL_CARD.md", _card(output.name, kind, weights, metrics, settings))
    return Outcome(nats[0] if nats else float("nan"), 1, 1, seconds, True, output)


def _as_progress(on_progress: Callable[[Progress], None], began: float) -> Callable[[float], None]:
    """A share of the work, from 0 to 1, as the progress of a hundred updates."""

    def show(share: float) -> None:
        seconds = time.monotonic() - began
        on_progress(Progress(round(100 * share), 100, float("nan"), None, seconds, seconds * (1 - share) / max(share, 1e-9)))

    return show


@torch.inference_mode()
def _valid_nats(composer: Composer, valid: Sequence[Chorale]) -> tuple[float, str] | None:
    """Nats per cell and their kind; None of a composer that states none."""
    if not hasattr(composer, "nats"):
        return None
    likelihoods: list[Likelihood] = [composer.nats(piece) for piece in valid]
    cells = sum(likelihood.nats.size for likelihood in likelihoods)
    return sum(float(likelihood.nats.sum(dtype="f8")) for likelihood in likelihoods) / cells, likelihoods[0].kind


def _card(name: str, kind: str, weights: Mapping[str, Tensor], metrics: Mapping[str, Any], settings: Sequence[str]) -> str:
    corpus, versions, nats = metrics["corpus"], metrics["versions"], metrics["valid_nats_per_cell"]
    command = " ".join(["musicgen train", kind, *(f"--set {setting}" for setting in settings)])
    about = METHODS[kind].about
    likelihood = "states no likelihood" if nats is None else f"{nats:.4f} nats per cell, {metrics['kind']}"
    return f"""# {name}

Writes four-part chorales: `musicgen compose --model {name}`, `musicgen harmonize tune.mid --model {name}`.

| | |
|---|---|
| model | {kind}, {about}, {sum(weight.numel() for weight in weights.values()):,} numbers |
| learned from | {corpus["train_pieces"]} pieces of {corpus["name"]} ({corpus["source"]}): train without near copies of valid and test |
| corpus fingerprint | `{corpus["fingerprint"]}` |
| valid split | {likelihood} |
| learning | {metrics["seconds"]:.1f} s on {metrics["machine"]} |
| versions | {", ".join(f"{package} {number}" for package, number in versions.items())} |

Make it again, once `musicgen corpus build {corpus["name"]}` has been run:

    {command}
"""
