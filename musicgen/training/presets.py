"""What `deepbach` means: a network, a tokenizer, a training config, and the pieces it may see; and the finished folder with its card."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, fields, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from musicgen.corpus.matrices import SOURCE as MATRICES
from musicgen.corpus.store import Corpus
from musicgen.errors import ConfigError, FileError, nearest
from musicgen.files.atomic import atomic_write, os_reason
from musicgen.models.checkpoint import Checkpoint, load_model, load_tensors, read_checkpoint, save_checkpoint, write_text
from musicgen.models.masked import MaskedConfig
from musicgen.models.quartet import QuartetConfig
from musicgen.models.sketcher import SketcherConfig
from musicgen.music.chorale import Chorale
from musicgen.tokenizers.grid import CONDITION_SIZES, GridTokenizer
from musicgen.training.config import TrainingConfig, apply_settings
from musicgen.training.loop import LOG, Outcome, Progress, nats_per_cell, train
from musicgen.training.tasks import TASKS, find_task

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

    def changed(self, settings: Sequence[str]) -> Preset:
        """With `model.width=128` or `training.batch=8` set; what follows from the tokenizer stays."""
        configs = apply_settings({"model": self.model, "training": self.training}, settings)
        for name in FIXED:
            if getattr(configs["model"], name, None) != getattr(self.model, name, None):
                free = [field.name for field in fields(self.model) if field.name not in FIXED]
                raise ConfigError(f"model.{name} follows from the tokenizer and cannot be set; these can: {', '.join(free)}")
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
    return Preset("sketcher", SketcherConfig(tokenizer.size, tokenizer.size + 2, tokenizer.condition_sizes), tokenizer, SKETCHING)


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


AFTER = {
    "quartet": ", after DeepBach (Hadjeres, Pachet and Nielsen 2017)",
    "sketcher": ", left to right with sight of the sketch",
    "committee": ": sketchers, left to right, their probabilities averaged",
    "masked": ", any order, after Coconet (Huang et al. 2017)",
}
PRESETS: dict[str, Callable[[], Preset]] = {
    "deepbach": deepbach,
    "flagship": flagship,
    "jsb16": jsb16,
    "masked": masked,
    "jsb16-masked": jsb16_masked,
}


WRITES = (
    "Writes four-part chorales in the style of J. S. Bach: `musicgen compose --model {name}`, `musicgen harmonize tune.mid --model {name}`."
)
MEASURES = (
    "Says how likely pieces are that come as step matrices: `musicgen evaluate likelihood {name} --data FILE.json --split valid`. Such\n"
    "pieces tell neither repeated notes nor meters, pick-ups and fermatas, so this model has heard of none: compose with another."
)


def find_preset(name: str) -> Preset:
    if name not in PRESETS:
        raise ConfigError(f"there is no preset {name!r}; {nearest(name, PRESETS)}")
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
    preset = find_preset(name).changed(settings)
    _check_device(device)
    for folder in (run, output):
        _make_folder(folder)
    checkpoint = Checkpoint(
        preset.kind, asdict(preset.model), asdict(preset.tokenizer), {"name": corpus.name, "fingerprint": corpus.fingerprint}, {}
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
    _publish(name, corpus, len(learned), settings, outcome, output)
    return outcome


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
    looks = [entry | {"member": number} for number, outcome in enumerate(outcomes, start=1) for entry in _looks(outcome)]
    write_text(folder / LOG, "".join(json.dumps(entry) + "\n" for entry in looks))
    return replace(outcomes[-1], best=best, seconds=sum(outcome.seconds for outcome in outcomes), folder=folder)


def _of_all(on_progress: Callable[[Progress], None], member: int, members: int) -> Callable[[Progress], None]:
    """The progress of one member as that of all."""

    def show(now: Progress) -> None:
        done, updates = member * now.updates + now.update, members * now.updates
        seconds_left = now.seconds_left + (members - member - 1) * (now.seconds + now.seconds_left)
        on_progress(replace(now, update=done, updates=updates, seconds_left=seconds_left))

    return show


def _check_device(device: str) -> None:
    if device != "cpu" and not (device.split(":")[0] == "cuda" and torch.cuda.is_available()):
        usable = "cpu, cuda" if torch.cuda.is_available() else "cpu"
        raise ConfigError(f"the device {device!r} is not to be had here; choices: {usable}")


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FileError(folder, f"the folder cannot be made ({os_reason(error)}); choose another") from None


def _publish(name: str, corpus: Corpus, pieces: int, settings: Sequence[str], outcome: Outcome, output: Path) -> None:
    """config.json goes last: a folder without one is no checkpoint."""
    checkpoint = read_checkpoint(outcome.folder)
    metrics = _metrics(checkpoint.kind, corpus, pieces, outcome)
    atomic_write(output / "model.safetensors", (outcome.folder / "model.safetensors").read_bytes())
    write_text(output / "metrics.json", json.dumps(metrics, indent=2) + "\n")
    write_text(output / "MODEL_CARD.md", model_card(name, checkpoint, metrics, settings))
    write_text(output / "config.json", checkpoint.to_json())


def _metrics(kind: str, corpus: Corpus, pieces: int, outcome: Outcome) -> dict[str, Any]:
    return {
        "valid_nats_per_cell": outcome.best,
        "kind": TASKS[kind].kind,
        "best_update": outcome.best_update,
        "updates": outcome.updates,
        "seconds": round(outcome.seconds, 1),
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, {torch.get_num_threads()} threads",
        "versions": {package: version(package) for package in ("musicgen", "torch", "numpy")},
        "corpus": {"name": corpus.name, "source": corpus.source, "fingerprint": corpus.fingerprint, "train_pieces": pieces},
        "history": _looks(outcome),
    }


def _looks(outcome: Outcome) -> list[dict[str, float]]:
    """Every look at the valid split, once: after a kill -9 some are there twice."""
    entries = [json.loads(line) for line in (outcome.folder / LOG).read_text(encoding="utf-8").splitlines()]
    return list({(entry.get("member"), entry["update"]): entry for entry in entries}.values())


def model_card(name: str, checkpoint: Checkpoint, metrics: dict[str, Any], settings: Sequence[str]) -> str:
    """What it is, what it learned from, how good it is, and the command that makes it again."""
    parameters = sum(weight.numel() for weight in checkpoint.build().parameters())
    command = " ".join(["musicgen train", name, *(f"--set {setting}" for setting in settings)])
    corpus, versions, best = metrics["corpus"], metrics["versions"], metrics["best_update"]
    again = f"Make it again, once `musicgen corpus build {corpus['name']}` has been run:"
    if corpus["source"] == MATRICES:
        command += " --corpus FILE.json"
        again = "Make it again from a file of the pieces it learned from, whose fingerprint stands above:"
    return f"""# {name}

{MEASURES.format(name=name) if corpus["source"] == MATRICES else WRITES.format(name=name)}

| | |
|---|---|
| model | {checkpoint.kind}, {parameters:,} parameters{AFTER[checkpoint.kind]} |
| learned from | {corpus["train_pieces"]} pieces of {corpus["name"]} ({corpus["source"]}): train without near copies of valid and test |
| corpus fingerprint | `{corpus["fingerprint"]}` |
| valid split | {metrics["valid_nats_per_cell"]:.4f} nats per cell, {metrics["kind"]}, at update {best} of {metrics["updates"]} |
| training | {metrics["seconds"] / 60:.0f} minutes on {metrics["machine"]} |
| versions | {", ".join(f"{package} {number}" for package, number in versions.items())} |

{again}

    {command}

It knows one style, four voices and a grid of sixteenths, and it writes no words. The notes it learned from are not part of it; a short
passage can still be Bach's own, as common turns of phrase are. Every dial of the training is in config.json, every look at the valid
split in metrics.json.
"""
