"""Harmony: chords to a tune, or chords and a tune, by a hidden chain; then the voices between by another that carries the voice leading.

The first chain's states are labels with the top voice's note, told where the phrase ends; it is exact for any given tune. The second goes
from voicing to voicing of the labels found. Shapes as in `symbols`; S states of a beat.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from musicgen.composers.hidden.evidence import Evidence
from musicgen.composers.hidden.symbols import LOWEST, PITCHES, IntArray
from musicgen.composers.hidden.tables import Tables, below
from musicgen.models.hmm import Chain, FloatArray, log_sum
from musicgen.music.chorale import BoolArray

MOST_STATES = 480
MOST_VOICINGS = 240
MOST_NOTES = 8  # of a voice that may sound nothing that the chord has
MISSED = -60.0  # instead of impossible, so that something is always written


@dataclass(frozen=True)
class States:
    """labels, notes (S,) of one beat."""

    labels: IntArray
    notes: IntArray


def find_path(chain: Chain, temperature: float, rng: np.random.Generator) -> list[int]:
    """A path drawn at a temperature; at 0 the likeliest."""
    if temperature == 0:
        return chain.best()
    return Chain(chain.start / temperature, [move / temperature for move in chain.moves]).draw(rng)


# --- chords


def chord_chain(tables: Tables, evidence: Evidence) -> tuple[list[States], Chain]:
    """The states of each beat, and the chain through them."""
    members = tables.labels.members
    certain = evidence.skeletons(members)
    fits = _fits(tables, evidence, certain)
    states = [_states(tables, evidence, certain, fits, beat) for beat in range(len(evidence.grid))]
    places = evidence.grid.places
    first = states[0]
    register = np.where(evidence.certain[0][:, None], 0.0, evidence.register(tables)[0])  # (B, P)
    start = tables.chain[places[0], -1, first.labels] + tables.first[first.labels, first.notes] + fits[0, first.labels]
    start = start + register[0, first.notes]
    moves = []
    for beat, (before, after) in enumerate(pairwise(states), 1):
        move = tables.chain[places[beat]][before.labels[:, None], after.labels]
        move = move + _tune_moves(tables, before, after) + fits[beat, after.labels] + register[beat, after.notes]
        if evidence.holds[0, beat]:
            move = move + MISSED * (before.notes[:, None] != after.notes)
        moves.append(move)
    return states, Chain(start, moves)


def _tune_moves(tables: Tables, before: States, after: States) -> FloatArray:
    """(S before, S) of the top voice."""
    stood = tables.above_bass(before.labels, before.notes)
    total = np.empty((len(before.labels), len(after.labels)))
    for note in np.unique(before.notes):
        rows = before.notes == note
        total[rows] = tables.tune_after(int(note))[stood[rows][:, None], after.labels, after.notes]
    return total


def _fits(tables: Tables, evidence: Evidence, certain: IntArray) -> FloatArray:
    """(B, F) what the lower voices say of each label: each that can sound none of its notes makes it less likely."""
    members = tables.labels.members
    classes = (np.arange(PITCHES) + LOWEST) % 12
    basses = np.arange(12) == tables.labels.bass[:, None]
    total = np.zeros((len(evidence.grid), len(tables.labels)))
    for voice in range(1, len(evidence.usable)):
        wanted = members if voice < len(evidence.usable) - 1 else basses  # (F, 12)
        free = evidence.usable[voice].astype(int) @ wanted[:, classes].T.astype(int) > 0  # (B, F)
        sure = wanted[np.arange(len(wanted)), (certain[voice] + LOWEST) % 12]
        fitting = np.where(evidence.certain[voice][:, None], sure, free)
        total += np.where(fitting, 0.0, np.log(tables.smoothing.foreign))
    return total


def _states(tables: Tables, evidence: Evidence, certain: IntArray, fits: FloatArray, beat: int) -> States:
    """One note a label where the tune is given, else the likeliest of all pairs."""
    if evidence.certain[0, beat]:
        return States(np.arange(len(tables.labels)), certain[0, beat])
    score = tables.chain[evidence.grid.places[beat], -1] if beat == 0 else _anywhere(tables, int(evidence.grid.places[beat]))
    both = (score + fits[beat])[:, None] + tables.first + np.where(evidence.usable[0, beat], 0.0, -np.inf)
    both += tables.tune.max(axis=1) + evidence.register(tables)[0]
    labels, notes = np.unravel_index(np.argsort(-both, axis=None, kind="stable")[:MOST_STATES], both.shape)
    inside = np.isfinite(both[labels, notes])
    return States(labels[inside], notes[inside])


def _anywhere(tables: Tables, place: int) -> FloatArray:
    """(F,) how likely each label is at its best there."""
    return np.asarray(tables.chain[place].max(axis=0))


# --- voices


def voicing_chain(tables: Tables, evidence: Evidence, labels: IntArray, notes: IntArray) -> tuple[list[IntArray], Chain]:
    """Voicings (M, V) of each beat under the labels and the tune found, and the chain through them."""
    certain = evidence.skeletons(tables.labels.members)
    register = evidence.register(tables)
    options, shapes = [], []
    for beat, (label, note) in enumerate(zip(labels.tolist(), notes.tolist(), strict=True)):
        found = _options(tables, evidence, certain[:, beat, label], beat, label, note)
        among = tables.voicings(label, note)
        shape = tables.shape_scores(label, found, among.notes)
        shape = shape + sum(register[voice, found[:, voice]] for voice in range(1, len(certain)) if not evidence.certain[voice, beat])
        kept = np.argsort(-shape, kind="stable")[:MOST_VOICINGS]
        options.append(found[kept])
        shapes.append(shape[kept])
    moves = [
        _voicing_move(tables, evidence, beat, labels[beat - 1 : beat + 1], int(notes[beat]), options[beat - 1 : beat + 1], shapes[beat])
        for beat in range(1, len(options))
    ]
    return options, Chain(shapes[0], moves)


def _voicing_move(
    tables: Tables, evidence: Evidence, beat: int, labels: IntArray, note: int, options: list[IntArray], shape: FloatArray
) -> FloatArray:
    """(M before, M) from one voicing to another, of all that the label allows; labels and options of the beat before and of this one."""
    before, after = options
    among, changes = tables.voicings(int(labels[1]), note), bool(labels[0] != labels[1])
    leaving, reached = _as_given(evidence, before, beat - 1, -1), _as_given(evidence, after, beat, 0)
    move = tables.moves(leaving, reached, shape, changes)
    if len(among.notes):
        others = _as_given(evidence, among.notes, beat, 0)
        move = move - log_sum(tables.moves(leaving, others, among.shape, changes), axis=1)[:, None]
    for voice in np.flatnonzero(evidence.holds[1:, beat]) + 1:
        move = move + MISSED * (before[:, None, voice] != after[None, :, voice])
    return move


def _as_given(evidence: Evidence, notes: IntArray, beat: int, cell: int) -> IntArray:
    """(M, V) voicings with what certain voices sound in that cell of the beat: what is next to the other beat."""
    return np.where(evidence.certain[:, beat], evidence.given[:, beat, cell], notes)


def _options(tables: Tables, evidence: Evidence, certain: IntArray, beat: int, label: int, note: int) -> IntArray:
    """(M, V) what the lower voices may sound: of the chord, else whatever is usable."""
    classes = (np.arange(PITCHES) + LOWEST) % 12
    own, basses = tables.labels.members[label][classes], classes == tables.labels.bass[label]
    ranges = []
    for voice in range(1, len(certain)):
        wanted: BoolArray = own if voice < len(certain) - 1 else basses
        usable = evidence.usable[voice, beat]
        if evidence.certain[voice, beat]:
            ranges.append(certain[voice : voice + 1])
        elif (usable & wanted).any():
            ranges.append(np.flatnonzero(usable & wanted))
        elif (usable & own).any():
            ranges.append(np.flatnonzero(usable & own))
        else:
            ranges.append(np.flatnonzero(usable)[:MOST_NOTES])
    found = below(note, ranges)
    return found if len(found) else below(note, ranges, anyhow=True)
