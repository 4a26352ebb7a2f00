"""A MIDI file that was made to any file that its suffix names: MIDI byte for byte, all else as a score, and sound."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from musicgen.errors import FileError, NotationError
from musicgen.files.atomic import write_all
from musicgen.files.io import MIDI
from musicgen.files.quantize import quantize
from musicgen.music.harmony import find_key
from musicgen.music.score import KeyAt, Score
from musicgen.rendering.encoding import ENCODERS
from musicgen.rendering.export import rendered


def export_midi(data: bytes, score: Callable[[], Score], paths: Sequence[Path]) -> list[Path]:
    """Writes a MIDI file, or `score()`, which is the same, in each form that is asked for; a picture has a file a page."""
    files: dict[Path, bytes] = {}
    for path in paths:
        suffix = path.suffix.lower()
        if suffix in MIDI:
            files[path] = data
        else:
            files |= rendered(score(), path) if suffix in ENCODERS else _sheet(score(), path)
    return write_all(files)


def _sheet(score: Score, path: Path) -> dict[Path, bytes]:
    """As it is, or, where notes were played so freely that no note value reaches them, moved to the grid."""
    score = with_key(score)
    try:
        return rendered(score, path)
    except (FileError, NotationError):
        return rendered(quantize(score), path)


def with_key(score: Score) -> Score:
    """With the key that fits its notes best as its signature, where it says none: without one every second note bears an accidental."""
    if score.keys:
        return score
    weights = np.zeros(12)
    for note in (note for part in score.parts if not part.is_drum for note in part.notes):
        weights[note.pitch % 12] += note.duration
    return replace(score, keys=(KeyAt(0, find_key(weights)),))
