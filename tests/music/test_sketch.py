import numpy as np
import pytest

from musicgen.errors import NotationError
from musicgen.music.chorale import REST, Chorale
from musicgen.music.constraints import PitchClasses, VoiceRanges
from musicgen.music.sketch import Sketch, free_region

SKETCH = """
4/4, C major
S  C5 -  -  -  | C5 -  -  -^
A  G4 -  A4 -  | G4 -  -  -
T  ?  ?  ?  ?  | ?  ?  ?  ?
B  C3 -  ?  ?  | C3 -  -  -
"""


def test_free_cells_are_read_and_printed() -> None:
    sketch = Sketch.parse(SKETCH)
    assert sketch.free.sum() == 10
    assert Sketch.parse(str(sketch)).given == sketch.given
    assert (sketch.given.pitch[2] == REST).all()


def test_what_stands_in_free_cells_is_forgotten() -> None:
    chorale = Chorale.parse(SKETCH.replace("?  ?  ?  ?  | ?  ?  ?  ?", "E4 -  -  -  | E4 -  -  -").replace("?  ?", "D3 -"))
    moved = chorale.replaced(pitch=np.where(np.arange(4)[:, None] == 2, chorale.pitch + 1, chorale.pitch))
    assert Sketch.for_voices(chorale, "SAB").given == Sketch.for_voices(moved, "SAB").given


def test_a_given_hold_after_a_free_cell_is_refused_with_its_place() -> None:
    chorale = Chorale.parse(SKETCH.replace("?", "-").replace("T  -", "T  E4"))
    with pytest.raises(NotationError, match=r"soprano, bar 1 beat 1\.5: a given note is held here"):
        Sketch(chorale, free_region(chorale, [0], 0, 2))


def test_keeping_unknown_voices_is_refused() -> None:
    with pytest.raises(NotationError, match="no voice X"):
        Sketch.for_voices(Chorale.parse(SKETCH.replace("?", ".")), "SX")


def test_constraints_that_leave_nothing_are_refused_with_the_place() -> None:
    sketch = Sketch.parse(SKETCH, (VoiceRanges(((57, 81), (53, 74), (60, 60), (36, 64))), PitchClasses(2, 4, 8, frozenset({1}))))
    with pytest.raises(NotationError, match=r"tenor, bar 1 beat 2: the ranges .* and C# in the tenor .* leave no pitch"):
        sketch.allowed_pitches()


def test_a_free_voice_may_rest_only_where_a_given_one_does() -> None:
    sketch = Sketch.parse("S C5 - . -\nA ? ? ? ?\nT ? ? ? ?\nB ? ? ? ?")
    assert sketch.rest_allowed()[1].tolist() == [False, False, True, True]


def test_a_fermata_over_free_notes_sounds_up_to_the_next_phrase() -> None:
    sketch = Sketch.parse(
        "4/4, C major, pickup 4\n" + "\n".join(f"{v} ?" + " ?" * 11 + ("^" if v == "S" else "") + " ?" * 8 for v in "SATB")
    )
    fermata = np.zeros(20, dtype=bool)
    fermata[12] = True
    sketch = Sketch(sketch.given.replaced(fermata=fermata), sketch.free)
    assert np.flatnonzero(sketch.fermata_sounding).tolist() == [12, 13, 14, 15]
    assert np.argwhere(sketch.must_begin()).tolist() == [[0, 12]]


def test_a_fermata_over_a_freed_soprano_sounds_as_long_as_its_note_did() -> None:
    chorale = Chorale.parse(SKETCH.replace("?", "-").replace("T  -", "T  E4").replace("C5 -  -  -  |", "C5 -^ D5 - |"))
    sketch = Sketch.for_voices(chorale, "B")
    assert np.flatnonzero(sketch.fermata_sounding).tolist() == [0, 1, 4, 5, 6, 7]
    assert np.argwhere(sketch.must_hold()).tolist() == [[0, 1], [0, 5], [0, 6], [0, 7]]


def test_voices_of_others_than_a_choir_are_named_by_numbers() -> None:
    pair = Chorale.parse("1 C5 -\n2 C4 -")
    assert Sketch.for_voices(pair).free.tolist() == [[False, False], [True, True]]
    assert Sketch.for_voices(pair, "2").free.tolist() == [[True, True], [False, False]]
    with pytest.raises(NotationError, match=r"'S' names no voices; write numbers, .*1 voice 1, 2 voice 2"):
        Sketch.for_voices(pair, "S")


def test_keeps_sees_a_changed_pitch_and_a_changed_onset() -> None:
    sketch = Sketch.parse(SKETCH)
    filled = Chorale.parse(SKETCH.replace("?  ?  ?  ?  | ?  ?  ?  ?", "E4 -  -  -  | E4 -  -  -").replace("?  ?", "D3 -"))
    assert sketch.keeps(filled)
    pitch, onset = filled.pitch.copy(), filled.onset.copy()
    pitch[1, 4:] += 1
    onset[1, 6] = True
    assert not sketch.keeps(filled.replaced(pitch=pitch))
    assert not sketch.keeps(filled.replaced(onset=onset))
