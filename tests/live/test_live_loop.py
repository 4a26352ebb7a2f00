"""A region that goes round: as written, then varied, without a gap whatever is late."""

import pytest
from fake_port import FakePort, FakeWorker, notes

from musicgen.composers.references import Bach, Dice
from musicgen.errors import MusicgenError
from musicgen.live.beat import FollowedBeat, SteadyBeat
from musicgen.live.loop import Loop
from musicgen.live.port import CLOCK, SONG_POSITION, START, STOP
from musicgen.live.session import run
from musicgen.live.variations import Theme
from musicgen.music.chorale import Chorale
from musicgen.music.convert import to_score
from musicgen.music.ensemble import BACHS_CHOIR

ROWS = (
    "S G4 F#4 E4 D4 G4 A4 B4 B4 A4 -",
    "A D4 D4 B3 B3 B3 D4 D4 D4 D4 -",
    "T B3 A3 G3 F#3 G3 F#3 G3 G3 F#3 -",
    "B G2 D3 E3 B2 E3 D3 G2 G2 D3 -",
)
SCORE = to_score(
    Chorale.parse(
        "2/4, G major\n"
        + "\n".join(" ".join(cell if index == 0 else f"{cell} - - -" for index, cell in enumerate(row.split())) for row in ROWS)
    ),
    tempo=60,
)
WRITTEN = {0: [67, 69, 71, 71], 1: [59, 62, 62, 62], 2: [55, 54, 55, 55], 3: [52, 50, 43, 43]}  # of bars 3 and 4


def theme(place="3-4", voices=None, keep=0.0, channel=None):
    return Theme.of(SCORE, place, BACHS_CHOIR, voices, keep, channel)


def session(works=(1.0,), rounds=4, composer=None, script=(), beat=None, said=None, **more):
    """What is sent, and the record; a round is 4 quarters, a quarter a second."""
    port, say = FakePort([*script, (60, b"")]), (said if said is not None else []).append
    of = {name: more.pop(name) for name in ("place", "voices", "keep") if name in more}
    loop = Loop(port.send, theme(**of), (composer or Dice()).fill, FakeWorker(port, *works), 7, rounds=rounds, say=say, **more)
    run(port, beat or SteadyBeat(60, 0.0), loop, say=say)
    return port.sent, loop.record


def round_of(sent, number, channel):
    return [note[3] for note in notes(sent) if 4 * number <= note[0] < 4 * number + 4 and note[2] == channel]


def test_as_written_first_then_different_each_time_in_the_voices_asked():
    sent, record = session(voices="ATB")
    assert {voice: round_of(sent, 0, voice) for voice in range(4)} == WRITTEN
    for number in (1, 2, 3):
        assert round_of(sent, number, 0) == WRITTEN[0]
        assert round_of(sent, number, 3) != round_of(sent, number - 1, 3)
    assert [each["seed"] for each in record] == [None, 7, 8, 9]
    assert max(end for _, end, *_ in notes(sent)) == 16


def test_there_is_no_gap_when_the_next_is_late():
    said = []
    sent, record = session(works=(5.0, 1.0), said=said)
    assert [each["is_late"] for each in record] == [False, True, False, False]
    assert round_of(sent, 1, 0) == WRITTEN[0]
    assert round_of(sent, 2, 0) != WRITTEN[0]
    assert "once more" in said[1]
    for number in range(4):
        assert notes(sent, channels=[2])[0][0] == 0
        assert any(note[0] == 4 * number for note in notes(sent, channels=[2]))


def test_some_notes_stay_and_it_may_drift():
    sent, _ = session(keep=0.8, rounds=2)
    same = sum(one == other for voice in range(4) for one, other in zip(WRITTEN[voice], round_of(sent, 1, voice), strict=False))
    assert 8 <= same < 16
    drifted = session(keep=0.8, rounds=4, drifts=True)[0]
    around = session(keep=0.8, rounds=4)[0]

    def changed(music):
        return sum(one != other for voice in range(4) for one, other in zip(WRITTEN[voice], round_of(music, 3, voice), strict=False))

    assert changed(drifted) > changed(around)


def test_a_place_between_barlines_and_everything():
    assert theme("3:2-4:1").quarters == 1
    assert theme("").quarters == 10
    assert theme("3-4").tempo == 60


@pytest.mark.parametrize(
    ("asked", "what"), [({"place": "9"}, "no bar 9"), ({"voices": "X"}, "names no voices"), ({"place": "4-3"}, "backwards")]
)
def test_what_cannot_be_looped_is_refused(asked, what):
    with pytest.raises(MusicgenError, match=what):
        theme(**asked)


def test_what_comes_to_nothing_is_said_and_the_music_goes_on():
    said = []
    sent, record = session(composer=Bach(()), said=said, rounds=3)
    assert "seed 7 came to nothing" in "".join(said)
    assert [round_of(sent, number, 0) for number in range(3)] == [WRITTEN[0]] * 3
    assert [each["seed"] for each in record] == [None] * 3


def test_counted_in_and_after_a_clock_that_jumps_into_the_middle():
    sent, _ = session(rounds=1, count_in=1, clicks="count")
    assert notes(sent)[0][0] == 2
    assert [note[0] for note in notes(sent, channels=[9])] == [0, 1]
    period = 1 / 24
    script = [(0.0, bytes((SONG_POSITION, 10, 0))), (0.5, b"\xfb")]  # continue from quarter 2.5
    script += [(1 + number * period, bytes((CLOCK,))) for number in range(30)] + [(1 + 30 * period, bytes((STOP,)))]
    sent, _ = session(script=script, beat=FollowedBeat(60))
    struck = notes(sent, channels=[0])
    assert (struck[0][0], struck[0][3]) == (1.0, 71)
    assert struck[-1][1] == pytest.approx(1 + 30 * period, abs=0.01)
    assert bytes((START,)) not in [message for _, message in sent]
