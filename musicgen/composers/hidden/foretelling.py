"""Foretelling: what the likelihood counts beside the tables of `tables`, and the probabilities of that, for one mode.

Each voice in turn has a way (active or not, held or struck), a note of the skeleton, and a figure around it, given the chord, what has
sounded, and the voices decided before it; or, seldom, cells spelled one by one. Each of these sums to one, so that whole pieces do.
Shapes as in `symbols` and `observed`; K told places, N figures.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from musicgen.composers.hidden.observed import (
    ALL_ACTIVE,
    ALL_STRUCK,
    DECIDED,
    NOTHING,
    ORDER,
    START,
    TOLD,
    WAYS,
    Observed,
    decided_before,
)
from musicgen.composers.hidden.reading import AROUND, NOWHERE, PAIRS, REACH, Read, clipped, dense, moved, near, tally
from musicgen.composers.hidden.symbols import LOWEST, PITCHES, SILENT, IntArray, Labels, skeletons
from musicgen.composers.hidden.voices import Leading
from musicgen.models.hmm import FloatArray, backed_off
from musicgen.music.chorale import VOICES, BoolArray

OWN = ("told", "notes")
SHARED = ("joins", "leaps", "ways")
FITTING = 2


@dataclass(frozen=True)
class Weights:
    """How much each opinion of a note counts beside how often the chord has it: how far the voice goes, how its intervals to the others
    go on, whether the voice is so high; and of a figure's other notes, whether they are of the mode. Then, as `Smoothing` has them, the
    strengths of the chain, the notes, the joins, the ways and the figures. Chosen on the valid split."""

    leap: float = 1.0
    join: float = 0.6
    compass: float = 0.15
    scale: float = 0.5
    told: float = 12.0
    sung: float = 8.0
    joined: float = 5.0
    ways: float = 60.0
    figured: float = 20.0
    seldom: float = 0.009
    """of a voice in a beat: how often its cells are spelled, as no known figure has them"""
    resting: float = 0.6
    """the same while it rests"""


# --- counts


def own_counts(pieces: Sequence[tuple[Read, Observed]], labels: Labels) -> dict[str, IntArray]:
    return {
        "told": tally(_told_rows(read, seen, len(labels)) for read, seen in pieces),
        "notes": tally(_note_rows(read) for read, _ in pieces),
    }


def shared_counts(pieces: Sequence[tuple[Read, Observed, Labels]]) -> dict[str, IntArray]:
    return {
        "joins": tally(_join_rows(read, seen) for read, seen, _ in pieces),
        "leaps": tally(_leap_rows(read, seen) for read, seen, _ in pieces),
        "ways": tally(_way_rows(read, seen, labels) for read, seen, labels in pieces),
    }


def _told_rows(read: Read, seen: Observed, labels: int) -> IntArray:
    """(B, 3) place, label before, label."""
    return np.stack([seen.places, np.append(labels, read.labels[:-1]), read.labels], axis=1)


def _note_rows(read: Read) -> IntArray:
    """(V * B, 3) voice, label, note."""
    voices, labels = np.broadcast_arrays(np.arange(len(VOICES))[:, None], read.labels)
    return np.stack([voices, labels, read.skeleton], axis=-1)[~read.silent.all(axis=2)]


def _begins(seen: Observed) -> BoolArray:
    """(V, B) True where a voice goes from a note to another, or strikes it again."""
    return np.asarray(seen.struck[..., 0] & ~seen.silent[..., 0] & (seen.last != NOTHING))


def _leap_rows(read: Read, seen: Observed) -> IntArray:
    """(., 3) 1, voice, motion: as `reading.motion_rows` has them."""
    voices = np.broadcast_to(np.arange(len(VOICES))[:, None], read.skeleton.shape)
    return np.stack([np.ones_like(voices), voices, moved(read.skeleton - seen.last)], axis=-1)[_begins(seen)]


def _join_rows(read: Read, seen: Observed) -> IntArray:
    """(., 4) as `reading.pair_rows`, from what sounded last to the skeleton."""
    rows, begins = [], _begins(seen)
    for pair, (upper, lower) in enumerate(PAIRS):
        was = clipped(seen.last[upper] - seen.last[lower])
        becomes = clipped(read.skeleton[upper] - read.skeleton[lower])
        row = np.stack([np.full_like(was, pair), moved(read.skeleton[upper] - seen.last[upper]), was, becomes], axis=1)
        both = (seen.last[[upper, lower]] != NOTHING).all(axis=0)
        rows.append(row[both & (begins[upper] | begins[lower])])
    return np.concatenate(rows)


def _way_rows(read: Read, seen: Observed, labels: Labels) -> IntArray:
    """(V * B, 6) voice, whether what it sounded fits the chord, place, way before, ways decided, way."""
    rows = []
    before = np.concatenate([np.full((len(VOICES), 1), START), seen.ways[:, :-1]], axis=1)
    for turn, voice in enumerate(ORDER):
        fits = fitting(labels, voice)[read.labels, seen.last[voice]]
        columns = (np.full_like(fits, voice), fits, seen.places, before[voice], decided_before(seen.ways, turn), seen.ways[voice])
        rows.append(np.stack(columns, axis=1))
    return np.concatenate(rows)


def fitting(labels: Labels, voice: int) -> IntArray:
    """(F, P + 1) 1 where a pitch belongs to a label, as the bass where the voice is that; NOTHING never does."""
    classes = (np.arange(PITCHES) + LOWEST) % 12
    fits = classes == labels.bass[:, None] if voice == len(VOICES) - 1 else labels.members[:, classes]
    return np.pad(fits.astype(np.int64), ((0, 0), (0, 1)))


# --- probabilities


@dataclass(frozen=True)
class Figures:
    """away, struck (N, 4); way (N,); log_p (V, AROUND, N) given the way; scale (12, N) what the mode says, by the note's class."""

    away: IntArray
    struck: IntArray
    way: IntArray
    log_p: FloatArray
    scale: FloatArray
    kept: dict[tuple[int, int], tuple[FloatArray, BoolArray]] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, rows: IntArray, around: IntArray, shares: FloatArray, strength: float) -> Figures:
        """rows (., 8) and around as `learning` counts them; shares (12,) log p of a class in the mode."""
        sounding = np.flatnonzero((rows[:, :4] != SILENT).all(axis=1))
        away, struck = rows[sounding, :4], rows[sounding, 4:]
        seen = dense(around, (len(VOICES), 2, AROUND, AROUND, len(rows)))[..., sounding].sum(axis=(1, 3))
        active = (away[:, 1:] != away[:, :-1]).any(axis=1) | struck[:, 1:].any(axis=1)
        way = ALL_ACTIVE * active + ALL_STRUCK * struck[:, 0]
        table = np.zeros(seen.shape)
        for each in range(WAYS):
            own = np.flatnonzero(way == each)
            if len(own):
                usual = backed_off(seen[..., own].sum(axis=(0, 1)), np.full(len(own), 1 / len(own)), 1.0)
                voiced = backed_off(seen[..., own].sum(axis=1), usual, strength)
                table[..., own] = backed_off(seen[..., own], voiced[:, None], strength)
        possible = _possible(away, struck)
        classes = np.arange(12)[:, None, None] + away  # (12, N, 4)
        repeated = np.stack([(away[:, :cell] == away[:, cell : cell + 1]).any(axis=1) for cell in range(4)], axis=1) | (away == 0)
        with np.errstate(divide="ignore"):
            return cls(away, struck, way, np.log(table * possible), np.where(repeated, 0.0, shares[classes % 12]).sum(axis=-1))

    def after(self, voice: int, last: int, weight: float) -> tuple[FloatArray, BoolArray]:
        """(P, N) the probability of each figure around each note, given its way and what sounded last; (P, WAYS) whether there is any."""
        if (voice, last) not in self.kept:
            notes = np.arange(PITCHES)
            before = np.full(PITCHES, NOWHERE) if last == NOTHING else near(last - notes)
            table = np.exp(self.log_p[voice, before] + weight * self.scale[(notes + LOWEST) % 12])
            of_way = (self.way[:, None] == np.arange(WAYS)).astype(np.float64)
            sums = table @ of_way
            self.kept[voice, last] = table / np.maximum(sums, 1e-300)[:, self.way], sums > 0
        return self.kept[voice, last]


def _possible(away: IntArray, struck: IntArray) -> BoolArray:
    """(AROUND, N) a note is held only from itself, and only where it can be seen."""
    before = np.arange(AROUND)[:, None] - REACH
    seen = (np.abs(before) < REACH) & (np.arange(AROUND)[:, None] != NOWHERE)
    return np.asarray(struck[:, 0].astype(bool) | (seen & (before == away[:, 0])))


@dataclass(frozen=True)
class Foretelling:
    """Of one mode: chain (K, F + 1, F), notes (V, F, P) and compass (V, 128) as log probabilities; leading: motions to the skeleton;
    ways (V, 2, K, WAYS + 1, DECIDED, WAYS) as probabilities."""

    labels: Labels
    chain: FloatArray
    notes: FloatArray
    leading: Leading
    ways: FloatArray
    figures: Figures
    compass: FloatArray
    weights: Weights

    @cached_property
    def fits(self) -> IntArray:
        """(V, F, P + 1) as `fitting`."""
        return np.stack([fitting(self.labels, voice) for voice in range(len(VOICES))])

    def skeletons(self, seen: Observed) -> IntArray:
        """(V, B, F) the note of each beat that belongs to each label."""
        return skeletons(seen.window, self.labels.members)


def note_table(counts: IntArray, labels: Labels, strength: float) -> FloatArray:
    """(V, F, P) log p of a voice's note, given the label; backed off to the label's notes where the voice sings."""
    seen = dense(counts, (len(VOICES), len(labels), PITCHES)).astype(np.float64)
    sung = backed_off(seen.sum(axis=1), np.full(PITCHES, 1 / PITCHES), 5.0)  # (V, P)
    members = fitting(labels, 0)[:, :-1]
    own = np.where(members, 1.0, 0.02)
    bass = np.where(fitting(labels, len(VOICES) - 1)[:, :-1], 1.0, 0.02 * own)
    likely = np.stack([own, own, own, bass]) * sung[:, None]
    return np.log(backed_off(seen, likely / likely.sum(axis=-1, keepdims=True), strength))


def way_table(counts: IntArray, strength: float) -> FloatArray:
    """(V, 2, K, WAYS + 1, DECIDED, WAYS) backed off to what place and way before say, and what the voices decided say, together."""
    seen = dense(counts, (len(VOICES), FITTING, TOLD, WAYS + 1, DECIDED, WAYS)).astype(np.float64)
    anyhow = backed_off(seen.sum(axis=(2, 3, 4)), np.full(WAYS, 1 / WAYS), 1.0)  # (V, 2, WAYS)
    placed = backed_off(seen.sum(axis=4), anyhow[:, :, None, None], strength)
    beside = backed_off(seen.sum(axis=(2, 3)), anyhow[:, :, None], strength)
    both = placed[:, :, :, :, None] * beside[:, :, None, None] / anyhow[:, :, None, None, None]
    return backed_off(seen, both / both.sum(axis=-1, keepdims=True), strength)
