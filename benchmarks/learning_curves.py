"""Trains each learning method on 10, 30, 90 and all chorales of the train split: how many labelled pieces does it need?

The subsets are nested, drawn by the seed. Networks get a schedule in proportion to pieces ** 0.4 (all pieces: the shipped one) and keep the
weights that are best on valid. Each run is a checkpoint under --runs, and is not made again: stopped at any time, the command goes on.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from report import parser, progress

from musicgen import Corpus, load_corpus
from musicgen.corpus.store import fingerprint_of

SIZES = (10, 30, 90)  # and all of them
METHODS = ("markov", "hmm", "flagship", "deepbach")
UPDATES = {"flagship": 800, "deepbach": 2000}  # on all pieces; deepbach's best of the shipped 3,600 is its 2,000th
TEST_EVERY = {"flagship": 40, "deepbach": 100}
RUNS = Path("runs") / "seven_axes" / "learning_curves"


def main() -> None:
    options = parser(__doc__)
    add_runs(options)
    options.add_argument("--model", action="append", choices=METHODS, help="only this method; may be given several times")
    chosen = options.parse_args()
    train_all(load_corpus(), chosen.runs, chosen.seed, chosen.threads, chosen.model or METHODS)


def add_runs(options: argparse.ArgumentParser) -> None:
    options.add_argument("--runs", type=Path, default=RUNS, help="where the checkpoints of the subsets lie")


def train_all(corpus: Corpus, runs: Path, seed: int, threads: int, methods: Sequence[str] = METHODS) -> None:
    import torch

    from musicgen.training.presets import train_preset

    torch.set_num_threads(threads)
    for size in SIZES:
        for method in methods:
            output = folder_of(runs, method, size)
            if (output / "MODEL_CARD.md").is_file():
                continue
            began = time.process_time()
            train_preset(method, subset(corpus, size, seed), output / "run", output, settings_of(method, size, corpus))
            progress(f"{method}, {size} pieces: {time.process_time() - began:.0f} s of processor time")
            (output / "seconds.txt").write_text(f"{time.process_time() - began:.1f}\n")


def folder_of(runs: Path, method: str, size: int) -> Path:
    return runs / f"{method}-{size}"


def subset(corpus: Corpus, size: int, seed: int) -> Corpus:
    """The corpus with `size` of its train pieces; a smaller subset is part of a larger one."""
    learned = corpus.pieces("train", near_copies=False)
    order = np.random.default_rng(seed).permutation(len(learned))
    pieces = [*(learned[number] for number in sorted(order[:size])), *corpus.pieces("valid")]
    return replace(corpus, all_pieces=tuple(pieces), fingerprint=fingerprint_of(pieces))


def settings_of(method: str, size: int, corpus: Corpus) -> list[str]:
    if method not in UPDATES:
        return []
    updates = round(UPDATES[method] * (size / len(corpus.pieces("train", near_copies=False))) ** 0.4)
    return [f"training.updates={updates}", f"training.test_every={TEST_EVERY[method]}", "training.patience=2"]


if __name__ == "__main__":
    main()
