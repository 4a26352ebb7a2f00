"""A corpus of one's own: every score of a folder becomes a piece, or a reason why not. All pieces have the voices of one ensemble.

How many voices these are, and what they are called, most of the scores decide; how low and high they go, the pieces to train on.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from musicgen.corpus.build import CORPUS_NAMES, CorpusReport
from musicgen.corpus.store import CORPORA, Piece, save_corpus
from musicgen.errors import ConfigError, CorpusError, FileError, NotationError
from musicgen.files.io import find_scores, read_score
from musicgen.music.chorale import REST, Chorale
from musicgen.music.convert import grid_lines
from musicgen.music.ensemble import (
    BACHS_CHOIR,
    CHOIR_NAMES,
    HIGHEST,
    LEAST_VOICES,
    LOWEST,
    MOST_VOICES,
    Ensemble,
    Range,
    numbered,
    plain,
    titled,
    unlike,
)
from musicgen.music.pitch import pitch_name
from musicgen.music.score import Score, counted
from musicgen.music.seating import own_lines, seats

HELD_OUT = 10  # one piece in so many is for valid, one for test
WIDER = 2  # semitones that a voice may go beyond what it does in the pieces
USUAL_KEYS = 8  # how many of the most frequent ones are remembered
NEAR_CHOIR = 5  # semitones beyond Bach's ranges within which four voices without names are a choir


@dataclass(frozen=True)
class _Read:
    """A piece as its score has it, and the names of its voices."""

    piece: Piece
    names: tuple[str, ...]


def build_folder(
    name: str,
    source: Path,
    folder: Path = CORPORA,
    voices_of: Callable[[Score], Score] | None = None,
    progress: Callable[[int, int, str], None] | None = None,
    voices: Sequence[str] = (),
) -> CorpusReport:
    """Builds `folder/name` from the scores in `source`. `voices_of` makes a score of four voices of one that may be a part of chords.

    `voices`: names, top to bottom, for scores that do not say them well. The split follows from the files' bytes: the same files, the
    same splits. Near copies of each other are not looked for.
    """
    if name in CORPUS_NAMES or Path(name).name != name:
        raise ConfigError(f"{name!r} cannot be the name of a corpus of your own; choose another, without slashes")
    if voices and not LEAST_VOICES <= len(voices) <= MOST_VOICES:
        raise ConfigError(f"{counted(len(voices), 'voice')} {', '.join(voices)}: {LEAST_VOICES} to {MOST_VOICES} can be learned")
    paths, read, dropped = find_scores(source), list[_Read](), dict[str, str]()
    for done, path in enumerate(paths, start=1):
        try:
            read.append(_read(path, voices_of))
        except (FileError, NotationError) as error:
            dropped[path.name] = str(error).removeprefix(f"{path}: ")
        if progress is not None:
            progress(done, len(paths), path.name)
    number = len(voices) or _most_frequent([len(each.names) for each in read])
    fitting = [each for each in read if len(each.names) == number]
    for each in read:
        if len(each.names) != number:
            dropped[each.piece.file] = (
                f"it has {counted(len(each.names), 'voice')}, a piece here has {number}; gather such scores by themselves"
            )
    if not fitting:
        first = next(iter(dropped.items()))
        wanted = f"the {number} voices named" if voices else f"{LEAST_VOICES} to {MOST_VOICES} voices"
        raise CorpusError(f"{source}: none of {len(paths)} scores has {wanted}, {first[0]} for one: {first[1]}")
    names = unlike(voices) if voices else _names(fitting)
    pieces = _split([_seated(each, names) for each in fitting])
    ensemble = _ensemble(names, [piece.chorale for piece in pieces if piece.split == "train"], is_named=bool(voices))
    pieces = [replace(piece, chorale=piece.chorale.replaced(ensemble=ensemble)) for piece in pieces]
    corpus = save_corpus(folder / name, name, f"{source.name}, {len(pieces)} scores", pieces, dropped, ensemble)
    bent = {piece.name: piece.remarks for piece in corpus.all_pieces if piece.remarks}
    return CorpusReport(corpus, folder / name, dropped, bent)


def _read(path: Path, voices_of: Callable[[Score], Score] | None) -> _Read:
    score = read_score(path)
    score = score if voices_of is None else voices_of(score)
    lines, remarks = own_lines(score)
    if not LEAST_VOICES <= len(lines) <= MOST_VOICES:
        separate = "" if voices_of else "; --separate tells those of chords apart"
        raise NotationError(f"it has {counted(len(lines), 'voice')}, a piece has {LEAST_VOICES} to {MOST_VOICES}{separate}")
    conversion = grid_lines(score, lines, remarks)
    pitch = conversion.chorale.pitch
    if (pitch[pitch != REST] < LOWEST).any() or (pitch > HIGHEST).any():
        raise NotationError(f"it has notes outside {pitch_name(LOWEST)} to {pitch_name(HIGHEST)}, a piano's keys; transpose it")
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    piece = Piece(path.stem, "train", conversion.chorale, remarks=conversion.report, file=path.name, sha256=sha256)
    return _Read(piece, tuple(line.name for line in lines))


def _most_frequent(numbers: Sequence[int]) -> int:
    """Of equally frequent ones the larger."""
    return max(Counter(numbers).items(), key=lambda item: (item[1], item[0]), default=(len(CHOIR_NAMES), 0))[0]


def _names(read: Sequence[_Read]) -> tuple[str, ...]:
    """Those that at least half of the pieces have, in the order that most of these have; else a choir's for four voices, or numbers."""
    known, count = Counter(frozenset(map(plain, each.names)) for each in read).most_common(1)[0]
    if 2 * count >= len(read):
        return Counter(each.names for each in read if set(map(plain, each.names)) == known).most_common(1)[0][0]
    return CHOIR_NAMES if len(known) == len(CHOIR_NAMES) else numbered(len(known)).names


def _seated(read: _Read, names: Sequence[str]) -> Piece:
    """The piece with its voices in the order of these names, where it has them; else as they are."""
    order = seats(read.names, names)
    chorale = read.piece.chorale
    if not order or order == list(range(len(order))):
        return read.piece
    top = chorale.onset[order[0]]
    fermata = np.zeros_like(chorale.fermata)
    for step in np.flatnonzero(chorale.fermata):
        fermata[np.flatnonzero(top[: step + 1])[-1]] = True
    seated = chorale.replaced(pitch=chorale.pitch[order], onset=chorale.onset[order], fermata=fermata)
    return replace(read.piece, chorale=seated)


def _ensemble(names: tuple[str, ...], learned: Sequence[Chorale], is_named: bool) -> Ensemble:
    """Each voice as low and high as the pieces have it, and a little more; Bach's choir, where the pieces lie within it."""
    found = [_range(learned, voice) for voice in range(len(names))]
    if names == CHOIR_NAMES or tuple(name.casefold() for name in names) == CHOIR_NAMES:
        beyond = max(max(usual[0] - low, high - usual[1]) for (low, high), usual in zip(found, BACHS_CHOIR.ranges, strict=True))
        if beyond <= 0:
            return BACHS_CHOIR
        if beyond <= NEAR_CHOIR or is_named:
            pairs = zip(found, BACHS_CHOIR.ranges, strict=True)
            return Ensemble(CHOIR_NAMES, tuple((min(low, usual[0]), max(high, usual[1])) for (low, high), usual in pairs))
        names = numbered(len(names)).names
    wider = tuple((max(LOWEST, low - WIDER), min(HIGHEST, high + WIDER)) for low, high in found)
    meter = Counter(str(chorale.meter) for chorale in learned).most_common(1)[0][0]
    keys = tuple(key for key, _ in Counter(str(chorale.key) for chorale in learned).most_common(USUAL_KEYS))
    return Ensemble(tuple(titled(name) for name in names), wider, meter, keys)


def _range(chorales: Sequence[Chorale], voice: int) -> Range:
    pitch = np.concatenate([chorale.pitch[voice] for chorale in chorales])
    sounding = pitch[pitch != REST]
    return (int(sounding.min()), int(sounding.max())) if sounding.size else (LOWEST + WIDER, HIGHEST - WIDER)


def _split(pieces: list[Piece]) -> list[Piece]:
    """Train, valid and test by the order of their hashes; of three pieces or more each has one."""
    ordered = sorted(pieces, key=lambda piece: piece.sha256)
    held = max(1, len(ordered) // HELD_OUT) if len(ordered) >= 3 else 0
    splits = ["valid"] * held + ["test"] * held + ["train"] * (len(ordered) - 2 * held)
    return [replace(piece, split=split) for piece, split in zip(ordered, splits, strict=True)]
