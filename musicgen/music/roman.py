"""Roman numerals: what the chord of each beat is in the key of its place.

Written as in text-books and as music21 reads them: `V65`, `viio6`, `iiø7`, `III+6`, `V42/IV`, `bVI`, `N6`, `Ger65`. A figure counts the
key's own notes, so that `IV7` in C major holds an E. A chord that the key does not explain has its letter name.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest

import numpy as np

from musicgen.music.chorale import Chorale
from musicgen.music.harmony import QUALITIES, Chord, beat_chords, beats_of_steps, local_keys
from musicgen.music.pitch import Key, Mode

_DEGREES = ("I", "II", "III", "IV", "V", "VI", "VII")
_MAJOR, _NATURAL, _HARMONIC, _MELODIC = (0, 2, 4, 5, 7, 9, 11), (0, 2, 3, 5, 7, 8, 10), (0, 2, 3, 5, 7, 8, 11), (0, 2, 3, 5, 7, 9, 11)
# Semitones above the tonic. A mode's own chords are made of its scales, borrowed ones of the other mode's.
_OWN: dict[Mode, tuple[tuple[int, ...], ...]] = {"major": (_MAJOR,), "minor": (_NATURAL, _HARMONIC, _MELODIC)}
_BORROWED: dict[Mode, tuple[tuple[int, ...], ...]] = {"major": (_NATURAL, _HARMONIC), "minor": (_MAJOR,)}
# Chords that dominants may be applied to, by semitones above the tonic.
_GOALS: dict[Mode, dict[int, str]] = {
    "major": {2: "ii", 4: "iii", 5: "IV", 7: "V", 9: "vi"},
    "minor": {3: "III", 5: "iv", 7: "V", 8: "VI", 10: "VII"},
}
_RISE_TO_GOAL = {"": 5, "7": 5, "dim": 1, "dim7": 1, "m7b5": 1}
_SMALL = ("m", "dim", "m7", "m7b5", "dim7")
_SIGNS = {"dim": "o", "dim7": "o", "m7b5": "ø", "aug": "+"}
_FIGURES = {3: ("", "6", "64"), 4: ("7", "65", "43", "42")}
_SAME_EVERY = {"dim7": 3, "aug": 4}  # semitones
_FLAT_SECOND, _FOURTH_RAISED, _FLAT_SIXTH = 1, 6, 8


@dataclass(frozen=True, slots=True)
class Numeral:
    """The chord that begins at `step`, and its numeral in `key`."""

    step: int
    key: Key
    chord: Chord
    text: str


def find_numerals(chorale: Chorale, keys: Sequence[Key] | None = None) -> list[Numeral]:
    """One for each beat (a quarter) in which the chord or the key is another than before; none for silence.

    `keys`: those of the steps, T of them, the local ones if not said.
    """
    keys, chords = local_keys(chorale) if keys is None else keys, beat_chords(chorale)
    first = np.searchsorted(beats_of_steps(chorale), np.arange(len(chords)))
    found: list[tuple[int, Key, Chord]] = []
    for step, chord in zip(first.tolist(), chords, strict=True):
        if chord is not None and (not found or found[-1][1:] != (keys[step], chord)):
            found.append((step, keys[step], chord))
    following = [chord for _, _, chord in found[1:]]
    return [Numeral(step, key, chord, roman(chord, key, after)) for (step, key, chord), after in zip_longest(found, following)]


def key_letter(key: Key) -> str:
    """`G` for G major, `f#` for F sharp minor."""
    return key.tonic_name if key.mode == "major" else key.tonic_name[0].lower() + key.tonic_name[1:]


def roman(chord: Chord, key: Key, following: Chord | None = None) -> str:
    """The numeral of a chord in a key.

    A chord that the key does not own is named by where it goes, if it goes there: `I` in C minor is `V/iv` before F minor.
    """
    if chord.quality not in QUALITIES:
        return _sparse(chord, key)
    readings = list(_readings(chord, key))
    for scales in (_OWN, _BORROWED):
        for reading in readings:
            if scales is _BORROWED and following is not None and (text := _applied(readings, key, following)):
                return text
            if text := _in_scales(reading, key, scales[key.mode], is_borrowed=scales is _BORROWED):
                return text
    return _applied(readings, key) or _chromatic(chord, key) or chord.name(key)


def _readings(chord: Chord, key: Key) -> Iterator[Chord]:
    """The chord by each root it may have: a symmetrical one has several; first that on which a dominant's dominant is built."""
    step = _SAME_EVERY.get(chord.quality, 12)
    roots = [(chord.root + rise) % 12 for rise in range(0, 12, step)]
    for root in sorted(roots, key=lambda root: (root - key.tonic) % 12 != _FOURTH_RAISED):
        yield replace(chord, root=root)


def _in_scales(chord: Chord, key: Key, scales: tuple[tuple[int, ...], ...], is_borrowed: bool) -> str:
    """The numeral of a chord that is a pile of thirds in one of the scales, else nothing.

    In minor only triads are borrowed: the figures of sevenths would say those of its own scales.
    """
    if is_borrowed and key.mode == "minor" and len(chord.intervals) > 3:
        return ""
    root = (chord.root - key.tonic) % 12
    for scale in scales:
        degree = scale.index(root) if root in scale else 0
        pile = [(key.tonic + scale[(degree + 2 * third) % 7]) % 12 for third in range(len(chord.intervals))]
        if pile == [(chord.root + interval) % 12 for interval in chord.intervals]:
            usual = (_MAJOR if key.mode == "major" else _NATURAL)[degree]
            sign = ("b" if root < usual else "#" if root > usual else "") if is_borrowed else ""
            return sign + _numeral(_DEGREES[degree], chord)
    return ""


def _numeral(degree: str, chord: Chord) -> str:
    return (degree.lower() if chord.quality in _SMALL else degree) + _SIGNS.get(chord.quality, "") + _figure(chord)


def _figure(chord: Chord) -> str:
    return _FIGURES[len(chord.intervals)][chord.inversion]


def _applied(readings: list[Chord], key: Key, following: Chord | None = None) -> str:
    """`V65/V`, `viio7/ii`: the dominant of another chord of the key; of the chord that follows, if that is given."""
    for reading in readings:
        goal = (reading.root + _RISE_TO_GOAL.get(reading.quality, 0)) % 12
        name = _GOALS[key.mode].get((goal - key.tonic) % 12)
        if name and reading.quality in _RISE_TO_GOAL and (following is None or following.root == goal):
            return f"{_numeral('V' if _RISE_TO_GOAL[reading.quality] == 5 else 'VII', reading)}/{name}"
    return ""


def _chromatic(chord: Chord, key: Key) -> str:
    """The Neapolitan and the German sixth."""
    above_tonic = (chord.root - key.tonic) % 12
    if above_tonic == _FLAT_SECOND and chord.quality == "":
        return "N6" if chord.inversion == 1 else f"bII{_figure(chord)}"
    return "Ger65" if above_tonic == _FLAT_SIXTH and chord.quality == "7" and chord.inversion == 0 else ""


def _sparse(chord: Chord, key: Key) -> str:
    """A fourth in the third's place, or no third at all: the numeral of the triad that the key has there."""
    names = (roman(Chord(chord.root, quality, chord.root), key) for quality in ("", "m"))
    own = next((name for name in names if name.upper() in _DEGREES), None)
    return chord.name(key) if own is None else own + ("sus4" if chord.quality == "sus4" else "")
