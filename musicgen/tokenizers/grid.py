"""GridTokenizer: chorales <-> ids, one id a cell, and the conditions a model reads beside them. Hold ids begin here and end in `sampling`.

Two ways to write a held note, both exact:
    hold   HOLD: as before (DeepBach's). Changing an onset changes the whole note, so single-cell redraws move whole notes.
    pair   (pitch, onset or held): every cell says its pitch. Nothing has to be remembered across hidden cells.

Shapes: V voices, T steps, K ids that can be drawn, C conditions. Beyond K stand two ids that are only read: MASK, BOUNDARY.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from musicgen.errors import ConfigError, NotationError
from musicgen.music.chorale import RANGES, REST, STEPS_PER_QUARTER, BoolArray, Chorale
from musicgen.music.pitch import Key, pitch_name
from musicgen.music.sketch import Sketch
from musicgen.tokenizers.vocabulary import IdRange, Vocabulary

IdArray = NDArray[np.int64]

CONDITIONS = ("phase", "beat", "fermata", "key", "mode")
CONDITION_SIZES = (STEPS_PER_QUARTER, 8, 2, 12, 2)
# Quarters until the next fermata, or the end, and since the last, or the beginning; the last value is for all that are farther.
PHRASE_SIZES = (16, 16)
# The row of a pitch table in which a rest is kept, after the 128 pitches.
REST_ROW = 128
# How far a piece is moved to read as if it had no key signature: a tritone at most.
SHIFTS = range(-5, 7)


@dataclass(frozen=True)
class GridTokenizer:
    """Pitches from `lowest` to `highest`; the default spans Bach's choir. `untold`: conditions that are 0 whatever the piece says.

    `relative`: pitches are counted from the key signature, so that every piece reads as if it had none; the ids then span the choir in
    all keys. A model has a scale to learn once, not twelve times.

    `fermatas`: a fermata is told while it sounds, or only where it is struck: then the conditions do not tell how long its note is, and
    an exact likelihood owes nothing for that. `phrases`: the conditions count the quarters to and from the fermatas.
    """

    held: Literal["hold", "pair"] = "hold"
    lowest: int = min(low for low, _ in RANGES)
    highest: int = max(high for _, high in RANGES)
    untold: tuple[str, ...] = ()
    relative: bool = False
    fermatas: Literal["sounding", "struck"] = "sounding"
    phrases: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "untold", tuple(self.untold))
        if not set(self.untold) <= set(CONDITIONS):
            raise ConfigError(f"untold conditions {', '.join(self.untold)}; choices: {', '.join(CONDITIONS)}")
        if self.held not in ("hold", "pair"):
            raise ConfigError(f"held notes are written as {self.held!r}; choices: hold, pair")
        if self.fermatas not in ("sounding", "struck"):
            raise ConfigError(f"fermatas are told as {self.fermatas!r}; choices: sounding, struck")
        if not 0 <= self.ladder.start < self.ladder.stop <= 128 or self.lowest > self.highest:
            least, most = (max(SHIFTS), 127 + min(SHIFTS)) if self.relative else (0, 127)
            raise ConfigError(f"pitches from {self.lowest} to {self.highest}; lowest first, within {least} to {most}")

    @property
    def vocabulary(self) -> Vocabulary:
        first, pitches = self.ladder.start, len(self.ladder)
        if self.held == "hold":
            return Vocabulary((IdRange("hold", 0, 1), IdRange("rest", 0, 1), IdRange("pitch", first, pitches)))
        return Vocabulary(
            (
                IdRange("rest", 0, 1),
                IdRange("pitch", first, pitches),
                IdRange("held rest", 0, 1),
                IdRange("held pitch", first, pitches),
            )
        )

    @property
    def ladder(self) -> range:
        """The pitches that have ids; relative ones, if pitches are counted from the key."""
        return range(self.lowest - max(SHIFTS), self.highest - min(SHIFTS) + 1) if self.relative else range(self.lowest, self.highest + 1)

    def shift(self, key: Key) -> int:
        """Semitones by which a piece in this key is read lower than it is written."""
        return (7 * key.fifths - min(SHIFTS)) % 12 + min(SHIFTS) if self.relative else 0

    @property
    def size(self) -> int:
        """K: ids that can be drawn."""
        return self.vocabulary.size

    @property
    def mask_id(self) -> int:
        return self.size

    @property
    def boundary_id(self) -> int:
        return self.size + 1

    @property
    def hold_id(self) -> int | None:
        return 0 if self.held == "hold" else None

    def encode(self, chorale: Chorale) -> IdArray:
        """(V, T) ids."""
        self._refuse_unknown_pitches(chorale)
        first, rest = self.vocabulary.start("pitch"), self.vocabulary.start("rest")
        rung = chorale.pitch.astype(np.int64) - self.shift(chorale.key) - self.ladder.start
        struck = np.where(chorale.pitch == REST, rest, first + rung)
        if self.held == "hold":
            return np.where(chorale.onset, struck, 0)
        return struck + np.where(chorale.onset, 0, self.size // 2)

    def decode(self, ids: IdArray, like: Chorale) -> Chorale:
        """The chorale that `ids` (V, T) spell, with the meter, key, fermatas and pick-up of `like`. Inverse of `encode`."""
        pitch, onset = self.cells(ids)
        if self.held == "hold":
            steps = np.arange(ids.shape[1])
            last_onset = np.maximum.accumulate(np.where(onset, steps, 0), axis=1)
            pitch = np.take_along_axis(pitch, last_onset, axis=1)
        pitch = np.where(pitch == REST, REST, pitch + self.shift(like.key)).astype(np.int16)
        return like.replaced(pitch=pitch, onset=onset)

    def cells(self, ids: IdArray) -> tuple[NDArray[np.int16], BoolArray]:
        """What each id says by itself: pitch on the ladder (V, T), REST for a rest or a hold; onset (V, T)."""
        if self.held == "hold":
            onset = ids != 0
            pitch = np.where(ids >= 2, ids - 2 + self.ladder.start, REST)
        else:
            half = self.size // 2
            onset = ids < half
            pitch = np.where(ids % half == 0, REST, ids % half - 1 + self.ladder.start)
        return pitch.astype(np.int16), onset

    def conditions(self, chorale: Chorale, fermata_sounding: BoolArray | None = None) -> IdArray:
        """(C, T): step in the quarter, quarter in the bar (7 for any later one), fermata, signature modulo 12, mode; then `phrases`.

        `fermata_sounding` (T,) where the soprano does not say it yet: a sketch's.
        """
        position = chorale.bar_positions()
        constant = np.ones(chorale.steps, dtype=np.int64)
        if self.fermatas == "struck":
            fermata = chorale.fermata
        else:
            fermata = chorale.fermata_sounding() if fermata_sounding is None else fermata_sounding
        rows = (
            position % STEPS_PER_QUARTER,
            np.minimum(position // STEPS_PER_QUARTER, CONDITION_SIZES[1] - 1),
            fermata,
            constant * (chorale.key.fifths % 12),
            constant * (chorale.key.mode == "minor"),
        )
        told = [name not in self.untold for name in CONDITIONS]
        conditions = [np.asarray(row, dtype=np.int64) * is_told for row, is_told in zip(rows, told, strict=True)]
        return np.stack([*conditions, *_phrase_positions(chorale.fermata)] if self.phrases else conditions)

    @property
    def condition_sizes(self) -> tuple[int, ...]:
        """How many values each condition has."""
        return CONDITION_SIZES + PHRASE_SIZES if self.phrases else CONDITION_SIZES

    def sounding_allowed(self, sketch: Sketch) -> BoolArray:
        """(V, T, 129) which pitches of the ladder a free cell may sound, rests in row 128; a given cell allows just what it sounds."""
        table = np.concatenate([sketch.allowed_pitches(), sketch.rest_allowed()[..., None]], axis=-1)
        table[..., : self.lowest] = False
        table[..., self.highest + 1 : REST_ROW] = False
        if len(stuck := np.argwhere(sketch.free & ~table.any(axis=-1))):
            voice, step = (int(each) for each in stuck[0])
            reach = f"{pitch_name(self.lowest)} to {pitch_name(self.highest)}"
            raise NotationError(
                f"what is asked leaves no note that the composer knows, {reach}; take some of it back",
                voice=sketch.given.voice_name(voice),
                place=sketch.given.place(step),
            )
        given = np.where(sketch.given.pitch == REST, REST_ROW, sketch.given.pitch)
        only_given = given[..., None] == np.arange(REST_ROW + 1)
        table = np.where(sketch.free[..., None], table, only_given)
        # No pitch of the choir is so near either end of the table that it would come round.
        table[..., :REST_ROW] = np.roll(table[..., :REST_ROW], -self.shift(sketch.given.key), axis=-1)
        return table

    @property
    def sounding_of_id(self) -> IdArray:
        """(K,) the row of `sounding_allowed` that each id sounds; -1 for HOLD."""
        struck = np.concatenate([[REST_ROW], np.arange(self.ladder.start, self.ladder.stop)])
        return np.concatenate([[-1], struck]) if self.held == "hold" else np.concatenate([struck, struck])

    @property
    def strikes(self) -> BoolArray:
        """(K,) whether each id begins a note."""
        pitch, onset = self.cells(np.arange(self.size))
        return np.asarray(onset & (pitch != REST))

    def outside_scale(self, key: Key) -> BoolArray:
        """(K,) whether each id begins a note outside the scale of a piece's key."""
        pitch, _ = self.cells(np.arange(self.size))
        inside = np.isin((pitch + self.shift(key)) % 12, list(key.scale))
        return np.asarray(self.strikes & ~inside)

    def _refuse_unknown_pitches(self, chorale: Chorale) -> None:
        unknown = (chorale.pitch != REST) & ((chorale.pitch < self.lowest) | (chorale.pitch > self.highest))
        if unknown.any():
            voice, step = (int(index) for index in np.argwhere(unknown)[0])
            name = pitch_name(int(chorale.pitch[voice, step]), chorale.key)
            allowed = f"{pitch_name(self.lowest)} to {pitch_name(self.highest)}"
            raise NotationError(
                f"{name} is outside the {allowed} that this model knows; transpose the piece",
                voice=chorale.voice_name(voice),
                place=chorale.place(step),
            )


def _phrase_positions(fermata: BoolArray) -> tuple[IdArray, IdArray]:
    """(T,) each: quarters until the next fermata is struck, or the piece ends, and since the last was, or the piece began."""
    steps = np.arange(len(fermata))
    since = steps - np.maximum.accumulate(np.where(fermata, steps, 0))
    coming = np.minimum.accumulate(np.where(fermata, steps, len(fermata))[::-1])[::-1]
    # Rounded up: 0 is the fermata itself, and the quarter before it is 1 to its last step.
    until = -(-(coming - steps) // STEPS_PER_QUARTER)
    most_until, most_since = (size - 1 for size in PHRASE_SIZES)
    return np.minimum(until, most_until), np.minimum(since // STEPS_PER_QUARTER, most_since)
