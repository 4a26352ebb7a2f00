"""Composer: whoever fills the free cells of a sketch. One interface, many authors: networks, rules, dice, Bach himself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from musicgen.music.chorale import Chorale
from musicgen.music.sketch import Sketch

Kind = Literal["exact", "bound", "pseudo"]


@dataclass(frozen=True)
class Likelihood:
    """nats (V, T) of each cell; `kind` says what they are: exact (a chain rule), bound, or pseudo (each cell given all others)."""

    nats: NDArray[np.float32]
    kind: Kind


class Composer(Protocol):
    """`composer.fill(sketch, seed=1) -> Chorale`: every given cell as it was, every constraint kept; equal seeds give equal music."""

    @property
    def name(self) -> str: ...

    def fill(self, sketch: Sketch, seed: int) -> Chorale: ...

    def fill_many(
        self, sketches: Sequence[Sketch], seeds: Sequence[int], on_progress: Callable[[float], None] = lambda share: None
    ) -> list[Chorale]:
        """One chorale a sketch, each as `fill` would give it, several at a time where that is faster."""
        ...
