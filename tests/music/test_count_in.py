"""Counted in: the music comes later, its pick-up where the count ends, and clicks say the meter."""

from itertools import pairwise

import pytest

from musicgen.errors import ConfigError
from musicgen.music.count_in import FIRST, OTHER, click_part, with_count_in
from musicgen.music.score import Meter, MeterAt, Note, Part, Score, TempoAt


def piece(meter, pickup=0, bars=2):
    length = pickup + int(Meter.parse(meter).bar_quarters * 480) * bars
    return Score(
        (Part("Tune", (Note(0, length, 60),)),), meters=(MeterAt(0, Meter.parse(meter)),), pickup=pickup, tempos=(TempoAt(0, 60.0),)
    )


def quarters(score, until=None):
    return [(note.start / score.ticks_per_quarter, note.pitch == FIRST) for note in click_part(score, until).notes]


@pytest.mark.parametrize(
    ("meter", "pickup", "counted"),
    [
        ("4/4", 0, [0, 1, 2, 3]),
        ("4/4", 480, [0, 1, 2]),
        ("4/4", 1440, [0, 1, 2, 3, 4]),  # one click alone would tell no tempo
        ("3/4", 480, [0, 1]),
        ("2/2", 480, [0, 2]),
        ("6/8", 240, [0, 0.5, 1, 1.5, 2]),
    ],
)
def test_the_count_ends_where_the_music_begins(meter, pickup, counted):
    score, lead = with_count_in(piece(meter, pickup))
    assert [at for at, _ in quarters(score, lead)] == counted
    first = score.parts[0].notes[0].start
    assert first == lead
    assert (lead + pickup * score.ticks_per_quarter // 480) % (score.bar_starts()[1]) == 0  # its downbeat is on a barline
    assert score.pickup == 0
    assert score.tempos == (TempoAt(0, 60.0),)


def test_clicks_go_on_to_the_last_bar_with_the_accents_of_the_meter():
    score, _ = with_count_in(piece("3/4"))
    assert quarters(score) == [(at, at % 3 == 0) for at in range(9)]
    six_eight = click_part(piece("6/8", bars=1))
    assert [note.pitch for note in six_eight.notes] == [FIRST] + 5 * [OTHER]
    (
        first,
        *between,
    ) = [note.velocity for note in six_eight.notes]
    assert first > between[2] > max(between[0], between[1], between[3])


def test_without_a_count_a_pickup_is_counted_back_from_its_barline():
    assert quarters(piece("4/4", pickup=720, bars=1)) == [(0.5, False), (1.5, True), (2.5, False), (3.5, False), (4.5, False)]
    assert with_count_in(piece("4/4", 480), 0)[1] == 0


def test_a_change_of_meter_goes_along():
    changed = Score((Part("Tune", (Note(0, 4 * 480 + 2 * 3 * 480, 60),)),), meters=(MeterAt(0, Meter()), MeterAt(4 * 480, Meter(3, 4))))
    score, _ = with_count_in(changed)
    firsts = [at for at, is_first in quarters(score) if is_first]
    assert [b - a for a, b in pairwise(firsts)] == [4, 4, 3]


def test_too_many_bars_are_refused():
    with pytest.raises(ConfigError, match="0 to 4"):
        with_count_in(piece("4/4"), 5)
