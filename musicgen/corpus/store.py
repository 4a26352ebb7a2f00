"""A corpus on disk: `pieces.npz`, the notes of all pieces end to end, and `manifest.json`, everything else. Needs numpy alone.

pitch (V, N) int8, onset (V, N) bool, fermata (N,) bool, N the steps of all pieces; a piece is the slice [offset, offset + steps).
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from musicgen.errors import CorpusError, FileError, NotationError
from musicgen.files.atomic import atomic_write, os_reason
from musicgen.music.chorale import Chorale
from musicgen.music.ensemble import BACHS_CHOIR, Ensemble
from musicgen.music.pitch import Key, pitch_name
from musicgen.music.score import Meter, MeterAt

FORMAT = 1
ARRAYS, MANIFEST = "pieces.npz", "manifest.json"
CORPORA = Path("corpora")
REBUILD = "make it again with: musicgen corpus build bach-chorales"

Arrays = Mapping[str, NDArray[Any]]


@dataclass(frozen=True)
class Piece:
    """A chorale and where it comes from. `near_copy_in`: splits whose figures it would spoil in training; `remarks`: what was changed."""

    name: str
    split: str
    chorale: Chorale
    near_copy_in: tuple[str, ...] = ()
    variants: tuple[tuple[str, float], ...] = ()
    remarks: tuple[str, ...] = ()
    file: str = ""
    sha256: str = ""


@dataclass(frozen=True)
class Corpus:
    """The pieces of a corpus in the order of their names; equal `fingerprint`s mean equal notes and labels.

    `ensemble`: who the voices of all its pieces are.
    `told_nats`: what the labels of a piece say that its source does not, and a likelihood must pay for.
    """

    name: str
    all_pieces: tuple[Piece, ...]
    fingerprint: str
    source: str
    dropped: Mapping[str, str]
    told_nats: float = 0.0
    ensemble: Ensemble = BACHS_CHOIR

    def pieces(self, split: str, near_copies: bool = True) -> list[Piece]:
        """The pieces of a split; without near copies, those are left out that would spoil another split's figures."""
        splits = self.counts()
        if split not in splits:
            raise CorpusError(f"the corpus {self.name} has no split {split!r}; it has {', '.join(splits)}")
        return [piece for piece in self.all_pieces if piece.split == split and (near_copies or not piece.near_copy_in)]

    def counts(self) -> dict[str, int]:
        """Pieces in each split."""
        return dict(Counter(piece.split for piece in self.all_pieces))

    def summary(self) -> str:
        """What is in the corpus, in a few lines."""
        chorales = [piece.chorale for piece in self.all_pieces]
        notes = sum(int((chorale.onset & (chorale.pitch >= 0)).sum()) for chorale in chorales)
        counts = ", ".join(f"{count} {split}" for split, count in self.counts().items())
        bent = sum(1 for piece in self.all_pieces if piece.remarks)
        ranges = ", ".join(f"{pitch_name(low)} to {pitch_name(high)}" for low, high in self.ensemble.ranges)
        voices = "" if self.ensemble == BACHS_CHOIR else f"{self.ensemble.voices} voices: {self.ensemble}; {ranges}\n"
        return (
            f"{self.name}: {len(chorales)} pieces ({counts}) from {self.source}\n{voices}"
            f"{notes:,} notes, {sum(chorale.steps for chorale in chorales):,} steps, "
            f"{sum(int(chorale.fermata.sum()) for chorale in chorales):,} fermatas\n"
            f"{len(self.dropped)} files left out, {bent} pieces with notes changed\n"
            f"fingerprint {self.fingerprint[:16]}"
        )


def save_corpus(
    folder: Path, name: str, source: str, pieces: Sequence[Piece], dropped: Mapping[str, str], ensemble: Ensemble = BACHS_CHOIR
) -> Corpus:
    """Writes a corpus, whole or not at all: the manifest goes last, and without its match the arrays are refused."""
    pieces = sorted(pieces, key=lambda piece: piece.name)
    arrays, rows = _join(pieces)
    said = {"ensemble": ensemble.to_dict()} if ensemble.to_dict() else {}
    fingerprint = _fingerprint(arrays, rows, said)
    heading = {"format": FORMAT, "name": name, "source": source, "fingerprint": fingerprint, **said}
    write_corpus_files(folder, arrays, {**heading, "pieces": rows, "dropped": dict(dropped)})
    return Corpus(name, tuple(pieces), fingerprint, source, dict(dropped), ensemble=ensemble)


def write_corpus_files(folder: Path, arrays: Arrays, manifest: Mapping[str, Any]) -> None:
    """The manifest goes last."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FileError(folder, os_reason(error)) from None
    packed = io.BytesIO()
    np.savez_compressed(packed, allow_pickle=False, **arrays)
    atomic_write(folder / ARRAYS, packed.getvalue())
    atomic_write(folder / MANIFEST, (json.dumps(manifest, indent=1, ensure_ascii=False) + "\n").encode())


def corpus_folder(folder: str | Path) -> Path:
    """By its folder, or by its name under corpora/."""
    return Path(folder) if (Path(folder) / MANIFEST).is_file() else CORPORA / folder


def found_corpus(folder: str | Path, remedy: Callable[[], str]) -> Path:
    """As `corpus_folder`, where one has to be; `remedy`: what to do otherwise."""
    path = corpus_folder(folder)
    if not (path / MANIFEST).is_file():
        raise CorpusError(f"{folder}: there is no corpus here; {remedy()}")
    return path


def load_corpus(folder: str | Path = "bach-chorales") -> Corpus:
    """Reads a corpus by its folder, or by its name under corpora/. A missing, damaged or outdated one is refused."""
    path = found_corpus(folder, lambda: "make it with: musicgen corpus build bach-chorales")
    try:
        manifest = json.loads((path / MANIFEST).read_text(encoding="utf-8"))
        if manifest["format"] != FORMAT:
            raise CorpusError(f"{path}: the corpus has format {manifest['format']}, this version reads {FORMAT}; {REBUILD}")
        with np.load(io.BytesIO((path / ARRAYS).read_bytes())) as file:
            arrays = {key: file[key] for key in ("pitch", "onset", "fermata")}
        said = {key: manifest[key] for key in ("ensemble",) if key in manifest}
        if _fingerprint(arrays, manifest["pieces"], said) != manifest["fingerprint"]:
            raise CorpusError(f"{path}: the notes do not match the manifest's fingerprint; {REBUILD}")
        ensemble = Ensemble.from_dict(manifest.get("ensemble", {}), len(arrays["pitch"]))
        pieces = tuple(_piece(arrays, row, ensemble) for row in manifest["pieces"])
        return Corpus(manifest["name"], pieces, manifest["fingerprint"], manifest["source"], manifest["dropped"], ensemble=ensemble)
    except (OSError, EOFError, ValueError, KeyError, TypeError, zipfile.BadZipFile, NotationError) as error:
        raise CorpusError(f"{path}: the corpus is damaged ({error}); {REBUILD}") from None


def fingerprint_of(pieces: Sequence[Piece]) -> str:
    """Of pieces that are not read from a corpus on disk."""
    return _fingerprint(*_join(pieces))


def _join(pieces: Sequence[Piece]) -> tuple[Arrays, list[dict[str, Any]]]:
    """Arrays of all pieces end to end, and a manifest row for each."""
    chorales = [piece.chorale for piece in pieces]
    arrays: Arrays = {
        "pitch": np.concatenate([chorale.pitch for chorale in chorales], axis=1).astype(np.int8),
        "onset": np.concatenate([chorale.onset for chorale in chorales], axis=1),
        "fermata": np.concatenate([chorale.fermata for chorale in chorales]),
    }
    ends = np.cumsum([chorale.steps for chorale in chorales]).tolist()
    return arrays, [_row(piece, end - piece.chorale.steps) for piece, end in zip(pieces, ends, strict=True)]


def _row(piece: Piece, offset: int) -> dict[str, Any]:
    chorale = piece.chorale
    return {
        "name": piece.name,
        "title": chorale.title,
        "split": piece.split,
        "key": [chorale.key.fifths, chorale.key.mode],
        "meters": [[change.start, str(change.meter)] for change in chorale.meters],
        "pickup": chorale.pickup,
        "steps": chorale.steps,
        "offset": offset,
        "file": piece.file,
        "sha256": piece.sha256,
        "near_copy_in": list(piece.near_copy_in),
        "variants": dict(piece.variants),
        "remarks": list(piece.remarks),
    }


def _piece(arrays: Arrays, row: Mapping[str, Any], ensemble: Ensemble) -> Piece:
    where = slice(row["offset"], row["offset"] + row["steps"])
    chorale = Chorale(
        arrays["pitch"][:, where],
        arrays["onset"][:, where],
        arrays["fermata"][where],
        tuple(MeterAt(start, Meter.parse(meter)) for start, meter in row["meters"]),
        Key(*row["key"]),
        row["pickup"],
        row["title"],
        ensemble,
    )
    variants = tuple(sorted(row["variants"].items()))
    near, remarks = tuple(row["near_copy_in"]), tuple(row["remarks"])
    return Piece(row["name"], row["split"], chorale, near, variants, remarks, row["file"], row["sha256"])


def _fingerprint(arrays: Arrays, rows: Sequence[Mapping[str, Any]], said: Mapping[str, Any] = MappingProxyType({})) -> str:
    """sha256 over the notes, what is `said` of the whole, and of every row what training and figures depend on; titles may change."""
    labels = [[row[key] for key in ("name", "split", "key", "meters", "pickup", "steps", "offset", "near_copy_in")] for row in rows]
    digest = hashlib.sha256(json.dumps([labels, said] if said else labels).encode())
    for name in sorted(arrays):
        digest.update(np.ascontiguousarray(arrays[name]).tobytes())
    return digest.hexdigest()
