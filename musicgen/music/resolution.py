"""The same score at another number of ticks a quarter."""

from __future__ import annotations

from dataclasses import replace
from itertools import chain
from math import gcd

from musicgen.music.score import KeyAt, MeterAt, Note, Score, TempoAt


def needed_resolution(score: Score) -> int:
    """The fewest ticks a quarter that hold every tick of the score."""
    changes = chain[MeterAt | KeyAt | TempoAt](score.meters, score.keys, score.tempos)
    notes = chain.from_iterable((note.start, note.duration) for part in score.parts for note in part.notes)
    return score.ticks_per_quarter // gcd(score.ticks_per_quarter, score.pickup, *(change.start for change in changes), *notes)


def rescaled(score: Score, ticks_per_quarter: int) -> Score:
    """At `ticks_per_quarter`, which must be a multiple of `needed_resolution`."""
    if ticks_per_quarter == score.ticks_per_quarter:
        return score

    def scaled(tick: int) -> int:
        return tick * ticks_per_quarter // score.ticks_per_quarter

    def scaled_note(note: Note) -> Note:
        return replace(note, start=scaled(note.start), duration=scaled(note.duration))

    return replace(
        score,
        parts=tuple(replace(part, notes=tuple(map(scaled_note, part.notes))) for part in score.parts),
        ticks_per_quarter=ticks_per_quarter,
        meters=tuple(replace(change, start=scaled(change.start)) for change in score.meters),
        keys=tuple(replace(change, start=scaled(change.start)) for change in score.keys),
        tempos=tuple(replace(change, start=scaled(change.start)) for change in score.tempos),
        pickup=scaled(score.pickup),
    )
