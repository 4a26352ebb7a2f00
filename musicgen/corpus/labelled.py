"""Pieces of any number of voices as notes on the grid of sixteenths, with what is known of each. Needs numpy alone.

notes (3, N) int32: first step, step after the last, pitch; of all pieces end to end, a piece is the slice [offset, offset + count).
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from musicgen.corpus.store import ARRAYS, MANIFEST, found_corpus, write_corpus_files
from musicgen.errors import CorpusError

FORMAT = 1


@dataclass(frozen=True, eq=False)
class LabelledPiece:
    """`work`: pieces of one never stand in two splits; `facts`: question -> answer, without those that nobody knows."""

    name: str
    work: str
    split: str
    notes: NDArray[np.int32]
    facts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class LabelledCorpus:
    name: str
    all_pieces: tuple[LabelledPiece, ...]
    fingerprint: str
    source: str
    dropped: Mapping[str, str]

    def pieces(self, split: str) -> list[LabelledPiece]:
        splits = self.counts()
        if split not in splits:
            raise CorpusError(f"the corpus {self.name} has no split {split!r}; it has {', '.join(splits)}")
        return [piece for piece in self.all_pieces if piece.split == split]

    def counts(self) -> dict[str, int]:
        """Pieces in each split."""
        return dict(Counter(piece.split for piece in self.all_pieces))

    def summary(self, by: str = "tradition") -> str:
        """How many pieces and works of each kind there are in each split."""
        lines = [f"{self.name}: {len(self.all_pieces)} pieces from {self.source}, {len(self.dropped)} left out"]
        for value in dict.fromkeys(piece.facts.get(by, "") for piece in self.all_pieces):
            of_kind = [piece for piece in self.all_pieces if piece.facts.get(by, "") == value]
            splits = Counter(piece.split for piece in of_kind)
            counts = ", ".join(f"{splits[split]} {split}" for split in ("train", "valid", "test"))
            lines.append(f"{value}: {len(of_kind)} pieces of {len({piece.work for piece in of_kind})} works ({counts})")
        return "\n".join([*lines, f"fingerprint {self.fingerprint[:16]}"])


def save_labelled(folder: Path, name: str, source: str, pieces: Sequence[LabelledPiece], dropped: Mapping[str, str]) -> LabelledCorpus:
    """The manifest goes last: without its match the notes are refused."""
    notes = np.concatenate([piece.notes for piece in pieces], axis=1).astype(np.int32)
    rows = [
        {"name": piece.name, "work": piece.work, "split": piece.split, "count": piece.notes.shape[1], "facts": dict(piece.facts)}
        for piece in pieces
    ]
    fingerprint = _fingerprint(notes, rows)
    manifest = {"format": FORMAT, "name": name, "source": source, "fingerprint": fingerprint, "pieces": rows, "dropped": dict(dropped)}
    write_corpus_files(folder, {"notes": notes}, manifest)
    return LabelledCorpus(name, tuple(pieces), fingerprint, source, dict(dropped))


def load_labelled(folder: str | Path) -> LabelledCorpus:
    """By its folder, or by its name under corpora/. A missing, damaged or outdated one is refused."""
    rebuild = f"make it with: musicgen corpus build {Path(folder).name}"
    path = found_corpus(folder, lambda: rebuild)
    try:
        manifest = json.loads((path / MANIFEST).read_text(encoding="utf-8"))
        with np.load(io.BytesIO((path / ARRAYS).read_bytes())) as file:
            notes = file["notes"]
        rows = manifest["pieces"]
        if manifest["format"] != FORMAT or _fingerprint(notes, rows) != manifest["fingerprint"]:
            raise CorpusError(f"{path}: the corpus is of another version, or its notes do not match; {rebuild}")
        ends = np.cumsum([row["count"] for row in rows])
        pieces = tuple(
            LabelledPiece(row["name"], row["work"], row["split"], notes[:, end - row["count"] : end], row["facts"])
            for row, end in zip(rows, ends, strict=True)
        )
        return LabelledCorpus(manifest["name"], pieces, manifest["fingerprint"], manifest["source"], manifest["dropped"])
    except (OSError, EOFError, ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
        raise CorpusError(f"{path}: the corpus is damaged ({error}); {rebuild}") from None


def _fingerprint(notes: NDArray[np.int32], rows: Sequence[Mapping[str, Any]]) -> str:
    digest = hashlib.sha256(json.dumps(list(rows), sort_keys=True).encode())
    digest.update(np.ascontiguousarray(notes).tobytes())
    return digest.hexdigest()
