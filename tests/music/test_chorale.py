import numpy as np
import pytest

from musicgen.errors import NotationError
from musicgen.music.chorale import REST, Chorale
from musicgen.music.score import Meter, MeterAt

TEXT = """
4/4, G major, pickup 4
S  B4 -  -  -  | D5 -  -  -  D5^ -  -  -
A  G4 -  -  -  | G4 -  A4 -  F#4 -  -  -
T  D4 -  .  -  | D4 -  -  -  A3  -  -  -
B  G3 -  -  -  | B2 -  -  -  D3  -  -  -
"""


def test_the_text_form_reads_back() -> None:
    chorale = Chorale.parse(TEXT)
    assert Chorale.parse(str(chorale)) == chorale
    assert chorale.pickup == 4
    assert str(chorale.key) == "G major"
    assert chorale.pitch[2, 2] == REST
    assert chorale.onset[2, 2]
    assert list(np.flatnonzero(chorale.fermata)) == [8]


def test_every_bach_chorale_survives_its_text_form(bach_pieces) -> None:
    for piece in bach_pieces[::8]:
        assert Chorale.parse(str(piece.chorale)) == piece.chorale, piece.name


def test_places_count_the_pickup_as_bar_0() -> None:
    chorale = Chorale.parse(TEXT)
    assert [chorale.place(step) for step in (0, 4, 6, 8)] == ["bar 0 beat 4", "bar 1 beat 1", "bar 1 beat 1.5", "bar 1 beat 2"]


def test_places_count_the_beats_of_the_meter() -> None:
    blank = np.full((4, 48), 60), np.ones((4, 48), dtype=bool), np.zeros(48, dtype=bool)
    assert Chorale(*blank, (MeterAt(0, Meter(6, 8)),)).place(18) == "bar 2 beat 2"
    assert Chorale(*blank, (MeterAt(0, Meter(2, 2)),)).place(24) == "bar 2 beat 2"
    mixed = Chorale(*blank, (MeterAt(0, Meter(3, 4)), MeterAt(12, Meter(4, 4))))
    assert mixed.bar_starts() == [0, 12, 28, 44]
    assert mixed.place(16) == "bar 2 beat 2"


def test_a_pitch_that_changes_without_an_onset_is_refused_with_its_place() -> None:
    chorale = Chorale.parse(TEXT)
    onset = chorale.onset.copy()
    onset[1, 8] = False
    with pytest.raises(NotationError, match="alto, bar 1 beat 2: the pitch changes without an onset"):
        chorale.replaced(onset=onset)


def test_arrays_cannot_be_written_to() -> None:
    with pytest.raises(ValueError, match="read-only"):
        Chorale.parse(TEXT).pitch[0, 0] = 61


def test_transposition_moves_notes_and_key_but_no_rest() -> None:
    chorale = Chorale.parse(TEXT)
    up = chorale.transposed(2)
    assert str(up.key) == "A major"
    assert (up.pitch[chorale.pitch != REST] - chorale.pitch[chorale.pitch != REST] == 2).all()
    assert (up.pitch[chorale.pitch == REST] == REST).all()
    assert up.transposed(-2) == chorale


@pytest.mark.parametrize("text", ["S C4 -\nA C4", "S - C4", "S H4 -", "5/7, C major\nS C4", "4/4 3/4@x, C\nS C4", "4/4, C, pickup x\nS C4"])
def test_text_that_is_no_chorale_is_refused(text: str) -> None:
    with pytest.raises(NotationError):
        Chorale.parse(text)
