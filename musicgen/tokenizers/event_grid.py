"""The grid that event tokens can say: onsets, lengths, velocities, tempos and meters. Numbers only; knows no files and no ids.

Time is in ticks of the grid, `4 * positions` a quarter. A beat is the meter's denominator, as in miditok: 24 positions an eighth in 6/8.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from musicgen.errors import ConfigError

IntArray = NDArray[np.int64]

FINEST_UNIT = 16
UNITS = (2, 4, 8, 16)
MOST_BEATS = {2: 6, 4: 12, 8: 12, 16: 12}
LONGEST = 32  # beats of one note


@dataclass(frozen=True)
class EventGrid:
    """`positions` a beat: 24 hold triplets and 32nds of a quarter exactly, and played notes to 1/48 of it. `velocities` levels: 32 are
    exact to 2 of 127. `tempos`: whole numbers of quarters a minute, first and last."""

    positions: int = 24
    velocities: int = 32
    tempos: tuple[int, int] = (20, 300)

    def __post_init__(self) -> None:
        object.__setattr__(self, "tempos", tuple(self.tempos))
        if self.positions not in (12, 24, 36, 48):
            raise ConfigError(f"{self.positions} positions a beat; choices: 12, 24, 36, 48")
        if not 1 <= self.velocities <= 127:
            raise ConfigError(f"{self.velocities} velocities; 1 to 127 are allowed")
        if not 4 <= self.tempos[0] < self.tempos[1] <= 1000:
            raise ConfigError(f"tempos from {self.tempos[0]} to {self.tempos[1]}; rising ones from 4 to 1000 are allowed")

    @property
    def ticks_per_quarter(self) -> int:
        return self.positions * FINEST_UNIT // 4

    def step(self, unit: int) -> int:
        """Ticks of a position under a meter of this denominator."""
        return FINEST_UNIT // unit

    def bar(self, beats: int, unit: int) -> int:
        """Ticks of a bar."""
        return self.positions * beats * self.step(unit)

    @cached_property
    def beat_resolutions(self) -> dict[tuple[int, int], int]:
        """Longer notes are kept less finely, as no ear minds: miditok's `beat_res`."""
        return {(0, 4): self.positions, (4, 8): self.positions // 2, (8, 16): self.positions // 6, (16, LONGEST): 1}

    @cached_property
    def lengths(self) -> IntArray:
        """(D,) every length a note may have, in positions, rising."""
        found = [
            beat * self.positions + part * (self.positions // resolution)
            for (first, last), resolution in self.beat_resolutions.items()
            for beat in range(first, last)
            for part in range(resolution)
        ]
        return np.array([*found[1:], LONGEST * self.positions])

    @cached_property
    def levels(self) -> IntArray:
        """Every velocity, rising."""
        return np.linspace(0, 127, self.velocities + 1, dtype=np.intc)[1:].astype(np.int64)

    @property
    def meters(self) -> dict[int, list[int]]:
        """Denominator -> numbers of beats."""
        return {unit: list(range(1, MOST_BEATS[unit] + 1)) for unit in UNITS}

    def miditok_settings(self) -> dict[str, Any]:
        """The same grid as arguments of miditok's TokenizerConfig."""
        return {
            "pitch_range": (0, 127),
            "drums_pitch_range": (0, 127),
            "beat_res": self.beat_resolutions,
            "num_velocities": self.velocities,
            "use_tempos": True,
            "num_tempos": self.tempos[1] - self.tempos[0] + 1,
            "tempo_range": self.tempos,
            "delete_equal_successive_tempo_changes": True,
            "use_time_signatures": True,
            "time_signature_range": self.meters,
            "use_programs": True,
        }


def closest(values: IntArray, wanted: NDArray[Any]) -> IntArray:
    """Indices of the nearest of rising `values`; the higher of two equally near ones."""
    after = np.clip(np.searchsorted(values, wanted), 1, len(values) - 1)
    indices: IntArray = after - (wanted - values[after - 1] < values[after] - wanted)
    return indices
