"""Voice leading: where the voices move in parallel, cross, overlap, stand too far apart or leave their range.

A slice is a run of steps without any onset; a transition is a pair of consecutive slices in which some voice goes from one pitch to
another. Counting beats or steps instead of slices finds ten times too many parallels. A transition that leaves a fermata joins two phrases,
and is not inside one.
Shapes: V voices, N slices, P pairs of voices (SA ST SB AT AB TB for four voices).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from musicgen.music.chorale import REST, VOICE_LETTERS, BoolArray, Chorale

IntArray = NDArray[np.int64]
Rule = Literal["parallel fifths", "parallel octaves", "parallel unisons", "voice crossing", "voice overlap", "wide spacing", "out of range"]

# What text-books allow each voice; Bach leaves it in 0.3 % of his notes.
TEXTBOOK_RANGES = ((60, 79), (55, 74), (48, 67), (40, 62))
FIFTH, OCTAVE = 7, 12


@dataclass(frozen=True, slots=True)
class Event:
    """One breach of a rule: `voices` by index from the top, `step` where it is complete."""

    rule: Rule
    voices: tuple[int, ...]
    step: int

    def describe(self, chorale: Chorale) -> str:
        """`soprano and bass, bar 5 beat 2: parallel fifths`."""
        names = " and ".join(chorale.voice_name(voice) for voice in self.voices)
        return f"{names}, {chorale.place(self.step)}: {self.rule}"


@dataclass(frozen=True, eq=False)
class Slices:
    """start (N,) first step of each slice; pitch (V, N); full (N,) no voice rests; inside (N-1,) the transition stays within a phrase."""

    start: IntArray
    pitch: IntArray
    inside: BoolArray

    @property
    def full(self) -> BoolArray:
        return np.asarray((self.pitch != REST).all(axis=0))

    @property
    def sounding(self) -> BoolArray:
        """(V, N-1) True where the voice sounds on both sides."""
        return np.asarray((self.pitch[:, 1:] != REST) & (self.pitch[:, :-1] != REST))

    @property
    def motion(self) -> IntArray:
        """(V, N-1) semitones; 0 to, from and in rests."""
        return np.where(self.sounding, np.diff(self.pitch, axis=1), 0)

    @property
    def transition(self) -> BoolArray:
        """(N-1,) True where some voice moves."""
        return np.asarray((self.motion != 0).any(axis=0))


def slices(chorale: Chorale) -> Slices:
    """The slices of a chorale. A rest after a rest begins nothing."""
    resting = chorale.pitch == REST
    begins = chorale.onset.copy()
    begins[:, 1:] &= ~(resting[:, 1:] & resting[:, :-1])
    start = np.flatnonzero(begins.any(axis=0))
    leaves = chorale.fermata_sounding()[start[:-1]] & begins[0, start[1:]]
    return Slices(start, chorale.pitch[:, start].astype(np.int64), ~leaves)


def voice_pairs(voices: int) -> tuple[IntArray, IntArray]:
    """Upper and lower voice of every pair, each (P,)."""
    upper, lower = np.triu_indices(voices, 1)
    return upper, lower


def pair_name(upper: int, lower: int) -> str:
    """`SA`, `TB`."""
    return VOICE_LETTERS[upper] + VOICE_LETTERS[lower]


def parallel_moves(cut: Slices, interval: int, crossed_fourths: bool = False) -> BoolArray:
    """(P, N-1) True where both voices move the same way from `interval` (FIFTH or OCTAVE, compound or not) to the same one.

    `crossed_fourths` also counts fourths between crossed voices as fifths, as the published Bach figures do; no ear does.
    """
    upper, lower = voice_pairs(len(cut.pitch))
    distance = cut.pitch[upper] - cut.pitch[lower]
    found = np.abs(distance) % 12 == interval % 12
    if crossed_fourths:
        found |= distance % 12 == interval % 12
    way = np.sign(cut.motion)
    together = (way[upper] == way[lower]) & (way[upper] != 0)
    return np.asarray(found[:, 1:] & found[:, :-1] & together)


def crossed(cut: Slices) -> BoolArray:
    """(V-1, N) True where a voice sounds above its upper neighbour."""
    return np.asarray(_neighbours_sound(cut.pitch) & (cut.pitch[:-1] < cut.pitch[1:]))


def overlapping(cut: Slices) -> BoolArray:
    """(V-1, N-1) True where a voice passes the place its neighbour has just left, inside a phrase."""
    before, after = cut.pitch[:, :-1], cut.pitch[:, 1:]
    passed = (after[1:] > before[:-1]) | (after[:-1] < before[1:])
    return np.asarray(passed & cut.sounding[:-1] & cut.sounding[1:] & cut.transition & cut.inside)


def widely_spaced(cut: Slices) -> BoolArray:
    """(V-2, N) True where two of the upper voices stand more than an octave apart; tenor and bass may."""
    upper = cut.pitch[:-1]
    return np.asarray(_neighbours_sound(upper) & (upper[:-1] - upper[1:] > OCTAVE))


def _neighbours_sound(pitch: IntArray) -> BoolArray:
    return np.asarray((pitch[:-1] != REST) & (pitch[1:] != REST))


def out_of_range(chorale: Chorale, ranges: tuple[tuple[int, int], ...] = TEXTBOOK_RANGES) -> BoolArray:
    """(V, T) True at the onset of a note outside its voice's range."""
    lowest, highest = np.array(ranges).T[:, :, None]
    outside = (chorale.pitch < lowest) | (chorale.pitch > highest)
    return np.asarray(outside & chorale.onset & (chorale.pitch != REST))


# --- events, for a report


def find_parallels(chorale: Chorale, inside_phrases: bool = True) -> list[Event]:
    """Parallel fifths, octaves and unisons; `inside_phrases=False` adds those from one phrase to the next."""
    cut = slices(chorale)
    wanted = cut.inside if inside_phrases else np.ones_like(cut.inside)
    upper, lower = voice_pairs(chorale.voices)

    def events(interval: int) -> list[Event]:
        places = np.argwhere(parallel_moves(cut, interval) & wanted).tolist()
        return [_parallel(cut, interval, int(upper[pair]), int(lower[pair]), index + 1) for pair, index in places]

    return sorted(events(FIFTH) + events(OCTAVE), key=lambda event: (event.step, event.voices))


def _parallel(cut: Slices, interval: int, upper: int, lower: int, index: int) -> Event:
    unison = cut.pitch[upper, index] == cut.pitch[lower, index]
    rule: Rule = "parallel fifths" if interval == FIFTH else "parallel unisons" if unison else "parallel octaves"
    return Event(rule, (upper, lower), int(cut.start[index]))


def find_events(chorale: Chorale) -> list[Event]:
    """Every breach of every rule, in the order of the music."""
    cut = slices(chorale)
    found = find_parallels(chorale)
    neighbours: list[tuple[Rule, Callable[[Slices], BoolArray], int]] = [
        ("voice crossing", crossed, 0),
        ("voice overlap", overlapping, 1),
        ("wide spacing", widely_spaced, 0),
    ]
    for rule, finder, offset in neighbours:
        found += [Event(rule, (voice, voice + 1), int(cut.start[index + offset])) for voice, index in np.argwhere(finder(cut)).tolist()]
    if chorale.voices == len(TEXTBOOK_RANGES):
        found += [Event("out of range", (voice,), step) for voice, step in np.argwhere(out_of_range(chorale)).tolist()]
    return sorted(found, key=lambda event: (event.step, event.voices, event.rule))


# --- counts, for statistics


def counts(chorale: Chorale) -> dict[str, int]:
    """Numbers of four-voice events and of what they are counted against, as the Bach figures in `evaluation.style` were counted."""
    cut = slices(chorale)
    fifths, octaves = (parallel_moves(cut, interval, crossed_fourths=True) & cut.inside for interval in (FIFTH, OCTAVE))
    crossing, wide = crossed(cut), widely_spaced(cut)
    notes = chorale.onset & (chorale.pitch != REST)
    totals = {
        "slices": cut.full.size,
        "full slices": cut.full.sum(),
        "transitions": cut.transition.sum(),
        "transitions inside": (cut.transition & cut.inside).sum(),
        "parallel fifths": fifths.sum(),
        "parallel octaves": octaves.sum(),
        "pieces without parallels": not (fifths.any() or octaves.any()),
        "crossed slices": (crossing.any(axis=0) & cut.full).sum(),
        "overlaps": overlapping(cut).any(axis=0).sum(),
        "wide slices": (wide.any(axis=0) & cut.full).sum(),
        "notes": notes.sum(),
        "notes out of range": out_of_range(chorale).sum(),
        "pieces": 1,
    }
    totals |= {f"crossed slices {pair_name(voice, voice + 1)}": row.sum() for voice, row in enumerate(crossing)}
    totals |= {f"notes {VOICE_LETTERS[voice]}": row.sum() for voice, row in enumerate(notes)}
    return {name: int(value) for name, value in totals.items()}
