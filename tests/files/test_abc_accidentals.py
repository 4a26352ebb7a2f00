"""Notes of ABC as `read_score` gives them; abc2midi, inside symusic, is the oracle of every pitch."""

from pathlib import Path

import pytest
import symusic

from musicgen.files.abc_accidentals import with_every_accidental
from musicgen.files.io import read_score
from musicgen.files.lead_sheet import read_chords

HEAD = "M:4/4\nL:1/4\nK:D"


def tune(body: str, head: str = HEAD) -> str:
    return f"X:1\nT:Tune\n{head}\n{body}\n"


def pitches(folder: Path, text: str) -> list[list[int]]:
    path = folder / "tune.abc"
    path.write_text(text)
    return [[note.pitch for note in part.notes] for part in read_score(path).parts]


@pytest.mark.parametrize(
    "body",
    [
        "=F2FG|F4|",  # to the bar line, in all octaves, and no further
        "=Ff^GG|gF=GG|",
        "^^GG__BB|GB2G|",
        "^GG\nGG|G4|",  # a new line is no bar line
        "=FF||F2|]",
        "^G4-|G2G2|",  # a tie carries it over the bar line, for the one note
        "^G2-G2-|G2G2|",
        "^G2=GG|^g2 G2|",
        "[^GB]2Gg|[GB]4|",
        '"=F"=F2Fd|!mf!F2 "^f"F2|',
        "{^g}A2gG|g4|",
        "=FF[K:A]FG|F4|",  # a new key in a bar begins anew
        "=FF|\nK:A\nFG=GG|F4|",
        "F2[L:1/8]=FFFF|F8|",
        "+fermata+A4|=F!\nF2!|F4|",
        "(3=FGF A2|F>=F F2|",
        "=F4 % F\nF4|F4|",
    ],
)
def test_an_accidental_holds_to_the_bar_line(tmp_path: Path, body: str) -> None:
    oracle = symusic.Score.from_abc(tune(body))
    assert pitches(tmp_path, tune(body)) == [[note.pitch for note in track.notes] for track in oracle.tracks]


@pytest.mark.parametrize("voices", ["V:1\n{}\nV:2\n{}\nV:1\n{}\nV:2\n{}", "[V:1]{}\n[V:2]{}\n[V:1]{}\n[V:2]{}"])
def test_voices_that_take_turns(tmp_path: Path, voices: str) -> None:
    text = tune(voices.format("=FGF2|", "DF2D|", "[K:A]FG2F|", "^GG2F|"))
    assert pitches(tmp_path, text) == [[65, 67, 65, 66, 68, 66], [62, 66, 62, 68, 68, 66]]


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("K:D =c", [66, 72, 72, 70, 70]),
        ("K:D exp _b", [65, 72, 72, 70, 70]),
        ("K:HP", [66, 73, 73, 70, 70]),
        ("K:Edor", [66, 73, 73, 70, 70]),
    ],
)
def test_accidentals_of_the_key(tmp_path: Path, key: str, expected: list[int]) -> None:
    assert pitches(tmp_path, tune("Fcc_BB|", f"M:5/4\nL:1/4\n{key}")) == [expected]


@pytest.mark.parametrize(("reach", "expected"), [("pitch", [65, 65, 77]), ("octave", [65, 65, 78]), ("not", [65, 66, 78])])
def test_the_reach_that_a_file_names(tmp_path: Path, reach: str, expected: list[int]) -> None:
    assert pitches(tmp_path, f"%abc-2.1\n%%propagate-accidentals {reach}\n{tune('=FFf|')}") == [expected]


def test_repeats_begin_a_bar(tmp_path: Path) -> None:
    assert pitches(tmp_path, tune("|:G4|=FFGA::FGAF|G4:|")) == [[67, 65, 65, 67, 69] * 2 + [66, 67, 69, 66, 67] * 2]


def test_what_no_accidental_reaches_stays_as_it_is() -> None:
    text = '%%MIDI program 1\nX:1\nT:Face: bag\nM:4/4\nL:1/4\nK:G\n|:"G"GA (3Bcd|!f!{e}f2 [ce]2:|\nw:cab fed\n% =F\n\nX:2\nK:C\nG:|\n'
    assert with_every_accidental(text) == text
    assert with_every_accidental(text.replace("GA (", "^GA (")) == text.replace("GA (", "^GA (")


def test_chord_symbols_stand_where_the_notes_do(tmp_path: Path) -> None:
    path = tmp_path / "sheet.abc"
    path.write_text(tune('"D"=FF[L:1/8]"G7"FFFF|"A"F8|'))
    assert read_chords(path) == [(0, "D"), (2, "G7"), (4, "A")]
