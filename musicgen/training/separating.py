"""Training a separator: chorales with their voices merged, and a U-Net has to say whose each sounding cell is. In one sitting of minutes.

So that it knows more than full chorales in their own key, voices are left out or rest for a while, and the music is moved and stretched.
Shapes: B windows, V voices, P rows, T steps.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from musicgen.corpus.store import Corpus
from musicgen.errors import ConfigError
from musicgen.models.checkpoint import Checkpoint, save_checkpoint, write_text
from musicgen.models.unet import UNet, UNetConfig
from musicgen.music.chorale import REST, VOICES, BoolArray, Chorale
from musicgen.separation.network import KIND
from musicgen.separation.rolls import PLANES, ROWS, picture_of, sung_roll
from musicgen.training.config import apply_settings
from musicgen.training.loop import Outcome, Progress
from musicgen.training.publish import where_and_how

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
    corpus: Corpus, output: Path, settings: Sequence[str] = (), on_progress: Callable[[Progress], None] = lambda progress: None
) -> Outcome:
    """Trains from the beginning and writes the checkpoint once all is done; best: nats per sounding cell of the valid split."""
    configs = apply_settings({"model": UNetConfig(PLANES, len(VOICES)), "training": SeparatorTraining()}, settings)
    model_config, config = configs["model"], configs["training"]
    if (model_config.inputs, model_config.outputs) != (PLANES, len(VOICES)) or ROWS % 2 ** len(model_config.channels):
        raise ConfigError(
            f"a separator has {PLANES} inputs, {len(VOICES)} outputs and at most 5 layers; leave these out or name fewer channels"
        )
    # Near copies of valid and test pieces would make their figures too good.
    learned = [piece.chorale for piece in corpus.pieces("train", near_copies=False)]
    valid = [whole_roll(piece.chorale) for piece in corpus.pieces("valid")]
    began = time.monotonic()
    best, history = _train(model_config, config, learned, valid, on_progress)
    seconds = time.monotonic() - began
    checkpoint = Checkpoint(KIND, asdict(model_config), {}, {"name": corpus.name, "fingerprint": corpus.fingerprint}, asdict(config))
    save_checkpoint(output, checkpoint, best.weights)
    metrics = {
        "valid_nats_per_cell": round(best.nats, 5),
        "best_update": best.update,
        "updates": config.updates,
        "history": history,
        **where_and_how(corpus, len(learned), seconds),
    }
    write_text(output / "metrics.json", json.dumps(metrics, indent=2) + "\n")
    write_text(output / "MODEL_CARD.md", _card(output.name, best, metrics, settings))
    return Outcome(best.nats, best.update, config.updates, seconds, True, output)


@dataclass(frozen=True)
class _Best:
    nats: float
    update: int
    weights: dict[str, Tensor]


def _train(
    model_config: UNetConfig,
    config: SeparatorTraining,
    learned: Sequence[Chorale],
    valid: Sequence[tuple[Tensor, Tensor]],
    on_progress: Callable[[Progress], None],
) -> tuple[_Best, list[dict[str, float]]]:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        model, rng = UNet(model_config), np.random.default_rng(config.seed)
        averaged = {name: weight.detach().clone() for name, weight in model.state_dict().items()}
        optimizer = torch.optim.AdamW(model.parameters(), lr=config.learning_rate, betas=(0.9, 0.98), weight_decay=config.weight_decay)
        best, history, began = _Best(math.inf, 0, averaged), list[dict[str, float]](), time.monotonic()
        for update in range(1, config.updates + 1):
            loss = _update(model, averaged, optimizer, _batch(learned, config, rng), config, update)
            is_look = update % config.test_every == 0 or update == config.updates
            if is_look:
                nats = _valid_nats(model_config, averaged, valid)
                history.append({"update": update, "train": round(loss, 5), "valid": round(nats, 5)})
                if nats < best.nats:
                    best = _Best(nats, update, {name: weight.clone() for name, weight in averaged.items()})
            seconds = time.monotonic() - began
            left = seconds / update * (config.updates - update)
            on_progress(Progress(update, config.updates, loss, history[-1]["valid"] if history else None, seconds, left))
    return best, history


def _update(
    model: UNet,
    averaged: dict[str, Tensor],
    optimizer: torch.optim.Optimizer,
    batch: tuple[Tensor, Tensor],
    config: SeparatorTraining,
    update: int,
) -> float:
    """One step of AdamW; the rate rises for `warmup` updates and then falls to zero. Returns nats per sounding cell."""
    model.train()
    falling = (config.updates - update + 1) / max(1, config.updates - config.warmup)
    for group in optimizer.param_groups:
        group["lr"] = config.learning_rate * min(1.0, update / max(1, config.warmup), falling)
    loss = cell_nats(model, *batch).mean()
    optimizer.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    torch.nn.utils.clip_grad_norm_(model.parameters(), CLIP)
    optimizer.step()
    decay = min(config.average, update / (9 + update))
    with torch.no_grad():
        for name, weight in model.state_dict().items():
            averaged[name] = torch.lerp(averaged[name], weight, 1 - decay) if weight.is_floating_point() else weight.clone()
    return float(loss.detach())


def cell_nats(model: UNet, rolls: Tensor, sung: Tensor) -> Tensor:
    """-log of what is given to the voices that sing a cell, for each sounding cell, flat. rolls (B, 2, P, T), sung (B, V, P, T) bool."""
    shares = model(picture_of(rolls)).log_softmax(dim=1)
    return -torch.logsumexp(shares.masked_fill(~sung, float("-inf")), dim=1)[rolls[:, 0]]


@torch.inference_mode()
def _valid_nats(model_config: UNetConfig, weights: dict[str, Tensor], valid: Sequence[tuple[Tensor, Tensor]]) -> float:
    model = UNet(model_config)
    model.load_state_dict(weights)
    model.eval()
    return float(torch.cat([cell_nats(model, rolls, sung) for rolls, sung in valid]).mean())


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


def _card(name: str, best: _Best, metrics: dict[str, object], settings: Sequence[str]) -> str:
    corpus, seconds = metrics["corpus"], metrics["seconds"]
    assert isinstance(corpus, dict)
    assert isinstance(seconds, float)
    command = " ".join(["musicgen train separator", *(f"--set {setting}" for setting in settings)])
    return f"""# {name}

Tells the four voices of a piano score or of chords apart: `musicgen separate piano.mid --method {name}`.

| | |
|---|---|
| model | U-Net over piano rolls (Jansson et al. 2017), {sum(weight.numel() for weight in best.weights.values()):,} numbers |
| learned from | {corpus["train_pieces"]} pieces of {corpus["name"]} ({corpus["source"]}): train without near copies of valid and test |
| corpus fingerprint | `{corpus["fingerprint"]}` |
| valid split | {best.nats:.4f} nats per sounding cell, at update {best.update} of {metrics["updates"]} |
| training | {seconds / 60:.0f} minutes on {metrics["machine"]} |

Make it again, once `musicgen corpus build {corpus["name"]}` has been run:

    {command}
"""
