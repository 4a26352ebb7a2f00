"""Church modes, by their notes and by the keys that stand for them."""

import pytest

from musicgen.errors import NotationError
from musicgen.music.modes import MODES, is_mode, key_of, scale_of


@pytest.mark.parametrize(
    ("text", "key", "natural"),
    [
        ("D dorian", "D minor", True),
        ("E Phrygian", "E minor", True),
        ("f lydian", "F major", True),
        ("G mixolydian", "G major", True),
        ("Bb ionian", "Bb major", False),
        ("a aeolian", "A minor", True),
    ],
)
def test_a_mode_on_the_white_keys(text, key, natural):
    assert is_mode(text)
    assert str(key_of(text)) == key
    white = {0, 2, 4, 5, 7, 9, 11}
    classes = scale_of(text, 0, 4).classes
    leading = {(key_of(text).tonic + 11) % 12}
    assert (classes - leading <= white) == natural


def test_each_mode_has_its_seven_notes():
    assert all(len(set(steps) - ({11} if name in ("dorian", "aeolian") else set())) == 7 for name, steps in MODES.items())


@pytest.mark.parametrize("text", ["G minor", "Bb", "d", "f# minor", "Em"])
def test_keys_are_no_modes(text):
    assert not is_mode(text)
    assert scale_of(text, 0, 4).key == key_of(text)


def test_what_is_neither():
    with pytest.raises(NotationError, match=r"'D dorain' is no key; .* did you mean dorian\?"):
        key_of("D dorain")
    with pytest.raises(NotationError, match="'H' is no key"):
        key_of("H")
