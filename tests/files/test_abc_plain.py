"""Plain ABC read directly: abc2midi, inside symusic, is the oracle of the notes, music21 that of bars and pick-ups."""

import pytest
import symusic

from musicgen.files.abc_plain import plain_score
from musicgen.files.music21_score import score_of
from musicgen.files.musicxml import parsed, quiet

TUNES = [
    ("2/4", "1/8", "G", "D2 | G2A2 | B2d2 | g4 | B3A | G4 |]"),
    ("3/4", "1/8", "F", "A2 | _B2=B2c2 | d3cBA | G,4C,2- | C,6 | z2A2 | F4 |"),
    ("4/4", "1/4", "D", "=F2FG | F4 | ^c/2d/e/f/ =c C | c3/2d/2 z2 |"),  # an accidental holds in all octaves, to the barline
    ("6/8", "1/8", "Am", "E | A2B c2d | e3-e2 c | B2A ^G2E | A3 A2 |"),
    ("4/4", "1/4", "Eb", "G2 | GAB\nc | d4 e4 | E2\nE2 |"),  # a line may end within a bar, or be a barline
    ("3/8", "1/16", "E", "B2 | e2d2c2 | b'4__B2 | ^^f6 | e6 |"),
]


def text(meter, unit, key, body):
    return f"X:1\nT: Tune\nN: a note: with colons\nM: {meter}\nL: {unit}\nK: {key}\n{body}\n"


def heard(notes, ticks):
    return [(round(start / ticks * 48), round(length / ticks * 48), pitch) for start, length, pitch in notes]


@pytest.mark.parametrize("tune", TUNES)
def test_notes_are_abc2midis(tune):
    found, oracle = plain_score(text(*tune)), symusic.Score.from_abc(text(*tune))
    mine = heard([(n.start, n.duration, n.pitch) for n in found.parts[0].notes], found.ticks_per_quarter)
    assert mine == heard([(n.time, n.duration, n.pitch) for n in oracle.tracks[0].notes], oracle.ticks_per_quarter)


@pytest.mark.parametrize("tune", TUNES)
def test_bars_and_pickups_are_music21s(tune):
    with quiet("tune.abc"):
        oracle = score_of(parsed(text(*tune), "abc"), "tune.abc")
    found = plain_score(text(*tune))
    bars, expected = ([start / score.ticks_per_quarter for start in score.bar_starts()] for score in (found, oracle))
    assert bars == expected
    assert (found.key, found.title) == (oracle.key, oracle.title)


def test_a_bar_that_is_short_begins_the_meter_again():
    found = plain_score(text("4/4", "1/4", "C", "CDEF | GA | Bcde | f4 |"))
    assert [change.start // found.ticks_per_quarter for change in found.meters] == [0, 6]


@pytest.mark.parametrize(
    "body",
    [
        "C|: D :|",
        "[CE]2 G2",
        '"Am" A4',
        "(3CDE F2",
        "A>B c2",
        "{g}A4",
        "!trill!C4",
        "C4 | K:G | D4",
        "C4-",
        "C4- D4",
        "C4- z4",
        "C//2",
        "C0",
        "zz",
        "w: la",
        "C999",
    ],
)
def test_what_is_not_plain_is_left_to_music21(body):
    assert plain_score(text("4/4", "1/8", "C", body)) is None


@pytest.mark.parametrize("line", ["M:none", "M:99/4", "L:1/7", "K:H", "K:C exp", "V:1", "Q:1/4=90"])
def test_fields_that_are_not_plain(line):
    fields = {"M": "M:4/4", "L": "L:1/8", "K": "K:C"}
    fields = {line[0]: line, **{letter: field for letter, field in fields.items() if letter != line[0]}}
    lines = sorted(fields.values(), key=lambda field: field[0] == "K")
    assert plain_score("\n".join(["X:1", *lines, "CDEF GABc|"])) is None
    assert plain_score("X:1\nM:4/4\nL:1/8\nK:C\nCDEF GABc|") is not None
