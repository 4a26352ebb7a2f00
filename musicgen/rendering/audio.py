"""A score as sound: samples from a soundfont, at the loudness of other music, as .wav, .flac, .ogg or .mp3.

symusic's synthesizer plays the soundfont that lies inside pretty_midi, in place; nothing is downloaded. The only file with seconds in it.
Shapes: N frames of sound, C channels, values from -1 to 1.
"""

from __future__ import annotations

import io
import wave
from importlib.util import find_spec
from os import PathLike
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from musicgen.errors import FileError, MissingExtraError, NotationError, nearest
from musicgen.files.atomic import atomic_write, check_output
from musicgen.files.midi import midi_of_score
from musicgen.music.score import Score

Samples = NDArray[np.float32]
Spectrum = NDArray[np.complex128]

RATE = 44_100
MOST_MINUTES = 30
LOUDNESS = -18.0  # LUFS, the reference of ReplayGain 2
PEAK = 10 ** (-1.5 / 20)  # MP3 overshoots by up to a decibel
ENCODERS: dict[str, str | None] = {".wav": None, ".flac": "FLAC", ".ogg": "OGG", ".mp3": "MP3"}  # libsndfile's names; wav needs none
MIME = {".wav": "audio/wav", ".flac": "audio/flac", ".ogg": "audio/ogg", ".mp3": "audio/mpeg"}

_FINENESS = 3  # of the synthesizer's interpolation: 35 decibels from that of 4 in a fifth of the time; from 5 on it is silent
_ECHO, _ECHO_SECONDS, _ECHO_SEED = 0.25, 1.2, 1
_BLOCK, _HOP = 0.4, 0.1  # seconds of ITU-R BS.1770
_SILENCE, _QUIET = -70.0, 10.0
# Center frequency, quality and gain in decibels of BS.1770's two filters, from which its coefficients at 48 kHz follow for any rate.
_SHELF = (1681.974450955533, 0.7071752369554196, 3.999843853973347)
_HIGH_PASS = (38.13547087602444, 0.5003270373238773)


def check_audio(path: str | PathLike[str]) -> None:
    """Refuses what `write_audio` could not write: call it before a long computation."""
    suffix = Path(path).suffix.lower()
    if suffix not in ENCODERS:
        raise FileError(path, f"{suffix or 'files without a suffix'} cannot be written as sound; {nearest(suffix, ENCODERS)}")
    check_output(path)
    if ENCODERS[suffix] and not can_encode():
        raise MissingExtraError(f"sound as {suffix}", "soundfile", "sound")


def can_encode() -> bool:
    """Whether more than .wav can be written."""
    return find_spec("soundfile") is not None


def write_audio(score: Score, path: str | PathLike[str]) -> Path:
    """Writes the score as stereo sound in the format that the suffix names."""
    check_audio(path)
    atomic_write(path, encoded(samples_of(score), Path(path).suffix.lower()))
    return Path(path)


def samples_of(score: Score, rate: int = RATE, channels: int = 2) -> Samples:
    """(N, C) as all voices sound together in a room, normalized to LOUDNESS or, if that would be over PEAK, to PEAK."""
    import pretty_midi
    import symusic

    played = symusic.Score.from_midi(midi_of_score(score))
    minutes = played.to("second").end() / 60
    if minutes > MOST_MINUTES:
        raise NotationError(f"the piece lasts {minutes:.0f} minutes; at most {MOST_MINUTES} are made into sound, choose some bars of it")
    font = Path(pretty_midi.__file__).parent / "TimGM6mb.sf2"
    dry = np.asarray(symusic.Synthesizer(str(font), rate, _FINENESS).render(played, channels == 2)).T
    return normalized(_in_a_room(dry, rate), rate)


def _in_a_room(dry: Samples, rate: int) -> Samples:
    """The sound and a short echo of it, noise that dies away (Moorer 1979), for the soundfont's notes end at once."""
    length = int(_ECHO_SECONDS * rate)
    noise = np.random.default_rng(_ECHO_SEED).standard_normal((length, dry.shape[1]))
    echo = noise * (0.001 ** (np.arange(length) / length))[:, None]  # to -60 decibels
    echo *= _ECHO / np.linalg.norm(echo, axis=0)
    echo[0] += 1
    return _filtered(dry, echo.astype(np.float32))


def _filtered(samples: Samples, response: Samples) -> Samples:
    """(N, C) through a filter that answers an impulse with `response` (L, C), block by block: (N + L - 1, C)."""
    tail = len(response) - 1
    size = _fast_size(4 * tail)
    spectrum, step = np.fft.rfft(response, size, axis=0), size - tail
    heard = np.zeros((len(samples) + tail, samples.shape[1]), np.float32)
    for start in range(0, len(samples), step):
        block = np.fft.irfft(np.fft.rfft(samples[start : start + step], size, axis=0) * spectrum, size, axis=0)
        heard[start : start + size] += block[: len(heard) - start]
    return heard


def _fast_size(least: int) -> int:
    return 1 << (least - 1).bit_length()


# --- loudness


def normalized(samples: Samples, rate: int) -> Samples:
    """As loud as LOUDNESS, no sample over PEAK; silence stays silence."""
    peak = float(np.abs(samples).max(initial=0.0))
    if not peak:
        return samples
    wanted = 10 ** ((LOUDNESS - loudness(samples, rate)) / 20)
    return samples * np.float32(min(wanted, PEAK / peak))


def loudness(samples: Samples, rate: int) -> float:
    """In LUFS, gated, after ITU-R BS.1770-4; what is shorter than 0.4 s is one block. -inf for silence."""
    response = np.fft.irfft(_weighting(_fast_size(rate) // 4, rate)).astype(np.float32)
    weighted = _filtered(samples, np.repeat(response[:, None], samples.shape[1], axis=1))[: len(samples)]
    energy = np.append(0.0, np.cumsum((weighted**2).sum(axis=1, dtype=np.float64)))
    block = min(int(_BLOCK * rate), len(samples))
    starts = np.arange(0, len(samples) - block + 1, int(_HOP * rate))
    power = (energy[starts + block] - energy[starts]) / max(1, block)
    heard = power[_lufs(power) > _SILENCE]
    if not heard.size:
        return -np.inf
    return float(_lufs(heard[_lufs(heard) > _lufs(heard.mean()) - _QUIET].mean()))


def _lufs(power: NDArray[np.float64] | np.float64) -> NDArray[np.float64]:
    return np.asarray(-0.691 + 10 * np.log10(np.maximum(power, 1e-30)))


def _weighting(size: int, rate: int) -> Spectrum:
    """The response of both filters at the frequencies of a spectrum: a shelf for the head, then a high pass."""
    z = np.exp(-2j * np.pi * np.arange(size // 2 + 1) / size)
    frequency, quality, decibels = _SHELF
    k, high = np.tan(np.pi * frequency / rate), 10 ** (decibels / 20)
    band = high**0.4996667741545416
    numerator = (high + band * k / quality + k * k) + 2 * (k * k - high) * z + (high - band * k / quality + k * k) * z**2
    shelf = numerator / ((1 + k / quality + k * k) + 2 * (k * k - 1) * z + (1 - k / quality + k * k) * z**2)
    frequency, quality = _HIGH_PASS
    k = np.tan(np.pi * frequency / rate)
    norm = 1 + k / quality + k * k
    passed = (1 - 2 * z + z**2) / (1 + (2 * (k * k - 1) * z + (1 - k / quality + k * k) * z**2) / norm)
    return np.asarray(shelf * passed)


# --- files


def encoded(samples: Samples, suffix: str, rate: int = RATE, smallness: float | None = None) -> bytes:
    """The bytes of a sound file; `smallness` from 0 to below 1 for .ogg and .mp3, the encoder's own if not said."""
    encoder = ENCODERS[suffix]
    file = io.BytesIO()
    if encoder is None:
        _write_wav(file, samples, rate)
        return file.getvalue()
    try:
        import soundfile
    except ImportError as error:
        raise MissingExtraError(f"sound as {suffix}", "soundfile", "sound") from error
    soundfile.write(file, samples, rate, format=encoder, compression_level=smallness if suffix in (".ogg", ".mp3") else None)
    return file.getvalue()


def _write_wav(file: io.BytesIO, samples: Samples, rate: int) -> None:
    """16 bits."""
    with wave.open(file, "wb") as sound:
        sound.setnchannels(samples.shape[1])
        sound.setsampwidth(2)
        sound.setframerate(rate)
        sound.writeframes(np.round(samples * 32767).astype("<i2").tobytes())
