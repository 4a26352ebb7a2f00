"""One function for each of seven axes on which textbooks compare rules, statistics and deep models: what is measured of one method.

Everything here gives plain dictionaries, so that it can be kept as JSON. Times are processor time of this process.
"""

from __future__ import annotations

import ast
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import learning_curves
import torch
from another_corpus import palestrina
from flops import Flops

from musicgen import Chorale, Composer, Corpus, Plan, Sketch, load_composer, plan_sketch, with_cadences
from musicgen.composers.rulebook.table import RULES
from musicgen.errors import ConfigError, MusicgenError
from musicgen.evaluation.beside_bach import TOTAL, Reference
from musicgen.evaluation.composed import compose_set
from musicgen.evaluation.copying import CopyIndex, measure_copying
from musicgen.evaluation.discriminator import Verdict, bach_from_bach, discriminate
from musicgen.evaluation.likelihood import measure_likelihood
from musicgen.evaluation.reconstruction import measure_reconstruction
from musicgen.evaluation.style import MEASURES, compare_to_bach
from musicgen.models.checkpoint import load_tensors, read_checkpoint
from musicgen.tokenizers.grid import GridTokenizer
from musicgen.training.batches import WindowSource
from musicgen.training.loop import cross_entropy
from musicgen.training.presets import find_preset, train_preset
from musicgen.training.tasks import find_task

FEW, SOME = 12, 30  # valid sopranos: where many checkpoints or tasks are measured, and where one is
ELSEWHERE = {"markov": [], "hmm": [], "flagship": ["training.updates=100", "training.test_every=25", "training.patience=2"]}
PACKAGE = Path(__file__).resolve().parents[1] / "musicgen"


@dataclass
class Bench:
    """What every axis needs: the corpus, what Bach is like, how many pieces are composed, and where other checkpoints lie."""

    corpus: Corpus
    count: int
    seed: int
    runs: Path
    reference: Reference = field(init=False)
    index: CopyIndex = field(init=False)

    def __post_init__(self) -> None:
        self.reference, self.index = Reference.of(self.corpus), CopyIndex(self.corpus.pieces("train"))

    @cached_property
    def control(self) -> Verdict:
        """Bach against Bach, the same for every method."""
        return bach_from_bach(self.valid, len(self.valid), self.seed)

    @property
    def valid(self) -> list[Chorale]:
        return [piece.chorale for piece in self.corpus.pieces("valid")]


def timed(work: Callable[[], Any]) -> tuple[Any, float]:
    began = time.process_time()
    return work(), time.process_time() - began


def likelihood(composer: Composer, pieces: Sequence[Chorale]) -> dict[str, Any] | None:
    try:
        return measure_likelihood(composer, pieces).to_dict()
    except ConfigError:
        return None  # it states none


def labelled_data(name: str, bench: Bench) -> list[dict[str, Any]]:
    """How good it is after 10, 30, 90 and all chorales: likelihood of its kind, Bach's notes found again under 12 of his sopranos."""
    everything = len(bench.corpus.pieces("train", near_copies=False))
    if name not in learning_curves.METHODS:
        return [point(load_composer(name), 0, bench)]
    folders = {size: learning_curves.folder_of(bench.runs / "learning_curves", name, size) for size in learning_curves.SIZES}
    points = [point(load_composer(str(path)), size, bench) for size, path in folders.items() if (path / "MODEL_CARD.md").is_file()]
    return [*points, point(load_composer(name), everything, bench)]


def point(composer: Composer, size: int, bench: Bench) -> dict[str, Any]:
    pieces = bench.valid[:FEW]
    sketches = [Sketch.for_voices(piece, "S") for piece in pieces]
    chorales = composer.fill_many(sketches, range(bench.seed, bench.seed + len(sketches)))
    rates = {row.name: row.rate.value for row in compare_to_bach(chorales)}
    return {
        "pieces": size,
        "likelihood": likelihood(composer, pieces),
        "notes": measure_reconstruction(composer, pieces, bench.seed).notes,
        "fifths": rates["parallel fifths per 100 transitions"],
        "grade": bench.reference.measure(chorales).grades[TOTAL].value,
    }


def compute(name: str, composer: Composer, bench: Bench) -> dict[str, Any]:
    """Learning and writing: seconds, multiply-adds as torch counts them (times two: FLOPs), numbers learned."""
    sketch = with_cadences(plan_sketch(Plan(bars=16), bench.seed), bench.seed)
    composer.fill(sketch, bench.seed)
    _, seconds = timed(lambda: composer.fill(sketch, bench.seed))
    with Flops() as flops:
        composer.fill(sketch, bench.seed)
    folder = Path("checkpoints") / name
    learned = json.loads((folder / "metrics.json").read_text()) if folder.is_dir() else {}
    return {
        "writing_seconds": seconds,
        "writing_flops": flops.total or None,
        "learning_seconds": learned.get("seconds", 0.0),
        "learning_machine": learned.get("machine"),
        "learning_flops": learning_flops(name, bench) if name in learning_curves.UPDATES else None,
        "numbers": numbers(folder),
    }


def learning_flops(name: str, bench: Bench) -> int:
    """Of the shipped training: one update as torch counts it, forward and backward, times the updates until the best look."""
    preset, checkpoint = find_preset(name), read_checkpoint(Path("checkpoints") / name)
    task = find_task(preset.kind, GridTokenizer(**checkpoint.tokenizer), preset.training)
    batch = WindowSource([piece.chorale for piece in bench.corpus.pieces("train")], preset.training, task).batch(0)
    model = checkpoint.build()
    with Flops() as flops, torch.random.fork_rng():
        cross_entropy(model, batch).mean().backward()
    metrics = json.loads((Path("checkpoints") / name / "metrics.json").read_text())
    return flops.total * int(metrics["best_update"])


def numbers(folder: Path) -> int:
    """How many numbers a checkpoint holds."""
    if not (folder / "model.safetensors").is_file():
        return 0
    return sum(tensor.numel() for tensor in load_tensors(folder / "model.safetensors").values())


def other_tasks(name: str, composer: Composer, bench: Bench) -> dict[str, Any]:
    """The same method, retargeted: other voices given (Bach's notes found again), and Palestrina, as it is and learned anew."""
    pieces = bench.valid[:FEW]
    found: dict[str, Any] = {}
    for keep in ("S", "B", "SB", "AT"):
        try:
            found[keep] = measure_reconstruction(composer, pieces, bench.seed, keep).notes
        except MusicgenError as error:
            found[keep] = str(error)
    corpus = palestrina(bench.runs, bench.seed)
    elsewhere = [piece.chorale for piece in corpus.pieces("valid")]
    found["palestrina"] = likelihood(composer, elsewhere)
    if name in ELSEWHERE:
        output = bench.runs / f"{name}-palestrina"
        if not (output / "MODEL_CARD.md").is_file():
            train_preset(name, corpus, output / "run", output, ELSEWHERE[name])
        found["palestrina, learned anew"] = likelihood(load_composer(str(output)), elsewhere)
    return found


def modelling_power(composer: Composer, bench: Bench) -> dict[str, Any]:
    """Likelihood of its own kind, and what comes back of Bach under his sopranos; valid split."""
    report = measure_reconstruction(composer, bench.valid[:SOME], bench.seed)
    return {"likelihood": likelihood(composer, bench.valid), "reconstruction": report.to_dict()}


# Where a method keeps what it was told of music, layers of a network that count intervals or repeats too; what all share, such as plans,
# is nobody's.
KNOWLEDGE = {
    "rules": ("composers/rules.py", "composers/rulebook", "music/functions.py"),
    "markov": ("composers/markov.py", "composers/contexts.py", "composers/ngram_tables.py"),
    "hmm": ("composers/hmm.py", "composers/hidden"),
    "deepbach": ("composers/neural.py", "tokenizers/grid.py", "models/motions.py"),
    "flagship": ("composers/left_to_right.py", "tokenizers/grid.py", "models/motions.py", "models/recall.py"),
    "dice": ("composers/references.py",),
    "bach": ("composers/references.py",),
}


def domain_knowledge(name: str, composer: Composer) -> dict[str, Any]:
    """Lines of code (without comments, docstrings and blank lines) that put music into notes for this method; features it was given."""
    paths = [PACKAGE / place for place in KNOWLEDGE[name]]
    files = [file for path in paths for file in (sorted(path.glob("*.py")) if path.is_dir() else [path])]
    return {"lines": sum(code_lines(file) for file in files), "features": features(name, composer)}


def code_lines(path: Path) -> int:
    """Lines on which some statement or expression stands."""
    lines: set[int] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        is_docstring = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        if isinstance(node, ast.stmt) and not is_docstring:
            lines |= (
                {node.lineno, node.end_lineno or node.lineno}
                if getattr(node, "body", None)
                else set(range(node.lineno, (node.end_lineno or node.lineno) + 1))
            )
    return len(lines)


def features(name: str, composer: Any) -> int:
    """Rules with a weight, contexts counted, tables counted, or conditions that a network reads beside the notes."""
    if name == "rules":
        return len(RULES)
    if name in ("dice", "bach"):
        return 0
    if name == "markov":
        return sum(len(layout.chains) for layouts in composer.config.layouts.values() for layout in layouts)
    if name == "hmm":
        return len(load_tensors(Path("checkpoints") / name / "model.safetensors"))
    return len(composer.tokenizer.condition_sizes)


def quality(composer: Composer, bench: Bench) -> dict[str, Any]:
    """60 composed chorales (Bach: his test split): voice leading, style, grade, copying, and whether a network tells them from Bach."""
    if composer.name == "bach":
        chorales, seconds = [piece.chorale for piece in bench.corpus.pieces("test")], None
    else:
        chorales, seconds = timed(lambda: compose_set(composer, bench.count, bench.seed))
    rows = compare_to_bach(chorales)
    likeness = bench.reference.measure(chorales)
    copied = measure_copying(bench.index, {f"{number:03}": chorale for number, chorale in enumerate(chorales, 1)})
    told = discriminate(bench.valid, chorales, bench.seed, control=lambda show: bench.control)
    return {
        "pieces": len(chorales),
        "seconds": seconds,
        "inside": sum(row.is_inside for row in rows),
        "measures": len(MEASURES),
        "rates": {row.name: (row.rate.value, row.rate.low, row.rate.high) for row in rows},
        "grade": (likeness.grades[TOTAL].value, likeness.grades[TOTAL].low, likeness.grades[TOTAL].high),
        "distances": {name: rate.value for name, rate in likeness.distances.items()},
        "copying": copied.totals(),
        "discriminator": (told.accuracy, *told.interval),
        "control": (told.control, *told.control_interval),
    }
