"""How well a composer foretells real pieces, in nats per cell (one voice, one sixteenth), over all cells of whole pieces.

A figure always carries its kind: exact, bound or pseudo. Figures of different kinds never stand in one column.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from musicgen.composers.composer import Kind
from musicgen.errors import ConfigError
from musicgen.evaluation.intervals import bootstrap_ratio
from musicgen.music.chorale import Chorale


@dataclass(frozen=True)
class LikelihoodReport:
    """nats_per_cell over all cells; interval: 95 %, bootstrap over pieces; by_voice: from the top."""

    kind: Kind
    nats_per_cell: float
    interval: tuple[float, float]
    by_voice: dict[str, float]
    pieces: int
    cells: int

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    def lines(self) -> list[str]:
        low, high = self.interval
        voices = ", ".join(f"{voice} {nats:.4f}" for voice, nats in self.by_voice.items())
        return [
            f"{self.kind} likelihood: {self.nats_per_cell:.4f} nats per cell, 95 % interval {low:.4f} to {high:.4f}",
            f"{voices}; {self.pieces} pieces, {self.cells:,} cells",
        ]


def measure_likelihood(
    composer: object,
    pieces: Sequence[Chorale],
    seed: int = 0,
    on_progress: Callable[[float], None] = lambda share: None,
    told_nats: float = 0.0,
) -> LikelihoodReport:
    """Refuses composers that cannot say how likely a piece is (dice could, but nobody asks).

    `told_nats` (`Corpus.told_nats`) are added to each piece, shared by its voices.
    """
    if not hasattr(composer, "nats"):
        raise ConfigError(
            f"{getattr(composer, 'name', composer)} states no likelihood; choose a trained model, `musicgen models` lists them"
        )
    likelihoods = []
    for number, piece in enumerate(pieces):
        likelihoods.append(composer.nats(piece))
        on_progress((number + 1) / len(pieces))
    by_voice = np.stack([likelihood.nats.sum(axis=1) for likelihood in likelihoods])  # (pieces, V)
    by_voice += told_nats / by_voice.shape[1]
    steps = np.array([likelihood.nats.shape[1] for likelihood in likelihoods])
    cells = steps * by_voice.shape[1]
    names = pieces[0].ensemble.names
    return LikelihoodReport(
        kind=likelihoods[0].kind,
        nats_per_cell=float(by_voice.sum() / cells.sum()),
        interval=bootstrap_ratio(by_voice.sum(axis=1), cells, seed),
        by_voice={name: float(total / steps.sum()) for name, total in zip(names, by_voice.sum(axis=0), strict=True)},
        pieces=len(pieces),
        cells=int(cells.sum()),
    )
