"""Shards of event ids as they are written: piece by piece, no more in memory than one. `shards` says what the files are."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, BinaryIO, Protocol

import numpy as np
from numpy.typing import NDArray

PIECES = "pieces.jsonl"
MOST_IDS = 64 * 2**20  # of a shard: 128 MB
SPLITS = ("train", "valid", "test")
HEADER = 128  # bytes of the .npy header of a vector

Ids = NDArray[np.uint16]


class Tokenizer(Protocol):
    """What a corpus needs of an EventTokenizer."""

    @property
    def bos_id(self) -> int: ...

    @property
    def eos_id(self) -> int: ...

    def save(self, folder: Path) -> None: ...


@dataclass(frozen=True)
class NewPiece:
    """To be written: `ids` without BOS and EOS; `facts` go into its line of pieces.jsonl, `losses` among them are counted."""

    name: str
    split: str
    ids: Ids
    facts: Mapping[str, Any] = field(default_factory=dict)


def write_pieces(work: Path, pieces: Iterable[NewPiece], tokenizer: Tokenizer, most_ids: int) -> tuple[dict[str, Any], Any]:
    """The shards of each split as the manifest lists them, and the digest of all lines of pieces.jsonl."""
    digest = hashlib.sha256()
    with ExitStack() as opened:
        splits = {split: opened.enter_context(_Split(work, split, most_ids)) for split in SPLITS}
        for piece in pieces:
            ids = np.concatenate([[tokenizer.bos_id], piece.ids, [tokenizer.eos_id]]).astype("<u2")
            splits[piece.split].append(piece, ids)
    with open(work / PIECES, "wb") as joined:
        for split in splits.values():
            with split.path.open("rb") as lines:
                for line in lines:
                    joined.write(line)
                    digest.update(line)
            split.path.unlink()
    return {name: split.shards for name, split in splits.items() if split.shards}, digest


class _Split:
    """The shards and the lines of a split, written as they come."""

    def __init__(self, folder: Path, name: str, most_ids: int) -> None:
        self.path = folder / f"{name}.jsonl"
        self.shards: list[dict[str, Any]] = []
        self._folder, self._name, self._most_ids = folder, name, most_ids
        self._lines: IO[str] = open(self.path, "w", encoding="utf-8")  # noqa: SIM115
        self._shard: BinaryIO | None = None
        self._starts: list[int] = []

    def __enter__(self) -> _Split:
        return self

    def __exit__(self, *_: object) -> None:
        self._close_shard()
        self._lines.close()

    def append(self, piece: NewPiece, ids: Ids) -> None:
        if self._shard is None or self._starts[-1] + len(ids) > self._most_ids:
            self._close_shard()
            self._shard = self._next_shard()
        row = {"name": piece.name, "split": piece.split, "shard": self.shards[-1]["file"], "offset": self._starts[-1], "count": len(ids)}
        row |= {"sha256": hashlib.sha256(ids.tobytes()).hexdigest(), **piece.facts}
        self._lines.write(json.dumps(row, ensure_ascii=False) + "\n")
        self._shard.write(ids.tobytes())
        self._starts.append(self._starts[-1] + len(ids))

    def _next_shard(self) -> BinaryIO:
        self.shards.append({"file": f"{self._name}-{len(self.shards):05d}"})
        self._starts = [0]
        shard = open(self._folder / f"{self.shards[-1]['file']}.npy", "wb")  # noqa: SIM115
        shard.write(bytes(HEADER))  # its length goes here at the end
        return shard

    def _close_shard(self) -> None:
        if self._shard is None:
            return
        size = self._starts[-1]
        self._shard.seek(0)
        np.lib.format.write_array_header_1_0(self._shard, {"descr": "<u2", "fortran_order": False, "shape": (size,)})
        self._shard.close()
        np.save(self._folder / f"{self.shards[-1]['file']}.starts.npy", np.array(self._starts, dtype=np.int64))
        self.shards[-1] |= {"pieces": len(self._starts) - 1, "ids": size}


def write_lines(path: Path, rows: Iterable[Mapping[str, Any]]) -> int:
    count = 0
    with open(path, "w", encoding="utf-8") as file:
        for row in rows:
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
            count += 1
    return count
