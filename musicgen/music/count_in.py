"""A score with a count-in before it, and the clicks of a metronome through it. Time is in ticks.

Clicks are General MIDI's wood blocks: the high one on the first beat of a bar, the low one on the others.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise

from musicgen.errors import ConfigError
from musicgen.music.resolution import rescaled
from musicgen.music.score import Note, Part, Score

CLICK = "Click"
MOST_BARS = 4
FIRST, OTHER = 76, 77  # high and low wood block
LOUD, MIDDLE, SOFT = 115, 90, 65  # velocities of the first beat, of beats, and of what lies between them
_LENGTH = 8  # clicks a quarter that would stand side by side
_FINE = 32  # lines a quarter that every beat lies on


def with_count_in(score: Score, bars: int = 1) -> tuple[Score, int]:
    """`bars` before the first barline are counted, and what is left of them by a pick-up before the music; returns the ticks of that too.

    Where a pick-up leaves less than half a bar, a bar more is counted. The pick-up then lies in a full bar.
    """
    if not 0 <= bars <= MOST_BARS:
        raise ConfigError(f"a count-in of {bars} bars; 0 to {MOST_BARS}")
    score = rescaled(score, score.ticks_per_quarter * (1 if score.ticks_per_quarter % _FINE == 0 else _FINE))
    if not bars:
        return score, 0
    bar = int(score.meters[0].meter.bar_quarters * score.ticks_per_quarter)
    lead = bars * bar - score.pickup
    while 2 * lead < bar:
        lead += bar
    return _later(score, lead), lead


def _later(score: Score, lead: int) -> Score:
    """The music `lead` ticks later; what holds from its beginning holds from the new one."""

    def moved(part: Part) -> Part:
        return replace(part, notes=tuple(replace(note, start=note.start + lead) for note in part.notes), colored_rests=())

    return replace(
        score,
        parts=tuple(map(moved, score.parts)),
        meters=(score.meters[0], *(replace(change, start=change.start + lead) for change in score.meters[1:])),
        keys=tuple(replace(change, start=change.start + lead if change.start else 0) for change in score.keys),
        tempos=tuple(replace(change, start=change.start + lead if change.start else 0) for change in score.tempos),
        marks=tuple(replace(mark, start=mark.start + lead) for mark in score.marks),
        phrase_ends=tuple(end + lead for end in score.phrase_ends),
        figures=(),
        pickup=0,
        written_end=score.written_end + lead if score.written_end else 0,
    )


def click_part(score: Score, until: int | None = None) -> Part:
    """On every beat of the meter up to `until`, of all bars if not said; in 6/8 and its like on the eighths between, softly."""
    stop = max(score.end, score.written_end) if until is None else until
    length = max(1, score.ticks_per_quarter // _LENGTH)
    notes = (Note(tick, length, pitch, velocity) for tick, pitch, velocity in _clicks(score, stop) if tick < stop)
    return Part(CLICK, tuple(notes), program=0, is_drum=True)


def _clicks(score: Score, stop: int) -> Iterator[tuple[int, int, int]]:
    """Tick, pitch and velocity."""
    for start, end in pairwise(score.bar_starts(stop)):
        meter = score.meter_at(max(start, score.pickup))
        beat = int(meter.beat_quarters * score.ticks_per_quarter)
        step = beat // 3 if meter.is_compound else beat
        is_pickup = start < score.pickup
        first = start - (int(meter.bar_quarters * score.ticks_per_quarter) - (end - start)) if is_pickup else start
        for tick in range(first, end, max(1, step)):
            if tick >= start:
                velocity = LOUD if tick == first else MIDDLE if (tick - first) % beat == 0 else SOFT
                yield tick, FIRST if tick == first else OTHER, velocity
