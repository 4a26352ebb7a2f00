"""The training loop, read top to bottom: batches -> loss -> weights -> a checkpoint folder. Needs torch, numpy and safetensors alone.

A run lives in one folder: state.safetensors (everything needed to go on), log.jsonl (one line a look at the valid split) and the best
weights so far as a checkpoint. Every update is a function of (seed, update number), so a run stopped anywhere goes on bit for bit.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

import torch
from safetensors import safe_open
from torch import Tensor, nn

from musicgen.errors import CheckpointError
from musicgen.models.checkpoint import Checkpoint, load_tensors, save_checkpoint, save_tensors
from musicgen.models.precision import product_dtype
from musicgen.music.chorale import Chorale
from musicgen.tokenizers.grid import GridTokenizer
from musicgen.training.batches import Batch, Task, WindowSource, whole_pieces
from musicgen.training.config import TrainingConfig
from musicgen.training.tasks import find_task

STATE = "state.safetensors"
LOG = "log.jsonl"


@dataclass(frozen=True)
class Progress:
    """Told after every update: how far, how long, how good. `valid` is the latest look at the valid split, in nats per cell."""

    update: int
    updates: int
    loss: float
    valid: float | None
    seconds: float
    seconds_left: float


@dataclass
class RunState:
    """Where a run stands. `seconds` counts all sittings."""

    update: int = 0
    best: float = float("inf")
    best_update: int = 0
    looks_since_best: int = 0
    seconds: float = 0.0
    history: list[dict[str, float]] = field(default_factory=list)


@dataclass(frozen=True)
class Outcome:
    """best: nats per cell on valid; finished is False after Ctrl-C."""

    best: float
    best_update: int
    updates: int
    seconds: float
    finished: bool
    folder: Path


def train(
    checkpoint: Checkpoint,
    config: TrainingConfig,
    train_pieces: Sequence[Chorale],
    valid_pieces: Sequence[Chorale],
    folder: Path,
    *,
    device: str = "cpu",
    on_progress: Callable[[Progress], None] = lambda progress: None,
    stop_after: int | None = None,
) -> Outcome:
    """Trains until the schedule or the patience ends, or Ctrl-C; called again on the same folder it goes on.

    `stop_after`: leave after this update as if interrupted, for tests and for sittings of a fixed length.
    """
    folder.mkdir(parents=True, exist_ok=True)
    checkpoint = replace(checkpoint, training=asdict(config))
    task = find_task(checkpoint.kind, GridTokenizer(**checkpoint.tokenizer), config)
    source = WindowSource(train_pieces, config, task)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        model = checkpoint.build().to(device)
    averaged = {name: weight.detach().clone() for name, weight in model.state_dict().items()}
    optimizer = torch.optim.AdamW(weight_groups(model, config.weight_decay), lr=config.learning_rate, betas=(0.9, 0.98))
    state = load_state(folder, checkpoint, model, averaged, optimizer)
    finished = sit(
        state,
        config,
        update=lambda: update_once(model, averaged, optimizer, source.batch(state.update), config, state.update, device),
        look=lambda loss: _look(model, averaged, valid_pieces, task, checkpoint, state, loss, folder, device),
        save=lambda: save_state(folder, checkpoint, model, averaged, optimizer, state),
        on_progress=on_progress,
        stop_after=stop_after,
    )
    return Outcome(state.best, state.best_update, state.update, state.seconds, finished, folder)


class Schedule(Protocol):
    """The dials of a training that `sit`, `learning_rate` and `follow` read, as `TrainingConfig` says them."""

    @property
    def updates(self) -> int: ...
    @property
    def learning_rate(self) -> float: ...
    @property
    def warmup(self) -> int: ...
    @property
    def average(self) -> float: ...
    @property
    def test_every(self) -> int: ...
    @property
    def patience(self) -> float: ...
    @property
    def save_minutes(self) -> float: ...


def sit(
    state: RunState,
    config: Schedule,
    *,
    update: Callable[[], float],
    look: Callable[[float], None],
    save: Callable[[], None],
    on_progress: Callable[[Progress], None],
    stop_after: int | None,
) -> bool:
    """One sitting of a run, saved at its end; False if it was left early. `update` gives the loss, `look` is given it."""
    began, before, saved = time.monotonic(), state.seconds, time.monotonic()
    finished = True
    try:
        while state.update < config.updates and state.looks_since_best < config.patience:
            if state.update == stop_after:
                finished = False
                break
            loss = update()
            state.update += 1
            state.seconds = before + time.monotonic() - began
            if state.update % config.test_every == 0 or state.update == config.updates:
                look(loss)
            if time.monotonic() - saved > 60 * config.save_minutes:
                save()
                saved = time.monotonic()
            on_progress(_progress(state, config, loss))
    except KeyboardInterrupt:
        finished = False
    save()
    return finished


def update_once(
    model: nn.Module,
    averaged: dict[str, Tensor],
    optimizer: torch.optim.Optimizer,
    batch: Batch,
    config: TrainingConfig,
    update: int,
    device: str = "cpu",
) -> float:
    """One step of AdamW, then the running average. Returns the loss in nats per cell."""
    model.train()
    for group in optimizer.param_groups:
        group["lr"] = learning_rate(config, update)
    with torch.random.fork_rng(devices=[device] if device != "cpu" else []):
        torch.manual_seed((config.seed << 32) + update)  # dropout: a function of the update, so that a resumed run repeats it
        nats, counts = cross_entropy(model, batch, device), batch.counts.to(device)
        loss = (nats * counts).sum() / counts.sum()
    optimizer.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    nn.utils.clip_grad_norm_(model.parameters(), config.clip)
    optimizer.step()
    follow(averaged, model.state_dict(), config, update)
    return float(loss.detach())


@torch.no_grad()
def follow(averaged: Mapping[str, Tensor], weights: Mapping[str, Tensor], config: Schedule, update: int) -> None:
    """The running average of the weights, quicker in the first updates; what only counts is copied."""
    decay = min(config.average, (1 + update) / (10 + update))
    for name, weight in weights.items():
        if weight.is_floating_point():
            averaged[name].lerp_(weight, 1 - decay)
        else:
            averaged[name].copy_(weight)


def cross_entropy(model: nn.Module, batch: Batch, device: str = "cpu") -> Tensor:
    """Nats of every valid cell, flat; products in bf16 where that is fast, float32 logits."""
    valid = batch.valid.to(device)
    with torch.autocast(device.split(":")[0], torch.bfloat16, enabled=product_dtype(device) is torch.bfloat16):
        logits = model(*(tensor.to(device) for tensor in batch.inputs))
    return nn.functional.cross_entropy(logits.float()[valid], batch.targets.to(device)[valid], reduction="none")


def learning_rate(config: Schedule, update: int) -> float:
    """Rises linearly in `warmup` updates, then falls linearly to zero."""
    rising = (update + 1) / max(1, config.warmup)
    falling = (config.updates - update) / max(1, config.updates - config.warmup)
    return config.learning_rate * min(1.0, rising, falling)


@torch.no_grad()
def nats_per_cell(model: nn.Module, pieces: Sequence[Chorale], task: Task, device: str = "cpu") -> float:
    """Mean over all cells of whole pieces, in evaluation mode."""
    model.eval()
    batches = [task.examine(batch) for batch, _ in whole_pieces(pieces, task.tokenizer)]
    nats = torch.cat([cross_entropy(model, batch, device).cpu() for batch in batches])
    counts = torch.cat([batch.counts for batch in batches])
    return float((nats * counts).sum() / counts.sum())


def _look(
    model: nn.Module,
    averaged: dict[str, Tensor],
    valid_pieces: Sequence[Chorale],
    task: Task,
    checkpoint: Checkpoint,
    state: RunState,
    loss: float,
    folder: Path,
    device: str,
) -> None:
    """Tests the averaged weights on the valid split and keeps them if they are the best so far."""
    current = {name: weight.clone() for name, weight in model.state_dict().items()}
    model.load_state_dict(averaged)
    valid = nats_per_cell(model, valid_pieces, task, device)
    model.load_state_dict(current)
    if is_best(state, loss, valid):
        save_checkpoint(folder, checkpoint, averaged)
    log_look(folder, state)


def is_best(state: RunState, loss: float, valid: float) -> bool:
    """Enters a look at the valid split into the run, and says whether it is the best so far."""
    better = valid < state.best
    state.looks_since_best = 0 if better else state.looks_since_best + 1
    if better:
        state.best, state.best_update = valid, state.update
    entry = {"update": state.update, "train": round(loss, 5), "valid": round(valid, 5), "seconds": round(state.seconds, 1)}
    state.history.append(entry)
    return better


def log_look(folder: Path, state: RunState) -> None:
    """The latest look, as a line of the log."""
    with (folder / LOG).open("a", encoding="utf-8") as log:
        log.write(json.dumps(state.history[-1]) + "\n")


def _progress(state: RunState, config: Schedule, loss: float) -> Progress:
    valid = state.history[-1]["valid"] if state.history else None
    left = state.seconds / state.update * (config.updates - state.update)
    return Progress(state.update, config.updates, loss, valid, state.seconds, left)


def weight_groups(model: nn.Module, weight_decay: float) -> list[dict[str, Any]]:
    """Weight decay on matrices only: biases, norms and embeddings are left alone."""
    decayed = [p for name, p in model.named_parameters() if p.dim() > 1 and "embed" not in name and "bias" not in name]
    kept = {id(p) for p in decayed}
    others = [p for p in model.parameters() if id(p) not in kept]
    return [{"params": decayed, "weight_decay": weight_decay}, {"params": others, "weight_decay": 0.0}]


def save_state(
    folder: Path,
    checkpoint: Checkpoint,
    model: nn.Module,
    averaged: dict[str, Tensor],
    optimizer: torch.optim.Optimizer,
    state: RunState,
) -> None:
    """Weights, average, optimizer and progress in one file, so that they can never disagree."""
    tensors = {f"model.{name}": tensor for name, tensor in model.state_dict().items()}
    tensors |= {f"averaged.{name}": tensor for name, tensor in averaged.items()}
    for index, slots in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{index}.{slot}": torch.as_tensor(value) for slot, value in slots.items()}
    save_tensors(folder / STATE, tensors, {"state": json.dumps(asdict(state)), "checkpoint": checkpoint.to_json()})


def load_state(
    folder: Path,
    checkpoint: Checkpoint,
    model: nn.Module,
    averaged: dict[str, Tensor],
    optimizer: torch.optim.Optimizer,
) -> RunState:
    """Takes up the run in `folder`, if there is one; a run with other settings is refused."""
    path = folder / STATE
    if not path.exists():
        return RunState()
    tensors = load_tensors(path)
    with safe_open(path, "pt") as file:
        notes = file.metadata()
    if notes["checkpoint"] != checkpoint.to_json():
        raise CheckpointError(
            f"{folder}: this run was begun with other settings or another corpus; remove the folder or choose another --run"
        )
    model.load_state_dict({name.removeprefix("model."): t for name, t in tensors.items() if name.startswith("model.")})
    for name in averaged:
        averaged[name] = tensors[f"averaged.{name}"].to(averaged[name].device)
    slots: dict[int, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        if name.startswith("optimizer."):
            _, index, slot = name.split(".", 2)
            slots.setdefault(int(index), {})[slot] = tensor
    optimizer.load_state_dict({"state": slots, "param_groups": optimizer.state_dict()["param_groups"]})
    return RunState(**json.loads(notes["state"]))
