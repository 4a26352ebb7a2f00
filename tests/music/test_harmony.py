from itertools import pairwise

import numpy as np
import pytest
from pieces import drawn

from musicgen.music.cadences import find_cadences
from musicgen.music.chorale import REST
from musicgen.music.harmony import Chord, beat_chords, chord_at, find_key, local_keys, non_chord_tones
from musicgen.music.pitch import Key, parse_pitch


@pytest.mark.parametrize(
    ("notes", "name"),
    [
        ("C3 G3 E4 C5", "C"),
        ("E3 G3 C4 C5", "C/E"),
        ("B2 D4 F4 G4", "G7/B"),
        ("A2 C4 E4 A4", "Am"),
        ("D3 F3 A3 C4", "Dm7"),
        ("F3 A3 C4 E4", "Fmaj7"),
        ("B2 D3 F3 A3", "Bm7b5"),
        ("G#2 B3 D4 F4", "G#dim7"),
        ("D3 F3 B3 B4", "Bdim/D"),
        ("C3 E3 G#3", "Caug"),
        ("G2 C4 D4", "Gsus4"),
        ("C3 G3 C4", "C5"),
        ("C3 E3 C4", "C"),
        ("G2 B3 F4", "G7"),
    ],
)
def test_a_vertical_is_named(notes, name):
    assert str(chord_at([parse_pitch(note) for note in notes.split()])) == name


def test_a_chord_knows_its_inversion_and_its_name_in_a_key():
    assert [chord_at([bass, 67, 71, 74, 77]).inversion for bass in (43, 47, 50, 53)] == [0, 1, 2, 3]
    assert Chord(10, "7", 2).name(Key(-1)) == "Bb7/D"
    assert Chord(3, "m", 3).name(Key(-6)) == "Ebm"
    assert Chord(3, "m", 3).name(Key(6)) == "D#m"


@pytest.mark.parametrize("pitches", [[], [REST, REST], [60], [60, 61, 62], [60, 62, 64, 65, 67]])
def test_no_chord_where_there_is_none(pitches):
    assert chord_at(pitches) is None


def test_the_key_of_a_scale_is_found_in_every_key():
    for tonic in range(12):
        for steps, mode in (((0, 2, 4, 5, 7, 9, 11, 0, 4, 7), "major"), ((0, 2, 3, 5, 7, 8, 10, 11, 0, 3, 7), "minor")):
            key = find_key(np.bincount([(tonic + step) % 12 for step in steps], minlength=12))
            assert (key.tonic, key.mode) == (tonic, mode)


def test_the_last_bass_note_decides_between_relatives():
    """The same notes, and another one last."""
    tune = "E4 D4 C4 B3 A3 C4 D4 E4 F4 E4 A3 G4"
    assert find_key(drawn(f"S {tune} A3 C4")) == Key(0, "major")
    assert find_key(drawn(f"S {tune} C4 A3")) == Key(0, "minor")


def test_silence_has_a_key_and_no_chords():
    silence = drawn("S . - - - -\nA . - - - -")
    assert find_key(silence) == Key()
    assert local_keys(silence) == [Key()] * 5
    assert beat_chords(silence) == [None, None]
    assert not non_chord_tones(silence).any()


def test_a_passing_note_is_foreign_to_its_beat():
    chorale = drawn(
        """
        S  C5 - D5 - | E5 - - -
        A  G4 - -  - | G4 - - -
        T  E4 - -  - | C4 - - -
        B  C3 - -  - | C3 - - -
        """
    )
    assert [str(chord) for chord in beat_chords(chorale)] == ["C", "C"]
    assert np.argwhere(non_chord_tones(chorale)).tolist() == [[0, 2]]


def test_beats_begin_at_the_barline_after_half_a_beat_of_pickup():
    chorale = drawn("4/4, pickup 2\nS G4 - | C5 - - -\nA D4 - | G4 - - -\nT B3 - | E4 - - -\nB G3 - | C3 - - -")
    assert [str(chord) for chord in beat_chords(chorale)] == ["G", "C"]


def test_bachs_keys_are_found(bach_pieces):
    pieces = [piece for piece in bach_pieces if piece.split != "train"]  # the profiles are those of train
    found = [(find_key(piece.chorale), piece.chorale) for piece in pieces]
    assert np.mean([key == chorale.key for key, chorale in found]) > 0.84
    is_as_signed_or_modal = [key.mode == chorale.key.mode and abs(key.fifths - chorale.key.fifths) <= 1 for key, chorale in found]
    assert np.mean(is_as_signed_or_modal) > 0.92


def test_local_keys_follow_the_cadences(bach_pieces):
    agree = []
    for chorale in [piece.chorale for piece in bach_pieces[::5]]:
        keys = local_keys(chorale)
        assert len(keys) == chorale.steps
        cadences = [cadence for cadence in find_cadences(chorale) if cadence.kind == "perfect authentic"]
        agree += [keys[cadence.step].tonic == cadence.final.root for cadence in cadences]
    assert len(agree) > 150
    assert np.mean(agree) > 0.9


def test_local_keys_do_not_flicker(bach_pieces):
    """A key lasts about as long as a phrase, six to a piece."""
    keys = [local_keys(piece.chorale) for piece in bach_pieces[::5]]
    changes = np.mean([sum(before != after for before, after in pairwise(path)) for path in keys])
    assert 2 < changes < 8


def test_local_keys_are_named_on_the_side_of_the_home_key(bach_pieces):
    chorale = bach_pieces[0].chorale.transposed(1)
    assert chorale.key.fifths == -6
    assert all(key.fifths < 0 for key in local_keys(chorale))


def test_foreign_notes_are_as_frequent_as_published(bach_pieces):
    found = [non_chord_tones(piece.chorale) for piece in bach_pieces]
    onsets = [piece.chorale.onset & (piece.chorale.pitch != REST) for piece in bach_pieces]
    shares = 100 * sum(array.sum(axis=1) for array in found) / sum(array.sum(axis=1) for array in onsets)
    assert shares == pytest.approx([7.73, 12.42, 12.04, 11.84], abs=0.1)
