"""Scores and pictures of MIDI that says no key."""

from musicgen.music.pitch import Key
from musicgen.music.score import TICKS_PER_QUARTER as Q
from musicgen.music.score import KeyAt, Note, Part, Score
from musicgen.rendering.midi_export import with_key

E_MAJOR = (64, 66, 68, 69, 71, 73, 75, 76, 71, 68, 64)
DRUMS = Part("Drums", tuple(Note(step * Q, Q, 36 + step % 2) for step in range(40)), is_drum=True)


def tune(pitches: tuple[int, ...]) -> Part:
    return Part("Flute", tuple(Note(step * Q, Q, pitch) for step, pitch in enumerate(pitches)))


def test_a_key_is_found_where_none_is_said():
    assert with_key(Score((tune(E_MAJOR), DRUMS))).keys == (KeyAt(0, Key.of_tonic(4, "major")),)


def test_what_is_said_stays():
    score = Score((tune(E_MAJOR),), keys=(KeyAt(0, Key(0)),))
    assert with_key(score) is score


def test_drums_alone_are_in_c():
    assert with_key(Score((DRUMS,))).keys == (KeyAt(0, Key(0)),)
