"""Choirs and quartets of instruments: who sings each voice, how high and low, and how it is written.

A composer always writes four voices. A smaller choir sings some of them, and the others are composed and left out. Singers who sound
octaves above what was learned, such as recorders, get music composed down there and lifted.

    choir = find_choir("SA")
    sketch = choir.bind(plan_sketch(Plan(), seed=1))
    chorale = choir.restore(composer.fill(choir.prepare(sketch), seed=1))
    score = for_choir(to_score(chorale), choir)
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from musicgen.errors import ConfigError, NotationError, nearest
from musicgen.music.chorale import RANGES, REST, VOICE_LETTERS, VOICES, BoolArray, Chorale
from musicgen.music.constraints import Constraint, PitchClasses, Pitches, VoiceRanges
from musicgen.music.instruments import ALTO_CLEF, BASS, BASS_ABOVE, TREBLE, TREBLE_ABOVE, TREBLE_BELOW
from musicgen.music.rules import UNKNOWN, Sounding, VoiceRule
from musicgen.music.score import Clef, Score, counted
from musicgen.music.sketch import Sketch
from musicgen.music.transposition import CONCERT, Transposition

Range = tuple[int, int]


IN_B_FLAT, IN_F, IN_E_FLAT = Transposition(2, 1), Transposition(7, 4), Transposition(9, 5)
IN_B_FLAT_BELOW, IN_E_FLAT_BELOW = Transposition(14, 8), Transposition(21, 12)


@dataclass(frozen=True)
class Singer:
    """Who sings the voice that the composer knows by `letter`.

    compass: lowest and highest pitch as they sound; program: General MIDI's, from 0; octaves: how far above what is composed it sounds.
    """

    name: str
    letter: str
    compass: Range
    clef: Clef
    transposition: Transposition = CONCERT
    program: int = 52
    octaves: int = 0

    @property
    def voice(self) -> int:
        return VOICE_LETTERS.index(self.letter)


@dataclass(frozen=True)
class Choir:
    """Singers from top to bottom of the page, at most one for each of the four voices."""

    name: str
    singers: tuple[Singer, ...]

    def __post_init__(self) -> None:
        letters = [singer.letter for singer in self.singers]
        if not letters or len(set(letters)) < len(letters) or not set(letters) <= set(VOICE_LETTERS):
            raise ConfigError(f"a choir of the voices {''.join(letters)!r}: one singer each for some of {VOICE_LETTERS}")

    @property
    def ranges(self) -> tuple[Range, ...]:
        """Of the four voices as they sound; a voice that no one sings has Bach's."""
        compass = {singer.voice: singer.compass for singer in self.singers}
        return tuple(compass.get(voice, usual) for voice, usual in enumerate(RANGES))

    @property
    def names(self) -> tuple[str, ...]:
        """Of the four voices, in small letters: `violin 1`; a voice that no one sings is called as Bach's."""
        names = {singer.voice: singer.name.lower() for singer in self.singers}
        return tuple(names.get(voice, usual) for voice, usual in enumerate(VOICES))

    @property
    def left_out(self) -> tuple[str, ...]:
        """The voices that are composed but not sung."""
        return tuple(usual for voice, usual in enumerate(VOICES) if not self._is_sung[voice])

    @property
    def _is_sung(self) -> tuple[bool, ...]:
        return tuple(any(singer.voice == voice for singer in self.singers) for voice in range(len(VOICES)))

    @property
    def _lift(self) -> tuple[int, ...]:
        """Semitones from what is composed to what sounds, by voice."""
        octaves = {singer.voice: singer.octaves for singer in self.singers}
        return tuple(12 * octaves.get(voice, 0) for voice in range(len(VOICES)))

    def constraints(self) -> VoiceRanges:
        return VoiceRanges(self.ranges)

    def bind(self, sketch: Sketch) -> Sketch:
        """Within what this choir sings instead of what Bach's does; ranges asked for besides stay.

        Three singers have a triad among them where four were left free to share it: the middle one takes the third.
        """
        asked = (self._with_third(constraint) for constraint in sketch.constraints if constraint != VoiceRanges())
        return replace(sketch, constraints=(self.constraints(), *asked))

    def _with_third(self, constraint: Constraint) -> Constraint:
        if len(self.singers) != 3 or not isinstance(constraint, PitchClasses) or constraint.voice != self.singers[1].voice:
            return constraint
        classes = constraint.classes
        thirds = {(root + third) % 12 for root in classes for third in (3, 4) if (root + 7) % 12 in classes} & classes
        return replace(constraint, classes=frozenset(thirds)) if len(classes) == 3 and thirds else constraint

    def prepare(self, sketch: Sketch) -> Sketch:
        """A sketch of what shall sound, as a composer is to fill it: see `restore`."""
        if not any(self._lift) and not (sketch.rules and self.left_out):
            return sketch
        return replace(
            sketch,
            given=lifted(sketch.given, [-lift for lift in self._lift]),
            constraints=tuple(_lowered(constraint, self._lift) for constraint in sketch.constraints),
            rules=tuple(_AmongSingers(rule, self._lift, self._is_sung) for rule in sketch.rules),
        )

    def restore(self, filled: Chorale) -> Chorale:
        """A filled sketch that was prepared, as it sounds."""
        return lifted(filled, self._lift) if any(self._lift) else filled


def for_choir(score: Score, choir: Choir) -> Score:
    """A score of four voices as a choir reads it: names, sounds, clefs and transpositions, without the voices that it does not sing."""
    if len(score.parts) != len(VOICES):
        raise NotationError(f"a score of {counted(len(score.parts), 'part')}; a choir gets its parts from one of four voices")
    parts = (
        replace(score.parts[singer.voice], name=singer.name, program=singer.program, transposition=singer.transposition, clef=singer.clef)
        for singer in choir.singers
    )
    return replace(score, parts=tuple(parts))


def lifted(chorale: Chorale, semitones: NDArray[np.int64] | list[int] | tuple[int, ...]) -> Chorale:
    """Each voice moved by so many semitones, in the same key."""
    pitch = np.where(chorale.pitch == REST, REST, chorale.pitch + np.asarray(semitones)[:, None])
    return chorale.replaced(pitch=pitch)


def _lowered(constraint: Constraint, lift: tuple[int, ...]) -> Constraint:
    """What it asks of sounding notes, asked of composed ones. Those of pitch classes and rhythm ask the same in every octave."""
    if isinstance(constraint, VoiceRanges):
        ranges = zip(constraint.ranges, lift, strict=True)
        return VoiceRanges(tuple((max(0, lowest - by), highest - by) for (lowest, highest), by in ranges))
    if isinstance(constraint, Pitches):
        pitches = (pitch - lift[constraint.voice] for pitch in constraint.pitches)
        return replace(constraint, pitches=frozenset(pitch for pitch in pitches if pitch >= 0))
    return constraint


@dataclass(frozen=True)
class _AmongSingers(VoiceRule):
    """A rule as it is heard: between the voices that are sung, where they sound."""

    rule: VoiceRule
    lift: tuple[int, ...]
    is_sung: tuple[bool, ...]

    def allowed(self, voice: int, before: Sounding, now: Sounding) -> BoolArray:
        if not self.is_sung[voice]:
            return np.ones((len(now), 128), dtype=bool)
        allowed = np.ones((len(now), 128), dtype=bool)
        lift = self.lift[voice]
        allowed[:, : 128 - lift] = self.rule.allowed(voice, self._heard(before), self._heard(now))[:, lift:]
        return allowed

    def _heard(self, sounding: Sounding) -> Sounding:
        heard = np.where(sounding >= 0, sounding + np.array(self.lift), sounding)
        return np.asarray(np.where(self.is_sung, heard, UNKNOWN))

    def reach(self, sounding_allowed: BoolArray, free: BoolArray) -> BoolArray:
        is_sung = np.array(self.is_sung)[:, None, None]
        return np.where(is_sung, self.rule.reach(sounding_allowed, free), sounding_allowed)

    def kept_by(self, filled: Chorale, free: BoolArray) -> bool:
        sung = list(self.is_sung)
        heard = lifted(filled, self.lift)
        return self.rule.kept_by(heard.replaced(pitch=heard.pitch[sung], onset=heard.onset[sung]), free[sung])

    def describe(self) -> str:
        return self.rule.describe()


# --- the choirs

# Ranges wider than Bach's do not make a composer leave his: it writes as it learned, within what is allowed. Narrower ones bind it.
# SA is soprano and bass, the bass an octave up: in Bach's chorales soprano and alto alone would stand a bare fourth apart on 22 beats of
# 100, soprano and bass on 3. SAB does without the tenor: three different notes are left on 52 beats of 100, without the alto on 44.
_SOPRANO, _ALTO = Singer("Soprano", "S", RANGES[0], TREBLE), Singer("Alto", "A", RANGES[1], TREBLE)
_TENOR, _BASS = Singer("Tenor", "T", RANGES[2], TREBLE_BELOW), Singer("Bass", "B", RANGES[3], BASS)
SATB = Choir("SATB", (_SOPRANO, _ALTO, _TENOR, _BASS))
CHOIRS = (
    SATB,
    Choir(
        "SSAA",
        (
            Singer("Soprano 1", "S", (60, 79), TREBLE),
            Singer("Soprano 2", "A", (57, 76), TREBLE),
            Singer("Alto 1", "T", (55, 74), TREBLE),
            Singer("Alto 2", "B", (52, 69), TREBLE),
        ),
    ),
    Choir(
        "TTBB",
        (
            Singer("Tenor 1", "S", (50, 69), TREBLE_BELOW),
            Singer("Tenor 2", "A", (48, 67), TREBLE_BELOW),
            Singer("Bass 1", "T", (43, 64), BASS),
            Singer("Bass 2", "B", (38, 60), BASS),
        ),
    ),
    Choir(
        "SAB",
        (replace(_SOPRANO, compass=(60, 79)), replace(_ALTO, compass=(55, 72)), Singer("Baritone", "B", (45, 62), BASS)),
    ),
    Choir("SA", (replace(_SOPRANO, compass=(60, 79)), Singer("Alto", "B", (55, 74), TREBLE, octaves=1))),
    Choir(
        "beginners",
        (
            replace(_SOPRANO, compass=(60, 76)),
            replace(_ALTO, compass=(57, 71)),
            replace(_TENOR, compass=(50, 65)),
            replace(_BASS, compass=(43, 60)),
        ),
    ),
    Choir(
        "strings",
        (
            Singer("Violin 1", "S", (55, 88), TREBLE, program=40),
            Singer("Violin 2", "A", (55, 81), TREBLE, program=40),
            Singer("Viola", "T", (48, 72), ALTO_CLEF, program=41),
            Singer("Cello", "B", (36, 64), BASS, program=42),
        ),
    ),
    Choir(
        "brass",
        (
            Singer("Trumpet 1 in Bb", "S", (55, 81), TREBLE, IN_B_FLAT, 56),
            Singer("Trumpet 2 in Bb", "A", (53, 76), TREBLE, IN_B_FLAT, 56),
            Singer("Horn in F", "T", (46, 69), TREBLE, IN_F, 60),
            Singer("Tuba", "B", (33, 60), BASS, program=58),
        ),
    ),
    Choir(
        "brass-trombone",
        (
            Singer("Trumpet 1 in Bb", "S", (55, 81), TREBLE, IN_B_FLAT, 56),
            Singer("Trumpet 2 in Bb", "A", (53, 76), TREBLE, IN_B_FLAT, 56),
            Singer("Trombone", "T", (43, 66), BASS, program=57),
            Singer("Tuba", "B", (33, 60), BASS, program=58),
        ),
    ),
    Choir(
        "saxophones",
        (
            Singer("Soprano Saxophone", "S", (56, 84), TREBLE, IN_B_FLAT, 64),
            Singer("Alto Saxophone", "A", (49, 77), TREBLE, IN_E_FLAT, 65),
            Singer("Tenor Saxophone", "T", (44, 71), TREBLE, IN_B_FLAT_BELOW, 66),
            Singer("Baritone Saxophone", "B", (37, 66), TREBLE, IN_E_FLAT_BELOW, 67),
        ),
    ),
    Choir(
        "recorders",
        (
            Singer("Descant Recorder", "S", (72, 93), TREBLE_ABOVE, program=74, octaves=1),
            Singer("Treble Recorder", "A", (65, 86), TREBLE, program=74, octaves=1),
            Singer("Tenor Recorder", "T", (60, 81), TREBLE, program=74, octaves=1),
            Singer("Bass Recorder", "B", (53, 76), BASS_ABOVE, program=74, octaves=1),
        ),
    ),
)


def find_choir(name: str) -> Choir:
    """`SSAA`, `strings` or `string quartet`, in small letters or large."""
    word = name.casefold().strip().removesuffix("quartet").strip(" -")
    for choir in CHOIRS:
        if word and choir.name.casefold() in (word, f"{word}s"):
            return choir
    raise ConfigError(f"no choir named {name!r}; {nearest(name, [choir.name for choir in CHOIRS])}")
