"""Copying: the longest run of consecutive slices that a piece shares with a training piece, up to transposition.

A slice is a run of steps without any onset, as in `music.voice_leading`. Two runs are shared when one constant shift in semitones carries
every pitch of the one to the other, slice by slice, rests to rests. How long a slice lasts is not compared, and slices in which all voices
rest are left out: a copy with other note values, or with a breath in it, is a copy.
Shapes: V voices, N slices, of all training pieces end to end.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from musicgen.corpus.store import Corpus, Piece
from musicgen.errors import NotationError
from musicgen.evaluation.intervals import share_interval
from musicgen.music.chorale import REST, BoolArray, Chorale
from musicgen.music.voice_leading import slices
from musicgen.rendering.side_by_side import Excerpt, shared_run_svg

IntArray = NDArray[np.int64]

LIMIT = 12  # Bach's own test pieces share so many slices with a training piece once in 77
SILENCE = 128  # above every pitch


@dataclass(frozen=True, slots=True)
class Passage:
    """Steps [start, end) of a piece, and the places where its first and its last slice begin."""

    start: int
    end: int
    first: str
    last: str

    def __str__(self) -> str:
        return self.first if self.first == self.last else f"{self.first} to {self.last}"


@dataclass(frozen=True, slots=True)
class SharedRun:
    """`slices` of a piece in the passage `here` are those of the training piece `source` in `there`, `shift` semitones higher."""

    slices: int
    source: str
    title: str
    shift: int
    here: Passage
    there: Passage

    @property
    def moved(self) -> str:
        """`, moved 2 semitones up`; nothing if not."""
        return f", moved {_count(abs(self.shift), 'semitone')} {'up' if self.shift > 0 else 'down'}" if self.shift else ""

    def __str__(self) -> str:
        return f"{_count(self.slices, 'slice')}, {self.here}, as in {self.there} of {self.title or self.source}{self.moved}"


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}{'s' if number > 1 else ''}"


@dataclass(frozen=True, eq=False)
class _Cut:
    """The slices of a piece that are not silent: steps [start, end), lowest pitch, and shape, a number for the intervals above it; (N,)."""

    start: IntArray
    end: IntArray
    lowest: IntArray
    shape: IntArray

    def passage(self, chorale: Chorale, first: int, last: int) -> Passage:
        start, final = int(self.start[first]), int(self.start[last])
        return Passage(start, int(self.end[last]), chorale.place(start), chorale.place(final))

    def counts(self, steps: BoolArray | None) -> BoolArray:
        """(N,) whether a slice has one of the steps (T,)."""
        if steps is None:
            return np.ones(len(self.start), dtype=bool)
        return np.array([steps[start:end].any() for start, end in zip(self.start, self.end, strict=True)], dtype=bool)


def _cut(chorale: Chorale) -> _Cut:
    cut = slices(chorale)
    end = np.append(cut.start[1:], chorale.steps)
    sounds = (cut.pitch != REST).any(axis=0)
    pitch = cut.pitch[:, sounds]
    lowest = np.where(pitch == REST, SILENCE, pitch).min(axis=0, initial=SILENCE)
    interval = np.where(pitch == REST, SILENCE, pitch - lowest)
    shape = np.zeros_like(lowest)
    for row in interval:
        shape = shape * (SILENCE + 1) + row
    return _Cut(cut.start[sounds], end[sounds], lowest, shape)


class CopyIndex:
    """Training pieces, ready to be searched for what another piece shares with them."""

    def __init__(self, pieces: Sequence[Piece]) -> None:
        self.voices = pieces[0].chorale.voices if pieces else 0
        if not 0 < self.voices <= 8 or any(piece.chorale.voices != self.voices for piece in pieces):
            raise NotationError("copying is searched for in pieces of as many voices each, at most 8; give at least one")
        self.pieces = tuple(pieces)
        self._cuts = [_cut(piece.chorale) for piece in pieces]
        sizes = np.array([len(cut.shape) for cut in self._cuts])
        self._begin: IntArray = np.append(0, np.cumsum(sizes))  # of each piece among the N slices
        self._lowest: IntArray = np.concatenate([cut.lowest for cut in self._cuts])
        self._is_first: BoolArray = np.isin(np.arange(self._begin[-1]), self._begin)
        shape = np.concatenate([cut.shape for cut in self._cuts])
        self._order: IntArray = np.argsort(shape, kind="stable")  # slices of one shape side by side
        self._shapes: IntArray = shape[self._order]

    def longest_run(self, chorale: Chorale, counted: BoolArray | None = None) -> SharedRun | None:
        """The first of the longest; None if not even a slice is shared. Only slices with a step that is `counted` (T,), all if not said."""
        if chorale.voices != self.voices:
            raise NotationError(f"copying is measured on {self.voices} voices, this piece has {chorale.voices}; choose those to measure")
        cut = _cut(chorale)
        length, here, there = self._search(cut, cut.counts(counted))
        if not length:
            return None
        number = int(np.searchsorted(self._begin, there, side="right")) - 1
        piece, source, last = self.pieces[number], self._cuts[number], there - int(self._begin[number])
        return SharedRun(
            slices=length,
            source=piece.name,
            title=piece.chorale.title,
            shift=int(cut.lowest[here] - self._lowest[there]),
            here=cut.passage(chorale, here - length + 1, here),
            there=source.passage(piece.chorale, last - length + 1, last),
        )

    def picture(self, name: str, chorale: Chorale, run: SharedRun) -> str:
        """Both passages of a run side by side as one SVG document; `name` is what the chorale is called in it."""
        source = next(piece.chorale for piece in self.pieces if piece.name == run.source)
        here = Excerpt(chorale, run.here.start, run.here.end, (name, f"{run.here}, {chorale.key}"))
        there = Excerpt(source, run.there.start, run.there.end, (run.title or run.source, f"{run.there}, {source.key}"))
        return shared_run_svg(here, there, f"{_count(run.slices, 'slice')} shared{run.moved}")

    def _search(self, cut: _Cut, counts: BoolArray) -> tuple[int, int, int]:
        """The length of the longest run, and its last slice in the piece and among the N; a slice that does not count ends a run."""
        left, right = (np.searchsorted(self._shapes, cut.shape, side) for side in ("left", "right"))
        length = np.zeros(len(self._order) + 1, dtype=np.int64)  # of the run that ends just before each of the N slices
        shift = np.zeros_like(length)
        best, before = (0, 0, 0), self._order[:0]
        for here in range(len(cut.shape)):
            there = self._order[left[here] : right[here] if counts[here] else left[here]]
            moved = cut.lowest[here] - self._lowest[there]
            run = np.where((shift[there] == moved) & ~self._is_first[there], length[there], 0) + 1
            length[before] = 0
            before = there + 1
            length[before], shift[before] = run, moved
            if run.size and run.max() > best[0]:
                best = (int(run.max()), here, int(there[run.argmax()]))
        return best


@dataclass(frozen=True)
class CopyReport:
    """The longest shared run of each piece, by the piece's name; a piece with `limit` slices or more counts as `copied`."""

    runs: Mapping[str, SharedRun | None]
    limit: int

    @property
    def pieces(self) -> int:
        return len(self.runs)

    @property
    def copied(self) -> int:
        return sum(run is not None and run.slices >= self.limit for run in self.runs.values())

    @property
    def longest(self) -> int:
        """In slices."""
        return max((run.slices for run in self.runs.values() if run), default=0)

    @property
    def percent(self) -> float:
        return 100 * self.copied / self.pieces

    @property
    def interval(self) -> tuple[float, float]:
        """95 % of `percent`."""
        low, high = share_interval(self.copied, self.pieces)
        return 100 * low, 100 * high

    def to_dict(self) -> dict[str, Any]:
        shared = [{"piece": name, **(asdict(run) if run else {"slices": 0})} for name, run in self.runs.items()]
        return {**self.totals(), "runs": shared}

    def totals(self) -> dict[str, Any]:
        names = ("limit", "pieces", "copied", "percent", "interval", "longest")
        return {name: getattr(self, name) for name in names}

    def lines(self) -> list[str]:
        return [f"{name}: {run or 'not a slice shared'}" for name, run in self.runs.items()]

    def __str__(self) -> str:
        low, high = self.interval
        return (
            f"{self.copied} of {self.pieces} pieces share {self.limit} slices or more: "
            f"{self.percent:.1f} %, 95 % interval {low:.1f} to {high:.1f}; longest {self.longest}"
        )


def measure_copying(index: CopyIndex, chorales: Mapping[str, Chorale], limit: int = LIMIT) -> CopyReport:
    """What each of these pieces, by name, shares with the pieces of the index."""
    if not chorales:
        raise NotationError("no pieces to measure; give at least one")
    runs: dict[str, SharedRun | None] = {}
    for name, chorale in chorales.items():
        try:
            runs[name] = index.longest_run(chorale)
        except NotationError as error:
            raise NotationError(f"{name}: {error}") from None
    return CopyReport(runs, limit)


def measure_control(index: CopyIndex, corpus: Corpus, limit: int = LIMIT) -> CopyReport | None:
    """What a corpus's own test pieces share with the index: nobody copied there. None if it has no such split."""
    if "test" not in corpus.counts():
        return None
    return measure_copying(index, {piece.name: piece.chorale for piece in corpus.pieces("test")}, limit)
