"""GridPiece -> the ids of miditok's REMI, all at once in numpy: the same ids, in a small part of the time.

K ids of the vocabulary; a piece is Bar TimeSig (Position (Tempo | Program Pitch Velocity Duration)...)... in the order of time.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from musicgen.tokenizers.event_grid import EventGrid, IntArray, closest
from musicgen.tokenizers.event_piece import TICK, GridPiece, bar_starts, steps_at
from musicgen.tokenizers.event_tracks import DRUMS

OF_NOTE = 4  # ids
REMI_FOLLOWERS: Mapping[str, tuple[str, ...]] = {
    "BOS": ("Bar",),
    "FILL": ("Bar",),
    "Bar": ("TimeSig",),
    "TimeSig": ("Position", "Bar", "EOS"),
    "Position": ("Program", "Tempo"),
    "Tempo": ("Program", "Position", "Bar", "EOS"),
    "Program": ("Pitch", "PitchDrum"),
    "Pitch": ("Velocity",),
    "PitchDrum": ("Velocity",),
    "Velocity": ("Duration",),
    "Duration": ("Program", "Position", "Bar", "EOS"),
}


@dataclass(frozen=True, eq=False)
class RemiIds:
    """The ids of each kind of token by its value, looked up once. `programs`, `pitches` and `drums` by number, slot -1 being the last."""

    bar: int
    positions: IntArray
    pitches: IntArray
    drums: IntArray
    velocities: IntArray
    lengths: IntArray
    tempos: IntArray
    programs: IntArray
    meters: Mapping[tuple[int, int], int]

    @classmethod
    def of(cls, ids: Mapping[str, int], grid: EventGrid) -> RemiIds:
        def values(kind: str, names: list[str]) -> IntArray:
            return np.array([ids[f"{kind}_{name}"] for name in names])

        numbers = [str(number) for number in range(128)]
        durations = [token.removeprefix("Duration_") for token in ids if token.startswith("Duration_")]
        return cls(
            ids["Bar_None"],
            values("Position", [str(position) for position in range(sum(token.startswith("Position_") for token in ids))]),
            values("Pitch", numbers),
            values("PitchDrum", numbers),
            values("Velocity", [str(level) for level in grid.levels.tolist()]),
            values("Duration", durations),
            values("Tempo", [f"{tempo:.1f}" for tempo in range(grid.tempos[0], grid.tempos[1] + 1)]),
            values("Program", [*numbers, str(DRUMS)]),
            {(beats, unit): ids[f"TimeSig_{beats}/{unit}"] for unit, counts in grid.meters.items() for beats in counts},
        )


def remi_ids(piece: GridPiece, known: RemiIds, grid: EventGrid) -> IntArray:
    """(N,) ids, without a beginning and an end."""
    ticks = np.concatenate([piece.tempos[0], piece.notes[TICK]])
    order = np.argsort(ticks, kind="stable")
    ticks = ticks[order]
    starts, bar_meters = bar_starts(piece, grid)
    bar = np.searchsorted(starts, ticks, side="right") - 1
    begins = np.insert(ticks[1:] != ticks[:-1], 0, True)  # a Position stands before the first event of each tick
    is_tempo = order < piece.tempos.shape[1]
    sizes = np.where(is_tempo, 1, OF_NOTE)
    written = np.insert(np.cumsum(begins + sizes), 0, 0)  # ids before each event but for those of bars
    ids = np.empty(2 * len(starts) + int(written[-1]), dtype=np.int64)
    bar_at = 2 * np.arange(len(starts)) + written[np.searchsorted(bar, np.arange(len(starts)))]
    ids[bar_at] = known.bar
    ids[bar_at + 1] = np.array([known.meters[beats, unit] for beats, unit in piece.meters[1:].T.tolist()])[bar_meters]
    at = 2 * (bar + 1) + written[1:] - sizes
    ids[at[begins] - 1] = known.positions[((ticks - starts[bar]) // steps_at(ticks, piece.meters, grid))[begins]]
    ids[at[is_tempo]] = known.tempos[piece.tempos[1] - grid.tempos[0]]
    _write_notes(ids, at[~is_tempo], piece, known, grid)
    return ids


def _write_notes(ids: IntArray, at: IntArray, piece: GridPiece, known: RemiIds, grid: EventGrid) -> None:
    slots, ticks, lengths, pitches, velocities = piece.notes
    ids[at] = known.programs[slots]
    ids[at + 1] = np.where(slots == DRUMS, known.drums[pitches], known.pitches[pitches])
    ids[at + 2] = known.velocities[closest(grid.levels, velocities)]
    ids[at + 3] = known.lengths[closest(grid.lengths, lengths // steps_at(ticks, piece.meters, grid))]
