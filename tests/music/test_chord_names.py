"""Names of chords against tables written by hand from theory: notes in any order, and after the stroke the bass, `*` where it is open."""

import pytest

from musicgen.errors import NotationError
from musicgen.music.chord_names import SUFFIXES, SUSPENSIONS, read_figures, read_name, read_roman, read_symbol
from musicgen.music.pitch import Key, parse_pitch


def classes(notes):
    return frozenset(parse_pitch(f"{note}4") % 12 for note in notes.split())


def as_written(chord):
    return chord.classes, chord.bass


def table(notes):
    """`C E G /E` -> the notes and the bass."""
    members, _, bass = notes.partition("/")
    return classes(members), None if bass == "*" else min(classes(bass))


@pytest.mark.parametrize(
    ("name", "notes"),
    [
        ("C", "C E G /*"),
        ("Am", "A C E /*"),
        ("G7/B", "G B D F /B"),
        ("F#m7b5", "F# A C E /*"),
        ("Bbmaj7", "Bb D F A /*"),
        ("Bb", "Bb D F /*"),
        ("B-", "Bb D F /*"),
        ("Bbm", "Bb Db F /*"),
        ("Eb/G", "Eb G Bb /G"),
        ("Ab7/Gb", "Ab C Eb Gb /Gb"),
        ("Dsus4", "D G A /*"),
        ("Gsus", "G C D /*"),
        ("A7sus4", "A D E G /*"),
        ("Dsus2", "D E A /*"),
        ("Bdim", "B D F /*"),
        ("B°7", "B D F Ab /*"),
        ("Cø", "C Eb Gb Bb /*"),
        ("Caug", "C E G# /*"),
        ("C+7", "C E G# Bb /*"),
        ("CM7", "C E G B /*"),
        ("Cmaj9", "C E G B D /*"),
        ("CmM7", "C Eb G B /*"),
        ("C6", "C E G A /*"),
        ("Cm6", "C Eb G A /*"),
        ("C9", "C E G Bb D /*"),
        ("G7b9", "G B D F Ab /*"),
        ("E7#9", "E G# B D F## /*"),
        ("Cadd9", "C E G D /*"),
        ("C5", "C G /*"),
        ("F/G", "F A C G /G"),
        ("C/Bb", "C E G Bb /Bb"),
        ("Am/c", "A C E /C"),
        ("Cb", "Cb Eb Gb /*"),
        ("E#dim", "E# G# B /*"),
    ],
)
def test_chord_symbols(name, notes):
    assert as_written(read_symbol(name)) == table(notes)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_kind_of_chord_is_the_same_on_every_root(suffix):
    on_c = read_symbol(f"C{suffix}").classes
    for root in ("D", "B", "F#", "Bb", "Ab"):
        start = parse_pitch(f"{root}4") % 12
        chord = read_symbol(root + suffix)
        assert (chord.root, chord.classes) == (start, frozenset((start + each) % 12 for each in on_c)), root


@pytest.mark.parametrize(
    ("name", "notes"),
    [
        ("I", "C E G /C"),
        ("I6", "C E G /E"),
        ("I64", "C E G /G"),
        ("Cad64", "C E G /G"),
        ("V7", "G B D F /G"),
        ("V65", "G B D F /B"),
        ("V43", "G B D F /D"),
        ("V42", "G B D F /F"),
        ("V2", "G B D F /F"),
        ("vi", "A C E /A"),
        ("ii6", "D F A /F"),
        ("ii65", "D F A C /F"),
        ("iv", "F Ab C /F"),
        ("I7", "C E G B /C"),
        ("viio6", "B D F /D"),
        ("vii°7", "B D F Ab /B"),
        ("viiø7", "B D F A /B"),
        ("vii/o43", "B D F A /F"),
        ("iiø65", "D F Ab C /F"),
        ("V+", "G B D# /G"),
        ("V7/V", "D F# A C /D"),
        ("V65/ii", "A C# E G /C#"),
        ("viio7/vi", "G# B D F /G#"),
        ("V7/IV", "C E G Bb /C"),
        ("V/V/V", "A C# E /A"),
        ("bVI", "Ab C Eb /Ab"),
        ("bVII", "Bb D F /Bb"),
        ("bII6", "Db F Ab /F"),
        ("N6", "Db F Ab /F"),
        ("It6", "Ab C F# /Ab"),
        ("Ger65", "Ab C Eb F# /Ab"),
        ("Fr43", "Ab C D F# /Ab"),
        ("Ger65/V", "Eb G Bb C# /Eb"),
        ("V9", "G B D F A /G"),
    ],
)
def test_roman_numerals_in_c_major(name, notes):
    assert [as_written(chord) for chord in read_roman(name, Key())] == [table(notes)]


@pytest.mark.parametrize(
    ("name", "notes"),
    [
        ("i", "A C E /A"),
        ("V", "E G# B /E"),
        ("v6", "E G B /G"),
        ("V65", "E G# B D /G#"),
        ("iio6", "B D F /D"),
        ("iiø65", "B D F A /D"),
        ("III", "C E G /C"),
        ("III+6", "C E G# /E"),
        ("iv6", "D F A /F"),
        ("VI", "F A C /F"),
        ("bVI", "F A C /F"),
        ("VII", "G B D /G"),
        ("bVII", "G B D /G"),
        ("viio7", "G# B D F /G#"),
        ("#viio7", "G# B D F /G#"),
        ("viio6", "G# B D /B"),
        ("V7/III", "G B D F /G"),
        ("V65/iv", "A C# E G /C#"),
        ("N6", "Bb D F /D"),
        ("Ger65", "F A C D# /F"),
        ("I", "A C# E /A"),
        ("bVI/iv", "Bb D F /Bb"),
        ("Ger65/iv", "Bb D F G# /Bb"),
        ("viio7/V", "D# F# A C /D#"),
        ("V7/VI", "C E G Bb /C"),
    ],
)
def test_roman_numerals_in_a_minor(name, notes):
    assert [as_written(chord) for chord in read_roman(name, Key(0, "minor"))] == [table(notes)]


@pytest.mark.parametrize("mode", ["major", "minor"])
@pytest.mark.parametrize("name", ["V65", "viio7", "N6", "Ger65", "V7/V", "iv", "bVI", "V4-3", "V64-53"])
def test_numerals_move_with_the_key(name, mode):
    home = Key(0, mode)
    at_home = read_roman(name, home)
    for fifths in range(-7, 8):
        key = Key(fifths, mode)
        shift = key.tonic - home.tonic
        moved = [(frozenset((each + shift) % 12 for each in chord.classes), (chord.bass + shift) % 12) for chord in at_home]
        assert [as_written(chord) for chord in read_roman(name, key)] == moved, key


@pytest.mark.parametrize(
    ("key", "bass", "figures", "notes"),
    [
        ("C", "C3", "5", "C E G /C"),
        ("C", "B2", "5", "B D F /B"),
        ("C", "B2", "6", "B D G /B"),
        ("C", "B2", "65", "B D F G /B"),
        ("C", "B2", "6/5", "B D F G /B"),
        ("C", "D3", "64", "D G B /D"),
        ("C", "D3", "43", "D F G B /D"),
        ("C", "F3", "42", "F G B D /F"),
        ("C", "F3", "2", "F G B D /F"),
        ("C", "F3", "4+", "F G B# D /F"),
        ("C", "G2", "7", "G B D F /G"),
        ("C", "C3", "b7", "C E G Bb /C"),
        ("C", "C3", "b", "C Eb G /C"),
        ("C", "A2", "#", "A C# E /A"),
        ("C", "A2", "7/#", "A C# E G /A"),
        ("C", "A2", "#6", "A C F# /A"),
        ("C", "G2", "54", "G C D /G"),
        ("C", "C3", "9", "C E G D /C"),
        ("a", "E3", "#", "E G# B /E"),
        ("a", "G#2", "6", "G# B E /G#"),
        ("a", "G#2", "7", "G# B D F /G#"),
        ("g", "E3", "n6", "E G C /E"),
        ("D", "A2", "n", "A C E /A"),
        ("f", "Ab2", "6", "Ab C F /Ab"),
    ],
)
def test_figures_count_from_the_bass_in_the_signature(key, bass, figures, notes):
    assert [as_written(chord) for chord in read_figures(figures, parse_pitch(bass), Key.parse(key))] == [table(notes)]


@pytest.mark.parametrize(
    ("name", "first", "second"),
    [
        ("V4-3", "G C D /G", "G B D /G"),
        ("V64-53", "G C E /G", "G B D /G"),
        ("V9-8", "G B D A /G", "G B D /G"),
        ("V8-7", "G B D /G", "G B D F /G"),
        ("viio7-6", "D F C /D", "D F B /D"),
        ("V4-3/V", "D G A /D", "D F# A /D"),
    ],
)
def test_a_suspension_is_two_chords(name, first, second):
    assert [as_written(chord) for chord in read_roman(name, Key())] == [table(first), table(second)]


@pytest.mark.parametrize(
    ("key", "bass", "figures", "first", "second"),
    [
        ("C", "G2", "4-3", "G C D /G", "G B D /G"),
        ("C", "D3", "7-6", "D F C /D", "D F B /D"),
        ("C", "C3", "9-8", "C E G D /C", "C E G /C"),
        ("C", "C3", "5-6", "C E G /C", "C E A /C"),
        ("a", "E3", "4-#3", "E A B /E", "E G# B /E"),
        ("a", "E3", "4-#", "E A B /E", "E G# B /E"),
        ("a", "E3", "64-5/#", "E A C /E", "E G# B /E"),
    ],
)
def test_a_figured_suspension_is_two_chords(key, bass, figures, first, second):
    assert [as_written(chord) for chord in read_figures(figures, parse_pitch(bass), Key.parse(key))] == [table(first), table(second)]


def test_a_suspended_dominant_of_minor_resolves_to_the_leading_note():
    suspended, resolved = read_roman("V4-3", Key(0, "minor"))
    assert (suspended.classes, resolved.classes) == (classes("E A B"), classes("E G# B"))


def test_no_chord():
    assert read_name("N.C.", Key()) == ()


@pytest.mark.parametrize("name", ["F", "Fm", "Gdim", "Cadd9", "C"])
def test_letters_are_no_numerals(name):
    assert read_name(name, Key()) == (read_symbol(name),)


# music21 reads each name of the first line as some chord, and the wrong one.
@pytest.mark.parametrize(
    "name",
    [
        *("V75", "V66", "Vsus4", "V7b9", "IIII", "VIII", "iix", "IM7", "C69", "C4", "am"),
        *("H7", "Cfoo", "", "V65-54", "V/", "X", "C/H", "6/4/x", "78", "7#", "5b", "4-", "-3", "2-3", "1", "Gerb", "ß", "I I"),
    ],
)
def test_what_is_not_known_is_refused(name):
    with pytest.raises(NotationError):
        read_name(name, Key(), bass=48)


def test_what_could_mean_two_things_is_refused():
    with pytest.raises(NotationError, match="Bb7 to some and Bm7 to others"):
        read_symbol("B-7")
    with pytest.raises(NotationError, match="would be its tonic"):
        read_roman("#viio7", Key())
    with pytest.raises(NotationError, match="viio7, or viiø7"):
        read_roman("vii7", Key())


def test_figures_need_a_bass():
    with pytest.raises(NotationError, match="no bass note is given"):
        read_name("65", Key())


def test_all_suspensions_are_read_over_a_bass():
    for figures in SUSPENSIONS:
        assert len(read_figures(figures, 48, Key())) == 2
