"""Cadences: how each phrase ends, read from the chord under a fermata and the chord before it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from musicgen.music.chorale import Chorale, GridNote
from musicgen.music.harmony import Chord, beat_chords, beats_of_steps, chord_at
from musicgen.music.pitch import Key

CadenceKind = Literal["perfect authentic", "imperfect authentic", "half", "phrygian", "plagal", "deceptive", "other"]
DIMINISHED = ("dim", "dim7", "m7b5")


@dataclass(frozen=True, slots=True)
class Cadence:
    """step is the onset of the note under the fermata; before and final are the last two chords."""

    step: int
    kind: CadenceKind
    before: Chord | None
    final: Chord | None


def find_cadences(chorale: Chorale) -> list[Cadence]:
    """One cadence a fermata. Suspensions over it have their time: the final chord is the last one that sounds under it."""
    fitted = beat_chords(chorale)
    beats = beats_of_steps(chorale)

    def cadence(note: GridNote) -> Cadence:
        final = _chord_of_step(chorale, note.end - 1)
        before = None
        if note.start:
            before = _chord_of_step(chorale, note.start - 1) or fitted[beats[note.start - 1]]
        return Cadence(note.start, _kind(before, final, note.pitch % 12, chorale.key), before, final)

    return [cadence(note) for note in chorale.notes(0) if chorale.fermata[note.start]]


def _chord_of_step(chorale: Chorale, step: int) -> Chord | None:
    return chord_at(chorale.pitch[:, step].tolist())


def _kind(before: Chord | None, final: Chord | None, soprano: int, key: Key) -> CadenceKind:
    if before is None or final is None:
        return "other"
    rise = (final.root - before.root) % 12
    is_dominant = 3 not in before.intervals
    if (rise == 5 and is_dominant) or (rise == 1 and before.quality in DIMINISHED):
        is_perfect = rise == 5 and before.inversion == final.inversion == 0 and soprano == final.root
        return "perfect authentic" if is_perfect else "imperfect authentic"
    if is_dominant and ((rise == 2 and 3 in final.intervals) or (rise == 1 and 4 in final.intervals)):
        return "deceptive"
    if (before.bass - final.bass) % 12 == 1 and 4 in final.intervals:
        return "phrygian"
    if (final.root - key.tonic) % 12 == 7 and 4 in final.intervals:
        return "half"
    return "plagal" if rise == 7 else "other"
