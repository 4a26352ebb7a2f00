"""Figures against what a player of continuo expects, drawn as chorales."""

import pytest
from oddities import score

from musicgen.errors import NotationError
from musicgen.music.figured_bass import with_figures

SIGNS = {None: "", -1: "b", 0: "n", 1: "#", 2: "x"}


def figures(*voices, **more):
    """`1:6/#4`: at which quarter, figures from the top."""
    found = with_figures(score(*voices, **more))
    return [f"{each.start / 480:g}:" + "/".join(f"{SIGNS[sign]}{number or ''}" for number, sign in each.figures) for each in found.figures]


@pytest.mark.parametrize(
    ("upper", "bass", "expected"),
    [
        ("C5+E4+G4:1", "C3:1", []),
        ("C5+G4:1", "E3:1", ["0:6"]),
        ("C5+E4:1", "G3:1", ["0:6/4"]),
        ("F4+B4+D5:1", "G3:1", ["0:7"]),
        ("F4+G4+D5:1", "B2:1", ["0:6/5"]),
        ("F4+G4+B4:1", "D3:1", ["0:4/3"]),
        ("G4+B4+D5:1", "F3:1", ["0:4/2"]),
        ("C5+E5+G#4:1", "E3:1", ["0:6/#"]),
        ("F#4+A4+D5:1", "D3:1", ["0:#"]),
        ("Eb4+G4:1", "C3:1", ["0:b"]),
        ("G#4+B4+D5:1", "E3:1", ["0:7/#"]),
        ("A4+D4+F#4:1", "C3:1", ["0:#4/2"]),
    ],
)
def test_chords(upper, bass, expected):
    # A chord of a staff is no voice: each note sings alone.
    names, length = upper.rsplit(":", 1)
    assert figures(*(f"{name}:{length}" for name in names.split("+")), bass) == expected


def test_suspensions_and_their_resolutions():
    assert figures("C5:1 C5:1 B4:1 C5:1", "G4:1 D4:2 E4:1", "C3:1 G3:2 C3:1") == ["1:4", "2:3"]
    assert figures("G4:1 G4:1/2 F#4:1/2 G4:2", "B3:1 A3:1 B3:2", "G3:1 D3:1 G3:2", key="G") == ["1:4", "1.5:3"]
    assert figures("G4:1 G4:1/2 F#4:1/2 G4:2", "Bb3:1 A3:1 Bb3:2", "G3:1 D3:1 G3:2", key="G minor") == ["1:4", "1.5:#"]
    assert figures("C5:1 C5:1/2 B4:1/2 C5:2", "E4:1 F4:1 E4:2", "C3:1 D3:1 C3:2") == ["1:7", "1.5:6"]
    assert figures("D5:1 D5:1 C5:1 C5:1", "G4:1 E4:3", "G3:1 C3:3") == ["1:9", "2:8"]


def test_motion_over_a_held_bass():
    assert figures("G4:1 A4:1 B4:2", "E4:2 D4:2", "C3:2 G3:2") == ["0:5", "1:6"]
    assert figures("G4:1 F4:1 E4:2", "B3:2 C4:2", "G3:2 C3:2") == ["0:8", "1:7"]


def test_passing_notes_and_anticipations_have_none():
    assert figures("G4:1/2 A4:1/2 B4:1 C5:2", "E4:1 D4:1 E4:2", "C3:1 G3:1 C3:2") == []
    assert figures("D5:1/2 C5:1/2 C5:3", "B4:1 G4:3", "G3:1 C3:3") == []
    assert figures("E4:1 C4:1 F4:2", "G4:1 A4:1 A4:2", "C3:1/2 B2:1/2 A2:1 F3:2") == []


def test_a_repeated_bass_is_figured_once():
    assert figures("C5:2 B4:2", "G4:2 G4:2", "E3:1 E3:1 D3:1 D3:1") == ["0:6", "2:6/4"]


def test_they_stop_where_their_bass_does():
    found = with_figures(score("C5:1 R:1 C5:2", "E3:1 R:1 E3:2")).figures
    assert [(each.start, each.end) for each in found] == [(0, 480), (960, 1920)]


def test_one_part_cannot_be_figured():
    with pytest.raises(NotationError, match="no two parts"):
        with_figures(score("C5:4"))
