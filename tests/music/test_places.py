"""Bars and beats as musicians write them, to steps."""

import pytest

from musicgen.errors import NotationError
from musicgen.music.chorale import Chorale
from musicgen.music.places import bar_spans, step_at, voice_letters


def piece(header="4/4, C major", steps=64):
    return Chorale.parse(header + "\n" + "\n".join(f"{voice} C4" + " -" * (steps - 1) for voice in "SATB"))


PICKUP = piece("4/4, C major, pickup 4", 64)  # bars 0 to 4, the last of three quarters


@pytest.mark.parametrize(
    ("text", "spans"),
    [("1", [(0, 16)]), ("2-3", [(16, 48)]), (" 2 – 3 ", [(16, 48)]), ("4,1-2", [(48, 64), (0, 32)]), ("1-4", [(0, 64)])],
)
def test_bars(text, spans):
    assert bar_spans(text, piece()) == spans


def test_a_pickup_is_bar_0_and_the_last_bar_is_as_long_as_the_music():
    assert bar_spans("0,1,4", PICKUP) == [(0, 4), (4, 20), (52, 64)]


def test_a_meter_change_begins_a_bar():
    assert bar_spans("1,2,3", piece("4/4 3/4@16, C major", 40)) == [(0, 16), (16, 28), (28, 40)]


@pytest.mark.parametrize("text", ["", "5..8", "-3", "two", "1,,2", "1-", "1-2-3", "1:2", "1.5", "٣", "9999999"])
def test_what_is_no_bar(text):
    with pytest.raises(NotationError, match="names no bars; write like 5, 5-8 or 2,5-8"):
        bar_spans(text, piece())


@pytest.mark.parametrize("text", ["0", "5", "3-5", "0-2"])
def test_bars_outside_the_piece(text):
    with pytest.raises(NotationError, match=r"there is no bar [05]; the piece has bars 1 to 4$"):
        bar_spans(text, piece())


def test_errors_name_the_pickup():
    with pytest.raises(NotationError, match=r"there is no bar 5; the piece has bars 0 to 4; bar 0 is the pick-up"):
        bar_spans("5", PICKUP)


def test_bars_backwards():
    with pytest.raises(NotationError, match="bars 3-2 run backwards; write 2-3"):
        bar_spans("3-2", piece())


@pytest.mark.parametrize(
    ("header", "text", "step"),
    [
        ("4/4, C major", "2:1", 16),
        ("4/4, C major", " 2 : 3.75 ", 27),
        ("3/4, C major", "2:3", 20),
        ("2/2, C major", "1:2", 8),
        ("6/8, C major", "1:2", 6),
        ("6/8, C major", "2:1.33", 14),
        ("6/8, C major", "2:1.17", 13),
        ("4/4, C major, pickup 4", "0:4", 0),
        ("4/4, C major, pickup 4", "0:4.5", 2),
        ("4/4 3/4@16, C major", "2:3", 24),
    ],
)
def test_places_are_those_that_errors_print(header, text, step):
    chorale = piece(header)
    assert step_at(text, chorale) == step
    bar, beat = chorale.place(step).removeprefix("bar ").split(" beat ")
    assert step_at(f"{bar}:{beat}", chorale) == step


@pytest.mark.parametrize(
    ("header", "steps"),
    [("4/4", 37), ("6/8", 40), ("3/2", 50), ("5/4 3/8@20 2/2@26", 70), ("12/8", 60), ("3/16", 20), ("4/4, pickup 6", 70)],
)
def test_every_step_is_found_by_its_printed_place(header, steps):
    chorale = piece(header + ", C major", steps)
    for step in range(steps):
        bar, beat = chorale.place(step).removeprefix("bar ").split(" beat ")
        assert step_at(f"{bar}:{beat}", chorale) == step


def test_an_end_may_be_the_end_of_the_piece():
    assert step_at("5:1", piece(), is_end=True) == 64
    assert step_at("4:4", PICKUP, is_end=True) == 64
    assert step_at("5:1", PICKUP, is_end=True) == 64


@pytest.mark.parametrize(
    ("header", "text", "problem"),
    [
        ("3/4, C major", "2:4", r"bar 2, in 3/4, has no beat 4; its beats are 1 to 3"),
        ("6/8, C major", "2:3", r"bar 2, in 6/8, has no beat 3; its beats are 1 to 2"),
        ("4/4, C major", "2:0", r"has no beat 0; its beats are 1 to 4"),
        ("4/4, C major", "4:5", r"has no beat 5"),
        ("4/4, C major, pickup 4", "0:1", r"bar 0, in 4/4, has no beat 1; its only beat is 4"),
        ("4/4, C major, pickup 4", "4:4.5", r"has no beat 4.5; its beats are 1 to 3"),
        ("4/4 3/4@16, C major", "2:4", r"bar 2, in 3/4, has no beat 4"),
        ("4/4, C major", "7:1", r"there is no bar 7; the piece has bars 1 to 4"),
        ("4/4, C major", "2:1.1", r"2:1.1 lies between two sixteenths"),
        ("4/4, C major", "2", r"'2' is no place; write bar and beat, like 3:2 or 3:2.5"),
        ("4/4, C major", "2:", r"is no place"),
        ("4/4, C major", "two:1", r"is no place"),
        ("4/4, C major", "2:-1", r"is no place"),
        ("4/4, C major", "2:1e3", r"is no place"),
        ("4/4, C major", "2:nan", r"is no place"),
    ],
)
@pytest.mark.parametrize("is_end", [False, True])
def test_places_that_are_not_there(header, text, problem, is_end):
    with pytest.raises(NotationError, match=problem):
        step_at(text, piece(header), is_end)


def test_voices_are_letters():
    assert voice_letters("bSa") == "SAB"
    for text in ("", "X", "S,A", "soprano"):
        with pytest.raises(NotationError, match="one or more of the letters SATB"):
            voice_letters(text)
