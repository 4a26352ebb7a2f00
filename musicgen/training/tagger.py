"""Training the tagger: labelled pieces of many traditions, and a network has to say of a window which it is from.

Note values are no matter of style but of edition, a breve in one is a half in another: half of the windows come with all values halved
or doubled, and then no meter is asked for.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch

from musicgen.corpus.labelled import LabelledCorpus, LabelledPiece
from musicgen.errors import ConfigError
from musicgen.models.checkpoint import Checkpoint, save_checkpoint
from musicgen.models.convnet import ConvNet, ConvNetConfig
from musicgen.models.fitting import FitConfig, Rolls, fit
from musicgen.tokenizers.rolls import notes_roll, quarters
from musicgen.tokenizers.tags import QUESTIONS, UNKNOWN, labels_of
from musicgen.training.config import apply_settings
from musicgen.training.loop import Outcome, Progress

TAGGER = "tagger"
KIND = "convnet"
PLANES = 2
ANSWERS = tuple(len(answers) for answers in QUESTIONS.values())
MODEL = ConvNetConfig(PLANES, ANSWERS, widths=(16, 32, 48, 64), dropout=0.3)
TRAINING = FitConfig(updates=1500, window=128, learning_rate=3e-3, average=0.98, look_every=100, patience=5)
VALUES = (1.0, 1.0, 0.5, 2.0)
SEED = 1


def train_tagger(
    corpus: LabelledCorpus, output: Path, settings: Sequence[str] = (), on_progress: Callable[[Progress], None] = lambda progress: None
) -> Outcome:
    """Trains from the beginning, and writes weights and config once all is done; best: nats of the valid split, all questions together."""
    configs = apply_settings({"model": MODEL, "training": TRAINING}, settings)
    model, config = configs["model"], configs["training"]
    if (model.planes, model.answers) != (PLANES, ANSWERS):
        raise ConfigError(f"a tagger has {PLANES} planes and {ANSWERS} answers; leave these out")
    learned, inner = (make_rolls(corpus.pieces(split), config.window, values) for split, values in (("train", VALUES), ("valid", (1.0,))))
    began, looks = time.monotonic(), list[tuple[float, int]]()

    def look(share: float, nats: float) -> None:
        update, seconds = round(share * config.updates), time.monotonic() - began
        looks.append((nats, update))
        on_progress(Progress(update, config.updates, float("nan"), nats, seconds, seconds * (1 - share) / share))

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)
        net = ConvNet(model).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        fit(net, learned, inner, config, SEED, look)
    checkpoint = Checkpoint(
        KIND,
        asdict(model),
        {"questions": {question: list(answers) for question, answers in QUESTIONS.items()}},
        {"name": corpus.name, "fingerprint": corpus.fingerprint, "source": corpus.source},
        asdict(config),
    )
    save_checkpoint(output, checkpoint, net.state_dict(), dtype=torch.float32)
    best, update = min(looks)
    return Outcome(best, update, config.updates, time.monotonic() - began, True, output)


def make_rolls(pieces: Sequence[LabelledPiece], window: int, values: Sequence[float] = (1.0,)) -> Rolls:
    """The rolls of pieces, once for each factor by which their note values are multiplied."""
    labels = labels_of([piece.facts for piece in pieces])
    unasked = labels.copy()
    unasked[:, list(QUESTIONS).index("meter")] = UNKNOWN
    plain = [notes_roll(*piece.notes) for piece in pieces]
    rolls = [
        plain if value == 1 else [notes_roll(piece.notes[0] * value, piece.notes[1] * value, piece.notes[2]) for piece in pieces]
        for value in values
    ]
    every = [roll for of_value in rolls for roll in of_value]
    return Rolls(every, [quarters(roll, window) for roll in every], np.concatenate([labels if value == 1 else unasked for value in values]))
