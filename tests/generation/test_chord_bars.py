"""Chord charts as what each place of the tokens may hold: positions of 12 a beat."""

import numpy as np
import pytest

from musicgen.errors import NotationError
from musicgen.generation.harmony import ENDLESS, make_harmony
from musicgen.generation.timeline import Timeline
from musicgen.music.bars import bars_of
from musicgen.music.pitch import Key
from musicgen.music.score import Meter, MeterAt, Note, Part, Score

C, F, G, AM = {0, 4, 7}, {5, 9, 0}, {7, 11, 2}, {9, 0, 4}


def timeline(count, *meters, pickup=0):
    """Bars of the first meter, then changes as (bar from 0, meter)."""
    first, *changes = meters or [Meter()]
    starts = [MeterAt(0, first), *(MeterAt(bar * 1920, meter) for bar, meter in changes)]
    score = Score((Part("a", (Note(0, 1, 60),)),), meters=tuple(starts), pickup=pickup)
    return Timeline.of(bars_of(score, count - 1), 480, 12)


def classes(harmony, bar, position):
    return set(np.flatnonzero(harmony.classes[bar, position]).tolist())


def test_a_chord_a_bar_over_and_over():
    harmony = make_harmony("C F G", "strict", None, timeline(5), range(5))
    assert [classes(harmony, bar, place) for bar in range(5) for place in (0, 47)] == [each for each in (C, F, G, C, F) for _ in range(2)]


def test_several_chords_in_a_bar():
    harmony = make_harmony("C F | G . . Am", "strict", None, timeline(2), range(2))
    assert [classes(harmony, 0, place) for place in (0, 23, 24, 47)] == [C, C, F, F]
    assert [classes(harmony, 1, place) for place in (0, 35, 36)] == [G, G, AM]


def test_a_note_lasts_while_its_chord_does():
    """C, E and G in C; C goes on into F."""
    room = make_harmony("C F", "strict", None, timeline(2), range(2)).room
    assert room[0, 40, [4, 7]].tolist() == [8, 8]
    assert room[0, 40, 0] > 48


def test_loose_chords_bind_the_beats():
    harmony = make_harmony("C", "loose", None, timeline(1), range(1))
    bound = {place for place in range(48) if len(classes(harmony, 0, place)) < 12}
    assert bound == {0, 12, 24, 36}
    assert (harmony.room == ENDLESS).all()
    slow = make_harmony("C", "loose", None, timeline(1, Meter(6, 8)), range(1))
    assert {place for place in range(72) if len(classes(slow, 0, place)) < 12} == {0, 36}


def test_places_are_those_of_the_piece_and_bars_those_of_the_region():
    """Bars 3 and 4 of four."""
    bars = timeline(4)
    at_places = make_harmony("1:1 C, 3:3 F, 4:1-4:3 G", "strict", None, bars, [2, 3])
    assert [classes(at_places, 0, 0), classes(at_places, 0, 24), classes(at_places, 1, 0)] == [C, F, G]
    assert len(classes(at_places, 1, 24)) == 12
    by_bars = make_harmony("C F", "strict", None, bars, [2, 3])
    assert [classes(by_bars, 0, 0), classes(by_bars, 1, 0)] == [C, F]


def test_a_pickup_is_bar_0():
    bars = timeline(3, pickup=480)
    harmony = make_harmony("0:4 G, 1:1 C, 2:1 F", "strict", None, bars, range(3))
    assert [classes(harmony, bar, 0) for bar in range(3)] == [G, C, F]


def test_meters_may_change():
    harmony = make_harmony("C F G", "strict", None, timeline(3, Meter(), (1, Meter(3, 4))), range(3))
    assert [classes(harmony, bar, place) for bar, place in ((0, 47), (1, 0), (1, 35), (2, 0))] == [C, F, F, G]


def test_numerals_are_read_in_the_key():
    harmony = make_harmony("I vi", "strict", Key(1), timeline(2), range(2))
    assert [classes(harmony, bar, 0) for bar in range(2)] == [G, {4, 7, 11}]
    with pytest.raises(NotationError, match="Roman numerals need a key"):
        make_harmony("C | bVI", "strict", None, timeline(2), range(2))


@pytest.mark.parametrize("text", ["H", "C, F", "1:9 C", "9:1 C", "", "|", "6 5"])
def test_what_is_no_chart(text):
    with pytest.raises(NotationError):
        make_harmony(text, "strict", Key(), timeline(2), range(2))
