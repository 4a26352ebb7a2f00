"""How many notes find their voice again when all voices of a chorale are merged into one part, as a keyboard plays it.

A note is right when it is given to the voice that sings it. Where voices strike the same pitch together, the merged part has one note for
them, which counts once and is right with any of them: its other voices look as if they rested, there and in what a separator hears.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations, pairwise
from typing import Any

import numpy as np

from musicgen.evaluation.intervals import bootstrap_ratio, told
from musicgen.music.chorale import REST, STEPS_PER_QUARTER, VOICE_LETTERS, VOICES, BoolArray, Chorale
from musicgen.music.places import voice_letters
from musicgen.separation.assignment import assign
from musicgen.separation.notes import IntArray, Merged, merged
from musicgen.separation.separator import Separator

PLACES = ("in a crossing", "while a unison sounds", "elsewhere")


@dataclass(frozen=True)
class SeparationReport:
    """Shares from 0 to 1; intervals: 95 %, bootstrap over pieces.

    accuracy: of notes that are given to their voice; by_voice: of those that one voice sings alone; links: of pairs of notes that follow
    in a voice and are given to one voice, whichever; where: (share right, notes) by what goes on; perfect: pieces without a wrong note.
    """

    method: str
    voices: str
    accuracy: float
    interval: tuple[float, float]
    links: float
    links_interval: tuple[float, float]
    by_voice: dict[str, float]
    where: dict[str, tuple[float, int]]
    notes: int
    unisons: int
    pieces: int
    perfect: int

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    def lines(self) -> list[str]:
        voices = ", ".join(f"{voice} {share:.2%}" for voice, share in self.by_voice.items())
        where = ", ".join(f"{place} {share:.1%} of {notes:,}" for place, (share, notes) in self.where.items())
        return [
            f"{self.method}, {self.voices} merged: {self.accuracy:.2%} of the notes in their voice ({told(self.interval, 2)})",
            f"  {voices}",
            f"  {where}",
            f"  {self.links:.2%} of the notes in one voice with the note before ({told(self.links_interval, 2)})",
            f"  {self.notes:,} notes, {self.unisons} of them unisons; {self.perfect} of {self.pieces} pieces without a wrong note",
        ]


def measure_separation(
    separator: Separator,
    pieces: Sequence[Chorale],
    voices: str = VOICE_LETTERS,
    semitones: int = 0,
    seed: int = 1,
    on_progress: Callable[[float], None] = lambda share: None,
) -> SeparationReport:
    """`voices`: letters of those that are merged, the others are silent; `semitones`: how far the pieces are moved first."""
    letters = voice_letters(voices)
    counts, by_voice, where, unisons = [], np.zeros((len(VOICES), 2), dtype=int), np.zeros((len(PLACES), 2), dtype=int), 0
    for number, piece in enumerate(pieces, start=1):
        sung = only(piece, letters).transposed(semitones)
        known = merged(sung, STEPS_PER_QUARTER)
        found = assign(known.notes, separator.wanted(known.notes), separator.costs)
        right = known.sung[np.arange(len(found)), found]
        counts.append([right.sum(), len(right), *_links(known, found)])
        by_voice += [[(right & alone).sum(), alone.sum()] for alone in (known.sung & (known.sung.sum(axis=1, keepdims=True) == 1)).T]
        where += [[right[here].sum(), here.sum()] for here in _places(sung, known)]
        unisons += int((known.sung.sum(axis=1) > 1).sum())
        on_progress(number / len(pieces))
    notes_right, notes, links_right, links = np.array(counts).T
    return SeparationReport(
        method=separator.name,
        voices=letters,
        accuracy=float(notes_right.sum() / notes.sum()),
        interval=bootstrap_ratio(notes_right, notes, seed),
        links=float(links_right.sum() / links.sum()),
        links_interval=bootstrap_ratio(links_right, links, seed),
        by_voice={name: float(share / total) for name, (share, total) in zip(VOICES, by_voice, strict=True) if total},
        where={place: (float(share / total), int(total)) for place, (share, total) in zip(PLACES, where, strict=True) if total},
        notes=int(notes.sum()),
        unisons=unisons,
        pieces=len(pieces),
        perfect=int((notes_right == notes).sum()),
    )


def only(piece: Chorale, letters: str) -> Chorale:
    """The chorale with all other voices silent."""
    silent = np.array([letter not in letters for letter in VOICE_LETTERS])
    return piece.replaced(pitch=np.where(silent[:, None], REST, piece.pitch))


def _links(known: Merged, found: IntArray) -> tuple[int, int]:
    """Pairs of notes that follow in a voice, both sung by it alone: given to one voice, and all."""
    alone = known.sung.sum(axis=1) == 1
    right = total = 0
    for column in known.sung.T:
        pairs = [(before, after) for before, after in pairwise(np.flatnonzero(column)) if alone[before] and alone[after]]
        right += sum(int(found[before] == found[after]) for before, after in pairs)
        total += len(pairs)
    return right, total


def _places(sung: Chorale, known: Merged) -> list[BoolArray]:
    """(N,) for each of PLACES, of which every note is in one."""
    crossing, unison = np.zeros(sung.pitch.shape, dtype=bool), np.zeros(sung.steps, dtype=bool)
    for high, low in combinations(range(sung.voices), 2):
        sounding = (sung.pitch[high] != REST) & (sung.pitch[low] != REST)
        crossing[[high, low]] |= sounding & (sung.pitch[high] < sung.pitch[low])
        unison |= sounding & (sung.pitch[high] == sung.pitch[low])
    spans = list(zip(known.notes.start.tolist(), known.notes.end.tolist(), strict=True))
    in_crossing = np.array([crossing[voices, start:end].any() for (start, end), voices in zip(spans, known.sung, strict=True)], dtype=bool)
    beside = np.array([unison[start:end].any() for start, end in spans], dtype=bool) & ~in_crossing
    return [in_crossing, beside, ~in_crossing & ~beside]
