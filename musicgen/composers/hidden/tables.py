"""Tables: counts to log probabilities, backed off to what is known where little is seen. Each mode has its own; voice leading is shared.

Shapes: F labels, P pitches, K places, M voicings of a label under a note, N the same before; N patterns.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from musicgen.composers.hidden.reading import AROUND, DEEPEST, INTERVALS, MOTIONS, NOWHERE, REACH, clipped, dense, moved
from musicgen.composers.hidden.symbols import LOWEST, PITCHES, PLACES, QUALITY_NAMES, IntArray, Labels
from musicgen.composers.hidden.voices import FEW, PEAK, Leading
from musicgen.models.hmm import FloatArray, backed_off, log_sum
from musicgen.music.chorale import VOICES
from musicgen.music.harmony import QUALITIES

Counts = Mapping[str, IntArray]
STATES = 2 ** len(VOICES)  # which voices are active
_COMPASS = ((0, PITCHES), (18, 54), (13, 49), (2, 44))  # of a voicing's pitches, from LOWEST
_SPREAD = ((-3, 19), (-5, 19), (-4, 28))  # semitones between neighbours in a voicing


@dataclass(frozen=True)
class Smoothing:
    """How many further events each table shares out as its back-off has it, and how much each expert of the voicing counts.

    chain, tune, shape, leading, pattern, activity: strengths; likeness, motion, bond: weights of a voicing's shape, of how far
    its voices go and of how they go together; foreign: probability of a voicing that the label does not explain.
    """

    chain: float = 64.0
    tune: float = 8.0
    shape: float = 8.0
    leading: float = 16.0
    pattern: float = 4.0
    activity: float = 4.0
    likeness: float = 0.45
    motion: float = 0.65
    bond: float = 0.8
    outer: float = 0.5
    register: float = 0.3
    foreign: float = 0.03


@dataclass(frozen=True)
class Patterns:
    """away (N, 4) semitones from the skeleton; struck (N, 4); log_p (V, 2, AROUND, AROUND, N): given voice, activity, before, after."""

    away: IntArray
    struck: IntArray
    log_p: FloatArray

    @classmethod
    def of(cls, rows: IntArray, seen: IntArray, strength: float) -> Patterns:
        away, struck = rows[:, :4], rows[:, 4:]
        number = len(rows)
        counts = dense(seen, (len(VOICES), 2, AROUND, AROUND, number))
        prior = backed_off(counts.sum(axis=(0, 2, 3)), np.full(number, 1 / number), 1.0)  # (2, N)
        prior = backed_off(counts.sum(axis=(2, 3)), prior, strength)  # (V, 2, N)
        after = backed_off(counts.sum(axis=2), prior[:, :, None], strength)  # (V, 2, AROUND, N)
        whole = backed_off(counts, after[:, :, None], strength)
        whole = whole * cls._possible(away, struck)[None, None, :, None]
        whole = whole / np.maximum(whole.sum(axis=-1, keepdims=True), 1e-300)
        with np.errstate(divide="ignore"):
            return cls(away, struck, np.log(whole))

    @staticmethod
    def _possible(away: IntArray, struck: IntArray) -> IntArray:
        """(AROUND, N) a note is held only from itself, and only within one's sight."""
        before = np.arange(AROUND)[:, None] - REACH
        inside = (np.abs(before) < REACH) & (np.arange(AROUND)[:, None] != NOWHERE)
        return np.asarray(struck[:, 0].astype(bool) | (inside & (before == away[:, 0])))


@dataclass(frozen=True)
class Voicings:
    """Under one label and note of the top voice: notes (M, V), and the log probability of their shape (M,)."""

    notes: IntArray
    shape: FloatArray


@dataclass(frozen=True)
class Tables:
    """All of one mode: chain (K, F + 1, F), tune (F, P, P), first (F, P), activity (K, 16, 16), as log probabilities."""

    labels: Labels
    chain: FloatArray
    tune: FloatArray
    first: FloatArray
    activity: FloatArray
    shapes: IntArray
    spread: tuple[FloatArray, ...]
    doubling: FloatArray
    leading: Leading
    patterns: Patterns
    slices: Leading
    compass: FloatArray
    smoothing: Smoothing
    kept: dict[tuple[int, int], Voicings] = field(default_factory=dict, repr=False)
    going: dict[int, FloatArray] = field(default_factory=dict, repr=False)

    @classmethod
    def of(
        cls,
        labels: Labels,
        counts: Counts,
        leading: Leading,
        slices: Leading,
        patterns: Patterns,
        compass: FloatArray,
        smoothing: Smoothing,
    ) -> Tables:
        shapes = counts["shapes"]
        spread = tuple(_spread(shapes, neighbours) for neighbours in range(3))
        return cls(
            labels,
            chain_table(counts["chain"], PLACES, len(labels), smoothing.chain),
            *_tune(counts["tune"], labels, smoothing.tune),
            _activity(counts["activity"], smoothing.activity),
            shapes,
            spread,
            _doubling(shapes, labels),
            leading,
            patterns,
            slices,
            compass,
            smoothing,
        )

    # --- the tune

    def tune_after(self, note: int) -> FloatArray:
        """(12, F, P) log p of the top voice's next note, given the next label, by how far above the bass (an interval's class) it stood."""
        if note not in self.going:
            notes = np.arange(PITCHES)
            ahead = (notes + LOWEST - self.labels.bass[:, None]) % 12  # (F, P)
            bond = self.leading.outer[moved(notes - note), :, ahead]  # (F, P, 12)
            score = self.tune[:, note] + self.smoothing.outer * np.moveaxis(bond, -1, 0)
            self.going[note] = np.asarray(score - log_sum(score, axis=2)[..., None])
        return self.going[note]

    def above_bass(self, labels: IntArray, notes: IntArray) -> IntArray:
        """The class of the interval between the top voice and the label's bass."""
        return np.asarray((notes + LOWEST - self.labels.bass[labels]) % 12)

    # --- voicings

    def voicings(self, label: int, note: int) -> Voicings:
        """All that the label allows below a note of the top voice."""
        if (label, note) not in self.kept:
            notes = self._notes(label, note)
            self.kept[label, note] = Voicings(notes, self.shape_scores(label, notes, notes))
        return self.kept[label, note]

    def _notes(self, label: int, note: int) -> IntArray:
        classes = (np.arange(PITCHES) + LOWEST) % 12
        own = self.labels.members[label][classes]
        basses = classes == self.labels.bass[label]
        ranges = [np.flatnonzero(own if voice < 3 else basses) for voice in range(1, 4)]
        ranges = [each[(each >= low) & (each < high)] for each, (low, high) in zip(ranges, _COMPASS[1:], strict=True)]
        return below(note, ranges)

    def shape_scores(self, label: int, notes: IntArray, among: IntArray) -> FloatArray:
        """(M,) log p of the shapes of voicings `notes`, where those of `among` sum to one."""
        if len(among) == 0:
            return np.full(len(notes), -10.0)
        prior = self._prior(label, notes) - log_sum(self._prior(label, among))
        numbers = self._seen(label, notes)
        total = self._seen(label, among).sum()
        strength = self.smoothing.shape
        return np.asarray(np.log((numbers + strength * np.exp(prior)) / (total + strength)))

    def _prior(self, label: int, notes: IntArray) -> FloatArray:
        """(M,) what the distances between neighbours and the doublings alone say."""
        total = self.doubling[label_kind(self.labels, label), degrees(self.labels, label, notes)]
        for upper, spread in enumerate(self.spread):
            total = total + spread[clipped(notes[:, upper] - notes[:, upper + 1])]
        return np.asarray(total)

    def _seen(self, label: int, notes: IntArray) -> IntArray:
        """(M,) how often the label has had this shape."""
        keys, numbers = self._by_label[label]
        wanted = shape_key(clipped(notes[:, :1] - notes[:, 1:]))
        at = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
        return np.where(keys[at] == wanted, numbers[at], 0) if len(keys) else np.zeros(len(notes), dtype=np.int64)

    @cached_property
    def _by_label(self) -> list[tuple[IntArray, IntArray]]:
        found = []
        for label in range(len(self.labels)):
            rows = self.shapes[self.shapes[:, 0] == label]
            keys = shape_key(rows[:, 1:4])
            order = np.argsort(keys)
            found.append((keys[order], rows[order, 4]))
        return found

    def moves(self, before: IntArray, after: IntArray, shape: FloatArray, changes: bool) -> FloatArray:
        """(N, M) unnormalized log weights of going from one voicing to another: experts' opinions, weighed."""
        weights = self.smoothing
        motions, bonds = self.leading.scores(before, after, changes)
        return np.asarray(weights.likeness * shape + weights.motion * motions + weights.bond * bonds)


def below(note: int, ranges: list[IntArray], anyhow: bool = False) -> IntArray:
    """(M, V) voicings of a note and one of each range; unless `anyhow`, those that lie as voices do."""
    grid = np.stack(np.meshgrid(*ranges, indexing="ij"), axis=-1).reshape(-1, 3)
    notes = np.concatenate([np.full((len(grid), 1), note), grid], axis=1)
    if anyhow:
        return notes
    gaps = notes[:, :-1] - notes[:, 1:]
    low, high = np.array(_SPREAD).T
    return np.asarray(notes[((gaps >= low) & (gaps <= high)).all(axis=1)])


def shape_key(intervals: IntArray) -> IntArray:
    """Three ids as one."""
    return np.asarray((intervals[:, 0] * INTERVALS + intervals[:, 1]) * INTERVALS + intervals[:, 2])


def label_kind(labels: Labels, label: int) -> int:
    """Quality and inversion as one id, below 9 * 4."""
    root, quality, bass = labels.codes[label].tolist()
    return int(quality) * 4 + QUALITIES[QUALITY_NAMES[quality]].index((bass - root) % 12)


def degrees(labels: Labels, label: int, notes: IntArray) -> IntArray:
    """(M,) how many voices have the root, the third, the fifth, the seventh, as one id below 5^4."""
    root, quality, _ = labels.codes[label].tolist()
    above = (notes + LOWEST - root) % 12
    total: IntArray = np.zeros(len(notes), dtype=np.int64)
    for place, interval in enumerate(QUALITIES[QUALITY_NAMES[quality]]):
        total += 5**place * (above == interval).sum(axis=1)
    return total


# --- counts to probabilities


def compass_of(counts: IntArray) -> FloatArray:
    """(V, 128) how often each voice sings each pitch, beside its most usual one."""
    seen = dense(counts, (len(VOICES), 128)).astype(np.float64)
    near = np.array([np.convolve(row, [0.25, 0.5, 0.25], mode="same") for row in seen]) + FEW
    return np.asarray(np.log(near / near.max(axis=1, keepdims=True)))


def chain_table(counts: IntArray, places: int, labels: int, strength: float) -> FloatArray:
    """(K, F + 1, F) log p, given place and label before; backed off to the label before alone and the place alone."""
    seen = dense(counts, (places, labels + 1, labels)).astype(np.float64)
    anywhere = backed_off(seen.sum(axis=(0, 1)), np.full(labels, 1 / labels), 1.0)
    placed = backed_off(seen.sum(axis=1), anywhere, strength)  # (K, F)
    after = backed_off(seen.sum(axis=0), anywhere, strength)  # (F + 1, F)
    tilted = after[None] * placed[:, None] / anywhere
    return np.log(backed_off(seen, tilted / tilted.sum(axis=-1, keepdims=True), strength))


def _tune(counts: IntArray, labels: Labels, strength: float) -> tuple[FloatArray, FloatArray]:
    """Given the label, and the note before; backed off to the label's notes that such a motion reaches."""
    seen = dense(counts, (len(labels), PITCHES + 1, PITCHES)).astype(np.float64)
    notes = backed_off(seen.sum(axis=(0, 1)), np.full(PITCHES, 1 / PITCHES), 5.0)
    own = labels.members[:, (np.arange(PITCHES) + LOWEST) % 12]
    likely = np.where(own, 1.0, 0.02) * notes
    alone = backed_off(seen.sum(axis=1), likely / likely.sum(axis=1, keepdims=True), strength)  # (F, P)
    before, after = np.arange(PITCHES)[:, None], np.arange(PITCHES)
    steps = seen.sum(axis=0)[:PITCHES]
    motions = np.bincount(moved(after - before).ravel(), weights=steps.ravel(), minlength=MOTIONS)
    motion = backed_off(motions, PEAK, 10.0)[moved(after - before)]  # (P, P)
    reached = alone[:, None] * motion[None]
    reached /= reached.sum(axis=-1, keepdims=True)
    return np.log(backed_off(seen[:, :PITCHES], reached, strength)), np.log(backed_off(seen[:, PITCHES], alone, strength))


def _activity(counts: IntArray, strength: float) -> FloatArray:
    seen = dense(counts, (PLACES, STATES, STATES)).astype(np.float64)
    placed = backed_off(seen.sum(axis=1), np.full(STATES, 1 / STATES), strength)
    return np.log(backed_off(seen, placed[:, None], strength))


def _spread(shapes: IntArray, upper: int) -> FloatArray:
    """(INTERVALS,) of a voice and its lower neighbour."""
    below_top = np.concatenate([np.full((len(shapes), 1), DEEPEST), shapes[:, 1:4]], axis=1)
    gaps = clipped(below_top[:, upper + 1] - below_top[:, upper])
    seen = np.bincount(gaps, weights=shapes[:, 4], minlength=INTERVALS)
    return np.log(backed_off(seen, np.full(INTERVALS, 1 / INTERVALS), 2.0))


def _doubling(shapes: IntArray, labels: Labels) -> FloatArray:
    """(36, 625) of a quality in an inversion."""
    seen = np.zeros((4 * len(QUALITY_NAMES), 5**4))
    for label in range(len(labels)):
        rows = shapes[shapes[:, 0] == label]
        notes = np.concatenate([np.zeros((len(rows), 1), dtype=np.int64), -(rows[:, 1:4] - DEEPEST)], axis=1)
        top = (labels.bass[label] - notes[:, 3] - LOWEST) % 12
        np.add.at(seen[label_kind(labels, label)], degrees(labels, label, notes + top[:, None]), rows[:, 4])
    anyhow = seen.sum(axis=0) + 0.1
    return np.log(backed_off(seen, anyhow / anyhow.sum(), 2.0))
