"""Sketch: a chorale with free cells, to be filled by a composer. Compose, harmonize, inpaint and vary differ only in the sketch.

Shapes: V voices, T steps, 128 pitches. A given cell is final: no composer may change its pitch or its onset.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import combinations, cycle
from typing import TYPE_CHECKING

import numpy as np

from musicgen.errors import NotationError, showing
from musicgen.music.chorale import REST, STEPS_PER_QUARTER, BoolArray, Chorale, format_text, parse_rows, runs, split_text
from musicgen.music.chord_chart import parse_chords
from musicgen.music.chords import Chord, ChordAt
from musicgen.music.constraints import ALL_PITCHES, Constraint, PitchClasses, Pitches, Rhythm, Scale, VoiceRanges
from musicgen.music.endings import CadenceAt, Ending
from musicgen.music.ensemble import BACHS_CHOIR, Ensemble
from musicgen.music.pitch import Key, parse_pitch
from musicgen.music.places import note_steps, span_at, step_at
from musicgen.music.rules import VoiceRule
from musicgen.music.voicing import check_voicing, with_chords_heard

if TYPE_CHECKING:
    from musicgen.music.score import Score


@dataclass(frozen=True, eq=False)
class Sketch:
    """given: the notes so far, those in free cells forgotten; free (V, T), True = to be written; constraints bind the free cells.

    What is asked is added by methods that give a new sketch: `sketch.pin("B", "4:3", "C3").cadence("8:3", "half")`. `rules` bind how
    voices go together; `planned` constraints bind as well, but nobody asked for them. Whatever contradicts itself is refused at once.
    """

    given: Chorale
    free: BoolArray
    constraints: tuple[Constraint, ...] = None  # type: ignore[assignment]  # the ranges of the ensemble
    rules: tuple[VoiceRule, ...] = ()
    planned: tuple[Constraint, ...] = ()
    fermata_sounding: BoolArray = None  # type: ignore[assignment]  # found from what is handed in first, then kept
    """(T,) True while a fermata sounds: as long as its note, or, where none was ever written, up to the next phrase."""

    def __post_init__(self) -> None:
        free = np.array(self.free, dtype=bool)
        if free.shape != self.given.pitch.shape:
            raise NotationError(f"free cells of shape {free.shape} over a chorale of {self.given.pitch.shape}; they must be equal")
        self._refuse_orphaned_holds(free)
        if self.fermata_sounding is None or self.fermata_sounding.shape != self.given.fermata.shape:
            object.__setattr__(self, "fermata_sounding", self._fermata_sounding())
        self.fermata_sounding.setflags(write=False)
        constraints: tuple[Constraint, ...] | None = self.constraints
        object.__setattr__(self, "constraints", (VoiceRanges(self.given.ensemble.ranges),) if constraints is None else constraints)
        begins = free & ~np.pad(free, ((0, 0), (1, 0)))[:, :-1]
        pitch = np.where(free, REST, self.given.pitch)
        onset = np.where(free, begins, self.given.onset)
        free.setflags(write=False)
        object.__setattr__(self, "free", free)
        object.__setattr__(self, "given", self.given.replaced(pitch=pitch, onset=onset))

    def _refuse_orphaned_holds(self, free: BoolArray) -> None:
        """A given hold after a free cell would have no pitch of its own."""
        orphans = np.argwhere(free[:, :-1] & ~free[:, 1:] & ~self.given.onset[:, 1:])
        if len(orphans):
            voice, step = int(orphans[0, 0]), int(orphans[0, 1]) + 1
            raise NotationError(
                "a given note is held here, but its beginning is free; free the whole note or strike it again here",
                voice=self.given.voice_name(voice),
                place=self.given.place(step),
            )

    @classmethod
    def for_voices(cls, chorale: Chorale, keep: str | None = None, constraints: tuple[Constraint, ...] | None = None) -> Sketch:
        """Keeps the voices named by letters (`"S"`, `"SB"`; `"1"` of another ensemble), the top one if not said: harmonization."""
        letters = chorale.ensemble.letters
        kept = keep.upper() if chorale.ensemble.is_choir and keep is not None else chorale.ensemble.letters_in(keep or letters[0])
        if unknown := sorted(set(kept) - set(letters)):
            raise NotationError(f"no voice {''.join(unknown)}; name voices by the letters {letters}")
        is_kept = [letter in kept for letter in letters]
        return cls(chorale, np.repeat(~np.array(is_kept)[:, None], chorale.steps, axis=1), constraints)  # type: ignore[arg-type]

    @classmethod
    def for_tune(
        cls, score: Score, keep: str | None = None, constraints: tuple[Constraint, ...] | None = None, ensemble: Ensemble = BACHS_CHOIR
    ) -> Sketch:
        """The tune of a score, or the voices kept of as many as the ensemble has, with the others to be written."""
        from musicgen.music.tune import find_tune

        tune = find_tune(score, keep=keep, ensemble=ensemble)
        return cls.for_voices(tune.chorale, tune.keep, constraints)

    @classmethod
    def parse(cls, text: str, constraints: tuple[Constraint, ...] | None = None, ensemble: Ensemble | None = None) -> Sketch:
        """Reads a chorale's text form with `?` for free cells; `ensemble`: who the voices are, if not the usual one of so many."""
        header, rows = split_text(text)
        pitch, onset, fermata = parse_rows(rows)
        free = np.array([[token.startswith("?") for token in row] for row in rows])
        return cls(Chorale(pitch, onset, fermata, **header, ensemble=ensemble), free, constraints)  # type: ignore[arg-type]

    # --- what is asked

    def with_constraints(self, *constraints: Constraint) -> Sketch:
        """Bound by these as well. Those that contradict each other, or what is given, are refused by name."""
        return replace(self, constraints=(*self.constraints, *constraints)).checked()

    def with_rules(self, *rules: VoiceRule) -> Sketch:
        """How voices go together, for composers that decide voice by voice: `NoCrossing()`, `Spacing(12)`, ..."""
        ruled = replace(self, rules=(*self.rules, *rules))
        check_voicing(ruled)
        return ruled

    def pin(self, voice: str, place: str, notes: str) -> Sketch:
        """`pin("B", "4:3", "C3")`: a note is given; alone it lasts a beat. Over a span, `pin("S", "1:1-2:1", "G4 A4 B4 A4")`, one a beat.

        A place that is given already is refused, unless by the same note.
        """
        index, names = self._voice(voice), notes.split()
        spans = note_steps(place, len(names), self.given)
        pitch, onset, free, sounding = self.given.pitch.copy(), self.given.onset.copy(), self.free.copy(), self.fermata_sounding
        for (start, end), name in zip(spans, names, strict=True):
            value = parse_pitch(name)
            begins = np.arange(start, end) == start
            differs = (pitch[index, start:end] != value) | (onset[index, start:end] != begins)
            if (differs & ~free[index, start:end]).any():
                raise NotationError(
                    f"{name} cannot be pinned here: another note is given; free it first",
                    voice=self.given.voice_name(index),
                    place=self.given.place(start),
                )
            self._check_pin(index, start, end, value, name)
            pitch[index, start:end], onset[index, start:end], free[index, start:end] = value, begins, False
            onset[index, end : end + 1] |= free[index, end : end + 1]  # what comes after is struck anew
            if index == 0 and self.given.fermata[start]:
                sounding = self._with_fermata(sounding, start, end)
        given = self.given.replaced(pitch=pitch, onset=onset)
        return replace(self, given=given, free=free, fermata_sounding=sounding).checked()

    def _with_fermata(self, sounding: BoolArray, start: int, end: int) -> BoolArray:
        """Instead of a fermata that may sound on to the next phrase, one of [start, end)."""
        after = np.flatnonzero(~sounding[start:])
        changed = sounding.copy()
        changed[start : start + int(after[0]) if len(after) else None] = False
        changed[start:end] = True
        return changed

    def avoid(self, voice: str, place: str, notes: str) -> Sketch:
        """`avoid("T", "1-8", "C5 D5")`, `avoid("T", "", ">F4")`: notes that shall not be; `>` all above, `<` all below; "" where free."""
        index, pitches = self._voice(voice), frozenset(_pitches(notes))
        return self.with_constraints(*(Pitches(index, start, end, pitches, True) for start, end in self._spans(index, place)))

    def only(self, voice: str, place: str, classes: str) -> Sketch:
        """`only("A", "3:2", "F# A")`: these notes in any octave."""
        index = self._voice(voice)
        wanted = frozenset(parse_pitch(name if name[-1].isdigit() else f"{name}4") % 12 for name in classes.split())
        return self.with_constraints(*(PitchClasses(index, start, end, wanted) for start, end in self._spans(index, place)))

    def rhythm(self, voice: str, place: str, lengths: str) -> Sketch:
        """`rhythm("B", "1-4", "1/4")`: note lengths, over and over up to the end of the span: `"1/4 1/8 1/8"`, dotted `"3/8 1/8"`."""
        index, (start, end) = self._voice(voice), self._span(place)
        return self.with_constraints(Rhythm(index, start, end, tuple(_onsets(lengths, start, end))))

    def rhythm_of(self, voice: str, place: str = "") -> Sketch:
        """The rhythm of what is given there, its pitches free."""
        index, (start, end) = self._voice(voice), self._span(place)
        onsets = tuple(int(step) for step in start + np.flatnonzero(self.given.onset[index, start:end]))
        free = self.free.copy()
        free[index, start:end] = True
        return replace(self, free=free).with_constraints(Rhythm(index, start, end, onsets))

    def cadence(self, place: str, kind: Ending, key: Key | None = None, picardy: bool = False) -> Sketch:
        """`cadence("4:3", "half")`: the phrase ends there, with a fermata."""
        step = step_at(place, self.given)
        fermata = self.given.fermata.copy()
        fermata[step] = True
        return replace(self, given=self.given.replaced(fermata=fermata)).with_constraints(
            CadenceAt(step, kind, key or self.key_at(step), picardy)
        )

    def chords(self, text: str, strict: bool = True, key: Key | None = None) -> Sketch:
        """`chords("1:1 C, 1:3 G7/B")`, `chords("I V65 | vi ii6 V7 | I")`, `chords("5 6 4-3")`: see `chord_chart`.

        `strict`: only notes of the chord; else on the beats, with passing notes between. `key`: of Roman numerals, if not `key_at` them.
        """
        with showing(text):
            return self.with_chords(parse_chords(text, self.given, (lambda _: key) if key else self.key_at), strict)

    def with_chords(self, chords: Iterable[ChordAt], strict: bool = True) -> Sketch:
        """Bound by chords from elsewhere: those of a lead sheet."""
        sketch = self.with_constraints(*(Chord(chord, strict) for chord in chords))
        check_voicing(sketch)
        return sketch

    def local_key(self, place: str, key: Key) -> Sketch:
        """`local_key("5-8", Key.parse("D minor"))`: there, only the notes of that key, and cadences are in it."""
        start, end = self._span(place)
        return self.with_constraints(Scale.of_key(key, start, end))

    def key_at(self, step: int) -> Key:
        """The key asked for at a step: the piece's, or a local one."""
        local = [each.key for each in self.constraints if isinstance(each, Scale) and each.key and each.start <= step < each.end]
        return local[-1] if local else self.given.key

    @property
    def bounding(self) -> tuple[Constraint, ...]:
        return (*self.constraints, *self.planned)

    def checked(self) -> Sketch:
        """Itself, if what is asked can be met as far as can be seen cell by cell."""
        for constraint in self.bounding:
            constraint.check(self)
        self.bounds()
        clash = np.argwhere(self._asked_begin() & self.asked_hold() & self.free)
        if len(clash):
            voice, step = (int(each) for each in clash[0])
            begins, holds = (
                next(each for each in self.bounding if getattr(each, name)(self)[voice, step]) for name in ("must_begin", "must_hold")
            )
            raise NotationError(
                f"{begins.describe(self)} lets a note begin here, which {holds.describe(self)} forbids; take one of them back",
                voice=self.given.voice_name(voice),
                place=self.given.place(step),
            )
        return self

    def _voice(self, letter: str) -> int:
        ensemble = self.given.ensemble
        letters = ensemble.letters_in(letter)
        if len(letters) != 1:
            raise NotationError(f"{letter!r}: one voice is needed here, one of {ensemble.letters}")
        return ensemble.index(letters)

    def _span(self, place: str) -> tuple[int, int]:
        return span_at(place, self.given) if place.strip() else (0, self.given.steps)

    def _spans(self, voice: int, place: str) -> list[tuple[int, int]]:
        """[start, end) of a place; without one, wherever the voice is free."""
        if place.strip():
            return [self._span(place)]
        return runs(self.free[voice])

    def _check_pin(self, voice: int, start: int, end: int, pitch: int, name: str) -> None:
        """A pin that a constraint would bar is refused, by both names."""
        for constraint in self.bounding:
            barred = np.flatnonzero(self.free[voice, start:end] & ~constraint.allowed_pitches(self)[voice, start:end, pitch])
            if len(barred):
                raise NotationError(
                    f"{name} is pinned here, against {constraint.describe(self)}; take one of them back",
                    voice=self.given.voice_name(voice),
                    place=self.given.place(start + int(barred[0])),
                )

    # --- what follows for the cells

    def allowed_pitches(self) -> BoolArray:
        """(V, T, 128), True where a free cell may sound the pitch; less than `bounds` where a chord must be heard."""
        return with_chords_heard(self, self.bounds())

    def bounds(self) -> BoolArray:
        """(V, T, 128), True where every constraint lets the pitch sound, and lets it sound on for as long as it must be held."""
        tables = [constraint.allowed_pitches(self) for constraint in self.bounding]
        allowed = np.logical_and.reduce(tables, axis=0) if tables else np.ones((*self.free.shape, 128), dtype=bool)
        self._refuse_impossible(allowed, tables)
        return self._through_holds(allowed)

    def _through_holds(self, allowed: BoolArray) -> BoolArray:
        """A note that must be held on sounds only what may sound to its end, and what it holds from is what sounds."""
        allowed, holds = allowed.copy(), self.asked_hold() & self.free
        for voice, step in np.argwhere(holds)[::-1]:
            if step and self.free[voice, step - 1]:
                allowed[voice, step - 1] &= allowed[voice, step]
        for voice, step in np.argwhere(holds):
            before = self.given.pitch[voice, step - 1] if step else REST
            if step and self.free[voice, step - 1]:
                allowed[voice, step] &= allowed[voice, step - 1]
            elif before != REST:
                allowed[voice, step] &= before == ALL_PITCHES
        stuck = np.argwhere(self.free & ~allowed.any(axis=-1))
        if len(stuck):
            voice, step = (int(each) for each in stuck[0])
            raise self._held_too_far(voice, step)
        return allowed

    def _held_too_far(self, voice: int, step: int) -> NotationError:
        holds = self.asked_hold()[voice]
        start, end = step, step + 1
        while start and holds[start]:
            start -= 1
        while end < len(holds) and holds[end]:
            end += 1
        rhythm = next(each for each in self.bounding if each.must_hold(self)[voice, start:end].any())
        others = [each for each in self.bounding if not isinstance(each, VoiceRanges)]
        bars = [each.describe(self) for each in others if not each.allowed_pitches(self)[voice, start:end].all()]
        named = " and ".join(bars) or "what is given before it"
        return NotationError(
            f"{rhythm.describe(self)} holds the note here up to {self.given.place(min(end, self.given.steps - 1))}, "
            f"where {named} leave nothing to hold; take one of them back",
            voice=self.given.voice_name(voice),
            place=self.given.place(start),
        )

    def rest_allowed(self) -> BoolArray:
        """(V, T), True where a free cell may rest: in a choir only where some given voice rests, so that no singer falls silent alone."""
        if not (self.given.ensemble.is_choir or self.given.ensemble.is_numbered):
            return np.ones_like(self.free)
        resting = ((self.given.pitch == REST) & ~self.free).any(axis=0)
        return np.repeat(resting[None], self.free.shape[0], axis=0)

    def _fermata_sounding(self) -> BoolArray:
        """From the chorale as it was handed in: a plan's top voice is one rest, and a new phrase begins as the piece did."""
        sounding = np.where(self.given.pitch[0] == REST, False, self.given.fermata_sounding())
        bar = self.given.bar_steps(self.given.meter)
        begins = np.flatnonzero(self.given.bar_positions() == (bar - self.given.pickup) % bar)
        for step in np.flatnonzero(self.given.fermata & (self.given.pitch[0] == REST)):
            end = next((begin for begin in begins if begin > step), self.given.steps)
            sounding[step:end] = True
        return sounding

    def must_begin(self) -> BoolArray:
        """(V, T), True where a free cell may not hold: the top voice strikes the note that carries a fermata; what is asked."""
        begins = self._asked_begin()
        begins[0] |= self.given.fermata
        begins[self.asked_hold()] = False
        return begins & self.free

    def _asked_begin(self) -> BoolArray:
        return np.asarray(np.logical_or.reduce([np.zeros_like(self.free), *(each.must_begin(self) for each in self.bounding)], axis=0))

    def asked_hold(self) -> BoolArray:
        """(V, T), True where a constraint lets nothing be struck; `must_hold` gives way where other notes must sound, this does not."""
        return np.asarray(np.logical_or.reduce([np.zeros_like(self.free), *(each.must_hold(self) for each in self.bounding)], axis=0))

    def must_hold(self) -> BoolArray:
        """(V, T), True where a free cell may only hold: the top voice under a fermata, and all voices under the last of an open end."""
        holds = np.zeros_like(self.free)
        holds[0] = self.fermata_sounding & ~self.given.fermata & self.free[0]
        if holds[0, -1:].any():
            last = int(np.flatnonzero(self.given.fermata)[-1])
            holds[:, last + 1 :] |= self.free[:, last:].all()
        return (holds & ~self._asked_begin()) | (self.asked_hold() & self.free)

    def _refuse_impossible(self, allowed: BoolArray, tables: Sequence[BoolArray]) -> None:
        stuck = np.argwhere(self.free & ~allowed.any(axis=-1))
        if len(stuck):
            voice, step = int(stuck[0, 0]), int(stuck[0, 1])
            pairs = (
                pair for pair in combinations(range(len(tables)), 2) if not np.logical_and(*(tables[i] for i in pair))[voice, step].any()
            )
            clash = next(pairs, ())
            named = " and ".join(self.bounding[index].describe(self) for index in clash) or "all that is asked together"
            raise NotationError(
                f"{named} leave no pitch here; take one of them back",
                voice=self.given.voice_name(voice),
                place=self.given.place(step),
            )

    def keeps(self, filled: Chorale) -> bool:
        """Whether a filled chorale has every given cell as it was."""
        given = ~self.free
        same_pitch = (filled.pitch == self.given.pitch) | ~given
        same_onset = (filled.onset == self.given.onset) | ~given
        return bool(same_pitch.all() and same_onset.all())

    def __str__(self) -> str:
        return format_text(self.given, self.free)


def free_region(chorale: Chorale, voices: Iterable[int], start: int, end: int) -> BoolArray:
    """(V, T) free cells: the named voices in steps [start, end)."""
    free = np.zeros(chorale.pitch.shape, dtype=bool)
    free[list(voices), start:end] = True
    return free


def _pitches(notes: str) -> Iterator[int]:
    """`C5 D5`, `>F4`, `<C3`."""
    for name in notes.split():
        if name[0] in "<>":
            bound = parse_pitch(name[1:])
            yield from range(bound + 1, 128) if name[0] == ">" else range(bound)
        else:
            yield parse_pitch(name)


def _onsets(lengths: str, start: int, end: int) -> Iterator[int]:
    """Steps where notes begin whose lengths, parts of a whole note, come over and over."""
    try:
        steps = [Fraction(length) * 4 * STEPS_PER_QUARTER for length in lengths.split()]
    except (ValueError, ZeroDivisionError):
        steps = []
    if not steps or any(step.denominator != 1 or step < 1 for step in steps):
        raise NotationError(f"{lengths!r} names no note lengths; write parts of a whole note, like 1/4 or 3/8 1/8, sixteenths at least")
    for length in cycle(int(step) for step in steps):
        if start >= end:
            return
        yield start
        start += length
