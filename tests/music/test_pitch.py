import pytest

from musicgen.errors import NotationError
from musicgen.music.pitch import Key, Spelling, parse_pitch, pitch_name, spell


@pytest.mark.parametrize(
    ("name", "pitch"), [("C4", 60), ("Bb3", 58), ("B-3", 58), ("F#5", 78), ("Fx4", 67), ("B#3", 60), ("Cb4", 59), ("B-1", 34), ("Ebb4", 62)]
)
def test_names_are_read(name: str, pitch: int) -> None:
    assert parse_pitch(name) == pitch


def test_a_spelling_prints_what_it_reads() -> None:
    for name in ("C4", "Bb3", "F#5", "F##4", "B#3", "Cb4", "Ebb4"):
        assert str(Spelling.parse(name)) == name


@pytest.mark.parametrize("name", ["H4", "C", "4", "C#b4", "", "C4.5"])
def test_what_is_no_name_is_refused(name: str) -> None:
    with pytest.raises(NotationError, match="no note name"):
        parse_pitch(name)


def test_the_line_of_fifths_gives_back_every_spelling() -> None:
    for letter in "CDEFGAB":
        for alteration in (-2, -1, 0, 1, 2):
            spelling = Spelling(letter, alteration, 4)
            assert Spelling.at_fifths(spelling.fifths, spelling.pitch) == spelling


@pytest.mark.parametrize(
    ("pitch", "key", "name"),
    [
        (61, "C major", "C#4"),
        (61, "Ab major", "Db4"),
        (63, "C major", "Eb4"),
        (68, "A minor", "G#4"),
        (66, "G minor", "F#4"),
        (70, "A minor", "Bb4"),
    ],
)
def test_spelling_follows_the_key(pitch: int, key: str, name: str) -> None:
    assert pitch_name(pitch, Key.parse(key)) == name


def test_every_spelling_sounds_as_its_pitch() -> None:
    for fifths in range(-7, 8):
        for pitch in range(128):
            assert spell(pitch, Key(fifths, "minor")).pitch == spell(pitch, Key(fifths)).pitch == pitch


@pytest.mark.parametrize(
    ("text", "fifths", "mode"),
    [("G major", 1, "major"), ("d", -1, "minor"), ("F# minor", 3, "minor"), ("Bb", -2, "major"), ("Am", 0, "minor")],
)
def test_keys_are_read(text: str, fifths: int, mode: str) -> None:
    key = Key.parse(text)
    assert (key.fifths, key.mode) == (fifths, mode)
    assert Key.parse(str(key)) == key


@pytest.mark.parametrize("text", ["", "H major", "G# major", "C dorian", "4"])
def test_what_is_no_key_is_refused(text: str) -> None:
    with pytest.raises(NotationError, match=r"key|signs"):
        Key.parse(text)


def test_transposing_a_key_moves_its_tonic() -> None:
    for fifths in range(-7, 8):
        for semitones in range(-6, 7):
            key = Key(fifths, "minor")
            assert key.transposed(semitones).tonic == (key.tonic + semitones) % 12
