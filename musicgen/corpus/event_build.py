"""Building a corpus of events: every file becomes ids, or a reason why not; in parallel, and again from where it was stopped.

Files are worked through in chunks. Each leaves a *part* under corpora/.NAME.parts/: `KEY.json`, a row a piece, and `KEY.ids`, their ids end
to end. A part is named by all that it depends on, so that one that is there need not be made again. At the end the rows, never all ids, are
read together: copies go, families are split, and the pieces are written into shards.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from musicgen.corpus.build import CORPUS_NAMES
from musicgen.corpus.duplicates import Known, content_key, copies, families, melody_key, split_families
from musicgen.corpus.midi_folder import Unit, read_unit
from musicgen.corpus.pool import run_in_pool
from musicgen.corpus.shard_writing import Ids, NewPiece, Tokenizer
from musicgen.corpus.shards import EventCorpus, is_events, write_events
from musicgen.corpus.store import CORPORA, MANIFEST
from musicgen.errors import ConfigError, CorpusError, MusicgenError
from musicgen.files.io import MIDI

FORMAT = 2  # of parts: another number where files are read otherwise than before
CHUNK = 32  # MIDI files or ABC tunes; other notation takes longer to read
OF_NOTATION = 8
Chunk = tuple[Unit, ...]
Row = dict[str, Any]
Progress = Callable[[int, int, str], None]


class Encoder(Tokenizer, Protocol):
    """What building needs of an EventTokenizer."""

    @property
    def text(self) -> str: ...

    def encode(self, score: Any) -> Any: ...

    def trained(self, pieces: Sequence[Ids], size: int) -> Encoder: ...

    def merged(self, ids: Ids) -> Ids: ...


@dataclass(frozen=True)
class EventReport:
    """What was built, where."""

    corpus: EventCorpus
    folder: Path

    @property
    def dropped(self) -> dict[str, str]:
        return self.corpus.dropped()

    def lines(self) -> list[str]:
        return [f"dropped {file}: {reason}" for file, reason in self.dropped.items()]


class Engine(Protocol):
    """Makes the parts of chunks and says how many pieces each had, in any order."""

    def __call__(self, chunks: Sequence[Chunk], tokenizer: Encoder, parts: Path) -> Iterator[Chunk]: ...


def build_events(
    name: str,
    units: Sequence[Unit],
    source: str,
    tokenizer: Encoder,
    folder: Path = CORPORA,
    engine: Engine | None = None,
    progress: Progress | None = None,
    bpe: int = 0,
) -> EventReport:
    """Builds `folder/name`. Whatever stops it, the same call goes on from there. `bpe`: how many ids to learn, 0 for none."""
    check_name(name, folder)
    parts = folder / f".{name}.parts"
    parts.mkdir(parents=True, exist_ok=True)
    todo = chunks_of(units)
    missing = [chunk for chunk in todo if not part_of(chunk, tokenizer, parts).is_file()]
    done = len(units) - sum(len(chunk) for chunk in missing)
    for chunk in (engine or local_engine())(missing, tokenizer, parts):
        done += len(chunk)
        if progress is not None:
            progress(done, len(units), chunk[-1].name)
    corpus = _assemble(name, source, tokenizer, [part for chunk in todo for part in _parts_of(chunk, tokenizer, parts)], folder, bpe)
    shutil.rmtree(parts)
    return EventReport(corpus, folder / name)


def chunks_of(units: Iterable[Unit]) -> list[Chunk]:
    """In their order, of about equal work."""
    chunks: list[list[Unit]] = []
    size = CHUNK
    for unit in units:
        if size >= CHUNK:
            chunks.append([])
            size = 0
        chunks[-1].append(unit)
        size += 1 if unit.file.suffix.lower() in (*MIDI, ".abc") else OF_NOTATION
    return [tuple(chunk) for chunk in chunks]


def check_name(name: str, folder: Path) -> None:
    """Refuses what is no name, and the names of corpora of another kind."""
    if name in CORPUS_NAMES or Path(name).name != name or name.startswith("."):
        raise ConfigError(f"{name!r} cannot be the name of a corpus of your own; choose another, without slashes")
    if (folder / name / MANIFEST).is_file() and not is_events(folder / name):
        raise ConfigError(f"{folder / name} is a corpus of another kind; choose another name")


# --- parts


def part_of(chunk: Chunk, tokenizer: Encoder, parts: Path) -> Path:
    """Where the rows of a chunk lie: named by the files, their sizes and dates, and the tokenizer."""
    told = [FORMAT, hashlib.sha256(tokenizer.text.encode()).hexdigest()]
    told += [[unit.name, unit.tune, unit.work, *_state(unit.file)] for unit in chunk]
    return parts / f"{hashlib.sha256(json.dumps(told).encode()).hexdigest()[:24]}.json"


def _state(path: Path) -> tuple[int, int]:
    try:
        status = path.stat()
    except OSError:
        return 0, 0
    return status.st_size, status.st_mtime_ns


def _parts_of(chunk: Chunk, tokenizer: Encoder, parts: Path) -> list[Path]:
    """One, or one for each piece of a chunk in which something broke."""
    whole = part_of(chunk, tokenizer, parts)
    return [whole] if whole.is_file() else [part_of((unit,), tokenizer, parts) for unit in chunk]


def make_part(chunk: Chunk, tokenizer: Encoder) -> tuple[list[Row], bytes]:
    """The rows of a chunk and its ids. Nothing that is in a file stops it."""
    rows, ids = [], []
    for unit in chunk:
        row, found = _encoded(unit, tokenizer)
        rows.append(row)
        ids.append(found)
    return rows, b"".join(one.astype("<u2").tobytes() for one in ids)


def write_part(path: Path, rows: list[Row], ids: bytes) -> None:
    """The rows go last: without them there is no part."""
    for target, data in ((path.with_suffix(".ids"), ids), (path, json.dumps(rows, ensure_ascii=False).encode("utf-8", "replace"))):
        hidden = target.with_name(f"{target.name}.{os.getpid()}")
        hidden.write_bytes(data)
        os.replace(hidden, target)


def _encoded(unit: Unit, tokenizer: Encoder) -> tuple[Row, Ids]:
    try:
        score = read_unit(unit)
        found = tokenizer.encode(score)
    except MusicgenError as error:
        return {"name": unit.name, "reason": str(error).removeprefix(f"{unit.file}: ")}, np.zeros(0, dtype=np.uint16)
    tracks = [[label.name, label.program, label.is_drum, label.slot] for label in found.tracks]
    row = {
        "name": unit.name,
        "work": unit.work,
        "count": len(found.ids),
        "content": content_key(score),
        "melody": melody_key(score),
        "tracks": tracks,
        "losses": list(found.losses),
    }
    return row, found.ids


def local_engine(workers: int = 0) -> Engine:
    """Processes of this machine, as many as it has cores unless told; one works in this process itself."""

    def engine(chunks: Sequence[Chunk], tokenizer: Encoder, parts: Path) -> Iterator[Chunk]:
        yield from run_in_pool(_Work(tokenizer, parts), chunks, workers)

    return engine


@dataclass(frozen=True)
class _Work:
    """What a process does with a chunk, and what stands for a piece that a process died of."""

    tokenizer: Encoder
    parts: Path

    def __call__(self, chunk: Chunk) -> None:
        write_part(part_of(chunk, self.tokenizer, self.parts), *make_part(chunk, self.tokenizer))

    def died(self, unit: Unit) -> None:
        row = {"name": unit.name, "reason": "reading it ended the program that read it; it is damaged, export it again"}
        write_part(part_of((unit,), self.tokenizer, self.parts), [row], b"")


# --- the corpus


def _assemble(name: str, source: str, tokenizer: Encoder, parts: Sequence[Path], folder: Path, bpe: int) -> EventCorpus:
    """Reads the rows of the parts twice and keeps little of each, about a kilobyte a file."""
    known, dropped = [], dict[str, str]()
    for row in _rows(parts):
        if "reason" in row:
            dropped[row["name"]] = row["reason"]
        else:
            known.append(Known(row["name"], row["content"], row["melody"], row["work"]))
    count = len(known) + len(dropped)
    again = copies(known)
    dropped |= {copy: f"the same music as {first}, but perhaps for key or tempo" for copy, first in again.items()}
    known = [piece for piece in known if piece.name not in again]
    if not known:
        file, reason = next(iter(dropped.items()), ("", "there are no files"))
        raise CorpusError(f"{name}: none of {count} files can be used, {file} for one: {reason}")
    members = families(known)
    places = list(zip(split_families(members, [one.name for one in known]), (known[family].name for family in members), strict=True))

    def placed() -> Iterator[_Placed]:
        kept = (row for row in _rows(parts) if row["name"] not in dropped)
        return (_Placed(row, *place) for row, place in zip(kept, places, strict=True))

    if bpe:
        tokenizer = tokenizer.trained([piece.ids for piece in _some(placed())], bpe)
    written = (piece.new(tokenizer if bpe else None) for piece in placed())
    return write_events(name, source, tokenizer, written, sorted(dropped.items()), folder)


def _rows(parts: Iterable[Path]) -> Iterator[Row]:
    """With where the ids of each lie."""
    for part in parts:
        offset = 0
        for row in json.loads(part.read_bytes()):
            yield row | {"part": part.with_suffix(".ids"), "offset": offset}
            offset += row.get("count", 0)


@dataclass(frozen=True)
class _Placed:
    row: Row
    split: str
    family: str

    @property
    def ids(self) -> Ids:
        return np.fromfile(self.row["part"], dtype="<u2", count=self.row["count"], offset=2 * self.row["offset"])

    def new(self, merging: Encoder | None) -> NewPiece:
        facts = {"family": self.family, "tracks": self.row["tracks"], "losses": self.row["losses"]}
        return NewPiece(self.row["name"], self.split, merging.merged(self.ids) if merging else self.ids, facts)


MOST_TO_LEARN = 8_000_000  # ids whose pairs are counted


def _some(pieces: Iterable[_Placed]) -> Iterator[_Placed]:
    """Pieces of train, one in so many that all together are not too much."""
    trains = [piece for piece in pieces if piece.split == "train"]
    step = 1 + sum(piece.row["count"] for piece in trains) // MOST_TO_LEARN
    return iter(trains[::step])
