"""Sound: what sounds is what is written, as loud as other music, in every format."""

import io
import sys
import wave
from pathlib import Path

import numpy as np
import pytest

import musicgen
from musicgen.errors import FileError, MissingExtraError, NotationError, installing
from musicgen.music.chorale import Chorale
from musicgen.music.convert import to_score
from musicgen.music.score import TICKS_PER_QUARTER, Note, Part, Score, TempoAt
from musicgen.rendering.audio import LOUDNESS, PEAK, normalized, samples_of, write_audio
from musicgen.rendering.encoding import ENCODERS, check_encoding, encoded
from musicgen.rendering.loudness import loudness

RATE = 22_050
CHORD = to_score(Chorale.parse("S C5 - - - \nA G4 - - -\nT E4 - - -\nB C3 - - -"), programs=19)


@pytest.fixture(scope="module")
def chord() -> np.ndarray:
    return samples_of(CHORD)


def sine(hertz: float, seconds: float, rate: int) -> np.ndarray:
    return np.sin(2 * np.pi * hertz * np.arange(int(seconds * rate)) / rate).astype(np.float32)[:, None]


def alone(*pitches: int, quarters: int = 1) -> Score:
    """Notes of a flute, one after the other, a second each."""
    length = quarters * TICKS_PER_QUARTER
    notes = tuple(Note(number * length, length, pitch) for number, pitch in enumerate(pitches))
    return Score((Part("Flute", notes, 73),), tempos=(TempoAt(0, 60.0),))


@pytest.mark.parametrize("rate", [48_000, 44_100, RATE])
def test_loudness_of_a_full_sine_is_what_the_recommendation_says(rate):
    tone = sine(997, 2, rate)
    assert loudness(tone, rate) == pytest.approx(-3.01, abs=0.05)
    assert loudness(np.repeat(tone, 2, axis=1) / 10, rate) == pytest.approx(-20, abs=0.05)
    assert loudness(sine(30, 2, rate), rate) < -9  # what no one hears well counts less
    assert loudness(np.concatenate([tone, 0 * tone]), rate) == pytest.approx(-3.01, abs=0.5)  # a rest does not make it softer


def test_silence_stays_silent_and_a_click_is_no_reason_to_clip():
    assert not normalized(np.zeros((RATE, 1), np.float32), RATE).any()
    click = np.zeros((RATE, 1), np.float32)
    click[0] = 0.1
    assert np.abs(normalized(click, RATE)).max() == pytest.approx(PEAK)
    assert loudness(click[:0], RATE) == -np.inf


def test_a_score_sounds_as_loud_as_other_music_and_never_clips():
    heard = samples_of(CHORD, RATE)
    assert heard.shape[1] == 2
    assert np.abs(heard).max() <= PEAK + 1e-6
    assert loudness(heard, RATE) == pytest.approx(LOUDNESS, abs=0.1)
    assert np.array_equal(heard, samples_of(CHORD, RATE))


def test_each_second_has_the_pitch_that_is_written():
    heard = samples_of(alone(57, 69, 64), RATE, channels=1)[:, 0]
    for second, hertz in enumerate((220.0, 440.0, 329.63)):
        spectrum = np.abs(np.fft.rfft(heard[second * RATE + RATE // 4 : (second + 1) * RATE]))
        frequency = np.arange(len(spectrum)) * RATE / (2 * (len(spectrum) - 1))
        low = spectrum[(frequency > 100) & (frequency < 1.3 * hertz)]
        found = frequency[(frequency > 100) & (frequency < 1.3 * hertz)][low.argmax()]
        assert found == pytest.approx(hertz, rel=0.01)


def test_it_dies_away_within_two_seconds_after_the_last_note():
    heard = np.abs(samples_of(alone(60), RATE, channels=1)[:, 0])
    assert 2 * RATE < len(heard) < 3 * RATE
    assert heard[:RATE].max() > 0.1 > 20 * heard[-RATE // 10 :].max()


def test_what_lasts_too_long_is_refused():
    with pytest.raises(NotationError, match="lasts 31 minutes; at most 30"):
        samples_of(alone(60, quarters=31 * 60))


@pytest.mark.parametrize(("suffix", "magic"), [(".wav", b"RIFF"), (".flac", b"fLaC"), (".ogg", b"OggS"), (".mp3", b"\xff")])
def test_every_format_holds_the_sound(tmp_path, chord, suffix, magic):
    soundfile = pytest.importorskip("soundfile")
    path = write_audio(CHORD, tmp_path / f"x{suffix}")
    assert path.read_bytes().startswith(magic)
    samples, rate = soundfile.read(path)
    assert rate == 44_100
    assert samples.shape == chord.shape  # an MP3 too, whose tag tells how much of its first and last frame to leave out
    assert ((samples - chord) ** 2).mean() < 0.02 * (chord**2).mean()


@pytest.mark.parametrize(("channels", "rate"), [(1, 44_100), (2, 48_000), (1, 22_050), (2, 24_000)])
def test_a_player_may_go_to_any_place_of_an_mp3(channels, rate):
    soundfile = pytest.importorskip("soundfile")
    samples = samples_of(CHORD, rate, channels)
    with soundfile.SoundFile(io.BytesIO(encoded(samples, ".mp3", rate))) as file:
        assert (file.frames, file.channels, file.samplerate) == (len(samples), channels, rate)
        file.seek(len(samples) // 2)
        assert file.read(1000, always_2d=True) == pytest.approx(samples[len(samples) // 2 :][:1000], abs=0.03)


def test_wav_has_every_sample_and_needs_no_package(monkeypatch):
    for package in ("soundfile", "lameenc"):
        monkeypatch.setitem(sys.modules, package, None)
    samples = np.array([[0.5, -0.5], [1.0, -1.0]], np.float32)
    with wave.open(io.BytesIO(encoded(samples, ".wav", 8000))) as sound:
        assert (sound.getnchannels(), sound.getframerate(), sound.getsampwidth()) == (2, 8000, 2)
        assert np.frombuffer(sound.readframes(2), "<i2").tolist() == [16384, -16384, 32767, -32767]
    for suffix in (".ogg", ".mp3"):
        with pytest.raises(MissingExtraError, match=r"-m pip install -e '.*\[sound\]'"):
            encoded(samples, suffix)


def test_a_small_file_is_smaller():
    pytest.importorskip("lameenc")
    samples = samples_of(CHORD, RATE, channels=1)
    assert len(encoded(samples, ".mp3", RATE, 0.95)) < 0.8 * len(encoded(samples, ".mp3", RATE))


def test_other_names_are_refused_before_any_work(tmp_path):
    for name, reason in (("x.aac", "cannot be written as sound"), ("x", "files without a suffix"), ("none/x.wav", "does not exist")):
        with pytest.raises(FileError, match=reason):
            check_encoding(tmp_path / name)
    for suffix in ENCODERS:
        check_encoding(tmp_path / f"x{suffix.upper()}")


def test_an_extra_goes_to_the_musicgen_that_runs(monkeypatch, tmp_path):
    root = Path(musicgen.__file__).parents[1]
    monkeypatch.chdir(root)
    monkeypatch.setattr(sys, "executable", str(root / ".venv/bin/python"))
    assert installing("sound") == ".venv/bin/python -m pip install -e '.[sound]'"
    monkeypatch.chdir(tmp_path)
    assert installing("sound") == f"{root}/.venv/bin/python -m pip install -e '{root}[sound]'"
