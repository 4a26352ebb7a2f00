"""Practice tracks: for each singer the piece with their own voice loud on an instrument of its own, the others soft; and one of all alike.

What a choir hears: a count-in with the accents of the meter, then the piece, with clicks through it if asked. Each track is MIDI and sound.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from musicgen.errors import ConfigError
from musicgen.files.midi import Loudness, midi_of_score
from musicgen.files.midi_maps import CHORALE_TEMPO
from musicgen.files.zipped import archived
from musicgen.music.count_in import click_part, with_count_in
from musicgen.music.score import Part, Score, TempoAt
from musicgen.music.singers import Singers, find_singers
from musicgen.music.sounds import programs_for, with_sound
from musicgen.rendering.audio import in_a_room, normalized
from musicgen.rendering.each_voice import voice_names
from musicgen.rendering.encoding import RATE, Samples, encoded
from musicgen.rendering.markers import with_markers
from musicgen.rendering.mixing import Seat, mixed, row, stems
from musicgen.rendering.performance import Performance, perform
from musicgen.rendering.synthesis import check_soundfont, played

ALL = "all"
CLICK_PEAK = 0.6  # of the loudest sample of the music
_LEVEL = -20.0  # LUFS of each voice before it is mixed
_MIDDLE, _RIGHT, _FULL = 64, 63, 127  # pans and volumes of MIDI


@dataclass(frozen=True)
class Practice:
    """`own`, `others`: what plays, as in `music.sounds`, None for what the score says; `softer`: decibels from one's own voice to another.

    tempo: quarters a minute, None for the score's; slower: a share of it; is_split: one's own voice on the right ear, all else on the left.
    """

    own: str | None = "piano"
    others: str | None = None
    softer: float = 12.0
    count_in: int = 1
    click: bool = False
    tempo: float | None = None
    slower: float = 1.0
    is_split: bool = False
    performance: Performance | None = None
    soundfont: Path | None = None

    def __post_init__(self) -> None:
        for sound in (self.own, self.others):
            if sound is not None:
                programs_for(sound, 1)
        for name, value, least, most in (("softer", self.softer, 0, 60), ("slower", self.slower, 0.25, 2), ("tempo", self.tempo, 10, 400)):
            if value is not None and not least <= value <= most:
                raise ConfigError(f"{name} is {value:g}; {least:g} to {most:g}")
        if self.soundfont is not None:
            check_soundfont(self.soundfont)


@dataclass(frozen=True)
class Rehearsal:
    """A piece made ready: the voices and what accompanies them, the clicks, and how many ticks are counted before."""

    score: Score
    singers: Singers
    click: Part
    lead: int

    @property
    def names(self) -> list[str]:
        """Of the tracks, for files: `1-soprano`, ..., `all`."""
        return [*(f"{number}-{name}" for number, name in enumerate(voice_names(self.singers.voices), 1)), ALL]


def rehearsal(score: Score, practice: Practice) -> Rehearsal:
    """Raises NotationError for a score in which nobody sings."""
    find_singers(score)
    score = with_markers(_at_tempo(score, practice))
    score = score if practice.performance is None else perform(score, practice.performance)
    score, lead = with_count_in(score, practice.count_in)
    singers = find_singers(score)
    if practice.others is not None:
        singers = Singers(with_sound(singers.voices, practice.others), singers.accompaniment)
    return Rehearsal(score, singers, click_part(score, None if practice.click else lead), lead)


def _at_tempo(score: Score, practice: Practice) -> Score:
    tempos = score.tempos if score.tempos and not score.tempos[0].start else (TempoAt(0, CHORALE_TEMPO), *score.tempos)
    factor = practice.slower * (1 if practice.tempo is None else practice.tempo / tempos[0].quarters_per_minute)
    return replace(score, tempos=tuple(TempoAt(each.start, each.quarters_per_minute * factor) for each in tempos))


def practice_tracks(piece: Rehearsal, practice: Practice, suffix: str = "") -> Iterator[tuple[str, bytes]]:
    """Name and bytes of each file: for each singer, then for all, `1-soprano.mid` and, where a suffix of sound is said, `1-soprano.mp3`."""
    accompanying = stems(piece.score, _others(piece), soundfont=practice.soundfont, level=_LEVEL) if suffix else []
    for number, name in enumerate(piece.names):
        own = number if number < len(piece.singers.voices) else None
        yield f"{name}.mid", _midi(piece, practice, own)
        if suffix:
            yield f"{name}{suffix}", encoded(_sound(piece, practice, own, accompanying), suffix)


def _others(piece: Rehearsal) -> list[Part]:
    return [*piece.singers.voices, *piece.singers.accompaniment]


def _own_part(piece: Rehearsal, practice: Practice, own: int) -> Part:
    """A voice as the one who sings it hears it."""
    part = piece.singers.voices[own]
    return part if practice.own is None else replace(part, program=programs_for(practice.own, len(piece.singers.voices))[own])


def _seats(piece: Rehearsal, practice: Practice, own: int | None) -> list[Seat]:
    """Of all voices and what accompanies them; one's own in the middle."""
    voices = len(piece.singers.voices)
    seats = [*row(voices), *(Seat() for _ in piece.singers.accompaniment)]
    if own is None:
        return seats
    softer = [Seat(-practice.softer, -1.0 if practice.is_split else seat.pan) for seat in seats]
    softer[own] = Seat(0.0, 1.0 if practice.is_split else 0.0)
    return softer


def _midi(piece: Rehearsal, practice: Practice, own: int | None) -> bytes:
    parts = _others(piece)
    if own is not None:
        parts[own] = _own_part(piece, practice, own)
    mix = [Loudness(round(_FULL * 10 ** (seat.decibels / 40)), _MIDDLE + round(_RIGHT * seat.pan)) for seat in _seats(piece, practice, own)]
    clicks = [piece.click] if piece.click.notes else []
    return midi_of_score(replace(piece.score, parts=(*parts, *clicks)), [*mix, *(Loudness() for _ in clicks)])


def _sound(piece: Rehearsal, practice: Practice, own: int | None, accompanying: Sequence[Samples]) -> Samples:
    sounds = list(accompanying)
    if own is not None:
        (sounds[own],) = stems(piece.score, [_own_part(piece, practice, own)], soundfont=practice.soundfont, level=_LEVEL)
    mix = mixed(sounds, _seats(piece, practice, own))
    return normalized(in_a_room(_with_clicks(mix, piece), RATE), RATE)


def _with_clicks(mix: Samples, piece: Rehearsal) -> Samples:
    """Of the usual soundfont, whatever plays the voices."""
    if not piece.click.notes:
        return mix
    click = played(replace(piece.score, parts=(piece.click,)), RATE, 1)
    click *= np.float32(CLICK_PEAK * np.abs(mix).max(initial=0.0) / max(1e-9, np.abs(click).max(initial=0.0)))
    return mixed([mix, np.repeat(click, 2, axis=1)], [Seat(), Seat()]) * np.float32(np.sqrt(2))


def zipped(files: Mapping[str, bytes]) -> bytes:
    """A zip archive of files, all of the same date, so that the same files are the same bytes."""
    return archived((name, data, zipfile.ZIP_STORED) for name, data in files.items())
