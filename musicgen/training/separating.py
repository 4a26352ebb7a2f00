"""Training a separator: chorales with their voices merged, and a U-Net has to say whose each sounding cell is. In minutes.

So that it knows more than full chorales in their own key, voices are left out or rest for a while, and the music is moved and stretched.
Shapes: B windows, V voices, P rows, T steps.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from musicgen.corpus.store import Corpus
from musicgen.errors import ConfigError
from musicgen.models.checkpoint import Checkpoint, built_from, save_checkpoint
from musicgen.models.unet import UNet, UNetConfig
from musicgen.music.chorale import REST, VOICES, BoolArray, Chorale
from musicgen.separation.network import KIND
from musicgen.separation.rolls import PLANES, ROWS, picture_of, sung_roll
from musicgen.training.config import apply_settings
from musicgen.training.loop import Outcome, Progress, RunState, follow, is_best, learning_rate, load_state, log_look, save_state, sit
from musicgen.training.publish import where_and_how, write_files

CLIP = 1.0  # greatest norm of the gradient


@dataclass(frozen=True)
class SeparatorTraining:
    """Shares are of windows, 0 to 1."""

    updates: int = 2400
    batch: int = 8
    window: int = 128
    learning_rate: float = 4e-3
    warmup: int = 30
    weight_decay: float = 0.05
    average: float = 0.98
    """Decay of the running average of the weights, which is what is tested and kept."""
    fewer: float = 0.4
    """Share in which only two or three voices sing."""
    rests: float = 0.3
    """Share in which a voice or more rests for up to three bars."""
    transpose: int = 6
    """Usually moved by up to this many semitones."""
    far: float = 0.2
    """Share that is moved by up to an octave and more."""
    stretch: float = 0.15
    """Share in which every note is twice as long."""
    test_every: int = 300
    seed: int = 1
    patience: ClassVar[float] = math.inf
    save_minutes: ClassVar[float] = 1.0

    def __post_init__(self) -> None:
        if min(self.updates, self.batch, self.test_every) < 1 or self.window < 16 or self.window % 16:
            raise ConfigError("training.updates, batch and test_every must be at least 1, training.window a multiple of 16")
        for name in ("average", "fewer", "rests", "far", "stretch"):
            if not 0 <= getattr(self, name) <= 1:
                raise ConfigError(f"training.{name}={getattr(self, name)}: from 0 to 1")
        if min(self.warmup, self.seed, self.transpose, self.weight_decay) < 0 or not 0 < self.learning_rate < math.inf:
            raise ConfigError("training.learning_rate must be above 0, warmup, seed, transpose and weight_decay at least 0")


FAR = 14  # semitones


def train_separator(
    corpus: Corpus,
    run: Path,
    output: Path,
    settings: Sequence[str] = (),
    on_progress: Callable[[Progress], None] = lambda progress: None,
    stop_after: int | None = None,
) -> Outcome:
    """Trains in the folder `run`, or goes on there, and writes the checkpoint once all is done; best: nats per sounding cell of valid.

    `stop_after`: leave after this update as if interrupted.
    """
    configs = apply_settings({"model": UNetConfig(PLANES, len(VOICES)), "training": SeparatorTraining()}, settings)
    model, config = configs["model"], configs["training"]
    if (model.inputs, model.outputs) != (PLANES, len(VOICES)) or ROWS % 2 ** len(model.channels):
        raise ConfigError(f"a separator has {PLANES} inputs, {len(VOICES)} outputs and up to 4 layers; leave them as they are")
    checkpoint = Checkpoint(KIND, asdict(model), {}, {"name": corpus.name, "fingerprint": corpus.fingerprint}, asdict(config))
    # Near copies of valid and test pieces would make their figures too good.
    learned = [piece.chorale for piece in corpus.pieces("train", near_copies=False)]
    valid = [whole_roll(piece.chorale) for piece in corpus.pieces("valid")]
    run.mkdir(parents=True, exist_ok=True)
    state, finished = _train(checkpoint, config, learned, valid, run, on_progress, stop_after)
    outcome = Outcome(state.best, state.best_update, state.update, state.seconds, finished, run)
    if finished:
        _publish(corpus, len(learned), checkpoint, state, settings, run, output)
    return outcome


def _train(
    checkpoint: Checkpoint,
    config: SeparatorTraining,
    learned: Sequence[Chorale],
    valid: Sequence[tuple[Tensor, Tensor]],
    run: Path,
    on_progress: Callable[[Progress], None],
    stop_after: int | None,
) -> tuple[RunState, bool]:
    """Where the run stands now, and whether it is at its end. Every update is a function of its number and the seed."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        model = UNet(built_from(UNetConfig, checkpoint.model))
    averaged = {name: weight.detach().clone() for name, weight in model.state_dict().items()}
    optimizer = torch.optim.AdamW(model.parameters(), lr=config.learning_rate, betas=(0.9, 0.98), weight_decay=config.weight_decay)
    state = load_state(run, checkpoint, model, averaged, optimizer)

    def update() -> float:
        batch = _batch(learned, config, np.random.default_rng((config.seed, state.update)))
        return _update(model, averaged, optimizer, batch, config, state.update)

    finished = sit(
        state,
        config,
        update=update,
        look=lambda loss: _look(checkpoint, averaged, valid, state, loss, run),
        save=lambda: save_state(run, checkpoint, model, averaged, optimizer, state),
        on_progress=on_progress,
        stop_after=stop_after,
    )
    return state, finished


def _update(
    model: UNet,
    averaged: dict[str, Tensor],
    optimizer: torch.optim.Optimizer,
    batch: tuple[Tensor, Tensor],
    config: SeparatorTraining,
    update: int,
) -> float:
    """One step of AdamW, then the running average. Returns nats per sounding cell."""
    model.train()
    for group in optimizer.param_groups:
        group["lr"] = learning_rate(config, update)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed((config.seed << 32) + update)  # dropout
        loss = cell_nats(model, *batch).mean()
    optimizer.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    torch.nn.utils.clip_grad_norm_(model.parameters(), CLIP)
    optimizer.step()
    follow(averaged, model.state_dict(), config, update)
    return float(loss.detach())


def cell_nats(model: UNet, rolls: Tensor, sung: Tensor) -> Tensor:
    """-log of what is given to the voices that sing a cell, for each sounding cell, flat. rolls (B, 2, P, T), sung (B, V, P, T) bool."""
    shares = model(picture_of(rolls)).log_softmax(dim=1)
    return -torch.logsumexp(shares.masked_fill(~sung, float("-inf")), dim=1)[rolls[:, 0]]


@torch.inference_mode()
def _look(
    checkpoint: Checkpoint, averaged: dict[str, Tensor], valid: Sequence[tuple[Tensor, Tensor]], state: RunState, loss: float, run: Path
) -> None:
    """Tests the averaged weights on the valid split and keeps them if they are the best so far."""
    model = UNet(built_from(UNetConfig, checkpoint.model))
    model.load_state_dict(averaged)
    model.eval()
    nats = float(torch.cat([cell_nats(model, rolls, sung) for rolls, sung in valid]).mean())
    if is_best(state, loss, nats):
        save_checkpoint(run, checkpoint, averaged)
    log_look(run, state)


# --- windows


def whole_roll(chorale: Chorale) -> tuple[Tensor, Tensor]:
    """A piece as a batch of one, with silence after it up to a number of steps that any U-Net here can halve."""
    steps = -(-chorale.steps // 32) * 32
    pitch = np.pad(chorale.pitch, ((0, 0), (0, steps - chorale.steps)), constant_values=REST)
    onset = np.pad(chorale.onset, ((0, 0), (0, steps - chorale.steps)))
    roll, sung = sung_roll(pitch, onset)
    return torch.from_numpy(roll)[None], torch.from_numpy(sung)[None]


def _batch(pieces: Sequence[Chorale], config: SeparatorTraining, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
    windows = [make_window(pieces[int(rng.integers(len(pieces)))], config, rng) for _ in range(config.batch)]
    rolls, sung = (np.stack(each) for each in zip(*windows, strict=True))
    return torch.from_numpy(rolls), torch.from_numpy(sung)


def make_window(chorale: Chorale, config: SeparatorTraining, rng: np.random.Generator) -> tuple[BoolArray, BoolArray]:
    """(2, P, T) and (V, P, T) of a part of a piece, changed as the config says; it may begin before the piece and end after it."""
    pitch, onset = chorale.pitch, chorale.onset
    if rng.random() < config.stretch:
        onset = np.stack([onset, np.zeros_like(onset)], axis=2).reshape(len(onset), -1)
        pitch = np.repeat(pitch, 2, axis=1)
    start = int(rng.integers(-config.window // 4, max(1, pitch.shape[1] - config.window // 2)))
    steps = np.arange(start, start + config.window)
    inside = (steps >= 0) & (steps < pitch.shape[1])
    steps = np.clip(steps, 0, pitch.shape[1] - 1)
    silent = _silent(len(pitch), config, rng)
    pitch = np.where(inside & ~silent, pitch[:, steps], REST)
    onset = onset[:, steps]
    onset[:, 1:] |= silent[:, :-1] & ~silent[:, 1:]  # what is left of a note begins anew
    reach = FAR if rng.random() < config.far else config.transpose
    moved = int(rng.integers(-reach, reach + 1))
    return sung_roll(np.where(pitch == REST, REST, pitch + moved).astype(np.int16), onset)


def _silent(voices: int, config: SeparatorTraining, rng: np.random.Generator) -> BoolArray:
    """(V, T) where a voice does not sing."""
    silent = np.zeros((voices, config.window), dtype=bool)
    if rng.random() < config.fewer:
        silent[rng.permutation(voices)[int(rng.integers(2, voices)) :]] = True
    if rng.random() < config.rests:
        for _ in range(int(rng.integers(1, 4))):
            start = int(rng.integers(config.window))
            silent[int(rng.integers(voices)), start : start + int(rng.integers(4, 48))] = True
    return silent


# --- the checkpoint


def _publish(
    corpus: Corpus, pieces: int, checkpoint: Checkpoint, state: RunState, settings: Sequence[str], run: Path, output: Path
) -> None:
    output.mkdir(parents=True, exist_ok=True)
    metrics = {
        "valid_nats_per_cell": round(state.best, 5),
        "best_update": state.best_update,
        "updates": state.update,
        **where_and_how(corpus, pieces, state.seconds),
        "history": state.history,
    }
    card = _card(output.name, checkpoint, state, metrics["corpus"], metrics["machine"], settings)
    write_files(output, run, checkpoint, metrics, card)


def _card(name: str, checkpoint: Checkpoint, state: RunState, corpus: Mapping[str, Any], machine: str, settings: Sequence[str]) -> str:
    weights = sum(weight.numel() for weight in checkpoint.build().parameters())
    command = " ".join(["musicgen train separator", *(f"--set {setting}" for setting in settings)])
    return f"""# {name}

Tells the four voices of a piano score or of chords apart: `musicgen separate piano.mid --method {name}`.

| | |
|---|---|
| model | U-Net over piano rolls (Jansson et al. 2017), {weights:,} parameters |
| learned from | {corpus["train_pieces"]} pieces of {corpus["name"]} ({corpus["source"]}): train without near copies of valid and test |
| corpus fingerprint | `{corpus["fingerprint"]}` |
| valid split | {state.best:.4f} nats per sounding cell, at update {state.best_update} of {state.update} |
| training | {state.seconds / 60:.0f} minutes on {machine} |

Make it again, once `musicgen corpus build {corpus["name"]}` has been run:

    {command}
"""
