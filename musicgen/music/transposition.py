"""Transposing instruments: how what sounds is written for them. Notes of a Score sound; only a file or a page is written.

On the line of fifths an interval of so many semitones and staff steps is one number: a tone up is 2, a minor third up -3, an octave 0.
"""

from __future__ import annotations

from dataclasses import dataclass

from musicgen.errors import NotationError
from musicgen.music.pitch import FIFTHS_OF_LETTER, LETTERS, Key, Spelling, spell

MOST_SIGNS = 6  # of a written key: D flat for trumpets in B flat, not C sharp
MOST_SEMITONES, MOST_FIFTHS = 60, 24


@dataclass(frozen=True, slots=True)
class Transposition:
    """Written minus sounding, in semitones and in steps of the staff: `Transposition(2, 1)` is an instrument in B flat."""

    semitones: int = 0
    steps: int = 0

    def __post_init__(self) -> None:
        if abs(self.semitones) > MOST_SEMITONES or abs(self.fifths) > MOST_FIFTHS:
            raise NotationError(
                f"a transposition by {self.semitones} semitones and {self.steps} steps is no interval; a tone is 2 and 1, a fifth 7 and 4"
            )

    @property
    def fifths(self) -> int:
        return 7 * self.semitones - 12 * self.steps

    def reversed(self) -> Transposition:
        return Transposition(-self.semitones, -self.steps)

    def in_key(self, key: Key, most_signs: int = MOST_SIGNS) -> Transposition:
        """This one, or the enharmonic one that writes the key with fewer signs: a trumpet in B flat plays B major in D flat."""
        fifths = key.fifths + self.fifths
        if self.fifths == 0 or abs(fifths) <= most_signs:
            return self
        return Transposition(self.semitones, self.steps + round(fifths / 12))

    def key(self, key: Key) -> Key:
        """The key as it is written. Raises NotationError where that would need more than seven signs, see `in_key`."""
        return Key(key.fifths + self.fifths, key.mode)

    def spelling(self, name: Spelling) -> Spelling:
        """The note as it is written; a note that would need more than three signs is spelled anew."""
        octave, letter = divmod(7 * name.octave + LETTERS.index(name.letter) + self.steps, 7)
        alteration = (name.fifths + self.fifths - FIFTHS_OF_LETTER[LETTERS[letter]]) // 7
        if abs(alteration) > 3:
            return spell(name.pitch + self.semitones, Key())
        return Spelling(LETTERS[letter], alteration, octave)


CONCERT = Transposition()
