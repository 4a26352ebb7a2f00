"""What was played on a keyboard, in quarters and a little off the beat, becomes a phrase: a tune in its bars, on the grid, in its key.

A hand leaves a key earlier than a singer the note: gaps of less than a beat are no rests. Of chords the top notes are the tune.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import groupby, pairwise
from math import floor
from statistics import fmean

import numpy as np
from numpy.typing import NDArray

from musicgen.errors import NotationError
from musicgen.files.quantize import quantize
from musicgen.live.port import CLICK_CHANNEL, NOTE_ON, is_note_off, is_note_on
from musicgen.music.ensemble import Range
from musicgen.music.harmony import find_key
from musicgen.music.pitch import Key
from musicgen.music.score import TICKS_PER_QUARTER, KeyAt, Meter, MeterAt, Note, Part, Score
from musicgen.music.tune import top_notes

STEP = 0.25  # quarters
EARLY = STEP / 2  # what is played so little before a moment is meant for it
# Both were chosen on the sopranos of the train split, phrase by phrase. Last notes count no more than others: phrases end anywhere.
REMEMBERED = 0.7  # of what was heard before a phrase
FIRST_NOTE = 1.5  # quarters that the very first note counts more


@dataclass(frozen=True, slots=True)
class Played:
    """[start, end) in quarters, as it was played."""

    start: float
    end: float
    pitch: int
    velocity: int


@dataclass(frozen=True)
class Window:
    """Where a phrase lies: [start, end) in quarters; its upbeat, if it has one, is before the first barline of it."""

    start: float
    end: float
    barline: float

    @classmethod
    def around(cls, position: float, meter: Meter, bars: int, longest_upbeat: float) -> Window:
        """That of a phrase whose first note comes here: up to `longest_upbeat` before a barline it is an upbeat."""
        bar, first = float(meter.bar_quarters), nearest(position)
        into = first % bar
        is_upbeat = into > 0 and bar - into <= longest_upbeat
        barline = first - into + (bar if is_upbeat else 0)
        start = first if is_upbeat else barline
        return cls(start, start + bars * bar, barline)

    @property
    def middle(self) -> float:
        return (self.start + self.end) / 2

    def later(self) -> Window:
        """As long, and right after it."""
        length = self.end - self.start
        return Window(self.end, self.end + length, self.barline + length)


@dataclass(frozen=True)
class Phrase:
    """score: one part, its tick 0 at `start` quarters; stray: how much later than the grid it was played on average, in quarters.

    heard (12,): how long each pitch class has sounded, in this phrase and, less and less, in those before.
    """

    score: Score
    start: float
    heard: NDArray[np.float64]
    stray: float = 0.0
    remarks: tuple[str, ...] = ()

    @property
    def end(self) -> float:
        return self.start + self.score.end / self.score.ticks_per_quarter

    @property
    def key(self) -> Key:
        return self.score.keys[0].key


def nearest(position: float) -> float:
    """The sixteenth that was meant."""
    return floor(position / STEP + 0.5) * STEP


class Listener:
    """Keeps what is played, whatever it will turn out to be a part of."""

    def __init__(self) -> None:
        self._begun: dict[int, tuple[float, int]] = {}
        self._played: list[Played] = []

    def hear(self, message: bytes, position: float) -> None:
        channel, pitch = message[0] & 0x0F, message[1]
        if channel == CLICK_CHANNEL or not (is_note_on(message) or is_note_off(message)):
            return
        if pitch in self._begun:
            self._played.append(self._note(pitch, position))
            del self._begun[pitch]
        if is_note_on(message):
            self._begun[pitch] = position, message[2]

    def notes(self, start: float, until: float) -> list[Played]:
        """Those that were meant to begin in [start, until), in order; what is still held ends there."""
        held = [self._note(pitch, max(until, begun)) for pitch, (begun, _) in self._begun.items()]
        meant = (note for note in [*self._played, *held] if start - EARLY <= note.start < until - EARLY)
        return sorted((replace(note, end=min(note.end, until)) for note in meant), key=lambda note: note.start)

    def forget(self, until: float) -> None:
        """What ended before."""
        self._played = [note for note in self._played if note.end > until]

    def _note(self, pitch: int, end: float) -> Played:
        start, velocity = self._begun[pitch]
        return Played(start, max(end, start), pitch, velocity)


def begins(message: bytes) -> bool:
    """Whether a phrase may begin with it."""
    return is_note_on(message) and message[0] != NOTE_ON | CLICK_CHANNEL


def make_phrase(
    played: Sequence[Played], window: Window, meter: Meter, compass: Range, key: Key | None, before: NDArray[np.float64]
) -> Phrase:
    """`key`: if not the one that fits the notes and what was heard `before` (12,); `compass`: of who sings it."""
    start = nearest(played[0].start)
    bar = float(meter.bar_quarters)
    pickup = (window.barline - start) % bar
    part = Part("Tune", tuple(_note(note, start) for note in played))
    score = Score((part,), meters=(MeterAt(0, meter),), pickup=_ticks(pickup))
    score = quantize(score)
    end = round((window.end - start) * score.ticks_per_quarter)
    tune = tuple(_sung(list(top_notes(score.parts[0])), float(meter.beat_quarters) * score.ticks_per_quarter, end))
    notes, said = _within(tune, compass)
    heard = REMEMBERED * before
    for note in notes:
        heard[note.pitch % 12] += note.duration / score.ticks_per_quarter
    if not before.any():
        heard[notes[0].pitch % 12] += FIRST_NOTE
    score = replace(score, parts=(Part("Tune", notes),), keys=(KeyAt(0, key or find_key(heard)),), remarks=())
    stray = fmean(note.start - nearest(note.start) for note in played)
    return Phrase(score, start, heard, stray, said)


def _note(note: Played, start: float) -> Note:
    begin = max(0, _ticks(note.start - start))
    return Note(begin, max(1, _ticks(note.end - start) - begin), note.pitch, note.velocity)


def _ticks(quarters: float) -> int:
    return round(Fraction(quarters) * TICKS_PER_QUARTER)


def _sung(notes: Sequence[Note], beat: float, end: int) -> Iterable[Note]:
    """One note at a time, without the gaps that are shorter than a beat. Of notes on one place the first stays."""
    tune = [next(group) for _, group in groupby(notes, key=lambda note: note.start)]
    for note, after in pairwise([*tune, None]):
        limit = after.start if after else end
        if note and note.start < end:
            gap = limit - note.end
            yield replace(note, duration=limit - note.start if gap < beat else note.duration)


def _within(notes: Sequence[Note], compass: Range) -> tuple[tuple[Note, ...], tuple[str, ...]]:
    """The tune by octaves to where most of it can be sung, and single notes after it."""
    low, high = compass

    def outside(octaves: int) -> tuple[int, int]:
        return sum(not low <= note.pitch + 12 * octaves <= high for note in notes), abs(octaves)

    octaves = min(range(-10, 11), key=outside)
    moved = tuple(replace(note, pitch=_folded(note.pitch + 12 * octaves, low, high)) for note in notes)
    folded = outside(octaves)[0]
    said = [f"sung {abs(octaves)} octave{'s' if abs(octaves) > 1 else ''} {'higher' if octaves > 0 else 'lower'}"] if octaves else []
    said += [f"{folded} notes moved by an octave, beyond the voice"] if folded else []
    return moved, tuple(said)


def _folded(pitch: int, low: int, high: int) -> int:
    if high - low < 11:
        raise NotationError(f"a voice of less than an octave, {low} to {high}, cannot answer any tune; choose another model")
    while pitch < low:
        pitch += 12
    while pitch > high:
        pitch -= 12
    return pitch
