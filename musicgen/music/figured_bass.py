"""Figures of a continuo over the bass of a score, as Bach's copyists wrote them: from the notes that sound, not from a guessed chord.

Numbers count letters above the bass, 2 to 9, and signs stand beside the signature. A plain triad has none; over a bass that is held, only
what moves is figured: 4 3, 7 6, 9 8, 5 6, 8 7. Passing notes that are shorter than a beat have none.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from itertools import groupby, pairwise

from musicgen.errors import NotationError
from musicgen.music.pitch import LETTERS, Key, Spelling, spell
from musicgen.music.score import FiguresAt, Note, Part, Score

Figure = tuple[int | None, int | None]
Sounding = dict[int, Note]  # of each upper part, by its index

# Which of the numbers over a bass are written, by continuo's short hand.
_SHORT: dict[tuple[int, ...], tuple[int, ...]] = {
    numbers: written
    for written, many in {
        (): ((), (3,), (5,), (3, 5)),
        (6,): ((6,), (3, 6)),
        (6, 4): ((4, 6),),
        (7,): ((7,), (3, 7), (5, 7), (3, 5, 7)),
        (6, 5): ((5, 6), (3, 5, 6)),
        (4, 3): ((3, 4), (3, 4, 6)),
        (4, 2): ((2, 4), (2, 6), (2, 4, 6)),
        (4,): ((4,), (4, 5)),
        (9,): ((2,), (2, 3), (2, 5), (2, 3, 5)),
        (9, 4): ((2, 4, 5),),
        (9, 7): ((2, 7), (2, 3, 7), (2, 5, 7), (2, 3, 5, 7)),
        (9, 6): ((2, 3, 6),),
        (7, 4): ((4, 7), (4, 5, 7)),
    }.items()
    for numbers in many
}
_PLAIN: tuple[Figure, ...] = ((5, None),)  # said of a triad before something else comes over the same bass
_CONSONANT = ((), (3,), (5,), (3, 5), (6,), (3, 6))
_STEP = 2  # semitones


def with_figures(score: Score) -> Score:
    """Figured under its lowest part. Raises NotationError if there are no notes over a bass."""
    pitched = [part for part in score.parts if not part.is_drum and any(note.duration for note in part.notes)]
    if len(pitched) < 2:
        raise NotationError("figures stand for notes over a bass, and there are no two parts; leave --figures out, or add voices")
    continuo = _Continuo(score, pitched)
    return replace(score, figures=tuple(_unrepeated(continuo)))


def _unrepeated(continuo: _Continuo) -> Iterator[FiguresAt]:
    """Less those that a bass note which is struck again has had just before."""
    before: Note | None = None
    last: FiguresAt | None = None
    for bass in continuo.basses:
        figures = list(continuo.over(bass))
        is_again = before is not None and before.pitch == bass.pitch and before.end == bass.start
        has_same = last is not None and last.end == bass.start and [each.figures for each in figures] == [last.figures]
        if not (is_again and has_same):
            yield from figures
        before, last = bass, figures[-1] if figures else None


@dataclass(frozen=True)
class _Continuo:
    score: Score
    parts: Sequence[Part]

    @cached_property
    def voices(self) -> list[list[Note]]:
        """The notes of each part, in time, and of a chord its lowest first."""
        return [sorted((note for note in part.notes if note.duration), key=lambda note: (note.start, note.pitch)) for part in self.parts]

    @cached_property
    def basses(self) -> list[Note]:
        return [next(chord) for _, chord in groupby(self.voices[-1], key=lambda note: note.start)]

    @cached_property
    def barlines(self) -> list[int]:
        return self.score.bar_starts()

    def over(self, bass: Note) -> Iterator[FiguresAt]:
        """Of one bass note, from moment to moment."""
        shown: list[tuple[int, tuple[Figure, ...]]] = []
        before: Sounding = {}
        last: tuple[Figure, ...] = ()
        for tick in self._moments(bass):
            sounding = self._sounding(tick, bass)
            figures = self._figures(bass, sounding)
            if not shown:
                shown.append((tick, () if self._is_passing_bass(bass, sounding) else figures))
            elif figures != last:
                is_first_plain = len(shown) == 1 and not shown[0][1]
                moved = [part for part in sounding if part in before and before[part].pitch != sounding[part].pitch]
                after = figures or self._told(bass, sounding, moved) or _PLAIN
                if is_first_plain:
                    shown[0] = (bass.start, self._told(bass, before, moved) or _PLAIN)
                shown.append((tick, after))
            before, last = sounding, figures
        for (start, figures), (end, _) in pairwise([*shown, (bass.end, ())]):
            if figures:
                yield FiguresAt(start, end, figures)

    # --- moments

    def _moments(self, bass: Note) -> list[int]:
        """Where the bass begins, and where over it the harmony may be another: on beats, where a dissonance resolves, or two parts move."""
        moments, moving = {bass.start}, set()
        for voice in self.voices[:-1]:
            first, end = (bisect_right(voice, tick, key=lambda note: note.start) for tick in (bass.start, bass.end - 1))
            for note in voice[first:end]:
                if self._is_on_beat(note.start) or self._resolves(note, bass, voice) or note.start in moving:
                    moments.add(note.start)
                elif not self._is_passing(note, voice):
                    moving.add(note.start)
        return sorted(moments)

    def _is_on_beat(self, tick: int) -> bool:
        bar = self.barlines[max(bisect_right(self.barlines, tick) - 1, 0)]
        meter = self.score.meter_at(max(tick, self.score.pickup))
        beat = int(min(meter.beat_quarters, Fraction(3, 2)) * self.score.ticks_per_quarter)
        back_from = self.score.pickup if tick < self.score.pickup else bar
        return (tick - back_from) % beat == 0

    def _before(self, note: Note, voice: Sequence[Note]) -> Note | None:
        index = bisect_left(voice, note.start, key=lambda each: each.start) - 1
        return voice[index] if index >= 0 and voice[index].end == note.start else None

    def _after(self, note: Note, voice: Sequence[Note]) -> Note | None:
        index = bisect_left(voice, note.end, key=lambda each: each.start)
        return voice[index] if index < len(voice) and voice[index].start == note.end else None

    def _resolves(self, note: Note, bass: Note, voice: Sequence[Note]) -> bool:
        """Down by step, from a note that was held into the bass note or struck with it, and was dissonant with it."""
        before = self._before(note, voice)
        return (
            before is not None
            and before.start <= bass.start
            and 0 < before.pitch - note.pitch <= _STEP
            and self._number(bass, before) in (2, 4, 7)
        )

    def _is_passing(self, note: Note, voice: Sequence[Note]) -> bool:
        """Off the beat, shorter than one, between two steps, or before the same note on the beat."""
        if self._is_on_beat(note.start) or note.duration >= self.score.ticks_per_quarter:
            return False
        before, after = self._before(note, voice), self._after(note, voice)
        if before is None or after is None:
            return False
        leads = after.pitch == note.pitch and self._is_on_beat(after.start)
        return leads or all(0 < abs(other.pitch - note.pitch) <= _STEP for other in (before, after))

    def _is_passing_bass(self, bass: Note, sounding: Sounding) -> bool:
        numbers = tuple(sorted({self._number(bass, note) for note in sounding.values()} - {1}))
        moves = any(note.start == bass.start for note in sounding.values())
        return self._is_passing(bass, self.basses) and (not moves or numbers not in _CONSONANT)

    def _sounding(self, tick: int, bass: Note) -> Sounding:
        """The note of each upper part; instead of a passing one, if it resolves nothing, that which it leaves."""
        found = {}
        for index, voice in enumerate(self.voices[:-1]):
            place = bisect_right(voice, tick, key=lambda note: note.start) - 1
            note = voice[place] if place >= 0 and voice[place].end > tick else None
            if note is not None and self._is_passing(note, voice) and not self._resolves(note, bass, voice):
                note = self._before(note, voice)
            if note is not None:
                found[index] = note
        return found

    # --- figures

    def _name(self, note: Note) -> Spelling:
        return note.spelling or spell(note.pitch, self._key_at(note.start))

    def _key_at(self, tick: int) -> Key:
        index = bisect_right([change.start for change in self.score.keys], tick) - 1
        return self.score.keys[max(index, 0)].key if self.score.keys else Key()

    def _number(self, bass: Note, note: Note) -> int:
        """1 to 7, octaves less."""
        return (LETTERS.index(self._name(note).letter) - LETTERS.index(self._name(bass).letter)) % 7 + 1

    def _sign(self, note: Note) -> int | None:
        name = self._name(note)
        return None if name.alteration == self._key_at(note.start).alteration(name.letter) else name.alteration

    def _signs(self, bass: Note, notes: Sequence[Note]) -> dict[int, int | None]:
        """Number -> sign, of those that are no octaves of the bass."""
        found: dict[int, int | None] = {}
        for note in notes:
            number = self._number(bass, note)
            if number > 1 and (found.get(number) is None):
                found[number] = self._sign(note)
        return found

    def _figures(self, bass: Note, sounding: Sounding) -> tuple[Figure, ...]:
        signs = self._signs(bass, list(sounding.values()))
        numbers = tuple(sorted(signs))
        written = _SHORT.get(numbers, tuple(number for number in reversed(numbers) if number not in (3, 5)))
        as_said = [(9 if number == 2 and 9 in written else number, sign) for number, sign in signs.items()]
        return _from_the_top((number, sign) for number, sign in as_said if number in written or sign is not None)

    def _told(self, bass: Note, sounding: Sounding, parts: Sequence[int]) -> tuple[Figure, ...]:
        """The numbers of a triad that one or two parts come to, or leave, over a bass that is held; of more parts nothing."""
        if len(parts) > 2:
            return ()
        notes = [sounding[part] for part in parts]
        octave: list[Figure] = [(8, None)] if any(self._number(bass, note) == 1 for note in notes) else []
        signs = self._signs(bass, notes)
        return _from_the_top([*octave, *((number, sign) for number, sign in signs.items() if number in (3, 5, 6))])


def _from_the_top(figures: Iterator[Figure] | Sequence[Figure]) -> tuple[Figure, ...]:
    """A third with a sign is that sign alone, lowest of all, but for 4/3."""
    ordered = sorted(figures, key=lambda figure: -(figure[0] or 0))
    is_third_inversion = [number for number, _ in ordered][-2:] == [4, 3]
    return tuple((None if number == 3 and sign is not None and not is_third_inversion else number, sign) for number, sign in ordered)
