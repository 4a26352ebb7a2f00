"""A corpus of one's own: every score of a folder becomes a piece, or a reason why not."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from musicgen.corpus.build import CORPUS_NAMES, CorpusReport
from musicgen.corpus.store import CORPORA, Piece, save_corpus
from musicgen.errors import ConfigError, CorpusError, FileError, NotationError
from musicgen.files.io import find_scores, read_score
from musicgen.music.chorale import VOICES
from musicgen.music.convert import to_chorale
from musicgen.music.score import Score

HELD_OUT = 10  # one piece in so many is for valid, one for test


def build_folder(
    name: str,
    source: Path,
    folder: Path = CORPORA,
    voices_of: Callable[[Score], Score] | None = None,
    progress: Callable[[int, int, str], None] | None = None,
) -> CorpusReport:
    """Builds `folder/name` from the scores in `source`. `voices_of` makes a score of four voices of one that may be a part of chords.

    The split follows from the files' bytes: the same files, the same splits. Near copies of each other are not looked for.
    """
    if name in CORPUS_NAMES or Path(name).name != name:
        raise ConfigError(f"{name!r} cannot be the name of a corpus of your own; choose another, without slashes")
    paths, pieces, dropped = find_scores(source), list[Piece](), dict[str, str]()
    for done, path in enumerate(paths, start=1):
        try:
            pieces.append(_read(path, voices_of))
        except (FileError, NotationError) as error:
            dropped[path.name] = str(error).removeprefix(f"{path}: ")
        if progress is not None:
            progress(done, len(paths), path.name)
    if not pieces:
        first = next(iter(dropped.items()))
        raise CorpusError(f"{source}: none of {len(paths)} scores has four voices, {first[0]} for one: {first[1]}")
    corpus = save_corpus(folder / name, name, f"{source.name}, {len(pieces)} scores", _split(pieces), dropped)
    bent = {piece.name: piece.remarks for piece in corpus.all_pieces if piece.remarks}
    return CorpusReport(corpus, folder / name, dropped, bent)


def _read(path: Path, voices_of: Callable[[Score], Score] | None) -> Piece:
    score = read_score(path)
    conversion = to_chorale(score if voices_of is None else voices_of(score))
    if conversion.chorale.voices != len(VOICES):
        raise NotationError(f"it has {conversion.chorale.voices} voices, a piece has {len(VOICES)}; --separate tells those of chords apart")
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    return Piece(path.stem, "train", conversion.chorale, remarks=conversion.report, file=path.name, sha256=sha256)


def _split(pieces: list[Piece]) -> list[Piece]:
    """Train, valid and test by the order of their hashes; of three pieces or more each has one."""
    ordered = sorted(pieces, key=lambda piece: piece.sha256)
    held = max(1, len(ordered) // HELD_OUT) if len(ordered) >= 3 else 0
    splits = ["valid"] * held + ["test"] * held + ["train"] * (len(ordered) - 2 * held)
    return [replace(piece, split=split) for piece, split in zip(ordered, splits, strict=True)]
