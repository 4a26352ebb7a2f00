"""The same score at another number of ticks a quarter."""

from __future__ import annotations

from dataclasses import replace
from itertools import chain
from math import gcd
from typing import TypeVar

from musicgen.music.score import ColoredRest, FiguresAt, KeyAt, MeterAt, Note, Part, Score, TempoAt, TextAt

Span = TypeVar("Span", ColoredRest, FiguresAt)


def needed_resolution(score: Score) -> int:
    """The fewest ticks a quarter that hold every tick of the score."""
    changes = chain[MeterAt | KeyAt | TempoAt | TextAt](score.meters, score.keys, score.tempos, score.marks)
    notes = chain.from_iterable((note.start, note.duration) for part in score.parts for note in part.notes)
    spans = chain[ColoredRest | FiguresAt](*(part.colored_rests for part in score.parts), score.figures)
    rests = chain.from_iterable((span.start, span.end) for span in spans)
    others = (score.pickup, score.written_end, *score.phrase_ends, *(change.start for change in changes))
    return score.ticks_per_quarter // gcd(score.ticks_per_quarter, *others, *notes, *rests)


def rescaled(score: Score, ticks_per_quarter: int) -> Score:
    """At `ticks_per_quarter`, which must be a multiple of `needed_resolution`."""
    if ticks_per_quarter == score.ticks_per_quarter:
        return score

    def scaled(tick: int) -> int:
        return tick * ticks_per_quarter // score.ticks_per_quarter

    def scaled_note(note: Note) -> Note:
        return replace(note, start=scaled(note.start), duration=scaled(note.duration))

    def scaled_span(span: Span) -> Span:
        return replace(span, start=scaled(span.start), end=scaled(span.end))

    def scaled_part(part: Part) -> Part:
        return replace(part, notes=tuple(map(scaled_note, part.notes)), colored_rests=tuple(map(scaled_span, part.colored_rests)))

    return replace(
        score,
        parts=tuple(map(scaled_part, score.parts)),
        ticks_per_quarter=ticks_per_quarter,
        meters=tuple(replace(change, start=scaled(change.start)) for change in score.meters),
        keys=tuple(replace(change, start=scaled(change.start)) for change in score.keys),
        tempos=tuple(replace(change, start=scaled(change.start)) for change in score.tempos),
        marks=tuple(replace(mark, start=scaled(mark.start)) for mark in score.marks),
        figures=tuple(map(scaled_span, score.figures)),
        pickup=scaled(score.pickup),
        written_end=scaled(score.written_end),
        phrase_ends=tuple(map(scaled, score.phrase_ends)),
    )
