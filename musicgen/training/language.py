"""Training on streams of events, read top to bottom: rows -> loss -> weights -> a checkpoint folder. One process or many.

The rows of an update are a function of (seed, update); each process takes its share of them, and gradients are those of the whole, so the
weights do not depend on the number of processes. A run lives in one folder, as in `loop`, and goes on bit for bit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from musicgen.errors import CheckpointError
from musicgen.generation.foretelling import FloatArray, IntArray, Measured, id_nats, measure
from musicgen.models.checkpoint import Checkpoint, load_weights, save_checkpoint
from musicgen.tokenizers.events import EventTokenizer
from musicgen.training.distributed import Ranks, gathering, load_parts, local_parts, read_notes, save_parts, spread, whole
from musicgen.training.language_config import LanguageTraining
from musicgen.training.loop import (
    STATE,
    Outcome,
    Progress,
    RunState,
    follow,
    is_best,
    learning_rate,
    load_state,
    log_look,
    save_state,
    sit,
    weight_groups,
)
from musicgen.training.streams import Excerpt, Pieces, Rows, in_batches

BETAS = (0.9, 0.95)


def train_language(
    checkpoint: Checkpoint,
    config: LanguageTraining,
    tokenizer: EventTokenizer,
    pieces: Pieces,
    valid_rows: Sequence[IntArray],
    folder: Path,
    ranks: Ranks,
    *,
    weights: Mapping[str, Tensor] | None = None,
    on_progress: Callable[[Progress], None] = lambda progress: None,
    stop_after: int | None = None,
) -> Outcome:
    """Trains until the schedule or the patience ends, or Ctrl-C; called again on the same folder it goes on.

    `weights`: what to begin with, instead of chance. `stop_after`: leave after this update as if interrupted.
    """
    if ranks.first:
        folder.mkdir(parents=True, exist_ok=True)
        tokenizer.save(folder)
    ranks.wait()
    learner = Learner(replace(checkpoint, training=dials_of(config)), config, ranks, weights)
    rows = Rows(pieces, tokenizer, learner.model.config.window, config)
    state = learner.load(folder)
    finished = sit(
        state,
        config,
        update=lambda: learner.update(rows, state.update),
        look=lambda loss: _look(learner, valid_rows, state, loss, folder),
        save=lambda: learner.save(folder, state),
        on_progress=on_progress if ranks.first else lambda progress: None,
        stop_after=stop_after,
    )
    return Outcome(state.best, state.best_update, state.update, state.seconds, finished, folder)


def dials_of(config: LanguageTraining) -> dict[str, Any]:
    """All but those that change nothing in the result, so that a run may go on with others."""
    return {name: value for name, value in asdict(config).items() if name not in ("at_once", "parallel")}


class Learner:
    """A model, its running average and its optimizer, in one process of perhaps many. `module` is what to call for the model."""

    def __init__(self, checkpoint: Checkpoint, config: LanguageTraining, ranks: Ranks, weights: Mapping[str, Tensor] | None) -> None:
        self.checkpoint, self.config, self.ranks = checkpoint, config, ranks
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(config.seed)
            model = checkpoint.build()
        if weights is not None:
            load_weights(model, weights)
        self.model: Any = model.to(ranks.device)
        self.module = spread(self.model, ranks, config.parallel)
        self.averaged = {name: weight.detach().clone() for name, weight in self.model.state_dict().items()}
        self.optimizer = torch.optim.AdamW(weight_groups(self.model, config.weight_decay), lr=config.learning_rate, betas=BETAS, fused=True)

    def update(self, rows: Rows, update: int) -> float:
        """One step of AdamW, then the running average. Returns the loss in nats an id."""
        config, ranks = self.config, self.ranks
        own = [rows.row(update, number) for number in range(ranks.number, config.batch, ranks.count)]
        batches = self.share(own, config.batch, rows.window + 1, rows.tokenizer.pad_id)
        counted = sum(float(weights[:, 1:].sum()) for _, weights in batches)
        total, stopped = ranks.total(counted, ranks.asked_to_stop)
        if stopped:
            raise KeyboardInterrupt  # in all processes, before anything is changed
        self.model.train()
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate(config, update)
        self.optimizer.zero_grad()
        loss = 0.0
        with torch.random.fork_rng(devices=[ranks.device] if ranks.device != "cpu" else []):
            torch.manual_seed((config.seed << 48) + (ranks.number << 32) + update)  # dropout, the same when an update is repeated
            for number, batch in enumerate(batches):
                with gathering(self.module, number == len(batches) - 1):
                    part = self._weighted(batch) / total
                    (part * ranks.count).backward()  # type: ignore[no-untyped-call] # processes average their gradients
                loss += float(part.detach())
        nn.utils.clip_grad_norm_(self.model.parameters(), config.clip)
        self.optimizer.step()
        follow(local_parts(self.averaged), local_parts(self.model.state_dict()), config, update)
        return ranks.total(loss)[0]

    def share(self, own: Sequence[Excerpt], of: int, length: int, pad_id: int) -> list[tuple[IntArray, FloatArray]]:
        """This process's rows in batches, as many in every process."""
        most = -(-of // self.ranks.count)
        size = min(self.config.at_once, most)
        return in_batches(own, size, -(-most // size), lambda: Excerpt(np.full(length, pad_id), np.zeros(length, np.float32)))

    def measure(self, rows: Sequence[IntArray], pad_id: int) -> Measured:
        """Of the averaged weights, by all processes together."""
        self._swap()
        length = self.model.config.window + 1
        own = [_as_excerpt(row, length, pad_id) for row in sorted(rows, key=len)[self.ranks.number :: self.ranks.count]]
        measured = measure(self.module, self.share(own, len(rows), length, pad_id), self.model.config.vocab_size, self.ranks.device)
        self._swap()
        numbers = self.ranks.total(*measured.nats, *measured.counts)
        size = len(measured.nats)
        return Measured(np.array(numbers[:size]), np.array(numbers[size:]))

    def best_weights(self) -> dict[str, Tensor]:
        """The averaged weights, whole, in every process."""
        return {name: whole(weight) for name, weight in self.averaged.items()}

    def save(self, folder: Path, state: RunState) -> None:
        if not self.ranks.joined:
            save_state(folder, self.checkpoint, self.model, self.averaged, self.optimizer, state)
            return
        notes = {"state": asdict(state), "checkpoint": self.checkpoint.to_json()}
        save_parts(folder, self._tensors(), notes, state.update, self.ranks)

    def load(self, folder: Path) -> RunState:
        """Takes up the run in `folder`, if there is one; a run with other settings is refused."""
        notes = read_notes(folder)
        if not self.ranks.joined:
            if notes:
                raise CheckpointError(f"{folder}: this run was begun under torchrun; go on under torchrun, with any number of processes")
            return load_state(folder, self.checkpoint, self.model, self.averaged, self.optimizer)
        if (folder / STATE).exists():
            raise CheckpointError(f"{folder}: this run was begun without torchrun; go on without it, or choose another --run")
        if not notes:
            return RunState()
        if notes["checkpoint"] != self.checkpoint.to_json():
            raise CheckpointError(f"{folder}: this run was begun with other settings or another corpus; choose another --run")
        for weight in self.model.parameters():
            self.optimizer.state[weight] = {
                "step": torch.tensor(0.0),
                "exp_avg": torch.zeros_like(weight),
                "exp_avg_sq": torch.zeros_like(weight),
            }
        load_parts(folder, self._tensors(), notes["folder"])
        return RunState(**notes["state"])

    def _weighted(self, batch: tuple[IntArray, FloatArray]) -> Tensor:
        ids = torch.from_numpy(batch[0]).to(self.ranks.device)
        weights = torch.from_numpy(batch[1]).to(self.ranks.device)[:, 1:]
        return (id_nats(self.module, ids, self.ranks.device) * weights).sum()

    @torch.no_grad()
    def _swap(self) -> None:
        """Exchanges the weights and their average."""
        averaged = local_parts(self.averaged)
        for name, weight in local_parts(self.model.state_dict()).items():
            kept = weight.clone()
            weight.copy_(averaged[name])
            averaged[name].copy_(kept)

    def _tensors(self) -> dict[str, Tensor]:
        """All that a sharded state holds; what is loaded into them is loaded."""
        tensors = {f"model.{name}": weight for name, weight in self.model.state_dict().items()}
        tensors |= {f"averaged.{name}": weight for name, weight in self.averaged.items()}
        for name, weight in self.model.named_parameters():
            tensors |= {f"optimizer.{name}.{slot}": value for slot, value in self.optimizer.state[weight].items()}
        return tensors


def _as_excerpt(ids: IntArray, length: int, pad_id: int) -> Excerpt:
    padding = length - len(ids)
    return Excerpt(np.pad(ids, (0, padding), constant_values=pad_id), np.pad(np.ones(len(ids), np.float32), (0, padding)))


def _look(learner: Learner, valid_rows: Sequence[IntArray], state: RunState, loss: float, folder: Path) -> None:
    """Tests the averaged weights on the valid split and keeps them if they are the best so far."""
    pad_id = learner.model.config.pad_id
    valid = learner.measure(valid_rows, pad_id).nats_per_id
    if is_best(state, loss, valid):
        weights = learner.best_weights()
        if learner.ranks.first:
            save_checkpoint(folder, learner.checkpoint, weights)
    if learner.ranks.first:
        log_look(folder, state)
