"""Harmony: the key of a piece and of each place in it, the chord of a vertical and of a beat, notes foreign to the chord.

Pitch classes are 0 to 11, C = 0. Shapes: V voices, T steps, B beats (quarters), 24 keys (12 major, then 12 minor, by tonic).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from musicgen.music.chorale import REST, STEPS_PER_QUARTER, BoolArray, Chorale
from musicgen.music.pitch import Key, Mode, spell

FloatArray = NDArray[np.float64]

# Share (%) of each scale degree in Bach's chorales, by semitones above the tonic; the training part of the corpus, 224 pieces.
PROFILES: dict[Mode, tuple[float, ...]] = {
    "major": (19.8, 0.7, 13.4, 0.2, 13.8, 8.2, 1.7, 21.0, 0.7, 10.9, 0.9, 8.7),
    "minor": (19.1, 0.4, 11.5, 13.5, 1.7, 10.9, 0.7, 20.5, 5.5, 2.2, 9.4, 4.4),
}
# A piece ends on its tonic: what that is worth beside a correlation of 1.
FINAL_BASS_WEIGHT = 0.2
# Local keys: what a beat gains by a correlation of 1, and loses by a change of key and by each fifth of its distance. So set,
# a key lasts about a phrase, and nine of ten authentic cadences end on the tonic of their key.
FIT_WEIGHT, CHANGE_COST, FIFTH_COST = 5.0, 1.0, 1.0
LOCAL_WINDOW = 1  # beats on each side

QUALITIES: dict[str, tuple[int, ...]] = {
    "": (0, 4, 7),
    "m": (0, 3, 7),
    "dim": (0, 3, 6),
    "aug": (0, 4, 8),
    "7": (0, 4, 7, 10),
    "m7": (0, 3, 7, 10),
    "maj7": (0, 4, 7, 11),
    "m7b5": (0, 3, 6, 10),
    "dim7": (0, 3, 6, 9),
}
# Verticals that are no such chord and yet have a name, and chords that choirs sing without their fifth.
SPARSE_QUALITIES: dict[str, tuple[int, ...]] = {"sus4": (0, 5, 7), "5": (0, 7)}
_WITHOUT_FIFTH = {"": (0, 4), "m": (0, 3), "7": (0, 4, 10), "m7": (0, 3, 10), "maj7": (0, 4, 11)}


@dataclass(frozen=True, slots=True)
class Chord:
    """Root and bass as pitch classes, and a quality of QUALITIES or SPARSE_QUALITIES. `Chord(7, "7", 11)` is G7/B."""

    root: int
    quality: str
    bass: int

    @property
    def intervals(self) -> tuple[int, ...]:
        return QUALITIES.get(self.quality) or SPARSE_QUALITIES[self.quality]

    @property
    def pitch_classes(self) -> frozenset[int]:
        return _pitch_classes(self.root, self.intervals)

    @property
    def inversion(self) -> int:
        """0 with the root in the bass, 1 with the third, 2 with the fifth, 3 with the seventh."""
        return self.intervals.index((self.bass - self.root) % 12)

    def name(self, key: Key | None = None) -> str:
        """`G7/B`; spelled for `key`, C major unless given."""
        root, bass = (str(spell(60 + pitch_class, key or Key())).rstrip("0123456789-") for pitch_class in (self.root, self.bass))
        return f"{root}{self.quality}" + (f"/{bass}" if self.bass != self.root else "")

    def __str__(self) -> str:
        return self.name()


@cache
def _pitch_classes(root: int, intervals: tuple[int, ...]) -> frozenset[int]:
    return frozenset((root + interval) % 12 for interval in intervals)


def chord_at(pitches: Iterable[int]) -> Chord | None:
    """The chord that these sounding pitches form, its fifth present or not; None for anything else.

    Symmetrical chords (aug, dim7) take the bass for their root.
    """
    sounding = [pitch for pitch in pitches if pitch != REST]
    if not sounding:
        return None
    bass = min(sounding) % 12
    classes = {pitch % 12 for pitch in sounding}
    roots = [bass, *sorted(classes - {bass})]
    for table in (QUALITIES, SPARSE_QUALITIES, _WITHOUT_FIFTH):
        for root in roots:
            intervals = tuple(sorted((pitch_class - root) % 12 for pitch_class in classes))
            for quality, wanted in table.items():
                if intervals == wanted:
                    return Chord(root, quality, bass)
    return None


# --- keys


def histogram(pitches: Iterable[int] | NDArray[np.int16]) -> FloatArray:
    """(12,) how many of these cells sound each pitch class; over a chorale's cells this weighs notes by duration."""
    cells = np.asarray(pitches).ravel()
    return np.bincount(cells[cells != REST] % 12, minlength=12).astype(np.float64)


@cache
def _key_profiles() -> FloatArray:
    """(24, 12) each key's profile, centred and of length 1, so that a product with a centred histogram is their correlation."""
    rows = np.array([np.roll(PROFILES[mode], tonic) for mode in ("major", "minor") for tonic in range(12)])
    rows -= rows.mean(axis=1, keepdims=True)
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True))


def key_correlations(histograms: FloatArray) -> FloatArray:
    """(..., 12) histograms -> (..., 24) correlations with the keys; 0 for silence."""
    centred = histograms - histograms.mean(axis=-1, keepdims=True)
    length = np.linalg.norm(centred, axis=-1, keepdims=True)
    return np.asarray(np.divide(centred, length, out=np.zeros_like(centred), where=length > 0) @ _key_profiles().T)


def find_key(music: Chorale | FloatArray) -> Key:
    """The key whose profile fits the sounding pitch classes best (Krumhansl and Schmuckler); a chorale's last bass note is evidence too.

    Takes a chorale, of which voices may rest or be empty, or a (12,) histogram. Silence is C major.
    """
    weights = histogram(music.pitch) if isinstance(music, Chorale) else np.asarray(music, dtype=np.float64)
    scores = key_correlations(weights)
    if isinstance(music, Chorale) and weights.any():
        last = int(np.flatnonzero((music.pitch != REST).any(axis=0))[-1])
        final = music.pitch[:, last]
        tonic = int(final[final != REST].min()) % 12
        scores[[tonic, tonic + 12]] += FINAL_BASS_WEIGHT
    return _key_of(int(scores.argmax()))


def _key_of(index: int) -> Key:
    return Key.of_tonic(index % 12, "minor" if index >= 12 else "major")


def local_keys(chorale: Chorale, known: Mapping[int, Key] | None = None) -> list[Key]:
    """The key at every step, T keys: the likeliest path (Viterbi) through the keys of a window that slides beat by beat.

    `known`: keys of beats, by index, which the path goes through.
    """
    if chorale.steps == 0:
        return []
    weights = _beat_weights(chorale)
    padded = np.pad(weights, ((LOCAL_WINDOW, LOCAL_WINDOW), (0, 0)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * LOCAL_WINDOW + 1, axis=0).sum(axis=-1)
    gains = FIT_WEIGHT * key_correlations(windows)
    for beat, key in (known or {}).items():
        gains[beat, np.arange(24) != key.tonic + 12 * (key.mode == "minor")] = -np.inf
    path = _best_path(gains, _change_costs())
    keys = [nearest_name(_key_of(index), chorale.key) for index in range(24)]
    return [keys[path[beat]] for beat in beats_of_steps(chorale)]


def nearest_name(key: Key, home: Key) -> Key:
    """The enharmonic name of `key` with the signature nearest to home's: Db major in Gb major, C# major in F# major."""
    names = [Key(fifths, key.mode) for fifths in (key.fifths - 12, key.fifths, key.fifths + 12) if abs(fifths) <= 7]
    return min(names, key=lambda name: abs(name.fifths - home.fifths))


def _change_costs() -> FloatArray:
    """(24, 24) cost in nats of going from one key to another, by the distance of their signatures round the circle of fifths."""
    fifths = np.array([_key_of(index).fifths for index in range(24)])
    distance = np.abs((fifths[:, None] - fifths[None, :] + 6) % 12 - 6)
    return np.where(np.eye(24, dtype=bool), 0.0, CHANGE_COST + FIFTH_COST * distance)


def _best_path(gains: FloatArray, costs: FloatArray) -> list[int]:
    """gains (B, 24), costs (24, 24) -> the state of each beat on the path of the highest total."""
    total = gains[0]
    came_from = np.zeros(gains.shape, dtype=np.int64)
    for beat in range(1, len(gains)):
        reached = total[:, None] - costs
        came_from[beat] = reached.argmax(axis=0)
        total = reached.max(axis=0) + gains[beat]
    path = [int(total.argmax())]
    for beat in range(len(gains) - 1, 0, -1):
        path.append(int(came_from[beat, path[-1]]))
    return path[::-1]


# --- chords of beats


def beats_of_steps(chorale: Chorale) -> NDArray[np.int64]:
    """(T,) index of the quarter each step lies in; a pick-up of half a quarter is a beat of its own."""
    lead = -chorale.pickup % STEPS_PER_QUARTER
    return (np.arange(chorale.steps) + lead) // STEPS_PER_QUARTER


def _classes(chorale: Chorale) -> BoolArray:
    """(V, T, 12) True where the voice sounds the pitch class."""
    return np.asarray((chorale.pitch[..., None] % 12 == np.arange(12)) & (chorale.pitch[..., None] != REST))


def _beat_weights(chorale: Chorale) -> FloatArray:
    """(B, 12) how many cells of each beat sound each pitch class."""
    beats = beats_of_steps(chorale)
    weights = np.zeros((int(beats[-1]) + 1, 12))
    np.add.at(weights, beats, _classes(chorale).sum(axis=0).astype(np.float64))
    return weights


@cache
def _chord_tables() -> tuple[list[tuple[int, str]], FloatArray]:
    """Root and quality of every chord, and (108, 12) its members."""
    chords = [(root, quality) for quality in QUALITIES for root in range(12)]
    members = np.zeros((len(chords), 12))
    for row, (root, quality) in enumerate(chords):
        members[row, [(root + interval) % 12 for interval in QUALITIES[quality]]] = 1.0
    return chords, members


def beat_chords(chorale: Chorale) -> list[Chord | None]:
    """The chord that covers most of each quarter, B long; None in silence.

    What sounds on the beat counts half again as much; a root in the bass and a plain triad are preferred; absent chord tones cost.
    The weights are set so that the shares of chords and of foreign notes come out as in the published figures of Bach's chorales.
    """
    if chorale.steps == 0:
        return []
    beats = beats_of_steps(chorale)
    first = np.searchsorted(beats, np.arange(beats[-1] + 1))
    weights = _beat_weights(chorale)
    chords, members = _chord_tables()
    bass = np.where(chorale.pitch[-1, first] == REST, REST, chorale.pitch[-1, first] % 12)
    score = (weights + 0.5 * _classes(chorale)[:, first].sum(axis=0)) @ members.T
    score -= 4.0 * (weights == 0) @ members.T
    score -= members.sum(axis=1) > 3
    score += 1.25 * (bass[:, None] == np.array([root for root, _ in chords]))
    best = [chords[index] for index in score.argmax(axis=1)]
    fits = [_chord_over(root, quality, int(low)) for (root, quality), low in zip(best, bass, strict=True)]
    return [chord if total else None for chord, total in zip(fits, weights.sum(axis=1), strict=True)]


def _chord_over(root: int, quality: str, bass: int) -> Chord:
    """A foreign bass note, or none, leaves the chord in root position."""
    chord = Chord(root, quality, bass)
    return chord if bass in chord.pitch_classes else Chord(root, quality, root)


def non_chord_tones(chorale: Chorale) -> BoolArray:
    """(V, T) True at the onset of a note that is foreign to the chord of its beat."""
    if chorale.steps == 0:
        return np.zeros_like(chorale.onset)
    members = [frozenset(range(12)) if chord is None else chord.pitch_classes for chord in beat_chords(chorale)]
    table = np.array([[note in classes for note in range(12)] for classes in members])
    belongs = table[beats_of_steps(chorale)[None, :], chorale.pitch % 12]
    return np.asarray(chorale.onset & (chorale.pitch != REST) & ~belongs)
