"""Bad files: each works or is one FileError line that names the path; nothing else ever comes out, and nothing hangs."""

import contextlib
import os
import random
import tempfile
from pathlib import Path

import pytest
from bach_scores import bach
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from midi_hex import END, ONE_NOTE, chunk, raw, smf
from test_atomic import no_privileges

from musicgen.errors import FileError, MusicgenError
from musicgen.files import midi_events, read_score, write_score
from musicgen.files.io import MAX_BYTES
from musicgen.files.midi import midi_of_score, score_of_midi
from musicgen.music.score import Note, Part, Score


def refusal(path):
    with pytest.raises(FileError) as caught:
        read_score(path)
    message = str(caught.value)
    assert "\n" not in message
    return message


def refused(tmp_path, data, name="a.mid"):
    path = tmp_path / name
    path.write_bytes(data)
    message = refusal(path)
    assert message.startswith(f"{path}: ")
    return message


# --- before any parsing


def test_missing(tmp_path):
    assert "no such file" in refusal(tmp_path / "a.mid")


@pytest.mark.parametrize("name", ["a.mid", "a.musicxml", "a.abc"])
def test_folder(tmp_path, name):
    (tmp_path / name).mkdir()
    assert "is a folder" in refusal(tmp_path / name)


def test_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "a.mid")
    assert "device or a pipe" in refusal(tmp_path / "a.mid")


def test_no_read_permission():
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "a.mid"
        path.write_bytes(smf(ONE_NOTE))
        path.chmod(0)
        Path(name).chmod(0o755)
        with no_privileges():
            assert "no permission" in refusal(path)


@pytest.mark.parametrize("name", ["a.mid", "a.musicxml", "a.mxl", "a.krn", "a.abc"])
def test_empty(tmp_path, name):
    assert "empty" in refused(tmp_path, b"", name)


def test_too_large(tmp_path):
    path = tmp_path / "a.mid"
    path.write_bytes(smf(ONE_NOTE))
    os.truncate(path, MAX_BYTES + 1)
    assert "at most 20 MB" in refusal(path)


@pytest.mark.parametrize("name", ["a.wav", "a.mscz", "a", "a.mid.txt"])
def test_suffix_not_known(name):
    assert "choices: .abc, .kar, .krn, .mid, .midi, .musicxml, .mxl, .xml" in refusal(name)


@pytest.mark.parametrize("name", ["a.wav", "a.mscz", "a.pdf", "a"])
def test_suffix_not_written(tmp_path, name):
    with pytest.raises(FileError, match=r"cannot be written; .*choices: .abc, .krn, .ly, .mid, .musicxml, .mxl, .xml"):
        write_score(Score(parts=()), tmp_path / name)


@pytest.mark.parametrize(
    ("data", "name", "words"),
    [
        (b"\x89PNG\r\n\x1a\n" + bytes(300), "a.mid", "a PNG picture, not a MIDI file"),
        (b"<?xml version='1.0'?>", "a.mid", "something else, not a MIDI file"),
        (smf(ONE_NOTE), "a.musicxml", "a MIDI file, not MusicXML"),
        (smf(ONE_NOTE), "a.abc", "a MIDI file, not ABC text"),
        (b"%PDF-1.4", "a.xml", "a PDF document, not MusicXML"),
        (b"<score/>", "a.mxl", "not compressed MusicXML"),
        (b"PK\x03\x04" + bytes(40), "a.krn", "a zip archive, not kern text"),
        (bytes(100), "a.abc", "not ABC text"),
    ],
)
def test_content_is_not_what_the_suffix_says(tmp_path, data, name, words):
    assert words in refused(tmp_path, data, name)


def test_suffix_in_capitals(tmp_path):
    path = tmp_path / "A.MID"
    path.write_bytes(smf(ONE_NOTE))
    assert len(read_score(str(path)).parts) == 1


# --- damaged MIDI

HEADER = smf(ONE_NOTE)[:14]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        pytest.param(b"MThd", "cut short within its header", id="four bytes"),
        pytest.param(HEADER, "0 of 1 tracks", id="no track"),
        pytest.param(smf(ONE_NOTE)[:-6], "cut short within track 1", id="cut within an event"),
        pytest.param(smf(ONE_NOTE)[:-4], "cut short within track 1", id="cut between events"),
        pytest.param(smf(ONE_NOTE, ONE_NOTE)[:35], "1 of 2 tracks", id="cut between tracks"),
        pytest.param(smf(ONE_NOTE, file_format=2), "format 2", id="format 2"),
        pytest.param(smf(ONE_NOTE, file_format=9), "format 9", id="format 9"),
        pytest.param(smf(ONE_NOTE, division=0), "0 ticks a quarter", id="division 0"),
        pytest.param(smf(ONE_NOTE, division=0xE728), "SMPTE", id="film frames"),
        pytest.param(smf(END), "no notes", id="no notes"),
        pytest.param(smf(), "no notes", id="no tracks"),
        pytest.param(smf("00 90 3c 00 60 80 3c 00"), "no notes", id="only ends"),
        pytest.param(smf(f"00 ff 51 03 00 00 00 {END}", ONE_NOTE), "tempo of 0", id="tempo 0"),
        pytest.param(smf(f"00 ff 58 04 00 02 18 08 {END}", ONE_NOTE), "0/4 is no meter", id="meter 0/4"),
        pytest.param(smf(f"00 ff 58 04 04 06 18 08 {END}", ONE_NOTE), "4/64 is no meter", id="meter 4/64"),
        pytest.param(smf(f"00 ff 58 04 04 ff 18 08 {END}", ONE_NOTE), "power of 255", id="meter 4/2^255"),
        pytest.param(smf(f"00 ff 58 01 04 {END}", ONE_NOTE), "without its two numbers", id="half a meter"),
        pytest.param(smf("00 3c 50"), "byte 00 begins no MIDI event", id="running status from nothing"),
        pytest.param(smf("00 f8"), "byte f8 begins", id="real-time byte"),
        pytest.param(smf("00 90 3c ff"), "byte ff stands where", id="data byte"),
        pytest.param(smf("00 90 3c"), "runs past the end", id="event past the end"),
        pytest.param(smf("00 ff 03 7f 41"), "runs past the end", id="text past the end"),
        pytest.param(smf("00 f0 ff ff ff 7f 41"), "runs past the end", id="declared length of 256 MB"),
        pytest.param(smf("ff ff ff ff 7f"), "longer than four bytes", id="endless number"),
        pytest.param(HEADER + b"MTrk\xff\xff\xff\xff" + raw("00 90 3c 50"), "cut short", id="track of 4 GB"),
        pytest.param(smf("00 90 3c 50 9c ce 8e 00 80 3c 00", division=60), "1,000,000 quarters; at most 50,000", id="a million beats"),
        pytest.param(smf("00 90 3c 50 ff ff ff 7f 3c 00" + "ff ff ff 7f 3c 00" * 9), "quarters; at most 50,000", id="huge delta times"),
    ],
)
def test_damaged(tmp_path, data, words):
    assert words in refused(tmp_path, data)


def test_a_declared_length_that_is_too_long_does_no_harm_after_an_end_mark():
    assert len(score_of_midi(HEADER + b"MTrk\xff\xff\xff\xff" + raw(ONE_NOTE)).parts) == 1


def test_percussion_only_is_a_drum_part(tmp_path):
    path = tmp_path / "a.mid"
    path.write_bytes(smf(f"00 99 24 50 60 89 24 40 {END}"))
    assert [part.is_drum for part in read_score(path).parts] == [True]


def test_200_tracks_and_20000_notes():
    parts = tuple(Part(f"P{i}", tuple(Note(480 * k, 480, 60) for k in range(100))) for i in range(200))
    assert score_of_midi(midi_of_score(Score(parts=parts))).parts == parts


def test_too_many_tracks_and_events(monkeypatch):
    """The bound of half a million events is lowered, so that they need not be read."""
    with pytest.raises(MusicgenError, match="more than 1000 tracks"):
        score_of_midi(HEADER + chunk(b"MTrk", raw(END)) * 1001)
    assert midi_events.MAX_EVENTS == 500_000
    monkeypatch.setattr(midi_events, "MAX_EVENTS", 5000)
    just_enough, one_more = (HEADER + chunk(b"MTrk", raw("00 ff 01 00") * texts + raw(ONE_NOTE + END)) for texts in (4997, 4998))
    assert score_of_midi(just_enough).parts
    with pytest.raises(MusicgenError, match="more than 5,000 events"):
        score_of_midi(one_more)


# --- anything at all

FUZZ = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True)


def survives(data):
    """A score with notes that can be written again, or a MusicgenError; pytest fails on any other."""
    with contextlib.suppress(MusicgenError):
        score = score_of_midi(data)
        assert score.parts
        assert all(part.notes for part in score.parts)
        assert score_of_midi(midi_of_score(score)).parts


@FUZZ
@given(st.binary(max_size=200))
def test_random_bytes(data):
    survives(data)
    survives(smf()[:10] + b"\0\1\0\x60" + chunk(b"MTrk", data))


CHUNKS = st.lists(
    st.one_of(
        st.binary(min_size=1, max_size=6),
        st.sampled_from(
            [raw(text) for text in ("00 90 3c 50", "60 80 3c 40", "60 3c 50", "00 ff 51 03 07 a1 20", "00 ff 58 04 04 02 18 08", END)]
        ),
    ),
    max_size=30,
).map(b"".join)


@FUZZ
@given(CHUNKS, st.integers(1, 0x7FFF), st.integers(0, 1))
def test_events_in_any_order(body, division, file_format):
    survives(smf(division=division, file_format=file_format)[:10] + b"\0\1" + division.to_bytes(2, "big") + chunk(b"MTrk", body))


@FUZZ
@given(st.integers(0, 2**32))
def test_mutated_chorale(seed):
    rng = random.Random(seed)
    data = bytearray(midi_of_score(bach("bwv66.6")))
    for _ in range(rng.randint(1, 8)):
        place = rng.randrange(len(data))
        match rng.randrange(4):
            case 0:
                data[place] = rng.randrange(256)
            case 1:
                data[place] ^= 1 << rng.randrange(8)
            case 2:
                del data[place : place + rng.randint(1, 20)]
            case 3:
                data[place:place] = bytes(rng.choices((0, 0x7F, 0x80, 0x90, 0xFF), k=rng.randint(1, 6)))
    survives(bytes(data))
