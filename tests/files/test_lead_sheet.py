"""Chord symbols of lead sheets: where they sound, what they say, what is refused."""

from fractions import Fraction

import pytest

from musicgen.errors import FileError
from musicgen.files.io import read_score
from musicgen.files.lead_sheet import read_chords
from musicgen.music.chord_chart import chords_of_sheet
from musicgen.music.chord_names import read_symbol
from musicgen.music.chords import Chord
from musicgen.music.sketch import Sketch

NOTE = "<note><pitch><step>{}</step><octave>4</octave></pitch><duration>{}</duration><voice>1</voice></note>"
HALF_BAR = NOTE.format("C", 4)


def harmony(root="C", kind="major", *, alter="", bass="", text="", rest=""):
    alter = f"<root-alter>{alter}</root-alter>" if alter else ""
    bass = f"<bass><bass-step>{bass}</bass-step></bass>" if bass else ""
    written = f' text="{text}"' if text else ""
    return f"<harmony><root><root-step>{root}</root-step>{alter}</root><kind{written}>{kind}</kind>{bass}{rest}</harmony>"


def musicxml(tmp_path, *bars, attributes=""):
    head = f"<attributes><divisions>2</divisions><time><beats>4</beats><beat-type>4</beat-type></time>{attributes}</attributes>"
    music = "".join(f'<measure number="{number}">{head if number == 1 else ""}{bar}</measure>' for number, bar in enumerate(bars, 1))
    path = tmp_path / "sheet.musicxml"
    path.write_text(
        '<score-partwise version="4.0"><part-list><score-part id="P1"><part-name>Voice</part-name></score-part></part-list>'
        f'<part id="P1">{music}</part></score-partwise>'
    )
    return path


def abc(tmp_path, music, header="M:4/4\nL:1/4\nK:C"):
    path = tmp_path / "sheet.abc"
    path.write_text(f"X:1\nT:Tune\n{header}\n{music}\n")
    return path


def test_symbols_of_musicxml(tmp_path):
    path = musicxml(
        tmp_path,
        harmony() + HALF_BAR + harmony("G", "dominant", bass="B", text="7") + HALF_BAR,
        harmony("B", "minor-seventh", alter="-1") + HALF_BAR + harmony("C", "none") + HALF_BAR,
    )
    assert read_chords(path) == [(0, "C"), (2, "G7/B"), (4, "Bbm7"), (6, "N.C.")]


def test_a_symbol_between_notes_has_an_offset(tmp_path):
    later = harmony("G").replace("</harmony>", "<offset>2</offset></harmony>")
    assert read_chords(musicxml(tmp_path, harmony() + HALF_BAR + later + HALF_BAR)) == [(0, "C"), (3, "G")]


def test_repeats_are_written_out_as_in_the_score(tmp_path):
    again = '<barline location="right"><repeat direction="backward"/></barline>'
    path = musicxml(tmp_path, harmony() + HALF_BAR + harmony("G") + HALF_BAR + again, harmony("F") + HALF_BAR + HALF_BAR)
    assert read_chords(path) == [(0, "C"), (2, "G"), (4, "C"), (6, "G"), (8, "F")]
    assert read_score(path).end == 12 * read_score(path).ticks_per_quarter


def degree(value, alter, kind):
    return f"<degree><degree-value>{value}</degree-value><degree-alter>{alter}</degree-alter><degree-type>{kind}</degree-type></degree>"


@pytest.mark.parametrize(
    ("symbol", "name"),
    [
        (harmony("C", "dominant", rest=degree(9, -1, "add")), "C7b9"),
        (harmony("C", "minor-seventh", rest=degree(5, -1, "alter")), "Cm7b5"),
        (harmony("C", "suspended-fourth", rest=degree(7, 0, "add")), "C7sus4"),
        (harmony("C", "half-diminished"), "Cm7b5"),
        (harmony("C", "other", text="7b5"), "C7b5"),
        (harmony("F", "major", alter="1"), "F#"),
        (harmony("C", "augmented", bass="E"), "Caug/E"),
    ],
)
def test_kinds_of_chords(tmp_path, symbol, name):
    assert read_chords(musicxml(tmp_path, symbol + HALF_BAR + HALF_BAR)) == [(0, name)]


def test_a_transposing_part_is_read_at_sounding_pitch(tmp_path):
    clarinet = "<transpose><diatonic>-1</diatonic><chromatic>-2</chromatic></transpose>"
    path = musicxml(tmp_path, harmony("D", bass="F") + HALF_BAR + harmony("C", "minor") + HALF_BAR, attributes=clarinet)
    assert read_chords(path) == [(0, "C/Eb"), (2, "Bbm")]


@pytest.mark.parametrize(
    ("symbol", "match"),
    [
        (harmony("C", "Tristan"), "bar 1: a chord symbol C of kind 'Tristan' is not known; there are C, Cm"),
        (harmony("C", "dominant", rest=degree(11, 0, "add")), "of kind 'dominant' is not known"),
        (harmony("C", "major", rest="<inversion>1</inversion>"), "basses like C/E"),
        (harmony("H"), "on H altered by 0, which is no note"),
        (harmony("C", alter="many"), "which is no note"),
        ("<harmony><function>V</function><kind>major</kind></harmony>", "without a root"),
    ],
)
def test_unknown_symbols_are_refused(tmp_path, symbol, match):
    with pytest.raises(FileError, match=match):
        read_chords(musicxml(tmp_path, symbol + HALF_BAR + HALF_BAR))


def test_symbols_of_abc(tmp_path):
    path = abc(tmp_path, '"C"CD "G7/B"EF | "Bb"G2 "(Ebm7)"A2 | "N.C."G4 |')
    assert read_chords(path) == [(0, "C"), (2, "G7/B"), (4, "Bb"), (6, "Ebm7"), (8, "N.C.")]


def test_flats_of_abc_stay_flats(tmp_path):
    """music21 writes them `B-7`, which would mean two things."""
    assert read_chords(abc(tmp_path, '"Bb7"C4 | "Am7b5/Eb"C4 |')) == [(0, "Bb7"), (4, "Am7b5/Eb")]


def test_other_text_of_abc_is_no_chord(tmp_path):
    assert read_chords(abc(tmp_path, '"C"CD "^slower"EF | "Fine"G2 "_Coda"A2 | "D.C."G4 |')) == [(0, "C")]


def test_an_unknown_symbol_of_abc_is_refused(tmp_path):
    with pytest.raises(FileError, match="Cm11b5 is no chord symbol"):
        read_chords(abc(tmp_path, '"Cm11b5"C4 |'))


def test_files_without_chords_are_refused(tmp_path):
    with pytest.raises(FileError, match="no chord symbols"):
        read_chords(abc(tmp_path, "C4 |"))
    with pytest.raises(FileError, match="no chord symbols"):
        read_chords(musicxml(tmp_path, HALF_BAR + HALF_BAR))


def test_other_formats_are_refused(tmp_path):
    path = tmp_path / "tune.mid"
    path.write_bytes(b"MThd")
    with pytest.raises(FileError, match=r"read from \.musicxml"):
        read_chords(path)


def test_a_lead_sheet_of_the_corpus_becomes_a_request():
    from music21 import corpus

    path = corpus.getWork("leadSheet/fosterBrownHair.mxl")
    symbols = read_chords(path)
    assert symbols[:5] == [(4, "F"), (8, "Bb"), (12, "F"), (14, "C"), (16, "F")]
    sketch = Sketch.for_tune(read_score(path))
    chords = chords_of_sheet(symbols, sketch.given)
    assert chords[0].start == 4 * 4
    assert [chord.label for chord in chords] == [name for _, name in symbols]
    assert all(chord.classes == read_symbol(chord.label).classes for chord in chords)
    asked = sketch.with_constraints(*(Chord(chord, strict=False) for chord in chords))
    assert len(asked.constraints) == len(sketch.constraints) + len(chords)


def test_times_are_exact(tmp_path):
    path = abc(tmp_path, '"C"C3/2 "G"D/ "Am"(3EFG')
    assert read_chords(path) == [(0, "C"), (Fraction(3, 2), "G"), (2, "Am")]


def test_chords_stand_where_they_are_written_under_short_fermatas(tmp_path):
    plain, short = (read_chords(abc(tmp_path, music)) for music in ('"C"c c c c | "G7"B c "C"c2', '"C"c c c Hc | "G7"HB c "C"H.c2'))
    assert short == plain
