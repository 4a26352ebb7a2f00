"""What `flagship` or `deepbach` means: a network, a tokenizer, a training config, and the pieces it may see."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from musicgen.composers.methods import LEARNED
from musicgen.corpus.store import Corpus
from musicgen.errors import ConfigError, FileError, nearest
from musicgen.files.atomic import os_reason
from musicgen.models.checkpoint import Checkpoint
from musicgen.models.masked import MaskedConfig
from musicgen.models.quartet import QuartetConfig
from musicgen.models.sketcher import SketcherConfig
from musicgen.music.chorale import REST
from musicgen.music.ensemble import BACHS_CHOIR
from musicgen.tokenizers.grid import CONDITION_SIZES, GridTokenizer
from musicgen.training.config import TrainingConfig, apply_settings
from musicgen.training.learned import learn
from musicgen.training.loop import Outcome, Progress, train
from musicgen.training.publish import publish, seat
from musicgen.training.separating import train_separator

SEPARATOR = "separator"
FOR_CHOIRS = ("markov", "hmm", SEPARATOR)  # what learns soprano, alto, tenor and bass alone
FIXED = ("vocab_size", "input_size", "hold_id", "condition_sizes", "voices", "ladder")  # follow from the tokenizer


@dataclass(frozen=True)
class Preset:
    """A model, how it reads music, and how it is trained."""

    kind: str
    model: QuartetConfig | SketcherConfig | MaskedConfig
    tokenizer: GridTokenizer
    training: TrainingConfig
    members: int = 1
    """More than one: as many models are trained, from seeds that follow each other, and make a committee."""

    def for_corpus(self, corpus: Corpus) -> Preset:
        """With as many voices as the corpus has, in whose range all its pitches have ids; a choir's as it is."""
        ensemble = corpus.ensemble
        if ensemble == BACHS_CHOIR:
            return self
        pitches = np.concatenate([piece.chorale.pitch[piece.chorale.pitch != REST] for piece in corpus.all_pieces])
        lowest = min(int(pitches.min()), *(low for low, _ in ensemble.ranges))
        tokenizer = replace(self.tokenizer, lowest=lowest, highest=max(int(pitches.max()), *(high for _, high in ensemble.ranges)))
        # The outer voices first, as in a choir.
        order = (0, ensemble.voices - 1, *range(1, ensemble.voices - 1))
        voices: dict[str, Any] = {"order": order} if isinstance(self.model, SketcherConfig) else {"voices": ensemble.voices}
        sizes = voices | {"vocab_size": tokenizer.size, "input_size": tokenizer.size + 2}
        return replace(self, tokenizer=tokenizer, model=replace(self.model, **sizes))

    def changed(self, settings: Sequence[str]) -> Preset:
        """With `model.width=128` or `training.batch=8` set; what follows from the tokenizer stays."""
        for name in (setting.partition("=")[0].removeprefix("model.") for setting in settings):
            if name in FIXED:
                free = [field.name for field in fields(self.model) if field.name not in FIXED]
                raise ConfigError(f"model.{name} follows from the tokenizer and cannot be set; these can: {', '.join(free)}")
        configs = apply_settings({"model": self.model, "training": self.training}, settings)
        if getattr(configs["model"], "voices", None) != getattr(self.model, "voices", None):
            raise ConfigError(f"model.order must name each of the {self.model.voices} voices once")
        return replace(self, model=configs["model"], training=configs["training"])


def deepbach() -> Preset:
    tokenizer = GridTokenizer()
    model = QuartetConfig(tokenizer.size, tokenizer.size + 2, tokenizer.hold_id, CONDITION_SIZES, layers=1, motion=12)
    return Preset("quartet", model, tokenizer, TrainingConfig())


# Most pieces fit into a window whole. Soon a sketcher learns them by heart: a short schedule.
SKETCHING = TrainingConfig(
    updates=700,
    batch=8,
    window=256,
    learning_rate=1.5e-3,
    warmup=60,
    weight_decay=0.1,
    average=0.99,
    transpose=0,
    modulate=0.3,
    test_every=50,
)


def flagship() -> Preset:
    tokenizer = GridTokenizer("pair", relative=True, fermatas="struck", phrases=True)
    return Preset(
        "sketcher",
        SketcherConfig(tokenizer.size, tokenizer.size + 2, tokenizer.condition_sizes),
        tokenizer,
        replace(SKETCHING, updates=800),
    )


def jsb16() -> Preset:
    """For the field's step matrices, which say nothing of modes and fermatas; a committee for likelihood, not for filling sketches."""
    tokenizer = GridTokenizer("pair", relative=True, untold=("fermata", "mode"))
    model = SketcherConfig(tokenizer.size, tokenizer.size + 2, CONDITION_SIZES, inner=448, encoder_layers=0)
    return Preset("sketcher", model, tokenizer, replace(SKETCHING, empty=1.0), members=3)


def masked() -> Preset:
    tokenizer = GridTokenizer("pair", relative=True, fermatas="struck")
    training = replace(SKETCHING, updates=1600, learning_rate=3e-3, modulate=0.25, test_every=400)
    return Preset("masked", MaskedConfig(tokenizer.size, tokenizer.size + 2, CONDITION_SIZES), tokenizer, training)


def jsb16_masked() -> Preset:
    return replace(masked(), tokenizer=GridTokenizer("pair", relative=True, untold=("fermata", "mode")))


PRESETS: dict[str, Callable[[], Preset]] = {
    "deepbach": deepbach,
    "flagship": flagship,
    "jsb16": jsb16,
    "masked": masked,
    "jsb16-masked": jsb16_masked,
}


def find_preset(name: str) -> Preset:
    if name not in PRESETS:
        raise ConfigError(f"there is no preset {name!r}; {nearest(name, [*PRESETS, *LEARNED, SEPARATOR, 'tagger'])}")
    return PRESETS[name]()


def train_preset(
    name: str,
    corpus: Corpus,
    run: Path,
    output: Path,
    settings: Sequence[str] = (),
    *,
    device: str = "cpu",
    on_progress: Callable[[Progress], None] = lambda progress: None,
    stop_after: int | None = None,
) -> Outcome:
    """Trains in the folder `run`, or goes on there; once finished, the best weights go to `output` with config, metrics and card."""
    _check_voices(name, corpus)
    if name in LEARNED:
        _make_folder(output)
        return learn(name, corpus, output, settings, on_progress)
    if name == SEPARATOR:
        for folder in (run, output):
            _make_folder(folder)
        return train_separator(corpus, run, output, settings, on_progress, stop_after)
    preset = find_preset(name).for_corpus(corpus).changed(settings)
    check_device(device)
    for folder in (run, output):
        _make_folder(folder)
    checkpoint = Checkpoint(
        preset.kind,
        asdict(preset.model),
        asdict(preset.tokenizer),
        {"name": corpus.name, "fingerprint": corpus.fingerprint},
        {},
        corpus.ensemble.to_dict(),
    )
    # Near copies of valid and test pieces would make their figures too good.
    learned = [piece.chorale for piece in corpus.pieces("train", near_copies=False)]
    tested = [piece.chorale for piece in corpus.pieces("valid")]
    outcomes: list[Outcome] = []
    for member in range(preset.members):
        outcome = train(
            checkpoint,
            replace(preset.training, seed=preset.training.seed + member),
            learned,
            tested,
            run if preset.members == 1 else run / f"member-{member + 1}",
            device=device,
            on_progress=_of_all(on_progress, member, preset.members),
            stop_after=stop_after,
        )
        outcomes.append(outcome)
        if not outcome.finished:
            return outcome
        if not (outcome.folder / "config.json").is_file():
            raise ConfigError(f"{outcome.folder}: no weights were better than none; lower training.learning_rate and use another --run")
    outcome = outcomes[0] if preset.members == 1 else seat(outcomes, tested, run)
    publish(name, corpus, len(learned), settings, outcome, output)
    return outcome


def _of_all(on_progress: Callable[[Progress], None], member: int, members: int) -> Callable[[Progress], None]:
    """The progress of one member as that of all."""

    def show(now: Progress) -> None:
        done, updates = member * now.updates + now.update, members * now.updates
        seconds_left = now.seconds_left + (members - member - 1) * (now.seconds + now.seconds_left)
        on_progress(replace(now, update=done, updates=updates, seconds_left=seconds_left))

    return show


def _check_voices(name: str, corpus: Corpus) -> None:
    if name in FOR_CHOIRS and not corpus.ensemble.is_choir:
        raise ConfigError(f"{name} learns four-voice chorales, {corpus.name} is for {corpus.ensemble}; choose flagship, deepbach or masked")


def check_device(device: str) -> None:
    if device != "cpu" and not (device.split(":")[0] == "cuda" and torch.cuda.is_available()):
        usable = "cpu, cuda" if torch.cuda.is_available() else "cpu"
        raise ConfigError(f"the device {device!r} is not to be had here; choices: {usable}")


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FileError(folder, f"the folder cannot be made ({os_reason(error)}); choose another") from None
