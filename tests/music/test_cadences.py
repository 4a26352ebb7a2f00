from collections import Counter

import pytest
from pieces import CADENCES, drawn

from musicgen.music.cadences import Cadence, find_cadences
from musicgen.music.harmony import Chord
from musicgen.music.phrases import cadence_key
from musicgen.music.pitch import Key


@pytest.mark.parametrize("kind", CADENCES)
def test_each_kind_of_cadence_is_known(kind):
    assert [cadence.kind for cadence in find_cadences(drawn(CADENCES[kind]))] == [kind]


def test_a_suspension_under_the_fermata_is_heard_out():
    chorale = drawn(
        """
        S  B4 -  C5 -^ - -
        A  G4 F4 F4 -  E4 -
        T  D4 -  C4 -  - -
        B  G3 -  C3 -  - -
        """
    )
    (cadence,) = find_cadences(chorale)
    assert (cadence.kind, str(cadence.before), str(cadence.final), cadence.step) == ("perfect authentic", "G7", "C", 2)


def test_a_fermata_on_the_first_note_ends_nothing():
    assert [cadence.kind for cadence in find_cadences(drawn("S  C5^\nA  G4\nT  E4\nB  C3"))] == ["other"]


def test_bach_ends_his_phrases_as_published(bach_pieces):
    cadences = [cadence for piece in bach_pieces for cadence in find_cadences(piece.chorale)]
    kinds = Counter(cadence.kind for cadence in cadences)
    shares = {kind: 100 * number / len(cadences) for kind, number in kinds.items()}
    assert len(cadences) == pytest.approx(2411, abs=5)
    published = {"perfect authentic": 48.6, "imperfect authentic": 21.7, "half": 9.7, "plagal": 7.2, "phrygian": 3.7, "deceptive": 1.2}
    for kind, share in published.items():
        assert shares[kind] == pytest.approx(share, abs=1.5)
    finals = [cadence.final for cadence in cadences if cadence.final]
    assert sum(final.inversion == 0 for final in finals) / len(finals) > 0.98


def test_the_key_of_a_cadence_has_the_name_that_is_nearer_to_home():
    phrygian = Cadence(0, "phrygian", Chord(11, "", 11), Chord(10, "", 10))  # Cb, Bb
    assert str(cadence_key(phrygian, Key.parse("Db"), Key.parse("Db"))) == "Eb minor"
    assert str(cadence_key(phrygian, Key.parse("B"), Key.parse("B"))) == "D# minor"
