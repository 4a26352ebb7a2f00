"""Counts of one piece that are rates of a set: its cadences, chords and phrases. Those of voice leading are in `music.voice_leading`."""

from __future__ import annotations

import re
from collections import Counter
from itertools import pairwise

from musicgen.music.cadences import find_cadences
from musicgen.music.chorale import REST, STEPS_PER_QUARTER, Chorale
from musicgen.music.harmony import beat_chords
from musicgen.music.roman import Numeral, find_numerals

_DOMINANT = re.compile(r"(V|vii[oø])(7|6|65|64|43|42)?")
_TONIC = re.compile(r"[Ii](6|64)?")
_IN_KEY = re.compile(r"[IViv]+[oø+]?\d*(sus4)?")


def cadence_counts(chorale: Chorale) -> dict[str, float]:
    """Fermatas, the cadences of each kind, and final chords in root position."""
    cadences = find_cadences(chorale)
    finals = [cadence.final for cadence in cadences if cadence.final is not None]
    return {
        "fermatas": len(cadences),
        **Counter[str](cadence.kind for cadence in cadences),
        "final chords": len(finals),
        "root positions": sum(chord.inversion == 0 for chord in finals),
    }


def chord_counts(chorale: Chorale) -> dict[str, float]:
    """Beats with a chord by its make; changes of chord, and what they are in the key of the place."""
    chords = [chord for chord in beat_chords(chorale) if chord is not None]
    numerals = find_numerals(chorale)
    changes = [(before, after) for before, after in pairwise(numerals) if before.chord != after.chord]
    return {
        "chords": len(chords),
        "major triads": sum(chord.quality == "" for chord in chords),
        "minor triads": sum(chord.quality == "m" for chord in chords),
        "other triads": sum(chord.quality in ("dim", "aug") for chord in chords),
        "sevenths": sum(len(chord.intervals) > 3 for chord in chords),
        "first inversions": sum(chord.inversion == 1 for chord in chords),
        "further inversions": sum(chord.inversion > 1 for chord in chords),
        "numerals": len(numerals),
        "foreign numerals": sum(not _IN_KEY.fullmatch(numeral.text) for numeral in numerals),
        "chord changes": len(changes),
        "dominants to tonics": sum(_resolves(before, after) for before, after in changes),
    }


def _resolves(before: Numeral, after: Numeral) -> bool:
    """V or vii with or without its seventh, then I, in one key."""
    return bool(before.key == after.key and _DOMINANT.fullmatch(before.text) and _TONIC.fullmatch(after.text))


def phrase_counts(chorale: Chorale) -> dict[str, float]:
    """Phrases that end with a fermata, and their quarters. Without fermatas nobody knows where a phrase ends: there are none."""
    final = [note for note in chorale.notes(0) if note.pitch != REST and chorale.fermata[note.start : note.end].any()]
    ends = [0, *(note.end for note in final)]
    lengths = Counter(after - before for before, after in pairwise(ends))
    return {
        "phrases": len(final),
        "phrase quarters": ends[-1] / STEPS_PER_QUARTER,
        "phrases of eight quarters": lengths[8 * STEPS_PER_QUARTER],
        "phrases of the usual length": max(lengths.values(), default=0),
        "final quarters": sum(note.end - note.start for note in final) / STEPS_PER_QUARTER,
    }
