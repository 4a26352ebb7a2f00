"""Moments: a sketch cut into the stretches in which a free voice sounds one note, usually beats.

A moment begins with each beat, with each note that must begin, and wherever given and free cells meet; one whole moment lasts under a
fermata. In a moment a voice is free or given throughout. Shapes: V voices, T steps, 128 pitches.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from musicgen.composers.plan import with_phrases
from musicgen.music.chorale import REST, STEPS_PER_QUARTER, BoolArray, Chorale
from musicgen.music.places import beat_steps_at
from musicgen.music.sketch import Sketch

IntArray = NDArray[np.int64]
DOWNBEAT, MIDDLE, BEAT, BETWEEN = 1.0, 0.7, 0.4, 0.1
ASSUMED_END = 0.5  # of a phrase that no fermata ends


@dataclass(frozen=True, eq=False)
class Moment:
    """Steps [start, end).

    free (V,); allowed (V, 128) what a free voice may sound all the time; first, last, low, high (V,) of given voices, REST elsewhere;
    given: voice, pitch, share of the moment and whether it is on the beat of each given note; holds, strikes (V,) where free voices must;
    rests: everyone is silent; accent 0 to 1; ending 0 to 1: how sure it ends a phrase; fresh: it begins one; is_last: the piece ends.
    """

    start: int
    end: int
    free: BoolArray
    allowed: BoolArray
    first: IntArray
    last: IntArray
    low: IntArray
    high: IntArray
    given: tuple[GivenNote, ...]
    holds: BoolArray
    strikes: BoolArray
    rests: bool
    accent: float
    ending: float
    fresh: bool
    is_last: bool

    @property
    def steps(self) -> int:
        return self.end - self.start


@dataclass(frozen=True, slots=True)
class GivenNote:
    """What a given voice sounds in a moment: `share` of it, leads_in, leads_on: semitones from and to its neighbours, or None."""

    voice: int
    pitch: int
    share: float
    on_start: bool
    leads_in: int | None
    leads_on: int | None


def find_moments(sketch: Sketch) -> list[Moment]:
    """In order, covering the piece."""
    allowed, holds, strikes = sketch.allowed_pitches(), sketch.must_hold(), sketch.must_begin()
    ends = _phrase_ends(sketch)
    sounding = _sounding(sketch)
    cuts = _cuts(sketch, allowed, holds, strikes, ends)
    accents = _accents(sketch.given)
    neighbours = [_neighbours(sketch.given, voice) for voice in range(sketch.given.voices)]
    moments: list[Moment] = []
    begins_phrase = True
    last_sound = max(
        (index for index, (start, end) in enumerate(pairwise(cuts)) if not _is_silent(sketch, sounding, start, end)), default=0
    )
    for index, (start, end) in enumerate(pairwise(cuts)):
        free = sketch.free[:, start]
        pitch = np.where(free[:, None], REST, sketch.given.pitch[:, start:end].astype(np.int64))
        ending = max((strength for step, strength in ends.items() if start <= step < end), default=0.0)
        silent = _is_silent(sketch, sounding, start, end)
        moments.append(
            Moment(
                start,
                end,
                np.asarray(free),
                np.asarray(allowed[:, start:end].all(axis=1)),
                pitch[:, 0],
                pitch[:, -1],
                np.where(pitch == REST, 127, pitch).min(axis=1),
                pitch.max(axis=1),
                tuple(_given_notes(sketch, neighbours, start, end)),
                holds[:, start] & free,
                strikes[:, start] & free,
                silent,
                accents[start],
                1.0 if index == last_sound else ending,
                begins_phrase,
                index == last_sound,
            )
        )
        begins_phrase = bool(ending) or (begins_phrase and silent)
    return moments


def _sounding(sketch: Sketch) -> BoolArray:
    """(V,) the voices of which anything is given that sounds."""
    return np.asarray(((sketch.given.pitch != REST) & ~sketch.free).any(axis=1))


def _is_silent(sketch: Sketch, sounding: BoolArray, start: int, end: int) -> bool:
    """Whether every voice that tells what to do rests throughout, so that the free ones rest with it."""
    given = np.asarray(~sketch.free[:, start] & sounding)
    asked = (sketch.must_begin() | sketch.must_hold())[:, start:end].any()
    return bool(given.any() and (sketch.given.pitch[given, start:end] == REST).all() and not asked)


def _phrase_ends(sketch: Sketch) -> dict[int, float]:
    """Step -> how sure a phrase ends with the note there: at fermatas; where there are none, at places where tunes usually breathe."""
    if sketch.given.fermata.any():
        return {int(step): 1.0 for step in np.flatnonzero(sketch.given.fermata)}
    if sketch.given.steps < Chorale.bar_steps(sketch.given.meter):
        return {}
    assumed = with_phrases(sketch.given, free=sketch.free)
    return {int(step): ASSUMED_END for step in np.flatnonzero(assumed.fermata)}


def _accents(chorale: Chorale) -> list[float]:
    """(T,) how strong each step is in its bar."""
    accents = []
    for step, position in enumerate(chorale.bar_positions().tolist()):
        meter, beat = chorale.meter_at(step), beat_steps_at(step, chorale)
        middle = chorale.bar_steps(meter) // 2 if meter.beats % 2 == 0 else -1
        accents.append(DOWNBEAT if position == 0 else MIDDLE if position == middle else BEAT if position % beat == 0 else BETWEEN)
    return accents


def _cuts(sketch: Sketch, allowed: BoolArray, holds: BoolArray, strikes: BoolArray, ends: dict[int, float]) -> list[int]:
    """Where moments begin, and the end of the piece."""
    steps = sketch.given.steps
    begins = _beats(sketch) & ~(sketch.fermata_sounding & ~sketch.given.fermata)
    begins |= sketch.given.fermata | (strikes & sketch.free).any(axis=0)
    begins[list(ends)] = True
    changes = np.zeros_like(begins)
    changes[1:] = (sketch.free[:, 1:] != sketch.free[:, :-1]).any(axis=0)
    changes[1:] |= sketch.fermata_sounding[:-1] & ~sketch.fermata_sounding[1:]
    other = (allowed[:, 1:] != allowed[:, :-1]).any(axis=-1) & sketch.free[:, 1:]
    changes[1:] |= (holds[:, :-1] & ~holds[:, 1:] & other).any(axis=0)
    begins |= changes
    begins[0] = True
    cuts = [0]
    for step in range(1, steps):
        lasts = np.asarray(allowed[:, cuts[-1] : step + 1].all(axis=1).any(axis=-1))
        if begins[step] or (sketch.free[:, step] & ~lasts).any():
            cuts.append(step)
    return [*cuts, steps]


def _beats(sketch: Sketch) -> BoolArray:
    """(T,) beats; in halves also their second quarters, where a given voice strikes there."""
    given = sketch.given
    struck = np.asarray((given.onset & ~sketch.free).any(axis=0))
    beats = np.zeros(given.steps, dtype=bool)
    for step, position in enumerate(given.bar_positions().tolist()):
        beat = beat_steps_at(step, given)
        beats[step] = position % beat == 0
        if beat % (2 * STEPS_PER_QUARTER) == 0:
            beats[step] |= position % STEPS_PER_QUARTER == 0 and bool(struck[step])
    return beats


def _neighbours(chorale: Chorale, voice: int) -> dict[int, tuple[int | None, int | None]]:
    """Onset -> semitones from the note before and to the one after."""
    notes = [note for note in chorale.notes(voice)]
    steps: dict[int, tuple[int | None, int | None]] = {}
    for index, note in enumerate(notes):
        before = notes[index - 1].pitch if index else REST
        after = notes[index + 1].pitch if index + 1 < len(notes) else REST
        steps[note.start] = (None if before == REST else note.pitch - before, None if after == REST else after - note.pitch)
    return steps


def _given_notes(sketch: Sketch, neighbours: list[dict[int, tuple[int | None, int | None]]], start: int, end: int) -> list[GivenNote]:
    notes = []
    for voice in np.flatnonzero(~sketch.free[:, start]).tolist():
        onsets = np.flatnonzero(sketch.given.onset[voice, start:end]) + start
        for begin, stop in pairwise(sorted({start, *onsets.tolist(), end})):
            pitch = int(sketch.given.pitch[voice, begin])
            if pitch == REST:
                continue
            onset = begin
            while onset and not sketch.given.onset[voice, onset]:
                onset -= 1
            leads_in, leads_on = neighbours[voice].get(onset, (None, None))
            notes.append(GivenNote(voice, pitch, (stop - begin) / (end - start), begin == start, leads_in, leads_on))
    return notes
