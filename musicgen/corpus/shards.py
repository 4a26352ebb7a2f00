"""An event corpus on disk: shards of ids, read by memmap, so that a corpus may be larger than memory. Needs numpy alone.

manifest.json       name, source, fingerprint, splits -> shards with their counts, losses counted; written last
tokenizer.json      what the ids mean
train-00000.npy     uint16 (N,), N at most 64 Mi: pieces end to end, each BOS ids EOS
train-00000.starts.npy   int64 (P + 1,): a piece is ids[starts[p] : starts[p + 1]]
pieces.jsonl        a line a piece, in the order of the shards: name, split, shard, offset, count, sha256 of its ids, tracks
dropped.jsonl       a line a file that is no piece: file, reason
"""

from __future__ import annotations

import json
import os
import shutil
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from musicgen.corpus.shard_writing import HEADER, MOST_IDS, PIECES, Ids, NewPiece, Tokenizer, write_lines, write_pieces
from musicgen.corpus.store import CORPORA, MANIFEST, corpus_folder, found_corpus
from musicgen.errors import CorpusError, FileError
from musicgen.files.atomic import atomic_write, os_reason

FORMAT = 1
KIND = "events"
DROPPED = "dropped.jsonl"


@dataclass(frozen=True, eq=False)
class EventPiece:
    """`ids` begin with BOS and end with EOS."""

    name: str
    ids: Ids


@dataclass(frozen=True)
class EventCorpus:
    name: str
    folder: Path
    manifest: Mapping[str, Any]

    @property
    def fingerprint(self) -> str:
        return str(self.manifest["fingerprint"])

    @property
    def source(self) -> str:
        return str(self.manifest["source"])

    @property
    def tokenizer_folder(self) -> Path:
        return self.folder

    @property
    def splits(self) -> tuple[str, ...]:
        return tuple(self.manifest["splits"])

    def counts(self) -> dict[str, int]:
        """Pieces in each split."""
        return {split: sum(shard["pieces"] for shard in shards) for split, shards in self.manifest["splits"].items()}

    def ids_in(self, split: str) -> int:
        """How many ids a split has, BOS and EOS with them."""
        return sum(shard["ids"] for shard in self._shards(split))

    def pieces(self, split: str) -> ShardedPieces:
        """Read from disk as they are asked for."""
        return ShardedPieces(self.folder, split, tuple(shard["file"] for shard in self._shards(split)))

    def dropped(self) -> dict[str, str]:
        """File -> reason."""
        return {row["file"]: row["reason"] for row in _read_lines(self.folder / DROPPED)}

    def ensembles(self, split: str, most: int = 16) -> list[dict[str, Any]]:
        """Sets of tracks, [name, program, is drum, slot] each, that have most of the split's `ids`, with the names of one piece."""
        ids: Counter[tuple[Any, ...]] = Counter()
        tracks: dict[tuple[Any, ...], Any] = {}
        for row in _read_lines(self.folder / PIECES):
            if row["split"] == split and row.get("tracks"):
                kind = tuple(sorted(tuple(track[1:]) for track in row["tracks"]))
                ids[kind] += row["count"]
                tracks.setdefault(kind, row["tracks"])
        return [{"ids": count, "tracks": tracks[kind]} for kind, count in ids.most_common(most)]

    def summary(self) -> str:
        """What is in the corpus, in a few lines."""
        counts = ", ".join(f"{count:,} {split}" for split, count in self.counts().items())
        ids = sum(self.ids_in(split) for split in self.splits)
        losses = ", ".join(f"{kind} in {count:,}" for kind, count in self.manifest["losses"].items()) or "none"
        return (
            f"{self.name}: {sum(self.counts().values()):,} pieces ({counts}) from {self.source}\n"
            f"{ids:,} ids; pieces of which the ids lose something: {losses}\n"
            f"{self.manifest['dropped']:,} files left out\n"
            f"fingerprint {self.fingerprint[:16]}"
        )

    def _shards(self, split: str) -> Sequence[Mapping[str, Any]]:
        if split not in self.manifest["splits"]:
            raise CorpusError(f"the corpus {self.name} has no split {split!r}; it has {', '.join(self.splits)}")
        shards: Sequence[Mapping[str, Any]] = self.manifest["splits"][split]
        return shards


@dataclass(frozen=True)
class ShardedPieces(Sequence[EventPiece]):
    folder: Path
    split: str
    files: tuple[str, ...]

    @cached_property
    def _starts(self) -> list[NDArray[np.int64]]:
        return [np.load(self.folder / f"{file}.starts.npy", mmap_mode="r") for file in self.files]

    @cached_property
    def _ids(self) -> list[Ids]:
        return [np.load(self.folder / f"{file}.npy", mmap_mode="r") for file in self.files]

    @cached_property
    def _ends(self) -> list[int]:
        return [int(end) for end in np.cumsum([len(starts) - 1 for starts in self._starts])]

    @cached_property
    def names(self) -> list[str]:
        return [row["name"] for row in _read_lines(self.folder / PIECES) if row["split"] == self.split]

    def __len__(self) -> int:
        return self._ends[-1] if self._ends else 0

    def lengths(self) -> NDArray[np.int64]:
        """(P,) ids of each piece, without reading any."""
        return np.concatenate([np.diff(starts) for starts in self._starts]) if self.files else np.zeros(0, dtype=np.int64)

    @overload
    def __getitem__(self, number: int) -> EventPiece: ...
    @overload
    def __getitem__(self, number: slice) -> Sequence[EventPiece]: ...
    def __getitem__(self, number: int | slice) -> EventPiece | Sequence[EventPiece]:
        if isinstance(number, slice):
            return [self[one] for one in range(*number.indices(len(self)))]
        return EventPiece(self.names[number], self.ids(number))

    def ids(self, number: int) -> Ids:
        """A view into the shard: nothing is read before it is looked at."""
        number = number + len(self) if number < 0 else number
        if not 0 <= number < len(self):
            raise IndexError(f"piece {number} of {len(self)}")
        shard = bisect_right(self._ends, number)
        place = number - (self._ends[shard - 1] if shard else 0)
        start, end = self._starts[shard][place : place + 2].tolist()
        return self._ids[shard][start:end]


def is_events(folder: str | Path) -> bool:
    """Whether a corpus is there that holds event tokens."""
    manifest = corpus_folder(folder) / MANIFEST
    try:
        return bool(json.loads(manifest.read_text(encoding="utf-8")).get("kind") == KIND)
    except (OSError, ValueError, AttributeError):
        return False


def _remedy(name: str) -> str:
    from musicgen.corpus.bundled import is_bundled  # which reads files, as few do who read a corpus

    return f"make it with: musicgen corpus build {name if is_bundled(name) else f'FOLDER --name {name}'}"


def load_events(folder: str | Path) -> EventCorpus:
    """By its folder, or by its name under corpora/. A missing, damaged or outdated one is refused."""
    rebuild = f"make it with: musicgen corpus build FOLDER --name {Path(folder).name}"
    path = found_corpus(folder, lambda: _remedy(Path(folder).name))
    try:
        manifest = json.loads((path / MANIFEST).read_text(encoding="utf-8"))
        if manifest.get("kind") != KIND:
            raise CorpusError(f"{path}: this corpus holds no event tokens; {rebuild}")
        if manifest["format"] != FORMAT:
            raise CorpusError(f"{path}: the corpus has format {manifest['format']}, this version reads {FORMAT}; {rebuild}")
        for shard in (shard for shards in manifest["splits"].values() for shard in shards):
            size = (path / f"{shard['file']}.npy").stat().st_size
            if size != HEADER + 2 * shard["ids"]:
                raise CorpusError(f"{path}: {shard['file']}.npy is not what the manifest says; {rebuild}")
        return EventCorpus(manifest["name"], path, manifest)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise CorpusError(f"{path}: the corpus is damaged ({error}); {rebuild}") from None


def write_events(
    name: str,
    source: str,
    tokenizer: Tokenizer,
    pieces: Iterable[NewPiece],
    dropped: Iterable[tuple[str, str]] = (),
    folder: Path = CORPORA,
    most_ids: int = MOST_IDS,
) -> EventCorpus:
    """Writes `folder/name`, piece by piece as they come, whole or not at all."""
    work = folder / f".{name}.new"
    try:
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir(parents=True)
        losses: Counter[str] = Counter()
        splits, digest = write_pieces(work, _counted(pieces, losses), tokenizer, most_ids)
        count = write_lines(work / DROPPED, ({"file": file, "reason": reason} for file, reason in dropped))
        tokenizer.save(work)
        digest.update((work / "tokenizer.json").read_bytes())
        manifest = {
            "format": FORMAT,
            "kind": KIND,
            "name": name,
            "source": source,
            "fingerprint": digest.hexdigest(),
            "splits": splits,
            "dropped": count,
            "losses": dict(sorted(losses.items())),
        }
        _replace(work, folder / name, (json.dumps(manifest, indent=1, ensure_ascii=False) + "\n").encode())
    except OSError as error:
        raise FileError(folder / name, os_reason(error)) from error
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return load_events(folder / name)


def _counted(pieces: Iterable[NewPiece], losses: Counter[str]) -> Iterator[NewPiece]:
    """The same pieces; of how many of them something was lost, by its kind."""
    for piece in pieces:
        losses.update({loss.partition(":")[0] for loss in piece.facts.get("losses", ())})
        yield piece


def _replace(work: Path, target: Path, manifest: bytes) -> None:
    """The old corpus goes with its manifest, the new one is there with its own."""
    target.mkdir(parents=True, exist_ok=True)
    (target / MANIFEST).unlink(missing_ok=True)
    for old in target.glob("*"):
        if old.suffix in (".npy", ".npz", ".jsonl"):
            old.unlink()
    for new in work.iterdir():
        os.replace(new, target / new.name)
    atomic_write(target / MANIFEST, manifest)


def _read_lines(path: Path) -> Iterator[dict[str, Any]]:
    with open(path, encoding="utf-8") as file:
        for line in file:
            yield json.loads(line)
