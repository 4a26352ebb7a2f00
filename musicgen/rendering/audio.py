"""A score as sound in a room, at the loudness of other music, as .wav, .flac, .ogg or .mp3.

What plays is in synthesis.py and mixing.py, what measures in loudness.py, what writes in encoding.py; only these know seconds.
Shapes: N frames of sound, C channels, values from -1 to 1.
"""

from __future__ import annotations

from os import PathLike
from pathlib import Path

import numpy as np

from musicgen.files.atomic import atomic_write
from musicgen.music.score import Score
from musicgen.rendering.encoding import RATE, Samples, check_encoding, encoded
from musicgen.rendering.loudness import filtered, loudness
from musicgen.rendering.mixing import balanced

LOUDNESS = -18.0  # LUFS, the reference of ReplayGain 2
PEAK = 10 ** (-1.5 / 20)  # MP3 overshoots by up to a decibel

_ECHO, _ECHO_SECONDS, _ECHO_SEED = 0.25, 1.2, 1


def write_audio(score: Score, path: str | PathLike[str], soundfont: Path | None = None) -> Path:
    """Writes the score as stereo sound in the format that the suffix names."""
    check_encoding(path)
    atomic_write(path, encoded(samples_of(score, soundfont=soundfont), Path(path).suffix.lower()))
    return Path(path)


def samples_of(score: Score, rate: int = RATE, channels: int = 2, soundfont: Path | None = None) -> Samples:
    """(N, C) as all voices sound together in a room, normalized to LOUDNESS or, if that would be over PEAK, to PEAK."""
    return normalized(in_a_room(balanced(score, rate, channels, soundfont), rate), rate)


def in_a_room(dry: Samples, rate: int) -> Samples:
    """The sound and a short echo of it, noise that dies away (Moorer 1979), for the soundfont's notes end at once."""
    length = int(_ECHO_SECONDS * rate)
    noise = np.random.default_rng(_ECHO_SEED).standard_normal((length, dry.shape[1]))
    echo = noise * (0.001 ** (np.arange(length) / length))[:, None]  # to -60 decibels
    echo *= _ECHO / np.linalg.norm(echo, axis=0)
    echo[0] += 1
    return filtered(dry, echo.astype(np.float32))


def normalized(samples: Samples, rate: int) -> Samples:
    """As loud as LOUDNESS, no sample over PEAK; silence stays silence."""
    peak = float(np.abs(samples).max(initial=0.0))
    if not peak:
        return samples
    wanted = 10 ** ((LOUDNESS - loudness(samples, rate)) / 20)
    return samples * np.float32(min(wanted, PEAK / peak))
