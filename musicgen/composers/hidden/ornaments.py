"""Ornaments: what the voices do between the notes of the skeleton, by a hidden chain over who is active, and patterns drawn voice by voice.

The second HMM of Allan and Williams, a pattern of four sixteenths a voice. A pattern is weighed by how likely it is
between the skeleton's notes, and by how the intervals to the other voices go on at every slice; those not yet drawn are as without.
Shapes as in `symbols`; N patterns.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from musicgen.composers.hidden.evidence import Evidence
from musicgen.composers.hidden.harmony import MISSED, find_path
from musicgen.composers.hidden.reading import NOWHERE, PAIRS, clipped, moved, near
from musicgen.composers.hidden.symbols import CELLS, LOWEST, PITCHES, SILENT, IntArray, is_active, shift_of
from musicgen.composers.hidden.tables import STATES, Patterns, Tables
from musicgen.composers.hidden.voices import Leading
from musicgen.models.hmm import Chain, FloatArray, draw
from musicgen.music.chorale import VOICES, BoolArray
from musicgen.music.sketch import Sketch

DRAWN_IN_ORDER = (3, 0, 2, 1)  # the bass first, the alto last
# Weights of the intervals to other voices, beside that of a pattern of its own: of those that are likelier than if each went alone, and of
# those that are not, parallels above all. More for both makes ornaments too many; chosen by style on 20 sopranos of valid.
TOGETHER, AGAINST = 2.0, 6.0
_VOICES = range(len(VOICES))


@dataclass(frozen=True)
class Bounds:
    """What a sketch lets the cells of each beat do: sounds (V, B, 4, P), strikes and holds (V, B, 4)."""

    sounds: BoolArray
    strikes: BoolArray
    holds: BoolArray

    @classmethod
    def of(cls, sketch: Sketch, allowed: BoolArray, evidence: Evidence) -> Bounds:
        lowest = LOWEST + shift_of(sketch.given.key)
        given = np.arange(128) == sketch.given.pitch[..., None]
        sounds = np.where(sketch.free[..., None], allowed, given)[..., lowest : lowest + PITCHES]
        strikes = np.where(sketch.free, ~sketch.must_hold(), sketch.given.onset)
        holds = np.where(sketch.free, ~sketch.must_begin(), ~sketch.given.onset)
        chosen = np.minimum(evidence.grid.spans[:, :1] + np.arange(CELLS), evidence.grid.spans[:, 1:] - 1)
        return cls(sounds[:, chosen], strikes[:, chosen], holds[:, chosen])

    def keep(self, patterns: Patterns, skeleton: int, voice: int, beat: int, length: int) -> BoolArray:
        """(N,) the patterns that keep them."""
        pitches = skeleton + patterns.away[:, :length]
        inside = (pitches >= 0) & (pitches < PITCHES)
        sounds = self.sounds[voice, beat][np.arange(length), np.clip(pitches, 0, PITCHES - 1)] & inside
        struck = patterns.struck[:, :length].astype(bool)
        in_rhythm = np.where(struck, self.strikes[voice, beat, :length], self.holds[voice, beat, :length])
        return np.asarray((sounds & in_rhythm).all(axis=1))


def active_voices(
    tables: Tables, evidence: Evidence, struck: BoolArray, bounds: Bounds, temperature: float, rng: np.random.Generator
) -> IntArray:
    """(B,) who is active in each beat, as `Read.active` has it; of certain voices what they are."""
    known = is_active(evidence.given, struck)
    bits = np.arange(STATES)[:, None] >> np.arange(len(VOICES)) & 1  # (16, V)
    may_move: BoolArray = np.asarray(bounds.strikes[..., 1:].any(axis=2))
    lengths = evidence.grid.lengths
    fits = np.zeros((len(evidence.grid), STATES))
    for voice in _VOICES:
        wrong = bits[:, voice] != known[voice][:, None]
        too_much = bits[:, voice].astype(bool) & ~(may_move[voice] & (lengths > 1))[:, None]
        fits += np.where(evidence.certain[voice][:, None], wrong, too_much) * MISSED
    places = evidence.grid.places
    moves = [tables.activity[places[beat]] + fits[beat] for beat in range(1, len(places))]
    return np.array(find_path(Chain(tables.activity[places[0], 0] + fits[0], moves), temperature, rng))


def ornament(
    tables: Tables,
    evidence: Evidence,
    bounds: Bounds,
    skeleton: IntArray,
    active: IntArray,
    cells: IntArray,
    struck: BoolArray,
    temperature: float,
    rng: np.random.Generator,
) -> None:
    """Writes a pattern for each voice and beat into cells and struck (V, B, 4), except where the voice is certain. skeleton (V, B)."""
    heat = max(temperature, 1e-3)
    for beat, length in enumerate(evidence.grid.lengths.tolist()):
        for voice in sorted(_VOICES, key=lambda voice: (not evidence.certain[voice, beat], DRAWN_IN_ORDER.index(voice))):
            if not evidence.certain[voice, beat]:
                kept = bounds.keep(tables.patterns, int(skeleton[voice, beat]), voice, beat, length)
                score = _pattern_scores(tables, skeleton, active, cells, voice, beat) + np.where(kept, 0.0, -np.inf)
                for other in set(_VOICES) - {voice}:
                    score = score + _together(tables, skeleton, cells, voice, other, beat)
                if np.isfinite(score).any():
                    chosen = draw(score / heat, rng)
                    cells[voice, beat] = np.clip(skeleton[voice, beat] + tables.patterns.away[chosen], 0, PITCHES - 1)
                    struck[voice, beat] = tables.patterns.struck[chosen]
                else:
                    cells[voice, beat], struck[voice, beat] = skeleton[voice, beat], np.arange(CELLS) == 0


def _pattern_scores(tables: Tables, skeleton: IntArray, active: IntArray, cells: IntArray, voice: int, beat: int) -> FloatArray:
    """(N,) given what sounded before, what comes after and whether the voice is active."""
    note, beats = skeleton[voice, beat], skeleton.shape[1]
    before = near(cells[voice, beat - 1, -1] - note) if beat else NOWHERE
    after = near(skeleton[voice, beat + 1] - note) if beat + 1 < beats else NOWHERE
    score = tables.patterns.log_p[voice, active[beat] >> voice & 1, before, after]
    return np.where((tables.patterns.away == SILENT).any(axis=1), -np.inf, score)


def _together(tables: Tables, skeleton: IntArray, cells: IntArray, voice: int, other: int, beat: int) -> FloatArray:
    """(N,) how much likelier the intervals to the other voice are, slice by slice, than if each voice went alone; weighed."""
    mine = _line(skeleton, voice, beat, cells, np.clip(skeleton[voice, beat] + tables.patterns.away, 0, PITCHES - 1))
    theirs = _line(skeleton, other, beat, cells, cells[other, beat][None])
    upper, lower = (mine, theirs) if voice < other else (theirs, mine)
    pair = PAIRS.index((min(voice, other), max(voice, other)))
    return _gain(tables.slices, pair, np.broadcast_arrays(upper, lower))


def _line(skeleton: IntArray, voice: int, beat: int, cells: IntArray, now: IntArray) -> IntArray:
    """(N, 4 to 6) the last cell before, those of the beat, the skeleton's note after."""
    parts = [now]
    if beat:
        parts.insert(0, np.full((len(now), 1), cells[voice, beat - 1, -1]))
    if beat + 1 < skeleton.shape[1]:
        parts.append(np.full((len(now), 1), skeleton[voice, beat + 1]))
    return np.concatenate(parts, axis=1)


def _gain(slices: Leading, pair: int, lines: tuple[IntArray, ...]) -> FloatArray:
    upper, lower = lines
    interval = clipped(upper - lower)
    up, low = moved(np.diff(upper, axis=1)), moved(np.diff(lower, axis=1))
    changes = (up != moved(np.zeros(1, dtype=np.int64))) | (low != moved(np.zeros(1, dtype=np.int64)))
    bonds = slices.bonds[pair][up, interval[:, :-1], interval[:, 1:]]
    return np.asarray(np.where(changes, np.where(bonds < 0, AGAINST, TOGETHER) * bonds, 0.0).sum(axis=1))
