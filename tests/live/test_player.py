"""Whatever comes between, a note that was begun is ended once, at its moment or at the end."""

import pytest
from fake_port import notes
from hypothesis import given, settings
from hypothesis import strategies as st

from musicgen.live.player import Player, Sound, Through


def played(*moments, music=()):
    """A player that was advanced to these positions, and what it sent, with the position."""
    sent, now = [], [0.0]
    player = Player(lambda message: sent.append((now[0], message)))
    player.add(music)
    for now[0] in moments:
        player.advance(now[0])
    return player, sent, now


def test_of_one_moment_ends_come_before_beginnings():
    _, sent, _ = played(0, 1, 2, music=[Sound(1, 2, 0, 60, 80), Sound(0, 1, 0, 60, 70)])
    assert [message.hex() for _, message in sent] == ["903c46", "803c00", "903c50", "803c00"]


def test_voices_that_meet_on_one_key_strike_it_again_and_end_it_once():
    _, sent, _ = played(0, 1, 2, 3, music=[Sound(0, 3, 0, 60, 80), Sound(1, 2, 0, 60, 70)])
    assert [message.hex() for _, message in sent] == ["903c50", "803c00", "903c46", "803c00"]


def test_another_version_keeps_what_sounds_in_both_and_ends_the_rest():
    player, sent, now = played(0, music=[Sound(0, 4, 0, 60, 80), Sound(0, 4, 1, 55, 80), Sound(3, 4, 2, 50, 80)])
    player.switch([Sound(0, 3, 0, 60, 80), Sound(1, 3, 3, 48, 80)], at=2.0)
    for now[0] in (2.0, 3.0, 4.0):
        player.advance(now[0])
    assert notes(sent) == [(0, 0, 1, 55), (0, 3, 0, 60), (2, 3, 3, 48)]


def test_silence_ends_all_and_tells_the_channels():
    player, sent, _ = played(0, 1, music=[Sound(0, 9, 0, 60, 80), Sound(1, 9, 2, 50, 80), Sound(5, 9, 3, 40, 80)])
    player.silence()
    assert [message.hex() for _, message in sent[2:]] == ["803c00", "823200", "b07b00", "b27b00"]
    player.advance(9)
    assert len(sent) == 6


def test_a_failing_end_is_tried_again():
    sent, fails = [], [False]

    def send(message):
        if fails[0]:
            raise OSError("pulled")
        sent.append(message)

    player = Player(send)
    player.add([Sound(0, 9, 0, 60, 80)])
    player.advance(0)
    fails[0] = True
    with pytest.raises(OSError, match="pulled"):
        player.silence()
    fails[0] = False
    player.silence()
    assert sent[1].hex() == "803c00"


def test_what_is_passed_on_is_ended_too():
    sent = []
    through = Through(sent.append)
    for text in ("903c40", "914040", "903c00", "b0407f"):
        through.pass_on(bytes.fromhex(text))
    through.silence()
    assert [message.hex() for message in sent[4:]] == ["814000", "b04000", "b07b00", "b14000", "b17b00"]


SOUNDS = st.builds(
    lambda start, length, channel, pitch: Sound(start / 4, (start + length) / 4, channel, pitch, 64),
    st.integers(0, 12),
    st.integers(1, 8),
    st.integers(0, 1),
    st.integers(60, 62),
)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.lists(SOUNDS, max_size=6), st.integers(0, 14)), max_size=4), st.integers(0, 20))
def test_no_order_of_versions_leaves_a_note(versions, end):
    player, sent, now = played()
    for music, at in sorted(versions, key=lambda version: version[1]):
        for quarter in range(int(now[0] * 4), at):
            now[0] = quarter / 4
            player.advance(now[0])
        player.switch(music, now[0])
    now[0] += end / 4
    player.advance(now[0])
    player.silence()
    notes(sent)  # refuses notes struck twice, ended twice, or never
