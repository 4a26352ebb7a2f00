"""A score as sound in a room, at the loudness of other music, as .wav, .flac, .ogg or .mp3.

What plays is in synthesis.py, what writes in encoding.py; only these three know seconds.
Shapes: N frames of sound, C channels, values from -1 to 1.
"""

from __future__ import annotations

from os import PathLike
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from musicgen.files.atomic import atomic_write
from musicgen.music.score import Score
from musicgen.rendering.encoding import RATE, Samples, check_encoding, encoded
from musicgen.rendering.synthesis import played

Spectrum = NDArray[np.complexfloating]

LOUDNESS = -18.0  # LUFS, the reference of ReplayGain 2
PEAK = 10 ** (-1.5 / 20)  # MP3 overshoots by up to a decibel

_ECHO, _ECHO_SECONDS, _ECHO_SEED = 0.25, 1.2, 1
_BLOCK, _HOP = 0.4, 0.1  # seconds of ITU-R BS.1770
_SILENCE, _QUIET = -70.0, 10.0
# Center frequency, quality and gain in decibels of BS.1770's two filters, from which its coefficients at 48 kHz follow for any rate.
_SHELF = (1681.974450955533, 0.7071752369554196, 3.999843853973347)
_HIGH_PASS = (38.13547087602444, 0.5003270373238773)


def write_audio(score: Score, path: str | PathLike[str], soundfont: Path | None = None) -> Path:
    """Writes the score as stereo sound in the format that the suffix names."""
    check_encoding(path)
    atomic_write(path, encoded(samples_of(score, soundfont=soundfont), Path(path).suffix.lower()))
    return Path(path)


def samples_of(score: Score, rate: int = RATE, channels: int = 2, soundfont: Path | None = None) -> Samples:
    """(N, C) as all voices sound together in a room, normalized to LOUDNESS or, if that would be over PEAK, to PEAK."""
    return normalized(in_a_room(played(score, rate, channels, soundfont), rate), rate)


def in_a_room(dry: Samples, rate: int) -> Samples:
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
    lines = np.ascontiguousarray(samples.T)  # (C, N): a transform along memory takes half the time
    spectrum, step = np.fft.rfft(response.T, size), size - tail
    heard = np.zeros((samples.shape[1], len(samples) + tail), np.float32)
    for start in range(0, len(samples), step):
        block = np.fft.irfft(np.fft.rfft(lines[:, start : start + step], size) * spectrum, size)
        heard[:, start : start + size] += block[:, : heard.shape[1] - start]
    return heard.T


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
