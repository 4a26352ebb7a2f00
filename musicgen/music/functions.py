"""Functions: the chords of a key as harmony books teach them, what each is for, and how well one follows another.

A chord is a tonic, a substitute of it, a predominant, a dominant, or applied: the dominant of another chord of the key. Costs are in the
same small numbers throughout, 0 for what is usual, 1 for what is noticed, 3 and more for what a teacher marks. Knows no voices.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from typing import Literal

from musicgen.music.harmony import QUALITIES
from musicgen.music.pitch import Mode

Function = Literal["tonic", "substitute", "predominant", "dominant", "applied"]
FOURTH_UP, FIFTH_UP, OCTAVE = 5, 7, 12


@dataclass(frozen=True, slots=True)
class FunctionalChord:
    """root: semitones above the tonic; inversion as in `harmony.Chord`; goal: root that an applied chord or a dominant leads to."""

    root: int
    quality: str
    inversion: int
    function: Function
    cost: float
    goal: int | None = None

    @property
    def classes(self) -> frozenset[int]:
        return frozenset((self.root + each) % OCTAVE for each in QUALITIES[self.quality])

    @property
    def bass(self) -> int:
        return (self.root + QUALITIES[self.quality][self.inversion]) % OCTAVE

    @property
    def is_six_four(self) -> bool:
        return self.inversion == 2 and len(QUALITIES[self.quality]) == 3

    @property
    def has_seventh(self) -> bool:
        return len(QUALITIES[self.quality]) == 4

    @property
    def leading_note(self) -> int | None:
        """Semitones above the tonic of the note that rises to the goal."""
        if self.goal is None:
            return None
        return self.root if self.quality.startswith(("dim", "m7b5")) else (self.root + 4) % OCTAVE


_Row = tuple[int, str, Function, tuple[float | None, ...], int | None]
# Root, quality, function, cost in root position and in each inversion (None: not in use), goal.
# A tonic's third cost is that of the cadential six-four.
_MAJOR: tuple[_Row, ...] = (
    (0, "", "tonic", (0.1, 0.4, 1.2), None),
    (2, "m", "predominant", (0.6, 0.5), None),
    (2, "m7", "predominant", (0.8, 0.4, 2.0, 1.6), None),
    (4, "m", "substitute", (0.9, 1.6), None),
    (5, "", "predominant", (0.3, 0.6), None),
    (5, "maj7", "predominant", (1.8, 2.2), None),
    (7, "", "dominant", (0.2, 0.4), 0),
    (7, "7", "dominant", (0.4, 0.4, 1.0, 0.6), 0),
    (9, "m", "substitute", (0.0, 1.4), None),
    (9, "m7", "substitute", (1.3, 1.6), None),
    (11, "dim", "dominant", (None, 0.2), 0),
    (11, "m7b5", "dominant", (1.3, 1.3, 1.8, None), 0),
    (2, "", "applied", (0.9, 0.8), 7),
    (2, "7", "applied", (1.0, 0.8, 1.4, 1.0), 7),
    (6, "dim", "applied", (None, 1.0), 7),
    (6, "dim7", "applied", (1.5, 1.8, None, None), 7),
    (9, "", "applied", (1.2, 1.0), 2),
    (9, "7", "applied", (1.3, 1.0, 1.6, 1.4), 2),
    (1, "dim", "applied", (None, 1.3), 2),
    (4, "", "applied", (1.1, 0.9), 9),
    (4, "7", "applied", (1.2, 0.9, 1.6, 1.3), 9),
    (8, "dim", "applied", (None, 1.2), 9),
    (8, "dim7", "applied", (1.5, 1.8, None, None), 9),
    (0, "7", "applied", (1.2, 1.0, 1.6, 1.0), 5),
    (4, "dim", "applied", (None, 1.6), 5),
    (11, "", "applied", (2.0, 1.8), 4),
    (11, "7", "applied", (2.2, 1.9, None, None), 4),
)
_MINOR: tuple[_Row, ...] = (
    (0, "m", "tonic", (0.1, 0.4, 1.2), None),
    (0, "", "tonic", (2.0, None), None),
    (2, "dim", "predominant", (None, 0.5), None),
    (2, "m7b5", "predominant", (1.0, 0.4, 2.0, 1.6), None),
    (2, "m", "predominant", (2.2, 2.2), None),
    (3, "", "substitute", (0.3, 1.0), None),
    (5, "m", "predominant", (0.3, 0.5), None),
    (5, "m7", "predominant", (1.5, 1.6), None),
    (5, "", "predominant", (1.5, 1.2), None),
    (7, "", "dominant", (0.2, 0.4), 0),
    (7, "7", "dominant", (0.4, 0.4, 1.0, 0.6), 0),
    (7, "m", "substitute", (1.8, 1.2), None),
    (8, "", "substitute", (0.2, 1.3), None),
    (8, "maj7", "predominant", (1.4, 2.0), None),
    (10, "", "applied", (0.6, 0.6), 3),
    (10, "7", "applied", (1.1, 0.9, 1.5, 1.3), 3),
    (11, "dim", "dominant", (None, 0.2), 0),
    (11, "dim7", "dominant", (0.8, 1.0, 1.4, 1.6), 0),
    (0, "", "applied", (1.1, 0.9), 5),
    (0, "7", "applied", (1.2, 0.9, 1.6, 1.1), 5),
    (4, "dim", "applied", (None, 1.2), 5),
    (4, "dim7", "applied", (1.6, 1.8, None, None), 5),
    (2, "", "applied", (1.3, 1.1), 7),
    (2, "7", "applied", (1.4, 1.0, 1.8, 1.4), 7),
    (6, "dim7", "applied", (1.4, 1.8, None, None), 7),
    (3, "7", "applied", (1.6, 1.3, None, 1.5), 8),
    (5, "7", "applied", (1.5, 1.2, None, 1.4), 10),
    (1, "", "predominant", (None, 2.4), None),
)
_ROWS: dict[Mode, tuple[_Row, ...]] = {"major": _MAJOR, "minor": _MINOR}

# From one function to another. A dominant does not go back; a predominant may, in plagal turns.
FOLLOWS: dict[tuple[Function, Function], float] = {
    ("tonic", "tonic"): 0.3,
    ("tonic", "substitute"): 0.0,
    ("tonic", "predominant"): 0.0,
    ("tonic", "dominant"): 0.0,
    ("tonic", "applied"): 0.3,
    ("substitute", "tonic"): 0.5,
    ("substitute", "substitute"): 0.2,
    ("substitute", "predominant"): 0.0,
    ("substitute", "dominant"): 0.3,
    ("substitute", "applied"): 0.2,
    ("predominant", "tonic"): 0.7,
    ("predominant", "substitute"): 0.9,
    ("predominant", "predominant"): 0.3,
    ("predominant", "dominant"): 0.0,
    ("predominant", "applied"): 0.4,
    ("dominant", "tonic"): 0.0,
    ("dominant", "substitute"): 0.3,
    ("dominant", "predominant"): 2.0,
    ("dominant", "dominant"): 0.3,
    ("dominant", "applied"): 0.6,
}
# By semitones that the root rises: falling fifths and thirds lead on, a rising third stands still.
ROOT_MOTION = {0: 0.2, 1: 0.1, 2: 0.0, 3: 0.4, 4: 0.4, 5: -0.2, 6: 0.6, 7: 0.1, 8: 0.0, 9: 0.0, 10: 0.3, 11: 0.4}
UNRESOLVED = 3.0  # an applied chord that does not go to its goal
LOST_SEVENTH = 1.5  # a seventh chord and then its bare triad
AGAIN = 0.3  # the chord sounds on, in the same position
LOOSE_SIX_FOUR = 5.0  # a six-four that is no cadential one
CADENTIAL = 0.3  # what a cadential six-four gains where it goes on to the dominant


@cache
def chords_of(mode: Mode) -> tuple[FunctionalChord, ...]:
    """Every chord in every position that is in use."""
    return tuple(
        FunctionalChord(root, quality, inversion, function, cost, goal)
        for root, quality, function, costs, goal in _ROWS[mode]
        for inversion, cost in enumerate(costs)
        if cost is not None
    )


def following_cost(before: FunctionalChord, after: FunctionalChord) -> float:
    """How unusual it is that `after` follows `before` in the same key, the cost of either chord apart."""
    if (before.root, before.quality) == (after.root, after.quality) and before.goal == after.goal:
        return AGAIN if before.inversion == after.inversion else 0.2
    six_four = _six_four(before, after)
    rise = (after.root - before.root) % OCTAVE
    if before.is_six_four or after.is_six_four:
        return six_four
    if rise == 0 and before.function == after.function:
        return LOST_SEVENTH if before.has_seventh and not after.has_seventh else 0.0
    if before.function == "applied":
        return _after_applied(before, after)
    return FOLLOWS[before.function, after.function] + ROOT_MOTION[rise]


def _six_four(before: FunctionalChord, after: FunctionalChord) -> float:
    """The cadential six-four comes from anything but a dominant and goes to the dominant in root position."""
    if before.is_six_four:
        return -CADENTIAL if after.function == "dominant" and after.inversion == 0 and after.root == FIFTH_UP else LOOSE_SIX_FOUR
    return LOOSE_SIX_FOUR if before.function == "dominant" else FOLLOWS.get((before.function, "dominant"), 0.2)


def _after_applied(before: FunctionalChord, after: FunctionalChord) -> float:
    if after.root == before.goal:
        return 0.0
    if after.goal == before.goal and after.function == "applied":
        return 0.3 if after.has_seventh or not before.has_seventh else LOST_SEVENTH
    # A leading-note chord of the same goal, and deceptively, a step above where it was going.
    return 1.2 if before.goal is not None and (after.root - before.goal) % OCTAVE in (1, 2) and after.goal is None else UNRESOLVED


def transposed(chord: FunctionalChord, semitones: int) -> FunctionalChord:
    """With root and goal counted from another tonic: above C, give `key.tonic`."""
    goal = None if chord.goal is None else (chord.goal + semitones) % OCTAVE
    return replace(chord, root=(chord.root + semitones) % OCTAVE, goal=goal)
