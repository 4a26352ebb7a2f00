"""Bars by number, also those that a piece does not have yet."""

from musicgen.music.bars import bars_of
from musicgen.music.score import Meter, MeterAt, Note, Part, Score

BAR = 1920


def test_more_bars_follow_the_meters_that_come():
    part = Part("Flute", (Note(0, 480, 60),))
    meters = (MeterAt(0, Meter()), MeterAt(2 * BAR, Meter(3, 4)), MeterAt(2 * BAR + 3 * 1440 - 480, Meter(2, 4)))
    starts = [0, BAR, 3840, 5280, 6720, 7680, 8640]
    found = bars_of(Score((part,), 480, meters), 6)
    assert [bar.start for bar in found] == starts
    assert [bar.number for bar in found] == list(range(1, 8))
    assert found[4].end == 7680  # cut short by the last meter
    for more in range(6):
        assert bars_of(Score((part,), 480, meters), more) == found[: more + 1]


def test_thousands_of_bars_take_no_longer_than_their_number():
    calls = []

    class Counting(Score):
        def meter_at(self, tick):
            calls.append(tick)
            return super().meter_at(tick)

    assert len(bars_of(Counting((), 480, (MeterAt(0, Meter()),)), 1999)) == 2000
    assert len(calls) < 3 * 2000
