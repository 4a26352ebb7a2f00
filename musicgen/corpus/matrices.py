"""Step matrices, the field's exchange form: {"train": [...], "valid": [...], "test": [...]}, each split a list of pieces, each piece a
list of sixteenths, each four MIDI numbers S A T B, -1 for a rest. They know no onsets: a repeated pitch is a held one. Nor do they know
meter, pick-up and fermatas, and the pieces say 4/4 and none. The key signature is found from the notes of the whole piece, so that a
likelihood must pay for being told it: `told_nats`, the choice of one among twelve. No mode is told: all say major.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np

from musicgen.corpus.store import Corpus, Piece, fingerprint_of, load_corpus
from musicgen.errors import FileError
from musicgen.files.atomic import os_reason
from musicgen.music.chorale import VOICES, Chorale
from musicgen.music.harmony import find_key
from musicgen.music.pitch import Key

SOURCE = "step matrices"
SPLITS = ("train", "valid", "test")
FORM = f"an object of splits ({', '.join(SPLITS)}), each a list of pieces, each a list of steps, each {len(VOICES)} MIDI numbers or -1"


def load_any_corpus(where: str | Path) -> Corpus:
    """A built corpus by its name or folder, or a file of step matrices."""
    return read_matrices(Path(where)) if Path(where).suffix == ".json" else load_corpus(where)


def read_matrices(path: Path) -> Corpus:
    """The pieces of a JSON file of step matrices, named by split and number."""
    try:
        splits = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise FileError(path, os_reason(error)) from None
    except (ValueError, RecursionError) as error:
        raise FileError(path, f"is not JSON ({error}); needed is {FORM}") from None
    if not isinstance(splits, dict) or not splits or not set(splits) <= set(SPLITS):
        raise FileError(path, f"does not hold {FORM}")
    pieces = [
        Piece(f"{split}-{number:03}", split, _chorale(path, f"{split} piece {number}", steps))
        for split in SPLITS
        for number, steps in enumerate(_list(path, split, splits.get(split, [])), start=1)
    ]
    if not pieces:
        raise FileError(path, "holds no pieces; at least one is needed")
    return Corpus(path.stem, tuple(pieces), fingerprint_of(pieces), SOURCE, {}, told_nats=math.log(12))


def _list(path: Path, what: str, value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise FileError(path, f"{what} is no list; needed is {FORM}")
    return value


def _chorale(path: Path, what: str, steps: Any) -> Chorale:
    try:
        pitch = np.array(
            [[float(number) if type(number) in (int, float) else np.nan for number in step] for step in _list(path, what, steps)]
        )
    except (TypeError, ValueError, OverflowError):
        pitch = np.empty(0)
    if pitch.ndim != 2 or pitch.shape[1] != len(VOICES) or not np.isin(pitch, np.arange(-1, 128)).all():
        raise FileError(path, f"{what} has not {len(VOICES)} MIDI numbers (0 to 127, or -1 for a rest) at every step")
    rows = pitch.T.astype(np.int16)
    onset = np.ones(rows.shape, dtype=bool)
    onset[:, 1:] = rows[:, 1:] != rows[:, :-1]
    chorale = Chorale(rows, onset, np.zeros(rows.shape[1], dtype=bool), title=what)
    return chorale.replaced(key=Key(find_key(chorale).fifths))
