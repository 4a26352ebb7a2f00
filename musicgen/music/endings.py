"""Cadences that are asked for: which notes the last two chords of a phrase may have, so that `find_cadences` calls it by that name.

The chord before lasts a beat, the final one as long as its fermata. One inner voice is told to sound the third of each chord, so that it is
not left to chance: the alto or the tenor, whichever is free.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np

from musicgen.errors import ConfigError, NotationError, nearest
from musicgen.music.cadences import find_cadences
from musicgen.music.chorale import REST, VOICES, BoolArray, Chorale
from musicgen.music.constraints import Constraint, class_names, of_classes
from musicgen.music.pitch import Key
from musicgen.music.places import beat_steps_at

if TYPE_CHECKING:
    from musicgen.music.sketch import Sketch

Ending = Literal["perfect", "imperfect", "half", "plagal", "deceptive", "phrygian"]
ENDINGS: tuple[Ending, ...] = get_args(Ending)
SOPRANO, ALTO, TENOR, BASS = range(len(VOICES))
INNER = (ALTO, TENOR)


@dataclass(frozen=True)
class _Chord:
    """Pitch classes above the tonic: of all voices, of the bass, of the soprano if it matters, and the third that an inner voice sounds.

    `lead`: those of a soprano that is free, so that it does not go along with the bass in octaves or fifths.
    """

    classes: frozenset[int]
    bass: int
    third: int | None
    soprano: frozenset[int] | None = None
    lead: frozenset[int] | None = None


@dataclass(frozen=True)
class CadenceAt(Constraint):
    """The note at `step` ends a phrase with a cadence of this kind in `key`: perfect, imperfect, half, plagal, deceptive or phrygian.

    `picardy`: whether the final tonic chord of a minor key has a major third.
    """

    step: int
    kind: Ending
    key: Key
    picardy: bool = False

    def __post_init__(self) -> None:
        if self.kind not in ENDINGS:
            raise ConfigError(f"a cadence of kind {self.kind!r}; {nearest(self.kind, ENDINGS)}")
        if self.kind == "phrygian" and self.key.mode != "minor":
            raise NotationError(f"a phrygian cadence belongs to a minor key, not to {self.key}; choose half, or a minor key")

    def allowed_pitches(self, sketch: Sketch) -> BoolArray:
        _check_choir(sketch)
        allowed = super().allowed_pitches(sketch)
        spans = (slice(max(0, self.step - self._beat(sketch)), self.step), slice(self.step, self._end(sketch)))
        for chord, third_in, span in zip(self._chords(sketch), self._voices_of_thirds(sketch), spans, strict=True):
            allowed[:, span] &= self._pitches(chord.classes)
            allowed[BASS, span] &= self._pitches({chord.bass})
            allowed[SOPRANO, span] &= self._pitches(chord.soprano or chord.lead or chord.classes)
            if third_in is not None and chord.third is not None:
                allowed[third_in, span] &= self._pitches({chord.third})
        return allowed

    def must_begin(self, sketch: Sketch) -> BoolArray:
        begins = super().must_begin(sketch)
        begins[[SOPRANO, BASS], self.step] = True
        return begins

    def check(self, sketch: Sketch) -> None:
        """Given notes must fit: those at both chords, as they sound at the end of the beat before and at the beginning of the last."""
        _check_choir(sketch)
        place, beat = sketch.given.place(self.step), self._beat(sketch)
        if self.step < beat:
            raise NotationError(f"{self.describe(sketch)} needs a chord a beat before; ask for it later", place=place)
        if not sketch.free[SOPRANO, self.step] and not sketch.given.onset[SOPRANO, self.step]:
            raise NotationError(f"{self.describe(sketch)} ends on a note that begins there, but the soprano's is held over", place=place)
        if (unfitting := self._unfitting(sketch, self._chords(sketch))) is not None:
            voice, step, classes = unfitting
            needed = class_names(frozenset((self.key.tonic + each) % 12 for each in classes), self.key)
            found = class_names(frozenset({int(sketch.given.pitch[voice, step]) % 12}), self.key)
            raise NotationError(
                f"{self.describe(sketch)} needs {needed} in the {VOICES[voice]} here, but {found} is given; take one of them back",
                place=sketch.given.place(step),
            )

    def kept_by(self, sketch: Sketch, filled: Chorale) -> bool:
        """By its notes, or as it is named where another inner voice has the third."""
        named = {"perfect": "perfect authentic", "imperfect": "imperfect authentic"}.get(self.kind, self.kind)
        root = (self.key.tonic + self._chords(sketch)[1].bass) % 12
        ends = (each for each in find_cadences(filled) if each.step == self.step and each.kind == named)
        return any(each.final is not None and each.final.root == root for each in ends) or super().kept_by(sketch, filled)

    def is_parallel(self, sketch: Sketch) -> bool:
        """Whether a given voice goes along with the bass of the two chords in fifths or octaves."""
        bass = [self.key.tonic + chord.bass for chord in self._chords(sketch)]
        steps = slice(self.step - 1, self.step + 1)
        for voice in (SOPRANO, *INNER):
            pitch, free = sketch.given.pitch[voice, steps].astype(int), sketch.free[voice, steps]
            above = [(pitch[index] - bass[index]) % 12 for index in (0, 1)]
            if not free.any() and (pitch != REST).all() and pitch[0] != pitch[1] and above[0] == above[1] and above[0] in (0, 7):
                return True
        return False

    def describe(self, sketch: Sketch) -> str:
        article = "an" if self.kind == "imperfect" else "a"
        return f"{article} {self.kind} cadence in {self.key} at {sketch.given.place(self.step)}"

    def _unfitting(self, sketch: Sketch, way: tuple[_Chord, _Chord]) -> tuple[int, int, frozenset[int]] | None:
        """Voice, step and wanted classes of a given note that is not in its chord; before the last chord an anticipation may be none."""
        for chord, steps in zip(way, ((self.step - 1, self.step - self._beat(sketch)), (self.step,)), strict=True):
            for voice, classes in enumerate([chord.soprano or chord.classes, chord.classes, chord.classes, frozenset({chord.bass})]):
                given = [int(sketch.given.pitch[voice, step]) for step in steps if not sketch.free[voice, step]]
                if given and not any(pitch == REST or self._pitches(classes)[pitch] for pitch in given):
                    return voice, steps[0] if not sketch.free[voice, steps[0]] else steps[-1], classes
        return None

    def _beat(self, sketch: Sketch) -> int:
        return beat_steps_at(self.step, sketch.given)

    def _end(self, sketch: Sketch) -> int:
        """Of the final chord: a beat, and as long as the fermata sounds."""
        ended = np.flatnonzero(~sketch.fermata_sounding[self.step :])
        last = self.step + int(ended[0]) if len(ended) else sketch.given.steps
        return max(last, min(self.step + self._beat(sketch), sketch.given.steps))

    def _pitches(self, above_tonic: frozenset[int] | set[int]) -> BoolArray:
        return of_classes({(self.key.tonic + each) % 12 for each in above_tonic})

    def _voices_of_thirds(self, sketch: Sketch) -> list[int | None]:
        """Of the chord before and of the final one: the inner voice that sounds its third, if no given voice does.

        The leading note is the alto's and the final third the tenor's, so that neither has to leap.
        """
        voices: list[int | None] = []
        for chord, step, order in zip(self._chords(sketch), (self.step - 1, self.step), (INNER, INNER[::-1]), strict=True):
            given = sketch.given.pitch[~sketch.free[:, step], step]
            has_it = chord.third is not None and bool(self._pitches({chord.third})[given[given != REST]].any())
            in_soprano = chord.third is not None and frozenset({chord.third}) in (chord.soprano, chord.lead)
            free = [voice for voice in order if sketch.free[voice, step]]
            voices.append(None if has_it or in_soprano or not free else free[0])
        return voices

    def _chords(self, sketch: Sketch) -> tuple[_Chord, _Chord]:
        """The chord before and the final chord: of the ways to this cadence the first that fits what is given."""
        ways = self._ways()
        return next((way for way in ways if self._unfitting(sketch, way) is None), ways[0])

    def _ways(self) -> list[tuple[_Chord, _Chord]]:
        minor = self.key.mode == "minor"
        third = 3 if minor and not self.picardy else 4
        own_third, sixth = (3, 8) if minor else (4, 9)
        tonic = frozenset({0, third, 7})
        dominant, supertonic = frozenset({7, 11, 2, 5}), frozenset({2})
        subdominant = _Chord(frozenset({5, sixth, 0}), 5, sixth, lead=frozenset({sixth}))
        on_dominant = _Chord(frozenset({7, 11, 2}), 7, 11)
        match self.kind:
            case "perfect":
                return [(_Chord(dominant, 7, 11, lead=supertonic), _Chord(tonic, 0, third, frozenset({0})))]
            case "imperfect":
                before = _Chord(dominant, 7, 11, lead=frozenset({2, 5}))
                inverted = _Chord(dominant, 11, 7, lead=frozenset({2, 5}))
                ends = [_Chord(tonic, 0, third, frozenset({each})) for each in (third, 7)]
                return [(before, ends[0]), (before, ends[1]), (inverted, _Chord(tonic, 0, third))]
            case "plagal":
                return [(_Chord(subdominant.classes, 5, sixth, lead=frozenset({0, sixth})), _Chord(tonic, 0, third))]
            case "deceptive":
                return [(_Chord(dominant, 7, 11, lead=supertonic), _Chord(frozenset({sixth, 0, own_third}), sixth, 0, lead=frozenset({0})))]
            case "phrygian":
                return [(_Chord(subdominant.classes, sixth, None, lead=frozenset({5, 0})), on_dominant)]
            case "half":
                # Never from a dominant of its own, which would make it an authentic cadence in that key.
                home = _Chord(frozenset({0, own_third, 7}), 0, own_third)
                second = _Chord(frozenset({2, 5, sixth}), 5, sixth)
                return [(subdominant, on_dominant), (home, on_dominant), (second, on_dominant)]


def _check_choir(sketch: Sketch) -> None:
    if not sketch.given.ensemble.is_choir:
        raise NotationError(f"cadences are asked of soprano, alto, tenor and bass, not of {sketch.given.ensemble}; leave them out")
