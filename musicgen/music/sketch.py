"""Sketch: a chorale with free cells, to be filled by a composer. Compose, harmonize, inpaint and vary differ only in the sketch.

Shapes: V voices, T steps, 128 pitches. A given cell is final: no composer may change its pitch or its onset.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from musicgen.errors import NotationError
from musicgen.music.chorale import REST, VOICE_LETTERS, BoolArray, Chorale, format_text, parse_rows, split_text
from musicgen.music.constraints import Constraint, VoiceRanges


@dataclass(frozen=True, eq=False)
class Sketch:
    """given: the notes so far, those in free cells forgotten; free (V, T), True = to be written; constraints bind the free cells."""

    given: Chorale
    free: BoolArray
    constraints: tuple[Constraint, ...] = (VoiceRanges(),)
    fermata_sounding: BoolArray = field(init=False)
    """(T,) True while a fermata sounds: as long as its note, or, where none was ever written, up to the next phrase."""

    def __post_init__(self) -> None:
        free = np.array(self.free, dtype=bool)
        if free.shape != self.given.pitch.shape:
            raise NotationError(f"free cells of shape {free.shape} over a chorale of {self.given.pitch.shape}; they must be equal")
        self._refuse_orphaned_holds(free)
        fermata_sounding = self._fermata_sounding()
        fermata_sounding.setflags(write=False)
        object.__setattr__(self, "fermata_sounding", fermata_sounding)
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
    def for_voices(cls, chorale: Chorale, keep: str = "S", constraints: tuple[Constraint, ...] = (VoiceRanges(),)) -> Sketch:
        """Keeps the voices named by letters (`"S"`, `"SB"`) and frees the others: harmonization."""
        unknown = sorted(set(keep.upper()) - set(VOICE_LETTERS))
        if unknown:
            raise NotationError(f"no voice {''.join(unknown)}; name voices by the letters {VOICE_LETTERS}")
        if chorale.voices != len(VOICE_LETTERS):
            raise NotationError(f"a chorale of {chorale.voices} voices; letters name the voices of four, {VOICE_LETTERS}")
        kept = [letter in keep.upper() for letter in VOICE_LETTERS]
        return cls(chorale, np.repeat(~np.array(kept)[:, None], chorale.steps, axis=1), constraints)

    @classmethod
    def parse(cls, text: str, constraints: tuple[Constraint, ...] = (VoiceRanges(),)) -> Sketch:
        """Reads a chorale's text form with `?` for free cells."""
        header, rows = split_text(text)
        pitch, onset, fermata = parse_rows(rows)
        free = np.array([[token.startswith("?") for token in row] for row in rows])
        return cls(Chorale(pitch, onset, fermata, **header), free, constraints)

    def allowed_pitches(self) -> BoolArray:
        """(V, T, 128), True where every constraint lets the pitch sound."""
        allowed = np.ones((*self.free.shape, 128), dtype=bool)
        for constraint in self.constraints:
            allowed &= constraint.allowed_pitches(self)
        self._refuse_impossible(allowed)
        return allowed

    def rest_allowed(self) -> BoolArray:
        """(V, T), True where a free cell may rest: only where some given voice rests, so that no singer falls silent alone."""
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
        """(V, T), True where a free cell may not hold: the top voice strikes the note that carries a fermata."""
        begins = np.zeros_like(self.free)
        begins[0] = self.given.fermata & self.free[0]
        return begins

    def must_hold(self) -> BoolArray:
        """(V, T), True where a free cell may only hold: the top voice under a fermata, and all voices under the last of an open end."""
        holds = np.zeros_like(self.free)
        holds[0] = self.fermata_sounding & ~self.given.fermata & self.free[0]
        if holds[0, -1:].any():
            last = int(np.flatnonzero(self.given.fermata)[-1])
            holds[:, last + 1 :] |= self.free[:, last:].all()
        return holds

    def _refuse_impossible(self, allowed: BoolArray) -> None:
        stuck = np.argwhere(self.free & ~allowed.any(axis=-1))
        if len(stuck):
            voice, step = int(stuck[0, 0]), int(stuck[0, 1])
            raise NotationError(
                "the constraints leave no pitch here; take one of them back",
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
