"""Sets of pieces to compare: what a folder holds, what a model composes, Bach's own and what dice throw.

A file that cannot be read or has not four voices is left out, with its reason; one that had to be bent to fit the grid says how.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from musicgen.composers.composer import Composer
from musicgen.composers.loading import load_composer
from musicgen.composers.plan import Plan
from musicgen.corpus.store import Corpus
from musicgen.errors import ConfigError, FileError, MusicgenError, NotationError
from musicgen.evaluation.composed import COUNT, SEED, compose_set
from musicgen.files.io import find_scores, read_score
from musicgen.models.folders import kind_of
from musicgen.music.chorale import REST, VOICES, Chorale
from musicgen.music.convert import Conversion, to_chorale

BACH, DICE = "bach", "dice"
HELD_OUT = ("test", "valid")  # the first that a corpus has is Bach's row

OnProgress = Callable[[float], None]


@dataclass(frozen=True, eq=False)
class PieceSet:
    """Pieces by name, and where they come from, in words.

    left_out: file -> why; bent: piece -> what was changed in it to fit; composer: who wrote them, in `seconds` of processor time a piece.
    """

    source: str
    pieces: Mapping[str, Chorale]
    left_out: Mapping[str, str] = field(default_factory=dict)
    bent: Mapping[str, Sequence[str]] = field(default_factory=dict)
    composer: Composer | None = None
    seconds: float | None = None
    is_bach: bool = False


@dataclass(frozen=True)
class Asked:
    """What every model is asked for: `count` pieces of so many bars, the plans and the pieces drawn with `seed`, `seed` + 1, ..."""

    count: int = COUNT
    bars: int = Plan().bars
    seed: int = SEED

    def __post_init__(self) -> None:
        if self.count < 1:
            raise ConfigError(f"{self.count} pieces: at least 1")
        Plan(bars=self.bars)


def find_set(name: str, asked: Asked, on_progress: OnProgress = lambda share: None) -> PieceSet:
    """A folder of files, a file, or a model by its name or the folder of its checkpoint."""
    path = Path(name)
    if path.exists() and kind_of(path) == "unknown":
        return read_set(path, on_progress)
    try:
        composer = load_composer(name)
    except ConfigError as error:
        raise ConfigError(f"no file and no folder {name!r} is here; {error}") from None
    return composed_set(composer, asked, on_progress)


def composed_set(composer: Composer, asked: Asked, on_progress: OnProgress = lambda share: None) -> PieceSet:
    """Pieces with planned cadences, as many as are asked for, and the time of planning and writing them."""
    began = time.process_time()
    chorales = compose_set(composer, asked.count, asked.seed, Plan(bars=asked.bars), on_progress)
    seconds = (time.process_time() - began) / asked.count
    pieces = {f"seed {seed}": chorale for seed, chorale in enumerate(chorales, start=asked.seed)}
    return PieceSet(f"composed by {composer.name}, {asked.bars} bars each", pieces, composer=composer, seconds=seconds)


def bach_set(corpus: Corpus) -> PieceSet | None:
    """Bach's pieces of a split that no model has learned from; None if the corpus has none."""
    split = next((split for split in HELD_OUT if split in corpus.counts()), None)
    if split is None:
        return None
    pieces = {piece.name: piece.chorale for piece in corpus.pieces(split)}
    return PieceSet(f"{split} split of {corpus.name}", pieces, is_bach=True)


def read_set(path: Path, on_progress: OnProgress = lambda share: None) -> PieceSet:
    """The pieces of four voices among a folder's scores; refused if there is none."""
    files = find_scores(path)
    pieces: dict[str, Chorale] = {}
    left_out: dict[str, str] = {}
    bent: dict[str, Sequence[str]] = {}
    for number, file in enumerate(files, start=1):
        try:
            conversion = _read(file)
        except MusicgenError as error:
            left_out[_shown(file.name)] = error.reason if isinstance(error, FileError) else str(error)
        else:
            pieces[_shown(file.name)] = conversion.chorale
            if conversion.report:
                bent[_shown(file.name)] = conversion.report
        on_progress(number / len(files))
    if not pieces and path.is_dir():
        first, reason = next(iter(left_out.items()))
        others = f", and {len(left_out) - 1} more of {len(left_out)} files left out" if len(left_out) > 1 else ""
        raise FileError(path, f"no piece of {len(VOICES)} voices is in this folder; {first}: {reason}{others}")
    if not pieces:
        raise FileError(path, left_out[_shown(path.name)])
    return PieceSet(f"read from {_shown(str(path))}", pieces, left_out, bent)


def _shown(name: str) -> str:
    """A file's name may hold bytes that are no text."""
    return name.encode(errors="backslashreplace").decode()


def _read(file: Path) -> Conversion:
    conversion = to_chorale(read_score(file))
    chorale = conversion.chorale
    if chorale.voices != len(VOICES):
        raise NotationError(f"has {chorale.voices} voice{'s' if chorale.voices > 1 else ''}; pieces of {len(VOICES)} are measured")
    silent = [voice for voice, row in zip(VOICES, chorale.pitch, strict=True) if (row == REST).all()]
    if silent:
        raise NotationError(f"the {' and the '.join(silent)} rests throughout; pieces of {len(VOICES)} voices are measured")
    return conversion


def labels(names: Sequence[str]) -> list[str]:
    """What the rows are called: the last part of each path; where two would be the same, the whole; then a number."""
    short = [_shown(Path(name).name or name) for name in names]
    whole = [_shown(name) if short.count(brief) > 1 else brief for name, brief in zip(names, short, strict=True)]
    found: list[str] = []
    for name in whole:
        choices = (name, *(f"{name} ({number})" for number in range(2, len(whole) + 2)))
        found.append(next(choice for choice in choices if choice not in found))
    return found
