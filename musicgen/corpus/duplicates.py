"""Which pieces are one piece, and which are so near that one must not be tested on what another taught.

One piece: the same notes, up to key and tempo. A family: the same melody at the beginning, names that call each other copies, one work.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

POSITIONS = 24  # a quarter
MELODY_BARS = 8
FEWEST_NOTES, FEWEST_PITCHES = 12, 4  # of a melody that can tell pieces apart
MOST_VERSIONS = 6  # names that differ in a number: more of them are the pieces of a series

_COPY = re.compile(r"(?:[\s_.-]*\(\d+\)|[\s_.-]+(?:copy|kopie|copie)(?:[\s_.-]*\d+)?)$", re.IGNORECASE)
_TUNE = re.compile(r"\.abc \d+$", re.IGNORECASE)
_NUMBER = re.compile(r"[\s_.-]+v?\d+$", re.IGNORECASE)


@dataclass(frozen=True)
class Known:
    """What is compared of a piece. `melody` is empty where none is clear, `work` where none is known."""

    name: str
    content: str
    melody: str
    work: str = ""


def content_key(score: Any) -> str:
    """Equal for equal onsets and pitches, counted from the first, over all tracks; drums as they are. Lengths may differ."""
    rows = [_rows(track, score.ticks_per_quarter) for track in score.tracks if len(track.notes)]
    notes = np.unique(np.concatenate(rows, axis=1), axis=1) if rows else np.zeros((3, 0), dtype=np.int64)
    notes[0] -= notes[0].min(initial=0)
    pitched = notes[1] == 0
    if pitched.any():
        notes[2, pitched] -= notes[2, np.argmax(pitched)]
    return _digest(notes)


def melody_key(score: Any) -> str:
    """Of the first bars of the highest track that is lively enough; empty if none is."""
    rows = [_rows(track, score.ticks_per_quarter) for track in score.tracks if len(track.notes) >= FEWEST_NOTES and not track.is_drum]
    if not rows:
        return ""
    most = max(row.shape[1] for row in rows)
    onset, _, pitch = max((row for row in rows if 4 * row.shape[1] >= most), key=lambda row: float(row[2].mean()))
    order = np.lexsort((-pitch, onset))
    onset, pitch = onset[order], pitch[order]
    highest = np.insert(onset[1:] != onset[:-1], 0, True)
    onset, pitch = onset[highest] - onset[0], pitch[highest]
    inside = onset < MELODY_BARS * _bar(score)
    onset, pitch = onset[inside], pitch[inside]
    if len(pitch) < FEWEST_NOTES or len(np.unique(pitch)) < FEWEST_PITCHES:
        return ""
    return _digest(np.stack([onset, pitch - pitch[0]]))


def _rows(track: Any, ticks_per_quarter: int) -> NDArray[np.int64]:
    """(3, N) onset in positions, whether drums, pitch."""
    notes = track.notes.numpy()
    onset = np.floor(notes["time"] * (POSITIONS / ticks_per_quarter) + 0.5).astype(np.int64)
    return np.stack([onset, np.full(len(onset), int(track.is_drum)), notes["pitch"].astype(np.int64)])


def _bar(score: Any) -> int:
    """Positions of the longest bar of the first two meters, since the first may be that of a pick-up."""
    meters = list(score.time_signatures)[:2]
    return max((POSITIONS * 4 * meter.numerator // max(meter.denominator, 1) for meter in meters), default=0) or POSITIONS * 4


def _digest(numbers: NDArray[np.int64]) -> str:
    return hashlib.blake2b(np.ascontiguousarray(numbers, dtype="<i8").tobytes(), digest_size=12).hexdigest()


def copies(pieces: Iterable[Known]) -> dict[str, str]:
    """Name -> the first piece that holds the same music."""
    first: dict[str, str] = {}
    found = {}
    for piece in pieces:
        if first.setdefault(piece.content, piece.name) != piece.name:
            found[piece.name] = first[piece.content]
    return found


def families(pieces: Sequence[Known]) -> list[int]:
    """For each piece the number of the first piece of its family."""
    parent = list(range(len(pieces)))

    def root(number: int) -> int:
        while parent[number] != number:
            parent[number] = parent[parent[number]]
            number = parent[number]
        return number

    first: dict[tuple[str, str], int] = {}
    for number, keys in enumerate(_keys(pieces)):
        for key in keys:
            one, other = root(first.setdefault(key, number)), root(number)
            parent[max(one, other)] = min(one, other)
    return [root(number) for number in range(len(pieces))]


def _keys(pieces: Sequence[Known]) -> list[list[tuple[str, str]]]:
    """What a piece shares with its family. The tunes of one file are no family by their names."""
    stems = [_stem(piece.name) for piece in pieces]
    numbered = [_NUMBER.sub("", stem) for stem in stems]
    series = Counter(numbered)
    keys = []
    for piece, stem, base in zip(pieces, stems, numbered, strict=True):
        named = base if PurePosixPath(base).name and series[base] <= MOST_VERSIONS else stem
        names = [] if _TUNE.search(piece.name) else [("name", named)]
        keys.append([*names, *([("melody", piece.melody)] if piece.melody else []), *([("work", piece.work)] if piece.work else [])])
    return keys


def _stem(name: str) -> str:
    """Folder and name without suffix and without what marks a copy."""
    path = PurePosixPath(name)
    stem = path.stem
    while (shorter := _COPY.sub("", stem)) != stem and shorter:
        stem = shorter
    return str(path.parent / stem).lower()


def split_families(members: Sequence[int], names: Sequence[str], held_out: float = 0.1) -> list[str]:
    """A split for each piece. Whole families go to valid, then to test, in an order that their names decide, until each has its share;
    families larger than a share stay in train. From three families on none of the splits is empty, if sizes allow."""
    sizes = Counter(members)
    wanted = max(1, round(held_out * len(members)))
    where: dict[int, str] = defaultdict(lambda: "train")
    left = sorted(sizes, key=lambda family: hashlib.sha256(names[family].encode()).digest())
    for split in ("valid", "test")[: max(len(left) - 1, 0)]:
        count = 0
        for family in [one for one in left if one not in where]:
            if count < wanted and sizes[family] <= wanted:
                where[family] = split
                count += sizes[family]
    return [where[family] for family in members]
