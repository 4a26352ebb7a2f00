"""The voices of a score, each played alone, brought into balance and placed from left to right: a mix of them.

A soundfont's instruments are not equally loud: under the usual one a horn sounds 10 decibels over a trumpet, and some saxophones sound on
one side alone. Here equal velocities are equally loud, whatever plays them.
Shapes: N frames of sound, C channels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from musicgen.music.score import Note, Part, Score
from musicgen.rendering.encoding import RATE, Samples
from musicgen.rendering.loudness import loudness
from musicgen.rendering.synthesis import played, played_each

MOST_VOICES = 8  # what has more, or drums, is mixed as its soundfont has it
WIDTH = 0.4  # how far to the left the highest voice sits, and the lowest to the right; 1 is all the way
USUAL_VELOCITY = 80
_MOST_TRIM = 15.0  # decibels
_ROUGHLY = 11_025  # samples a second, enough to tell how loud a voice is


class Seat(NamedTuple):
    """How loud a voice is in a mix, in decibels, and where from -1 (left) to 1."""

    decibels: float = 0.0
    pan: float = 0.0


def balanced(score: Score, rate: int = RATE, channels: int = 2, soundfont: Path | None = None) -> Samples:
    """(N, C), dry: a few voices in balance; anything else as its soundfont has it."""
    voices = [part for part in score.parts if part.notes]
    if not 0 < len(voices) <= MOST_VOICES or any(part.is_drum for part in voices):
        return played(score, rate, channels, soundfont)
    return mixed(stems(score, voices, rate, soundfont), row(len(voices)), channels)


def row(voices: int) -> list[Seat]:
    """Side by side, the highest on the left."""
    return [Seat(pan=WIDTH * (2 * voice / max(1, voices - 1) - 1) if voices > 1 else 0.0) for voice in range(voices)]


def stems(
    score: Score, parts: Sequence[Part], rate: int = RATE, soundfont: Path | None = None, level: float | None = None
) -> list[Samples]:
    """(N, 1) each: the parts alone, in the score's time, as loud as each other where they are played with equal velocities.

    `level`: LUFS of the usual velocity; what the soundfont has on average if not said.
    """
    alone = played_each([replace(score, parts=(part,)) for part in parts], rate, 1, soundfont)
    step = max(1, rate // _ROUGHLY)
    levels = [loudness(sound[::step], rate // step) - _velocity_level(part.notes) for sound, part in zip(alone, parts, strict=True)]
    heard = [found for found in levels if np.isfinite(found)]
    middle = float(np.mean(heard)) if heard else 0.0
    wanted = middle if level is None else level
    trims = [wanted - middle + np.clip(middle - found, -_MOST_TRIM, _MOST_TRIM) if np.isfinite(found) else 0.0 for found in levels]
    return [sound * np.float32(10 ** (trim / 20)) for sound, trim in zip(alone, trims, strict=True)]


def _velocity_level(notes: Sequence[Note]) -> float:
    """Decibels over the usual velocity; power goes with its fourth, as soundfonts have it."""
    durations = np.array([max(1, note.duration) for note in notes])
    power = np.array([(note.velocity / USUAL_VELOCITY) ** 4 for note in notes])
    return float(10 * np.log10((durations * power).sum() / durations.sum()))


def mixed(sounds: Sequence[Samples], seats: Sequence[Seat], channels: int = 2) -> Samples:
    """(N, C): the sum, as long as the longest; a voice is as loud at any side. Sounds of two channels stay where they are."""
    mix = np.zeros((channels, max(len(sound) for sound in sounds)), np.float32)  # a channel lies together, in a third of the time
    for sound, (decibels, pan) in zip(sounds, seats, strict=True):
        angle = (pan + 1) * np.pi / 4
        sides = (np.cos(angle), np.sin(angle)) if channels == 2 else (np.sqrt(0.5),)
        for channel, side in enumerate(sides):
            mix[channel, : len(sound)] += sound[:, channel % sound.shape[1]] * np.float32(side * 10 ** (decibels / 20))
    return mix.T
