"""Which voice sounds which note of the chords that are asked for, so that a G7 has its seventh and a 4-3 its fourth.

A composer that fills one voice after the other keeps to the notes of a chord, but may leave out the very one that makes it. So before any
work the smoothest way through all chords is looked for (Viterbi), and the voice that sounds a telling note there is given it, on the first
step of the chord only. Shapes: C voicings of a chord, V voices top to bottom; T steps; 128 pitches.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from musicgen.errors import NotationError
from musicgen.music.chorale import REST, BoolArray
from musicgen.music.chords import Chord, ChordAt
from musicgen.music.constraints import of_classes
from musicgen.music.rules import NoCrossing
from musicgen.music.voice_leading import FIFTH, OCTAVE

if TYPE_CHECKING:
    from musicgen.music.sketch import Sketch

MOST_VOICINGS = 48  # of one chord
MOST_CANDIDATES = 9  # of one voice
# In semitones of movement, of all voices together.
MISSING, CROSSED, WIDE, PARALLEL, INVERTED = 24.0, 24.0, 12.0, 18.0, 6.0
FROM_MIDDLE = 0.25  # a semitone away from the middle of what the voice may sound

Voicings = NDArray[np.int64]
"""(C, V) pitches, or REST"""
FloatArray = NDArray[np.float64]


def with_chords_heard(sketch: Sketch, allowed: BoolArray) -> BoolArray:
    """(V, T, 128) what may sound, less what would keep a chord from being heard where it begins."""
    narrowed = allowed.copy()
    for step, voice, pitch_class in _heard_notes(sketch, asked_chords(sketch), allowed):
        narrowed[voice, step] &= of_classes({pitch_class})
    return narrowed


def asked_chords(sketch: Sketch) -> list[ChordAt]:
    """In order of time."""
    chords = [each.chord for each in sketch.constraints if isinstance(each, Chord)]
    return sorted(chords, key=lambda chord: chord.start)


def _heard_notes(sketch: Sketch, chords: Sequence[ChordAt], allowed: BoolArray) -> Iterator[tuple[int, int, int]]:
    """Step, voice, pitch class: what free voices sound as each chord begins."""
    held = sketch.asked_hold()
    for chord, voicing in zip(chords, _smoothest([_voicings(sketch, chord, allowed) for chord in chords]), strict=True):
        free = [voice for voice in _inner_first(len(voicing)) if sketch.free[voice, chord.start] and not held[voice, chord.start]]
        sounding = {int(pitch) % 12 for voice, pitch in enumerate(voicing) if not sketch.free[voice, chord.start] and pitch != REST}
        sounding |= {chord.bass} if chord.bass is not None else set()
        for pitch_class in chord.wanted:
            voices = [voice for voice in free if voicing[voice] % 12 == pitch_class]
            if pitch_class not in sounding and voices:
                free.remove(voices[0])
                yield chord.start, voices[0], pitch_class


def check_voicing(sketch: Sketch) -> None:
    """Where no voices may cross, raises NotationError if a chord has no voicing in which none do."""
    if not any(isinstance(rule, NoCrossing) for rule in sketch.rules):
        return
    allowed = sketch.bounds()
    for chord in asked_chords(sketch):
        if not _stands_uncrossed([_may_sound(sketch, voice, chord.start, allowed) for voice in range(sketch.given.voices)]):
            raise NotationError(
                f"the chord {chord.label} cannot be voiced without crossing; widen the ranges, free given notes or let voices cross",
                place=sketch.given.place(chord.start),
            )


def _stands_uncrossed(pitches: Sequence[NDArray[np.int64]]) -> bool:
    """Whether each voice, from the top, can sound one of its pitches at or below the voice above: the highest that it can is best."""
    ceiling = 127
    for own in pitches:
        below = own[own <= ceiling]
        if not len(below):
            return False
        ceiling = int(below.max()) if below.max() != REST else ceiling
    return True


def _inner_first(voices: int) -> list[int]:
    """An open bass is told a note only where no other voice has it."""
    return [*range(1, voices - 1), *dict.fromkeys((0, voices - 1))]


def _voicings(sketch: Sketch, chord: ChordAt, allowed: BoolArray) -> tuple[Voicings, FloatArray]:
    """The best voicings of a chord as it begins, and what each costs."""
    step = chord.start
    candidates = [_middle(_may_sound(sketch, voice, step, allowed)) for voice in range(sketch.given.voices)]
    voicings = np.stack([axis.ravel() for axis in np.meshgrid(*candidates, indexing="ij")], axis=1)
    cost = FROM_MIDDLE * np.abs(voicings - np.array([each.mean() for each in candidates])).sum(axis=1)
    for weight, pitch_class in enumerate(reversed(chord.wanted), start=1):
        is_missing = ~((voicings % 12 == pitch_class) & (voicings != REST)).any(axis=1)
        cost += MISSING * (1 + weight / 8) * is_missing
    cost += INVERTED * (voicings[:, -1] % 12 != chord.root) * (chord.bass is None)
    apart = voicings[:, :-1] - voicings[:, 1:]
    both = (voicings[:, :-1] != REST) & (voicings[:, 1:] != REST)
    cost += (both * (CROSSED * (apart < 0) + (WIDE * (apart > OCTAVE)) * (np.arange(apart.shape[1]) < apart.shape[1] - 1))).sum(axis=1)
    best = np.argsort(cost, kind="stable")[:MOST_VOICINGS]
    return voicings[best], cost[best]


def _may_sound(sketch: Sketch, voice: int, step: int, allowed: BoolArray) -> NDArray[np.int64]:
    """Pitches, from the lowest, or the one that is given, or REST."""
    if sketch.free[voice, step]:
        return np.flatnonzero(allowed[voice, step])
    return np.array([sketch.given.pitch[voice, step]], dtype=np.int64)


def _middle(pitches: NDArray[np.int64]) -> NDArray[np.int64]:
    first = max(0, (len(pitches) - MOST_CANDIDATES) // 2)
    return pitches[first : first + MOST_CANDIDATES]


def _smoothest(choices: Sequence[tuple[Voicings, FloatArray]]) -> list[NDArray[np.int64]]:
    """One voicing of each chord: the path that costs least, movement and parallels counted (Viterbi)."""
    if not choices:
        return []
    total = choices[0][1]
    came_from = []
    for (before, _), (after, cost) in pairwise(choices):
        reached = total[:, None] + _movement(before, after)
        came_from.append(reached.argmin(axis=0))
        total = reached.min(axis=0) + cost
    path = [int(total.argmin())]
    for back in reversed(came_from):
        path.append(int(back[path[-1]]))
    return [voicings[index] for (voicings, _), index in zip(choices, reversed(path), strict=True)]


def _movement(before: Voicings, after: Voicings) -> FloatArray:
    """(C, C) semitones that the voices move from each voicing to each, the bass counted half; parallel fifths and octaves cost more."""
    moves = after[None] - before[:, None]
    sounds = (before != REST)[:, None] & (after != REST)[None]
    weights = np.ones(before.shape[1])
    weights[-1] = 0.5
    cost = (np.abs(moves) * weights * sounds).sum(axis=-1)
    for upper, lower in zip(*np.triu_indices(before.shape[1], 1), strict=True):
        was, now = before[:, upper] - before[:, lower], after[:, upper] - after[:, lower]
        perfect = np.isin(was % 12, (FIFTH, OCTAVE % 12))[:, None] & (was[:, None] % 12 == now[None] % 12)
        same_way = (np.sign(moves[..., upper]) == np.sign(moves[..., lower])) & (moves[..., upper] != 0)
        cost += PARALLEL * (perfect & same_way & sounds[..., upper] & sounds[..., lower])
    return np.asarray(cost)
