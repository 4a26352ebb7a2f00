"""Where the music is: by a tempo, or after a clock that wavers, changes, stops and goes on."""

import pytest
from fake_port import FakePort

from musicgen.live.beat import FollowedBeat, SteadyBeat
from musicgen.live.port import CLOCK, CONTINUE, SONG_POSITION, START, STOP, Heard
from musicgen.live.session import run


def clocks(beat, began, count, tempo, wavers=0.0):
    """`count` clocks heard from a time on; the time of the next one."""
    period = 60 / tempo / 24
    for number in range(count):
        beat.hear(Heard(began + number * period + wavers * (-1) ** number, bytes((CLOCK,))))
    return began + count * period


def test_a_tempo_of_ones_own():
    beat = SteadyBeat(90, 10.0)
    assert beat.position(12.0) == pytest.approx(3.0)
    assert beat.time_of(3.0) == pytest.approx(12.0)


def test_a_clock_is_followed_and_not_run_ahead_of():
    beat = FollowedBeat(120)
    assert not beat.is_running
    beat.hear(Heard(0.0, bytes((START,))))
    assert not beat.is_running
    assert beat.hear(Heard(0.1, bytes((CLOCK,)))) == "start"
    assert beat.position(0.1) == 0
    after = clocks(beat, 0.1 + 60 / 100 / 24, 24, 100, wavers=0.001)
    assert beat.tempo == pytest.approx(100, rel=0.02)
    assert beat.position(after - 60 / 100 / 24 + 0.002) == pytest.approx(1.0, abs=0.01)
    assert beat.position(after + 9) < 25 / 24
    assert beat.time_of(2.0) == float("inf")


def test_it_becomes_faster_at_once():
    beat = FollowedBeat(120)
    beat.hear(Heard(0.0, bytes((START,))))
    after = clocks(beat, 0.0, 24, 60)
    clocks(beat, after, 4, 150)
    assert beat.tempo == pytest.approx(150, rel=0.05)


def test_clocks_held_up_and_sent_at_once_are_no_tempo():
    beat = FollowedBeat(120)
    beat.hear(Heard(0.0, bytes((START,))))
    after = clocks(beat, 0.0, 30, 120)
    for _ in range(3):
        beat.hear(Heard(after + 0.05, bytes((CLOCK,))))
    clocks(beat, after + 0.07, 12, 120)
    assert beat.tempo == pytest.approx(120, rel=0.1)


def test_stop_continue_and_song_position():
    beat = FollowedBeat(120)
    beat.hear(Heard(0.0, bytes((START,))))
    after = clocks(beat, 0.0, 30, 120)
    assert beat.hear(Heard(after, bytes((STOP,)))) == "stop"
    clocks(beat, after, 10, 120)  # many sequencers go on sending
    assert beat.position(after + 1) == pytest.approx(29 / 24)
    beat.hear(Heard(after + 1, bytes((CONTINUE,))))
    clocks(beat, after + 1, 1, 120)
    assert beat.position(after + 1) == pytest.approx(30 / 24)
    beat.hear(Heard(after + 2, bytes((STOP,))))
    beat.hear(Heard(after + 2, bytes((SONG_POSITION, 32, 0))))
    beat.hear(Heard(after + 2, bytes((CONTINUE,))))
    clocks(beat, after + 2, 1, 120)
    assert beat.position(after + 2) == pytest.approx(8.0)


def test_a_pulled_cable_is_a_stop_and_comes_back():
    beat = FollowedBeat(120)
    beat.hear(Heard(0.0, bytes((START,))))
    after = clocks(beat, 0.0, 30, 120)
    assert beat.check(after + 0.1) == ""
    assert beat.check(after + 1.0) == "stop"
    assert beat.check(after + 1.1) == ""
    assert beat.hear(Heard(after + 2, bytes((CLOCK,)))) == "start"
    assert beat.is_running


class Ticking:
    """A playing that is over at a position."""

    def __init__(self, end):
        self.end, self.is_over, self.log = end, False, []

    next_at = property(lambda self: self.end)

    def begin(self, position):
        self.log.append(("begin", round(position, 2)))

    def hear(self, message, position):
        self.log.append((message.hex(), round(position, 2)))

    def advance(self, position):
        self.is_over = position >= self.end - 1e-6

    def silence(self):
        self.log.append("silence")


def test_a_clock_is_sent_24_times_a_quarter():
    port = FakePort()
    run(port, SteadyBeat(60, 0.0), Ticking(2.0), clock_out=True)
    assert port.sent[0] == (0.0, bytes((START,)))
    assert port.sent[-1][1] == bytes((STOP,))
    times = [time for time, message in port.sent if message == bytes((CLOCK,))]
    assert times == pytest.approx([number / 24 for number in range(49)])


def test_latency_is_taken_off_what_is_heard_and_all_is_silent_at_the_end():
    playing = Ticking(99.0)
    run(FakePort([(1.5, b"\x90\x3c\x40"), (2.0, b"")]), SteadyBeat(60, 0.0), playing, latency=0.5)
    assert playing.log == [("begin", 0.0), ("903c40", 1.0), "silence"]


def test_an_error_leaves_silence_and_a_stopped_clock():
    port = FakePort()

    class Broken(Ticking):
        def advance(self, position):
            raise RuntimeError("a bug")

    playing = Broken(9.0)
    with pytest.raises(RuntimeError, match="a bug"):
        run(port, SteadyBeat(60, 0.0), playing, clock_out=True)
    assert playing.log[-1] == "silence"
    assert port.sent[-1][1] == bytes((STOP,))


def test_it_stops_when_the_clock_that_is_followed_stops():
    period, said = 60 / 120 / 24, []
    script = [(0.0, bytes((START,)))] + [(number * period, bytes((CLOCK,))) for number in range(1, 49)] + [(9.0, b"")]
    playing = Ticking(99.0)
    run(FakePort(script), FollowedBeat(120), playing, say=said.append)
    assert playing.log == ["silence", ("begin", 0.0), "silence", "silence"]
    assert said == ["the clock has stopped; start it to go on"]
