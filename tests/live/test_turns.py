"""A phrase at a keyboard and its answer: where it begins, in what key, on the beat, whatever is late."""

from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from fake_port import FakePort, FakeWorker, keys, notes

from musicgen.composers.references import Bach, Dice
from musicgen.errors import ConfigError, NotationError
from musicgen.live.beat import SteadyBeat
from musicgen.live.harmonizer import Harmonizer
from musicgen.live.listener import Listener, Window, make_phrase
from musicgen.live.port import CLICK_CHANNEL
from musicgen.live.session import run
from musicgen.live.turns import Manner, Turns
from musicgen.music.ensemble import BACHS_CHOIR
from musicgen.music.pitch import Key
from musicgen.music.score import Meter

TUNE = ((4, 1, 67), (5, 1, 69), (6, 0.5, 71), (6.5, 0.5, 69), (7, 1, 67), (8, 1, 72), (9, 1, 71), (10, 2, 69))
SECONDS = 40


def session(tune=TUNE, works=(0.5,), stray=0.04, composer=None, velocity=70, **manner):
    """What is sent, and the record, of a tune over two bars at 60 quarters a minute, from quarter 4 on."""
    port = FakePort([*keys(tune, stray=stray, velocity=velocity), (SECONDS, b"")])
    harmonizer = Harmonizer((composer or Dice()).fill, BACHS_CHOIR)
    turns = Turns(port.send, harmonizer, FakeWorker(port, *works), Manner(**{"bars": 2, **manner}), seed=1, tempo=lambda: 60)
    run(port, SteadyBeat(60, 0.0), turns)
    return port.sent, turns.record


def test_the_tune_comes_back_on_the_beat_after_it_in_four_voices():
    sent, record = session()
    answer = notes(sent)
    assert [note for note in answer if note[2] == 0] == [(start + 8, start + 8 + length, 0, pitch) for start, length, pitch in TUNE]
    assert {channel for _, _, channel, _ in answer} == {0, 1, 2, 3}
    for channel in (1, 2, 3):
        voice = [note for note in answer if note[2] == channel]
        assert voice[0][0] == 12
        assert voice[-1][1] == 20
        assert all(before[1] == after[0] for before, after in pairwise(voice))
    assert record == [
        {"turn": 1, "notes": 8, "key": "G major", "late_ms": 40, "waited_bars": 0, "is_whole": True, "problem": ""},
    ]


def test_its_beginning_is_kept_by_the_whole():
    whole, _ = session(works=(0.5, 0.5))
    begun, record = session(works=(0.5, 99))
    before = [note for note in notes(begun) if note[1] <= 15]
    assert before == [note for note in notes(whole) if note[1] <= 15]
    assert {channel for *_, channel, _ in before} == {0, 1, 2, 3}
    assert not record[0]["is_whole"]


def test_without_the_whole_the_tune_goes_on():
    sent, _ = session(works=(0.5, 99))
    answer = notes(sent)
    assert [note[3] for note in answer if note[2] == 0] == [pitch for *_, pitch in TUNE]
    assert max(end for _, end, channel, _ in answer if channel == 3) == 16


def test_the_whole_comes_in_on_the_next_beat_when_it_is_late():
    late, record = session(works=(0.5, 4.5))
    assert [note[0] for note in notes(late) if note[2] == 3 and note[0] >= 16] == [17, 18, 19]
    assert record[0]["is_whole"]


@pytest.mark.parametrize(("works", "bars"), [((9.0, 99), 2), ((99, 5), 2)])
def test_without_anything_the_answer_comes_bars_later(works, bars):
    sent, record = session(works=works)
    assert notes(sent)[0][0] == 12 + 4 * bars
    assert record[0]["waited_bars"] == bars


def test_an_upbeat_is_one():
    tune = [(3, 1, 62), *((start, length, pitch) for start, length, pitch in TUNE if start < 10), (10, 1, 69)]
    answer = notes(session(tune)[0])
    assert answer[0][0] == 11
    assert [note for note in answer if note[2] == 0][-1] == (18, 19, 0, 69)


def test_a_phrase_begins_in_the_bar_of_its_first_note():
    shifted = [(start + 9, length, pitch) for start, length, pitch in TUNE]  # a beat after a barline
    answer = notes(session(shifted)[0])
    assert answer[0][0] == 21
    assert [note[0] for note in answer if note[2] == 0] == [start + 17 for start, *_ in TUNE if start < 11]


def test_notes_before_the_count_in_is_nearly_over_are_no_phrase():
    assert session([(0, 1, 60), (1, 1, 62)])[1] == []


def test_early_notes_belong_to_their_beat():
    assert session(stray=-0.1)[1][0]["notes"] == 8
    assert notes(session(stray=-0.1)[0])[0][0] == 12


def test_it_is_as_loud_as_the_player():
    sent, _ = session(velocity=40)
    assert {message[2] for _, message in sent if message[0] == 0x90} == {40}
    assert {message[2] for _, message in sent if message[0] == 0x93 and message[2]} == {34}


def test_clicks_count_in_and_pause_while_it_answers():
    clicks = [start for start, _, channel, _ in notes(session()[0], channels=[CLICK_CHANNEL])]
    assert clicks == [*range(12), *range(20, SECONDS)]
    high = [note for note in notes(session(clicks="always")[0], channels=[CLICK_CHANNEL]) if note[3] == 76]
    assert [note[0] for note in high] == list(range(0, SECONDS, 4))
    assert notes(session(clicks="none")[0], channels=[CLICK_CHANNEL]) == []
    assert [note[0] for note in notes(session(clicks="count")[0], channels=[CLICK_CHANNEL])] == [0, 1, 2, 3]


def test_what_cannot_be_harmonized_is_played_alone_and_said():
    sent, record = session(composer=Bach(()))
    assert {channel for _, _, channel, _ in notes(sent)} == {0}
    assert "no chorale of Bach's" in record[0]["problem"]


def test_along_with_the_repetition_the_other_voices_play():
    tune = [(start + 8 * again, length, pitch) for again in range(2) for start, length, pitch in TUNE]
    sent, record = session(tune, when="along")
    answer = notes(sent)
    assert {channel for _, _, channel, _ in answer} == {1, 2, 3}
    assert (answer[0][0], max(end for _, end, *_ in answer)) == (12, 28)
    assert len(record) == 2


def test_what_is_late_along_comes_in_where_the_player_is():
    tune = [(start + 8 * again, length, pitch) for again in range(2) for start, length, pitch in TUNE]
    late = notes(session(tune, when="along", works=(99, 2.5))[0])
    assert late[0][0] == 15


def test_turns_have_an_end_and_what_is_played_is_passed_on():
    sent, record = session(turns=1, through=True)
    assert len(record) == 1
    through = [note for note in notes(sent) if note[0] < 11]
    assert [note[3] for note in through] == [pitch for *_, pitch in TUNE]
    assert sent[-1][0] < 21


def test_one_channel_for_all():
    assert {channel for _, _, channel, _ in notes(session(channel=5)[0])} == {5}


@pytest.mark.parametrize(("bars", "meter", "error"), [("x", "4/4", ConfigError), ("0", "4/4", ConfigError), ("2", "3/32", NotationError)])
def test_manners_that_cannot_be(bars, meter, error):
    with pytest.raises(error):
        Manner.read(bars, meter, None)


# --- what is heard


FOUR = Meter(4, 4)


def phrase(tune, meter=FOUR, window=None, key=None, before=None, held=0.7):
    listener = Listener()
    for time, message in sorted(keys(tune, held=held)):
        listener.hear(message, time)
    window = window or Window.around(tune[0][0], meter, 2, float(meter.bar_quarters) / 2)
    compass = BACHS_CHOIR.ranges[0]
    return make_phrase(listener.notes(window.start, window.end), window, meter, compass, key, np.zeros(12) if before is None else before)


def test_keys_let_go_early_are_no_rests_but_rests_are():
    score = phrase([(0, 1, 67), (1, 1, 69), (2, 0.3, 71), (4, 4, 67)], held=0.5).score
    assert [(note.start / 480, note.duration / 480) for note in score.parts[0].notes] == [(0, 1), (1, 1), (2, 0.25), (4, 2)]


def test_triplets_stay_triplets():
    score = phrase([(0, 1, 67), (1 + 1 / 3, 1 / 3, 69), (1 + 2 / 3, 1 / 3, 71), (2, 2, 72)], held=0.9).score
    assert [Fraction(note.start, score.ticks_per_quarter) for note in score.parts[0].notes] == [0, Fraction(4, 3), Fraction(5, 3), 2]


def test_of_chords_the_top_notes_are_sung_where_a_soprano_is():
    found = phrase([(0, 1, 48), (0, 1, 55), (1, 1, 50), (1, 1, 57), (2, 2, 52), (2, 2, 60)], held=1.0)
    assert [note.pitch for note in found.score.parts[0].notes] == [67, 69, 72]
    assert found.remarks == ("sung 1 octave higher",)


def test_no_tune_is_too_wide():
    found = phrase([(0, 1, 30), (1, 1, 100), (2, 2, 65)])
    low, high = BACHS_CHOIR.ranges[0]
    assert all(low <= note.pitch <= high for note in found.score.parts[0].notes)
    assert [note.pitch % 12 for note in found.score.parts[0].notes] == [6, 4, 5]


def test_what_was_heard_before_helps_to_find_the_key():
    tune = [(0, 1, 69), (1, 1, 71), (2, 2, 69)]
    before = phrase([(0, 1, 67), (1, 1, 66), (2, 1, 64), (3, 1, 62), (4, 4, 67)]).heard
    assert phrase(tune, before=before).key == Key.parse("G major")
    assert phrase(tune, key=Key.parse("D minor")).key == Key.parse("D minor")


def test_compound_meter_and_its_upbeat():
    found = phrase([(2.5, 0.5, 67), (3, 1.5, 69), (4.5, 1.5, 71)], meter=Meter(6, 8))
    assert (found.start, found.score.pickup) == (2.5, 240)
