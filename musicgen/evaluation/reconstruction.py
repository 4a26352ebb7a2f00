"""How much of Bach comes back when some voices are taken away: given his soprano, how many cells and notes are his again.

cells: sixteenths of the rewritten voices that sound Bach's pitch. notes: Bach's notes that come back with pitch and onset.
first_guesses: Bach's notes of those voices that are the model's likeliest id, each cell given what the model's likelihood gives it: all
other cells, the future included (pseudo), or the kept voices and all that came before (exact). The first is what DeepBach's authors and
successors call accuracy, without the hold cells that swell it; the two are not to be compared.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from musicgen.composers.composer import Composer
from musicgen.errors import ConfigError
from musicgen.evaluation.intervals import bootstrap_ratio, told
from musicgen.music.chorale import REST, Chorale
from musicgen.music.sketch import Sketch


@dataclass(frozen=True)
class ReconstructionReport:
    """Shares from 0 to 1; intervals: 95 %, bootstrap over pieces; by_voice: cells."""

    given: str
    cells: float
    cells_interval: tuple[float, float]
    notes: float
    notes_interval: tuple[float, float]
    by_voice: dict[str, float]
    first_guesses: float | None
    guessed_from: str | None
    pieces: int

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    def lines(self) -> list[str]:
        voices = ", ".join(f"{voice} {share:.1%}" for voice, share in self.by_voice.items())
        lines = [
            f"given {self.given}: {self.cells:.1%} of the cells sound Bach's pitch ({told(self.cells_interval)}; {voices})",
            f"{self.notes:.1%} of Bach's notes come back with pitch and onset ({told(self.notes_interval)}); {self.pieces} pieces",
        ]
        if self.first_guesses is None:
            return lines
        return [*lines, f"each cell given {self.guessed_from}: {self.first_guesses:.1%} of those notes are the model's first guess"]


def measure_reconstruction(
    composer: Composer,
    pieces: Sequence[Chorale],
    seed: int = 1,
    keep: str | None = None,
    on_progress: Callable[[float], None] = lambda share: None,
) -> ReconstructionReport:
    """One filling of each piece, seeds `seed`, `seed` + 1, …; rests of Bach's are not counted."""
    keep = keep or pieces[0].ensemble.letters[0]
    sketches = [Sketch.for_voices(piece, keep) for piece in pieces]
    if not any(sketch.free.any() for sketch in sketches):
        raise ConfigError(f"with {keep} given nothing is left to write; name fewer voices")
    filled = composer.fill_many(sketches, range(seed, seed + len(pieces)), on_progress)
    counts = np.array([_count(sketch, piece, fill) for sketch, piece, fill in zip(sketches, pieces, filled, strict=True)])  # (pieces, V, 4)
    cells_right, cells, notes_right, notes = counts.sum(axis=1).T
    voices = counts[:, :, :2].sum(axis=0)
    return ReconstructionReport(
        given=keep,
        cells=float(cells_right.sum() / cells.sum()),
        cells_interval=bootstrap_ratio(cells_right, cells, seed),
        notes=float(notes_right.sum() / notes.sum()),
        notes_interval=bootstrap_ratio(notes_right, notes, seed),
        by_voice={name: float(right / total) for name, (right, total) in zip(pieces[0].ensemble.names, voices, strict=True) if total},
        first_guesses=_first_guesses(composer, sketches, pieces),
        guessed_from=getattr(composer, "guesses_from", None),
        pieces=len(pieces),
    )


def _first_guesses(composer: Composer, sketches: Sequence[Sketch], pieces: Sequence[Chorale]) -> float | None:
    """Share of Bach's notes in free cells that are first guesses; None for composers that make none."""
    if not hasattr(composer, "guesses"):
        return None
    notes = [sketch.free & piece.onset & (piece.pitch != REST) for sketch, piece in zip(sketches, pieces, strict=True)]
    right = [composer.guesses(piece, sketch.free)[struck].sum() for sketch, piece, struck in zip(sketches, pieces, notes, strict=True)]
    return float(sum(right) / sum(struck.sum() for struck in notes))


def _count(sketch: Sketch, piece: Chorale, filled: Chorale) -> list[list[int]]:
    """For each voice: cells right, cells, notes right, notes; among free cells that Bach fills with sound."""
    counted = sketch.free & (piece.pitch != REST)
    right = counted & (filled.pitch == piece.pitch)
    struck = counted & piece.onset
    columns = (right, counted, struck & right & filled.onset, struck)
    return np.stack([column.sum(axis=1) for column in columns], axis=1).tolist()  # type: ignore[no-any-return]
