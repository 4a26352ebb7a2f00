"""REMI ids -> a symusic.Score, all at once in numpy: the notes, tempos and meters that miditok's decoder finds, much faster.

Whatever a model writes can be read: what is no whole note is left away.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from musicgen.tokenizers.event_grid import EventGrid, IntArray
from musicgen.tokenizers.event_tracks import DRUMS

OF_NOTE = 4
NOTHING = -1000


@dataclass(frozen=True, eq=False)
class RemiValues:
    """The value of each id (K,) of a kind, NOTHING for all others: `length` in positions, `meter` by its number in `meters`."""

    is_bar: Any
    position: IntArray
    program: IntArray
    pitch: IntArray
    velocity: IntArray
    length: IntArray
    tempo: IntArray
    meter: IntArray
    meters: Sequence[tuple[int, int]]

    @classmethod
    def of(cls, tokens: Sequence[str], grid: EventGrid) -> RemiValues:
        def values(*kinds: str) -> IntArray:
            pairs = [token.split("_") for token in tokens]
            return np.array([int(float(value)) if kind in kinds else NOTHING for kind, value in pairs])

        length = np.full(len(tokens), NOTHING)
        length[[token.startswith("Duration_") for token in tokens]] = grid.lengths
        meters = [(beats, unit) for unit, counts in grid.meters.items() for beats in counts]
        names = [f"TimeSig_{beats}/{unit}" for beats, unit in meters]
        meter = np.array([names.index(token) if token in names else NOTHING for token in tokens])
        return cls(
            np.array([token == "Bar_None" for token in tokens]),
            values("Position"),
            values("Program"),
            values("Pitch", "PitchDrum"),
            values("Velocity"),
            length,
            values("Tempo"),
            meter,
            meters,
        )


def score_of_remi(ids: IntArray, known: RemiValues, grid: EventGrid) -> Any:
    """In ticks of the grid; a track for each Program, in the order in which they come."""
    import symusic

    bar = np.maximum(np.cumsum(known.is_bar[ids]) - 1, 0)
    meters = _meters(ids, bar, known)
    starts = np.insert(np.cumsum([grid.bar(*meter) for meter in meters]), 0, 0)
    steps = np.array([grid.step(unit) for _, unit in meters])
    ticks = starts[bar] + _positions(ids, bar, known) * steps[bar]
    score = symusic.Score(grid.ticks_per_quarter)
    changes = [number for number, meter in enumerate(meters) if not number or meter != meters[number - 1]]
    score.time_signatures = symusic.core.TimeSignatureTickList(
        [symusic.TimeSignature(int(starts[number]), *meters[number]) for number in changes]
    )
    is_tempo = known.tempo[ids] != NOTHING
    tempos = sorted(zip(ticks[is_tempo].tolist(), known.tempo[ids[is_tempo]].tolist(), strict=True), key=lambda row: row[0])
    score.tempos = symusic.core.TempoTickList([symusic.Tempo(*row) for row in tempos])
    _add_notes(score, ids, ticks, steps[bar], known)
    return score


def _meters(ids: IntArray, bar: IntArray, known: RemiValues) -> list[tuple[int, int]]:
    """Of each bar the meter that it names first, else that of the bar before it."""
    found: dict[int, tuple[int, int]] = {}
    for at in np.flatnonzero(known.meter[ids] != NOTHING).tolist():
        found.setdefault(int(bar[at]), known.meters[known.meter[ids[at]]])
    meters = [found.get(0, (4, 4))]
    for number in range(1, int(bar.max(initial=0)) + 1):
        meters.append(found.get(number, meters[-1]))
    return meters


def _positions(ids: IntArray, bar: IntArray, known: RemiValues) -> IntArray:
    """The position that holds at each id: the last one that its bar has named, else 0."""
    at = np.maximum.accumulate(np.where(known.position[ids] != NOTHING, np.arange(len(ids)), -1)) if len(ids) else bar
    return np.where((at >= 0) & (bar[at] == bar), known.position[ids[at]], 0) if len(ids) else bar


def _add_notes(score: Any, ids: IntArray, ticks: IntArray, steps: IntArray, known: RemiValues) -> None:
    import symusic

    at = np.flatnonzero(known.program[ids] != NOTHING)
    at = at[at + OF_NOTE <= len(ids)]
    kinds = (known.pitch, known.velocity, known.length)
    at = at[np.all([kind[ids[at + number]] != NOTHING for number, kind in enumerate(kinds, 1)], axis=0)] if len(at) else at
    slots = known.program[ids[at]]
    for slot in dict.fromkeys(slots.tolist()):
        mine = at[slots == slot]
        track = symusic.Track("Drums" if slot == DRUMS else "", max(slot, 0), slot == DRUMS)
        track.notes = symusic.Note.from_numpy(
            ticks[mine].astype(np.int32),
            (known.length[ids[mine + 3]] * steps[mine]).astype(np.int32),
            known.pitch[ids[mine + 1]].astype(np.int8),
            known.velocity[ids[mine + 2]].astype(np.int8),
        )
        score.tracks.append(track)
