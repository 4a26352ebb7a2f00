"""What plays each voice, by a word."""

import pytest

from musicgen.errors import ConfigError
from musicgen.music.sounds import SOUNDS, programs_for


@pytest.mark.parametrize(
    ("sound", "voices", "programs"),
    [
        ("choir", 4, (52, 52, 52, 52)),
        ("strings", 4, (40, 40, 41, 42)),
        ("Brass", 4, (56, 56, 60, 58)),
        ("strings", 2, (40, 42)),
        ("strings", 1, (40,)),
        ("oboe", 3, (68, 68, 68)),
        ("piano, choir", 4, (0, 52, 52, 52)),
        ("flute,oboe,clarinet,bassoon", 4, (73, 68, 71, 70)),
        ("19", 2, (19, 19)),
    ],
)
def test_words_and_lists(sound, voices, programs):
    assert programs_for(sound, voices) == programs


@pytest.mark.parametrize("sound", ["", "banjolele", "128", "choir, banjolele", "-1"])
def test_unknown_ones_are_refused(sound):
    with pytest.raises(ConfigError, match="no sound named"):
        programs_for(sound, 4)


def test_every_group_serves_any_number_of_voices():
    for sound in SOUNDS:
        for voices in range(1, 9):
            assert len(programs_for(sound, voices)) == voices
