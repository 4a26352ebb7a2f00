"""Sixty short movements of Palestrina in four voices, as a corpus: what a method of Bach's chorales is worth for other music.

Read from the installed music21, chosen by the seed among those of four voices in Bach's ranges, at most 800 sixteenths long; movements of
one mass stay in one split.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
from report import progress

from musicgen import Corpus, MusicgenError, load_corpus, read_score, to_chorale
from musicgen.corpus.store import Piece, save_corpus
from musicgen.music.chorale import RANGES

NAME = "palestrina"
TRAIN, VALID, MOST_STEPS, MOST_BYTES = 40, 20, 800, 12_000


def palestrina(folder: Path, seed: int) -> Corpus:
    """The corpus in `folder`, made if it is not there."""
    if (folder / NAME / "manifest.json").is_file():
        return load_corpus(folder / NAME)
    from music21 import corpus

    by_mass: dict[str, list[Path]] = {}
    for path in sorted(corpus.getComposer(NAME)):
        number = re.search(r"_(\d+)", path.stem)
        if number:
            by_mass.setdefault(number.group(1), []).append(path)
    masses = [sorted(by_mass)[index] for index in np.random.default_rng(seed).permutation(len(by_mass))]
    pieces: list[Piece] = []
    for mass in masses:
        split = "train" if sum(piece.split == "train" for piece in pieces) < TRAIN else "valid"
        for path in by_mass[mass]:
            full = sum(piece.split == split for piece in pieces) >= (TRAIN if split == "train" else VALID)
            if not full and (piece := _piece(path, split)):
                pieces.append(piece)
    progress(f"{NAME}: {len(pieces)} movements")
    return save_corpus(folder / NAME, NAME, "music21", pieces, {})


def _piece(path: Path, split: str) -> Piece | None:
    if path.stat().st_size > MOST_BYTES or path.read_text(errors="replace").count("**kern") != len(RANGES):
        return None  # seen without parsing, which takes a quarter of a second
    try:
        chorale = to_chorale(read_score(path)).chorale
    except MusicgenError:
        return None
    if chorale.voices != len(RANGES) or chorale.steps > MOST_STEPS:
        return None
    sung = [row[row >= 0] for row in chorale.pitch]
    fits = all(len(row) and low <= row.min() and row.max() <= high for row, (low, high) in zip(sung, RANGES, strict=True))
    return Piece(path.stem, split, chorale, file=path.name) if fits else None
