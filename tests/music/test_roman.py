import re
from functools import cache

import pytest
from music21 import chord as m21_chord
from music21 import key as m21_key
from music21 import roman as m21_roman
from pieces import drawn

from musicgen.music.chorale import REST
from musicgen.music.harmony import QUALITIES, Chord, beat_chords, beats_of_steps, chord_at, local_keys
from musicgen.music.pitch import Key
from musicgen.music.roman import find_numerals, key_letter, roman
from musicgen.music.spelling import spell_notes

C, A = Key.parse("C major"), Key.parse("A minor")


@pytest.mark.parametrize(
    ("chord", "key", "text"),
    [
        (Chord(0, "", 0), C, "I"),
        (Chord(7, "7", 11), C, "V65"),
        (Chord(7, "7", 5), C, "V42"),
        (Chord(2, "m7", 5), C, "ii65"),
        (Chord(5, "maj7", 5), C, "IV7"),
        (Chord(11, "dim", 2), C, "viio6"),
        (Chord(11, "m7b5", 11), C, "viiø7"),
        (Chord(2, "7", 6), C, "V65/V"),
        (Chord(4, "", 8), C, "V6/vi"),
        (Chord(0, "7", 10), C, "V42/IV"),
        (Chord(1, "dim7", 1), C, "viio7/ii"),
        (Chord(6, "m7b5", 6), C, "viiø7/V"),
        (Chord(2, "dim7", 2), C, "viio65"),
        (Chord(5, "m", 8), C, "iv6"),
        (Chord(8, "", 8), C, "bVI"),
        (Chord(1, "", 5), C, "N6"),
        (Chord(8, "7", 8), C, "Ger65"),
        (Chord(5, "7", 5), C, "F7"),
        (Chord(0, "aug", 0), C, "Caug"),
        (Chord(7, "sus4", 7), C, "Vsus4"),
        (Chord(9, "5", 9), C, "vi"),
        (Chord(9, "m", 4), A, "i64"),
        (Chord(4, "7", 4), A, "V7"),
        (Chord(4, "m", 7), A, "v6"),
        (Chord(8, "dim", 11), A, "viio6"),
        (Chord(2, "dim7", 2), A, "viio43"),
        (Chord(6, "dim", 9), A, "vio6"),
        (Chord(11, "m7b5", 2), A, "iiø65"),
        (Chord(8, "aug", 8), A, "III+64"),
        (Chord(2, "", 6), A, "IV6"),
        (Chord(9, "", 9), A, "I"),
        (Chord(11, "", 11), A, "V/V"),
        (Chord(10, "", 2), A, "N6"),
        (Chord(10, "m", 10), A, "Bbm"),
    ],
)
def test_a_chord_has_its_numeral(chord, key, text):
    assert roman(chord, key) == text


def test_what_follows_decides_what_a_major_tonic_of_minor_and_a_diminished_seventh_are():
    assert roman(Chord(9, "", 9), A, Chord(2, "m", 2)) == "V/iv"
    assert roman(Chord(9, "", 9), A, Chord(4, "", 4)) == "I"
    diminished = Chord(8, "dim7", 8)
    assert roman(diminished, C, Chord(9, "m", 9)) == "viio7/vi"
    assert roman(diminished, C, Chord(0, "", 0)) == "viio42"


def test_numerals_are_found_where_the_chord_changes():
    chorale = drawn(
        """
        S  C5 - - - D5 - - - B4 - - - C5 - - -^
        A  E4 - - - F4 - - - D4 - - - E4 - - -
        T  G3 - - - B3 - - - B3 - - - G3 - - -
        B  C3 - - - G3 - - - G3 - - - C3 - - -
        """
    )
    assert [(numeral.step, numeral.text, numeral.key) for numeral in find_numerals(chorale)] == [
        (0, "I", C),
        (4, "V7", C),
        (8, "V", C),
        (12, "I", C),
    ]


def test_silence_and_no_music_have_no_numerals():
    assert find_numerals(drawn("S  . . . .\nA  . . . .\nT  . . . .\nB  . . . .")) == []


def test_keys_have_short_names():
    assert [key_letter(Key.parse(name)) for name in ("G major", "F# minor", "Bb major", "Bb minor")] == ["G", "f#", "Bb", "bb"]


# --- music21 as an oracle, on the verticals of twenty chorales


@cache
def m21_key_of(key):
    letter = key_letter(key)
    return m21_key.Key(letter[0] + letter[1:].replace("b", "-"))


def whole_chords(chorale):
    """Of every beat that begins with a whole triad or seventh: the notes by music21's names, the chord, the key, the chord after."""
    spelled, keys, beats, fitted = spell_notes(chorale), local_keys(chorale), beats_of_steps(chorale), [*beat_chords(chorale), None]
    struck = [sorted(step for voice, step in spelled if voice == each) for each in range(chorale.voices)]
    for beat in range(len(fitted) - 1):
        step = int((beats < beat).sum())
        pitches = chorale.pitch[:, step].tolist()
        chord = chord_at(pitches)
        if REST in pitches or chord is None or chord.quality not in QUALITIES or {pitch % 12 for pitch in pitches} != chord.pitch_classes:
            continue
        names = [spelled[voice, max(at for at in struck[voice] if at <= step)] for voice in range(chorale.voices)]
        yield [str(name).replace("b", "-") for name in names], chord, keys[step], fitted[beat + 1]


def as_music21_says(names, chord, key, is_applied):
    """Degree and quality by music21; the figure, which it fills with accidentals in minor, by the chord's own inversion."""
    found = m21_roman.romanNumeralFromChord(m21_chord.Chord(names), m21_key_of(key), preferSecondaryDominants=is_applied)
    degree = re.sub("[#b]" if key.mode == "minor" else "#", "", found.romanNumeralAlone)
    sign = "".join(letter for letter in found.figure.split("/")[0] if letter in "oø+")
    figures = ("7", "65", "43", "42") if len(chord.intervals) == 4 else ("", "6", "64")
    goal = f"/{found.secondaryRomanNumeral.figure}" if found.secondaryRomanNumeral else ""
    return degree + sign + figures[chord.inversion] + goal


@pytest.fixture(scope="module")
def verticals(bach_pieces):
    pieces = [piece for piece in bach_pieces if piece.split == "valid"][:12]
    return [(vertical, roman(*vertical[1:])) for piece in pieces for vertical in whole_chords(piece.chorale)]


def test_music21_gives_the_same_numerals(verticals):
    """It was 97.5 % over 1,915 chords of the valid split: music21 calls F#dim in C #ivo where we say viio/V."""
    named = [((names, chord, key), text) for (names, chord, key, _), text in verticals if text != chord.name(key)]
    differ = [(text, theirs) for asked, text in named if text != (theirs := as_music21_says(*asked, "/" in text))]
    assert len(named) > 400
    assert len(differ) < 0.04 * len(named), differ


def test_music21_reads_our_numerals_as_the_chords_they_name(verticals):
    named = {(text, key, chord) for (_, chord, key, _), text in verticals if text != chord.name(key)}
    assert len(named) > 150
    for text, key, chord in named:
        back = m21_roman.RomanNumeral(text, m21_key_of(key))
        assert (set(back.pitchClasses), back.bass().pitchClass) == (set(chord.pitch_classes), chord.bass), (text, str(key), str(chord))


def test_few_chords_have_to_be_named_by_letters(verticals):
    assert sum(text == chord.name(key) for (_, chord, key, _), text in verticals) < 0.01 * len(verticals)
