"""A score through a soundfont: dry samples, as loud as the synthesizer makes them. symusic's synthesizer plays; it knows .sf2 and .sf3.

The soundfont that lies inside pretty_midi is played in place; nothing is downloaded. One of your own is played in a process of its own,
for the synthesizer does not check what it reads, and a damaged soundfont can end the process that plays it.
Shapes: N frames of sound, C channels.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np

from musicgen.errors import FileError, NotationError
from musicgen.files.atomic import os_reason
from musicgen.files.midi import midi_of_score
from musicgen.music.score import Score
from musicgen.rendering.encoding import RATE, Samples

SUFFIXES = (".sf2", ".sf3")
MOST_MINUTES = 30
FINENESS = 3  # of the synthesizer's interpolation: 35 decibels from that of 4 in a fifth of the time; from 5 on it is silent
_MOST_SECONDS = 600  # that a soundfont of one's own may take
_DAMAGED = "the soundfont cannot be played; it is damaged or of another kind, choose another"
_PLAYER = """
import sys
import numpy, symusic
font, rate, fineness, is_stereo, *stems = sys.argv[1:]
synthesizer = symusic.Synthesizer(font, int(rate), int(fineness))
for stem in stems:
    sound = synthesizer.render(symusic.Score(stem + ".mid"), is_stereo == "True")
    numpy.save(stem + ".npy", numpy.asarray(sound, numpy.float32).T)
"""


@cache
def usual_soundfont() -> Path:
    import pretty_midi

    return Path(pretty_midi.__file__).parent / "TimGM6mb.sf2"


def check_soundfont(path: Path) -> None:
    """Refuses what is no soundfont by its name and its first bytes: call it before a long computation."""
    if path.suffix.lower() not in SUFFIXES:
        raise FileError(path, f"a soundfont is a file that ends in {' or '.join(SUFFIXES)}; choose such a one")
    try:
        with open(path, "rb") as file:
            head = file.read(12)
    except OSError as error:
        raise FileError(path, os_reason(error)) from error
    if head[:4] != b"RIFF" or head[8:] != b"sfbk":
        raise FileError(path, "this is no soundfont, although its name says so; choose another")


def played(score: Score, rate: int = RATE, channels: int = 2, soundfont: Path | None = None) -> Samples:
    """(N, C) as the notes begin and end, without a room."""
    return played_each([score], rate, channels, soundfont)[0]


def played_each(scores: Sequence[Score], rate: int = RATE, channels: int = 2, soundfont: Path | None = None) -> list[Samples]:
    """Several scores, one after the other, through a soundfont that is read once."""
    import symusic

    files = [midi_of_score(score) for score in scores]
    midis = [symusic.Score.from_midi(data) for data in files]
    minutes = max(midi.to("second").end() for midi in midis) / 60
    if minutes > MOST_MINUTES:
        raise NotationError(f"the piece lasts {minutes:.0f} minutes; at most {MOST_MINUTES} are made into sound, choose some bars of it")
    if soundfont is None:
        synthesizer = symusic.Synthesizer(str(usual_soundfont()), rate, FINENESS)
        return [np.asarray(synthesizer.render(midi, channels == 2), np.float32).T for midi in midis]
    check_soundfont(soundfont)
    sounds = _played_apart(files, soundfont, rate, channels)
    if any(not sound.any() and any(part.notes for part in score.parts) for sound, score in zip(sounds, scores, strict=True)):
        raise FileError(soundfont, "it has no sound for one of the instruments; choose another, or other sounds with --sound")
    return sounds


def _played_apart(midis: Sequence[bytes], soundfont: Path, rate: int, channels: int) -> list[Samples]:
    with tempfile.TemporaryDirectory(prefix="musicgen-") as folder:
        stems = [os.path.join(folder, str(number)) for number in range(len(midis))]
        for stem, midi in zip(stems, midis, strict=True):
            Path(f"{stem}.mid").write_bytes(midi)
        words = (os.path.abspath(soundfont), str(rate), str(FINENESS), str(channels == 2), *stems)
        try:
            ended = subprocess.run([sys.executable, "-c", _PLAYER, *words], capture_output=True, timeout=_MOST_SECONDS, check=False)
        except subprocess.TimeoutExpired as error:
            raise FileError(soundfont, f"{_DAMAGED} (nothing came in {_MOST_SECONDS} seconds)") from error
        if ended.returncode:
            raise FileError(soundfont, _DAMAGED)
        sounds = [np.load(f"{stem}.npy") for stem in stems]
    if not all(np.isfinite(sound).all() for sound in sounds):
        raise FileError(soundfont, f"{_DAMAGED} (its sounds are no numbers)")
    return sounds
