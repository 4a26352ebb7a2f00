"""Runs musicgen for the speed benchmarks, one task a process, and prints one line of JSON."""

from __future__ import annotations

import json
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from musicgen import Chorale

# Sixteen bars in 4/4, written for this file.
PHRASES = (
    "G4 - A4 - B4 - C5 -  D5 - D5 - B4 - - -  C5 - B4 - A4 - G4 -  A4 - - - D5 - - -",
    "B4 - C5 - D5 - E5 -  D5 - C5 - B4 - - -  A4 - B4 - C5 - A4 -  B4 - A4 - G4 - - -",
    "D5 - E5 - F#5 - G5 -  F#5 - E5 - D5 - - -  E5 - D5 - C#5 - B4 -  C#5 - - - D5 - - -",
    "G5 - F#5 - E5 - D5 -  C5 - B4 - A4 - - -  B4 - C5 - B4 - A4 -  A4 - - - G4 - - -",
)
WINDOW = 32
BAR = 16  # steps


def write_tune(path: Path) -> dict[str, Any]:
    """The tune as MusicXML in one part."""
    from musicgen import Key, Meter, Note, Part, Score, write_score
    from musicgen.music.pitch import parse_pitch
    from musicgen.music.score import KeyAt, MeterAt

    notes: list[Note] = []
    start = 0
    for name in " ".join(PHRASES).split():
        if name == "-":
            notes[-1] = replace(notes[-1], duration=notes[-1].duration + 2)
        else:
            notes.append(Note(start, 2, parse_pitch(name)))
        start += 2
    part = Part("Soprano", tuple(notes))
    write_score(Score((part,), 4, (MeterAt(0, Meter(4, 4)),), (KeyAt(0, Key.parse("G major")),)), path)
    return {"steps": start, "bars": start // BAR}


def kind(model: str) -> dict[str, Any]:
    """What kind of model it is, as its checkpoint says."""
    from musicgen.composers.loading import checkpoint_folders
    from musicgen.models.checkpoint import read_checkpoint

    return {"kind": read_checkpoint(checkpoint_folders().get(model, Path(model))).kind}


def harmonize(model: str, tune_path: Path, out: Path, dials: dict[str, float], seed: int) -> dict[str, Any]:
    """From the import to the written file; `sampling` is the composer's `fill`, the starting draft included."""
    began = time.perf_counter()
    import music21  # noqa: F401  here, so that it counts as import and not as reading
    import torch  # noqa: F401

    from musicgen import Sketch, find_tune, load_composer, read_score, with_voices, write_score

    imported = time.perf_counter()
    composer = load_composer(model, **dials)
    loaded = time.perf_counter()
    tune = find_tune(read_score(tune_path))
    sketch = Sketch.for_voices(tune.chorale, keep="S")
    read = time.perf_counter()
    chorale = composer.fill(sketch, seed)
    filled = time.perf_counter()
    write_score(with_voices(tune, chorale), out)
    return {
        "import": imported - began,
        "load": loaded - imported,
        "read": read - loaded,
        "sampling": filled - read,
        "write": time.perf_counter() - filled,
        "cells": int(sketch.free.sum()),
    }


def warm(model: str, tune_path: Path, dials: dict[str, float], seed: int, count: int) -> dict[str, Any]:
    """One process whose model is loaded and has harmonized the tune once: the tune again, a chorale as long, and `count` in a batch."""
    from musicgen import Plan, Sketch, find_tune, load_composer, plan_sketch, read_score, with_cadences

    composer = load_composer(model, **dials)
    sketch = Sketch.for_voices(find_tune(read_score(tune_path)).chorale, keep="S")
    bars = sketch.given.steps // BAR
    seeds = range(seed, seed + count)
    plans = {
        "compose": [with_cadences(plan_sketch(Plan(bars=bars), seed), seed)],
        "batch": [with_cadences(plan_sketch(Plan(), each), each) for each in seeds],
    }
    composer.fill(sketch, seed)
    marks = [time.perf_counter()]
    for sketches in ([sketch], *plans.values()):
        composer.fill_many(sketches, range(seed, seed + len(sketches)))
        marks.append(time.perf_counter())
    seconds = dict(zip(("sampling", *plans), np.diff(marks).tolist(), strict=True))
    return {**seconds, "count": count, "count_bars": Plan().bars}


def training(model: str, updates: int, seed: int) -> dict[str, Any]:
    """Seconds an update with the model and settings of a checkpoint, and what an epoch is."""
    import torch

    from musicgen import load_corpus
    from musicgen.composers.loading import checkpoint_folders
    from musicgen.models.checkpoint import read_checkpoint
    from musicgen.tokenizers.grid import GridTokenizer
    from musicgen.training.batches import WindowSource
    from musicgen.training.config import TrainingConfig
    from musicgen.training.loop import update_once

    checkpoint = read_checkpoint(checkpoint_folders().get(model, Path(model)))
    config = replace(TrainingConfig(**checkpoint.training), seed=seed)
    pieces = [piece.chorale for piece in load_corpus().pieces("train", near_copies=False)]
    source = WindowSource(pieces, GridTokenizer(**checkpoint.tokenizer), config)
    torch.manual_seed(seed)
    network = checkpoint.build()
    averaged = {name: weight.detach().clone() for name, weight in network.state_dict().items()}
    optimizer = torch.optim.AdamW(network.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay)
    seconds, cells = [], []
    for update in range(updates + 2):
        began = time.perf_counter()
        batch = source.batch(update)
        update_once(network, averaged, optimizer, batch, config, update)
        seconds.append(time.perf_counter() - began)
        cells.append(int(batch.valid.sum()))
    return {
        "update": float(np.median(seconds[2:])),  # the first two warm up
        "cells": float(np.mean(cells)),
        "pieces": len(pieces),
        "updates_per_epoch": source.updates_per_epoch,
        "cells_of_all_transpositions": 4 * sum(version.steps - 2 for versions in source.pieces for version in versions),
    }


def count_windows(names: list[str]) -> dict[str, Any]:
    """How many windows the peer's dataset has, if built from these files of music21's corpus."""
    from musicgen import load_corpus

    corpus = load_corpus()
    chorales = {Path(piece.file).stem: piece.chorale for piece in corpus.all_pieces}
    same = {Path(file).stem: Path(reason.rpartition(" ")[2]).stem for file, reason in corpus.dropped.items()}
    pieces = [chorales[name if name in chorales else same[name]] for name in names]
    ranges = [_range([piece.pitch[voice][piece.pitch[voice] >= 0] for piece in pieces]) for voice in range(4)]
    return {"pieces": len(pieces), "windows": sum(windows(piece, ranges) for piece in pieces), "ranges": ranges}


def windows(chorale: Chorale, ranges: list[tuple[int, int]]) -> int:
    """One from every step and half a bar before, in every transposition that keeps the notes begun in it inside the corpus's ranges.

    Counted as its `make_tensor_dataset` does: for the first three chorales of its iterator both give 3,819.
    """
    begun = chorale.onset & (chorale.pitch >= 0)
    total = 0
    for start in range(1 - WINDOW, chorale.steps):
        span = slice(max(0, start), start + WINDOW)
        notes = [chorale.pitch[voice, span][begun[voice, span]] for voice in range(4)]
        if all(len(pitches) for pitches in notes):
            down = max(low - int(pitches.min()) for (low, _), pitches in zip(ranges, notes, strict=True))
            up = min(high - int(pitches.max()) for (_, high), pitches in zip(ranges, notes, strict=True))
            total += max(0, up - down + 1)
        else:
            total += 1
    return total


def _range(notes: list[Any]) -> tuple[int, int]:
    return min(int(pitches.min()) for pitches in notes), max(int(pitches.max()) for pitches in notes)


def main(task: str, *words: str) -> None:
    if task == "tune":
        result = write_tune(Path(words[0]))
    elif task == "kind":
        result = kind(words[0])
    elif task == "harmonize":
        result = harmonize(words[0], Path(words[1]), Path(words[2]), json.loads(words[3]), int(words[4]))
    elif task == "warm":
        result = warm(words[0], Path(words[1]), json.loads(words[2]), int(words[3]), int(words[4]))
    elif task == "training":
        result = training(words[0], int(words[1]), int(words[2]))
    else:
        result = count_windows(json.loads(Path(words[0]).read_text()))
    print(json.dumps(result))


if __name__ == "__main__":
    main(*sys.argv[1:])
