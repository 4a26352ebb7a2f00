"""Notes that were played live, a little off the beat, moved to the grid. Time is in quarters, x, unless a name says ticks.

The file's beats must be the player's beats, as they are when one plays to a metronome; free playing is not bent to a beat here.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from fractions import Fraction
from math import floor, lcm, sqrt
from statistics import fmean

from musicgen.errors import NotationError
from musicgen.music.resolution import rescaled
from musicgen.music.score import Note, Score

TRIPLET = 3
MAX_STEPS = 48
# A beat becomes a triplet when its notes are e^6 = 400 times as likely as one. Sixteenths that stray by up to a tenth of a quarter
# (sd 0.058) gain at most 1.5 nats a note, and lose 1.0 on average.
TRIPLET_NATS = 6.0
_SMALLEST_DEVIATION = 0.01  # of a quarter; for files that are exact
_NEAR_BEAT = 1 / 8
_SAME_MOMENT = 1 / 24  # notes of a chord stray together, so they count once


@dataclass(frozen=True)
class _Moved:
    note: Note
    shift: int  # of the start, in ticks
    is_resized: bool
    is_lengthened: bool


def quantize(score: Score, steps_per_quarter: int = 4) -> Score:
    """Moves starts and ends of notes to the nearest step, or to triplets in beats that clearly are triplets. No note is lost.

    A note keeps at least one step. The remarks say how many notes moved, and how far.
    """
    if not 1 <= steps_per_quarter <= MAX_STEPS:
        raise NotationError(f"{steps_per_quarter} steps a quarter; 1 to {MAX_STEPS} are possible")
    score = rescaled(score, lcm(score.ticks_per_quarter, steps_per_quarter, TRIPLET))
    triplets = _triplet_beats(score, steps_per_quarter)
    snap = _snapper(score, steps_per_quarter, triplets)
    moved = [[_move(note, snap) for note in part.notes] for part in score.parts]
    parts = tuple(
        replace(part, notes=tuple(sorted((m.note for m in notes), key=lambda note: (note.start, note.pitch))))
        for part, notes in zip(score.parts, moved, strict=True)
    )
    return replace(score, parts=parts, remarks=(*score.remarks, *_remarks(score, [m for notes in moved for m in notes], len(triplets))))


Snap = Callable[[int], tuple[int, int]]  # tick -> nearest tick on the grid, ticks a step there


def _snapper(score: Score, steps_per_quarter: int, triplets: set[int]) -> Snap:
    quarter, pickup = score.ticks_per_quarter, score.pickup

    def snap(tick: int) -> tuple[int, int]:
        beat = (tick - pickup) // quarter
        step = quarter // (TRIPLET if beat in triplets else steps_per_quarter)
        beat_start = pickup + beat * quarter
        snapped = beat_start + floor(Fraction(tick - beat_start, step) + Fraction(1, 2)) * step
        return (snapped if snapped >= 0 else snapped + step), step

    return snap


def _move(note: Note, snap: Snap) -> _Moved:
    """A grace note stays one."""
    start, step = snap(note.start)
    end = snap(note.end)[0] if note.duration else start
    lengthened = bool(note.duration) and end <= start
    if lengthened:
        end = start + step
    return _Moved(replace(note, start=start, duration=end - start), start - note.start, end - start != note.duration, lengthened)


def _triplet_beats(score: Score, steps_per_quarter: int) -> set[int]:
    """Numbers of the quarters, from the first barline on, that fit thirds far better than the steps.

    With normal errors of the player's standard deviation s, a note at x favours thirds by (e² - t²) / 2s² nats, where e and t are its
    distances from the steps and from the thirds.
    """
    if steps_per_quarter % TRIPLET == 0:
        return set()
    places = [Fraction(note.start - score.pickup, score.ticks_per_quarter) for part in score.parts for note in part.notes]
    deviation = _deviation(places)
    beats: dict[int, list[float]] = defaultdict(list)
    for place in sorted(places):
        beat = floor(place)
        x = float(place - beat)
        is_inner = _NEAR_BEAT < x < 1 - _NEAR_BEAT
        if is_inner and (not beats[beat] or x - beats[beat][-1] > _SAME_MOMENT):
            beats[beat].append(x)
    nats = {beat: sum(_distance(x, steps_per_quarter) ** 2 - _distance(x, TRIPLET) ** 2 for x in xs) for beat, xs in beats.items()}
    return {beat for beat, gain in nats.items() if gain / (2 * deviation**2) > TRIPLET_NATS}


def _deviation(places: Iterable[Fraction]) -> float:
    """How far the player strays: root mean square distance from the beat of the notes near one."""
    near = [distance for place in places if (distance := _distance(float(place), 1)) < _NEAR_BEAT]
    return max(_SMALLEST_DEVIATION, sqrt(fmean(d * d for d in near))) if near else _SMALLEST_DEVIATION


def _distance(x: float, steps: int) -> float:
    """In quarters, from the nearest of `steps` a quarter."""
    return abs(x * steps - round(x * steps)) / steps


def _remarks(score: Score, moved: list[_Moved], triplets: int) -> list[str]:
    remarks = []
    if shifted := [m for m in moved if m.shift]:
        quarters = [abs(m.shift) / score.ticks_per_quarter for m in shifted]
        milliseconds = [_milliseconds(score, m) for m in shifted]
        far = f"{fmean(quarters):.3f} quarters on average and {max(quarters):.3f} at most"
        late = f"{fmean(milliseconds):.0f} ms and {max(milliseconds):.0f} ms"
        remarks.append(f"{len(shifted)} of {len(moved)} notes moved, by {far} ({late})")
    if resized := sum(m.is_resized for m in moved):
        remarks.append(f"{resized} changed in length")
    if lengthened := sum(m.is_lengthened for m in moved):
        remarks.append(f"{lengthened} shorter than half a step now last a step")
    if triplets:
        remarks.append(f"beats read as triplets: {triplets}")
    return [f"Quantized: {'; '.join(remarks) or 'every note was on the grid already'}."]


def _milliseconds(score: Score, moved: _Moved) -> float:
    return abs(moved.shift) / score.ticks_per_quarter * 60_000 / (score.tempo_at(moved.note.start) or 120.0)
