"""A MIDI file that was made to any file that its suffix names: MIDI byte for byte, all else as a score, and sound."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from musicgen.errors import FileError, NotationError, nearest
from musicgen.files.atomic import write_all
from musicgen.files.io import MIDI
from musicgen.files.quantize import quantize
from musicgen.music.harmony import find_key
from musicgen.music.score import KeyAt, Score
from musicgen.rendering.audio import ENCODERS, check_audio, encoded, samples_of
from musicgen.rendering.export import EXPORTABLE, check_export, numbered, rendered

SUFFIXES = (*EXPORTABLE, *ENCODERS)


def check_outputs(paths: Sequence[Path], count: int = 1, source: Path | None = None) -> None:
    """Refuses what `export_midi` could not write, two files of one name, and the source itself: call it before a long computation."""
    seen: set[Path] = set()
    for target in (target for path in paths for target in (numbered(path, count) if path.name else [path])):
        suffix = target.suffix.lower()
        if suffix not in SUFFIXES:
            raise FileError(target, f"{suffix or 'files without a suffix'} cannot be written; {nearest(suffix, SUFFIXES)}")
        (check_audio if suffix in ENCODERS else check_export)(target)
        if target.resolve() in seen:
            raise FileError(target, "this output is named twice; name each once")
        seen.add(target.resolve())
        if source is not None and target.exists() and source.exists() and target.samefile(source):
            raise FileError(target, "this is the source itself, and it would be overwritten; choose another name")


def export_midi(data: bytes, score: Callable[[], Score], paths: Sequence[Path]) -> list[Path]:
    """Writes a MIDI file, or `score()`, which is the same, in each form that is asked for; a picture has a file a page."""
    files: dict[Path, bytes] = {}
    for path in paths:
        suffix = path.suffix.lower()
        if suffix in MIDI:
            files[path] = data
        elif suffix in ENCODERS:
            files[path] = encoded(samples_of(score()), suffix)
        else:
            files |= _sheet(score(), path)
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
