from itertools import pairwise

import pytest

from musicgen.music.phrases import find_phrases, keys_to_cadences
from musicgen.music.roman import find_numerals


@pytest.fixture(scope="module")
def read(bach_pieces):
    """Of twenty chorales: phrases, numerals."""
    chorales = [piece.chorale for piece in bach_pieces if piece.split == "valid"][:20]
    phrases = [find_phrases(chorale) for chorale in chorales]
    return [
        (each, find_numerals(chorale, keys_to_cadences(chorale, each)), find_numerals(chorale))
        for chorale, each in zip(chorales, phrases, strict=True)
    ]


def test_the_numerals_of_a_cadence_are_in_the_key_that_it_is_named_by(read):
    named = [(phrase, found) for phrases, found, _ in read for phrase in phrases if phrase.cadence.kind != "other"]
    assert len(named) > 80
    for phrase, found in named:
        sounding = [
            max(index for index, each in enumerate(found) if each.step <= step) for step in (phrase.cadence.step - 1, phrase.end - 1)
        ]
        assert {numeral.key for numeral in found[sounding[0] : sounding[1] + 1]} == {phrase.key}


def changes_of_key(numerals):
    return sum(before.key != after.key for before, after in pairwise(numerals))


def test_elsewhere_keys_are_as_they_were_and_change_no_oftener_than_cadences_do(read):
    """A key that a cadence brings goes as far back as fits, so that it is no blink."""
    with_cadences, without = (sum(map(changes_of_key, column)) for column in list(zip(*read, strict=True))[1:])
    assert without <= with_cadences < 1.35 * without
