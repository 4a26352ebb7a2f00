"""How what sounds is written for transposing instruments, beside music21's intervals."""

from __future__ import annotations

import pytest
from music21 import interval, pitch

from musicgen.errors import NotationError
from musicgen.music.pitch import LETTERS, Key, Spelling
from musicgen.music.transposition import CONCERT, Transposition

INSTRUMENTS = {"M2": (2, 1), "P5": (7, 4), "M6": (9, 5), "M9": (14, 8), "M13": (21, 12), "m3": (3, 2), "P8": (12, 7), "M-2": (-2, -1)}


@pytest.mark.parametrize(("name", "steps"), INSTRUMENTS.items())
def test_notes_go_where_music21_puts_them(name: str, steps: tuple[int, int]) -> None:
    transposition = Transposition(*steps)
    for letter in LETTERS:
        for alteration in (-1, 0, 1):
            sounding = Spelling(letter, alteration, 4)
            expected = pitch.Pitch(str(sounding).replace("b", "-")).transpose(interval.Interval(name))
            written = transposition.spelling(sounding)
            assert (written.letter, written.alteration, written.octave) == (expected.step, expected.alter, expected.octave)
            assert transposition.reversed().spelling(written) == sounding


def test_keys_keep_to_six_signs() -> None:
    in_b_flat = Transposition(2, 1)
    assert in_b_flat.in_key(Key(-1)).key(Key(-1)) == Key(1)
    b_major = Key(5)
    assert in_b_flat.in_key(b_major).key(b_major) == Key(-5)
    assert in_b_flat.in_key(b_major).spelling(Spelling("B", 0, 3)) == Spelling("D", -1, 4)
    assert CONCERT.in_key(Key(7)) == CONCERT


def test_a_note_of_too_many_signs_is_spelled_anew() -> None:
    sharpest = Spelling("E", 3, 4)
    written = Transposition(9, 5).spelling(sharpest)
    assert written.pitch == sharpest.pitch + 9
    assert abs(written.alteration) <= 1


def test_what_is_no_interval_is_refused() -> None:
    with pytest.raises(NotationError, match="no interval"):
        Transposition(2, 5)
