"""Reading: pieces of one mode to the counts that the tables are made of. Chorales -> rows of ids and how often each is seen.

Shapes as in `symbols`; a count is (N, D + 1): D ids and a number.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from musicgen.composers.hidden.symbols import SILENT, Grid, IntArray, Labels, is_active, label_codes, skeletons, sounding_pitches
from musicgen.music.chorale import REST, VOICES, BoolArray, Chorale

PAIRS = tuple(combinations(range(len(VOICES)), 2))
WIDEST, DEEPEST, FARTHEST = 40, 12, 12  # semitones: between two voices, crossed, of one motion
INTERVALS = DEEPEST + WIDEST + 1
MOTIONS = 2 * FARTHEST + 1
REACH = 7  # semitones from the skeleton to what sounded before and what comes after, in patterns
NOWHERE = 2 * REACH + 1  # there is nothing before or after
AROUND = NOWHERE + 1


@dataclass(frozen=True)
class Read:
    """A piece as symbols: labels (B,), skeleton (V, B), cells (V, B, 4) pitches, struck, silent (V, B, 4)."""

    grid: Grid
    labels: IntArray
    skeleton: IntArray
    cells: IntArray
    struck: BoolArray
    silent: BoolArray

    @property
    def active(self) -> IntArray:
        """(B,) which voices do something within the beat, 0 to 15."""
        bits = is_active(self.cells, self.struck)
        return np.asarray((bits * 2 ** np.arange(len(bits))[:, None]).sum(axis=0))


def gather_labels(pieces: Sequence[Chorale], least: int) -> Labels:
    """The labels that are seen at least so often, the most frequent first."""
    codes = np.concatenate([label_codes(piece, _cells(piece)[1]) for piece in pieces])
    found, counts = np.unique(codes, axis=0, return_counts=True)
    order = np.argsort(-counts, kind="stable")
    return Labels(found[order][counts[order] >= min(least, counts.max())])


def _cells(piece: Chorale) -> tuple[Grid, IntArray]:
    grid = Grid.of(piece, piece.fermata_sounding())
    return grid, np.asarray(grid.cells(sounding_pitches(piece)))


def read(piece: Chorale, labels: Labels) -> Read:
    grid, cells = _cells(piece)
    found = labels.nearest(label_codes(piece, cells))
    skeleton = np.take_along_axis(skeletons(cells, labels.members), found[None, :, None], axis=2)[..., 0]
    return Read(
        grid,
        found,
        skeleton,
        cells,
        np.asarray(grid.cells(piece.onset), dtype=bool) & _first_of(grid),
        np.asarray(grid.cells(piece.pitch == REST), dtype=bool),
    )


def _first_of(grid: Grid) -> BoolArray:
    """(B, 4) False in cells that only fill up a shorter beat."""
    return np.asarray(np.arange(4) < grid.lengths[:, None])


def tally(rows: Iterable[IntArray]) -> IntArray:
    """(N, D + 1) each different row with its number."""
    found, counts = np.unique(np.concatenate(list(rows)), axis=0, return_counts=True)
    return np.concatenate([found, counts[:, None]], axis=1)


def dense(counts: IntArray, shape: tuple[int, ...]) -> IntArray:
    """Counts as an array of that shape."""
    table = np.zeros(shape, dtype=np.int64)
    np.add.at(table, tuple(counts[:, :-1].T), counts[:, -1])
    return table


# --- what is counted, a row of ids an event


def chain_rows(piece: Read, labels: int) -> IntArray:
    """(B, 3) place, label before (`labels` where there is none), label."""
    before = np.append(labels, piece.labels[:-1])
    return np.stack([piece.grid.places, before, piece.labels], axis=1)


def tune_rows(piece: Read, nowhere: int) -> IntArray:
    """(B, 3) label, the top voice's note before, its note."""
    return np.stack([piece.labels, np.append(nowhere, piece.skeleton[0, :-1]), piece.skeleton[0]], axis=1)


def shape_rows(piece: Read) -> IntArray:
    """(B, 4) label, the three intervals below the top voice: a harmonic symbol of Allan and Williams."""
    below = (piece.skeleton[:1] - piece.skeleton[1:]).T
    return np.concatenate([piece.labels[:, None], clipped(below)], axis=1)


def clipped(intervals: IntArray) -> IntArray:
    """Semitones between two voices as ids, 0 to INTERVALS - 1."""
    return np.asarray(np.clip(intervals, -DEEPEST, WIDEST) + DEEPEST)


def moved(semitones: IntArray) -> IntArray:
    """Semitones of a motion as ids, 0 to MOTIONS - 1."""
    return np.asarray(np.clip(semitones, -FARTHEST, FARTHEST) + FARTHEST)


def pair_rows(voices: IntArray, direct: BoolArray) -> IntArray:
    """Rows of pair, motion of its upper voice, interval before, interval after, wherever both voices go there directly.

    voices (V, N); direct (V, N - 1).
    """
    rows = []
    for pair, (upper, lower) in enumerate(PAIRS):
        intervals = clipped(voices[upper] - voices[lower])
        motion = moved(np.diff(voices[upper]))
        row = np.stack([np.full(len(motion), pair), motion, intervals[:-1], intervals[1:]], axis=1)
        rows.append(row[direct[upper] & direct[lower]])
    return np.concatenate(rows)


def goes_directly(piece: Read) -> BoolArray:
    """(V, B - 1) True where nothing sounds between the note of one beat and that of the next: parallels of beats that something parts are
    ten times as many as those that are heard."""
    ends, begins = piece.cells[:, :-1, -1] == piece.skeleton[:, :-1], piece.cells[:, 1:, 0] == piece.skeleton[:, 1:]
    return np.asarray(ends & begins & ~piece.silent[:, :-1, -1] & ~piece.silent[:, 1:, 0])


def motion_rows(voices: IntArray, changes: BoolArray) -> IntArray:
    """Rows of whether the chord changes, voice and motion; changes (N - 1,)."""
    steps = moved(np.diff(voices, axis=1))
    voice, changed = np.broadcast_arrays(np.arange(len(voices))[:, None], changes.astype(np.int64))
    return np.stack([changed, voice, steps], axis=-1).reshape(-1, 3)


def slices(piece: Read) -> IntArray:
    """(V, N) what sounds whenever something is struck."""
    changes = piece.struck.any(axis=0).ravel()
    return np.asarray(piece.cells.reshape(len(VOICES), -1)[:, changes])


def pattern_rows(piece: Read) -> IntArray:
    """(V * B, 8) semitones from the skeleton (SILENT: a rest) of the four cells, and whether each is struck."""
    away = np.where(piece.silent, SILENT, piece.cells - piece.skeleton[..., None])
    return np.concatenate([away, piece.struck], axis=2).reshape(-1, 8)


def around_rows(piece: Read) -> IntArray:
    """(V * B, 4) voice, whether it is active, what sounded before and what comes after, both from the skeleton."""
    before = np.full(piece.skeleton.shape, NOWHERE)
    before[:, 1:] = near(piece.cells[:, :-1, -1] - piece.skeleton[:, 1:])
    after = np.full(piece.skeleton.shape, NOWHERE)
    after[:, :-1] = near(np.diff(piece.skeleton, axis=1))
    voices = np.broadcast_to(np.arange(len(VOICES))[:, None], before.shape)
    return np.stack([voices, is_active(piece.cells, piece.struck), before, after], axis=-1).reshape(-1, 4)


def near(semitones: IntArray) -> IntArray:
    return np.asarray(np.clip(semitones, -REACH, REACH) + REACH)


def compass_rows(piece: Chorale) -> IntArray:
    """Rows of voice and pitch, of each note."""
    voice, step = np.nonzero(piece.onset & (piece.pitch != REST))
    return np.stack([voice, piece.pitch[voice, step]], axis=1).astype(np.int64)


def activity_rows(piece: Read) -> IntArray:
    """(B, 3) place, which voices were active before, which are."""
    active = piece.active
    return np.stack([piece.grid.places, np.append(0, active[:-1]), active], axis=1)
