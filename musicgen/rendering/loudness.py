"""How loud a sound is, in LUFS, after ITU-R BS.1770-4; and the filter that it and the room are made with.

Shapes: N frames of sound, C channels, L frames of a response.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from musicgen.rendering.encoding import Samples

Spectrum = NDArray[np.complexfloating]

_BLOCK, _HOP = 0.4, 0.1  # seconds of ITU-R BS.1770
_SILENCE, _QUIET = -70.0, 10.0
# Center frequency, quality and gain in decibels of BS.1770's two filters, from which its coefficients at 48 kHz follow for any rate.
_SHELF = (1681.974450955533, 0.7071752369554196, 3.999843853973347)
_HIGH_PASS = (38.13547087602444, 0.5003270373238773)


def loudness(samples: Samples, rate: int) -> float:
    """In LUFS, gated, after ITU-R BS.1770-4; what is shorter than 0.4 s is one block. -inf for silence."""
    response = np.fft.irfft(_weighting(fast_size(rate) // 4, rate)).astype(np.float32)
    weighted = filtered(samples, np.repeat(response[:, None], samples.shape[1], axis=1))[: len(samples)]
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


def filtered(samples: Samples, response: Samples) -> Samples:
    """(N, C) through a filter that answers an impulse with `response` (L, C), block by block: (N + L - 1, C)."""
    tail = len(response) - 1
    size = fast_size(4 * tail)
    lines = np.ascontiguousarray(samples.T)  # (C, N): a transform along memory takes half the time
    spectrum, step = np.fft.rfft(response.T, size), size - tail
    heard = np.zeros((samples.shape[1], len(samples) + tail), np.float32)
    for start in range(0, len(samples), step):
        block = np.fft.irfft(np.fft.rfft(lines[:, start : start + step], size) * spectrum, size)
        heard[:, start : start + size] += block[:, : heard.shape[1] - start]
    return heard.T


def fast_size(least: int) -> int:
    return 1 << (least - 1).bit_length()
