"""Histograms of one piece: how often it has each pitch, interval, rhythm, chord. Distances and the grade compare them with Bach's.

A histogram is a Counter of categories; rests have none unless said.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable
from functools import cache
from itertools import pairwise

import numpy as np

from musicgen.music.chorale import REST, STEPS_PER_QUARTER, Chorale
from musicgen.music.harmony import QUALITIES, SPARSE_QUALITIES, Chord, beat_chords, find_key
from musicgen.music.spelling import spell_notes
from musicgen.music.voice_leading import FIFTH, OCTAVE, parallel_moves, slices

Histogram = Counter[Hashable]

SONORITIES: dict[str, tuple[int, ...]] = {**QUALITIES, "mmaj7": (0, 3, 7, 11), "augmaj7": (0, 4, 8, 11), **SPARSE_QUALITIES}

# --- one voice after another


def degrees(chorale: Chorale) -> Histogram:
    """Steps on each degree of the scale, by semitones above the tonic; rests as REST."""
    return Counter(np.where(chorale.pitch == REST, REST, (chorale.pitch - find_key(chorale).tonic) % 12).ravel().tolist())


def degrees_by_mode(chorale: Chorale) -> Histogram:
    """Steps on each degree of major, and of minor."""
    mode = find_key(chorale).mode
    return Counter({(mode, degree): count for degree, count in degrees(chorale).items() if degree != REST})


def durations(chorale: Chorale) -> Histogram:
    """Notes and rests of each length in steps."""
    return Counter(note.end - note.start for voice in range(chorale.voices) for note in chorale.notes(voice))


def melodic_intervals(chorale: Chorale, voice: int) -> Histogram:
    """Semitones from each note of a voice to the next, upwards positive; a rest between them breaks the line."""
    pitch = chorale.pitch[voice, chorale.onset[voice]].astype(np.int64)
    return Counter(np.diff(pitch)[(pitch[1:] != REST) & (pitch[:-1] != REST)].tolist())


def interval_names(chorale: Chorale) -> list[Histogram]:
    """As `melodic_intervals`, for every voice, with names: each by its distance on the line of fifths, and its semitones."""
    spelled = spell_notes(chorale)
    lines = [[spelled.get((voice, note.start)) for note in chorale.notes(voice)] for voice in range(chorale.voices)]
    pairs = [[(before, after) for before, after in pairwise(line) if before and after] for line in lines]
    return [Counter((after.fifths - before.fifths, after.pitch - before.pitch) for before, after in line) for line in pairs]


def rhythms(chorale: Chorale) -> Histogram:
    """On which steps of a quarter a voice begins notes: each voice, each quarter."""
    lead = -chorale.pickup % STEPS_PER_QUARTER
    begins = np.pad(chorale.onset & (chorale.pitch != REST), ((0, 0), (lead, -(chorale.steps + lead) % STEPS_PER_QUARTER)))
    patterns = begins.reshape(chorale.voices, -1, STEPS_PER_QUARTER) @ (1 << np.arange(STEPS_PER_QUARTER))
    return Counter((voice, pattern) for voice, row in enumerate(patterns.tolist()) for pattern in row)


# --- voices together


def vertical_intervals(chorale: Chorale, upper: int) -> Histogram:
    """Steps at each distance in semitones between a voice and the one below it; below 0 where they are crossed."""
    pair = chorale.pitch[[upper, upper + 1]].astype(np.int64)
    return Counter((pair[0] - pair[1])[(pair != REST).all(axis=0)].tolist())


def joint_onsets(chorale: Chorale) -> Histogram:
    """Which voices begin notes at once, over the steps on which any does."""
    together = (chorale.onset & (chorale.pitch != REST)).T @ (1 << np.arange(chorale.voices))
    return Counter(together[together > 0].tolist())


def outer_motions(chorale: Chorale) -> Histogram:
    """From slice to slice, where the outer voices move: the same way 1, against each other -1, only one of them 0."""
    way = np.sign(slices(chorale).motion[[0, -1]])
    return Counter((way[0] * way[1])[(way != 0).any(axis=0)].tolist())


def parallels(chorale: Chorale) -> Histogram:
    """Parallel fifths, and octaves with unisons, inside phrases."""
    cut = slices(chorale)
    found = {name: int((parallel_moves(cut, interval) & cut.inside).sum()) for name, interval in (("fifths", FIFTH), ("octaves", OCTAVE))}
    return Counter({name: count for name, count in found.items() if count})


# --- chords


def slice_qualities(chorale: Chorale) -> Histogram:
    """Slices of each quality of chord; of notes that are none, the largest chord among them."""
    return Counter(_quality(column) for column in slices(chorale).pitch.T.tolist())


def _quality(pitches: list[int]) -> str:
    sounding = [pitch for pitch in pitches if pitch != REST]
    return _quality_of(frozenset(pitch % 12 for pitch in sounding)) if sounding else "silence"


@cache
def _quality_of(classes: frozenset[int]) -> str:
    """Of pitch classes; where several chords are as large, the first of SONORITIES."""
    held = [
        name for name, intervals in SONORITIES.items() if any({(root + step) % 12 for step in intervals} <= classes for root in classes)
    ]
    return max(held, key=lambda name: len(SONORITIES[name]), default="none")


def beat_qualities(chorale: Chorale) -> Histogram:
    """Beats of each quality and inversion."""
    return Counter((chord.quality, chord.inversion) for chord in beat_chords(chorale) if chord is not None)


def progressions(chorale: Chorale) -> Histogram:
    """From one chord to the next: both qualities and by how much the root rises."""
    return Counter((before.quality, (after.root - before.root) % 12, after.quality) for before, after in chord_changes(chorale))


def chord_changes(chorale: Chorale) -> list[tuple[Chord, Chord]]:
    """The chords of neighbouring beats, where they are not the same."""
    chords = [chord for chord in beat_chords(chorale) if chord is not None]
    return [(before, after) for before, after in pairwise(chords) if before != after]
