"""Forward: the exact likelihood of a piece, its chords summed over, by the forward algorithm (Rabiner 1989).

Beat by beat, in each beat voice by voice, in each voice cell by cell: every cell is paid for, given those before it in that order, and
meter, key, struck fermatas and the length of the piece. What is sounded hangs on the chord and on all that has sounded; which
note of a beat is the skeleton's is summed over too. Shapes as in `symbols` and `observed`; L steps of a beat, N figures.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from musicgen.composers.hidden.foretelling import Foretelling
from musicgen.composers.hidden.observed import NOTHING, ORDER, Observed, decided_before
from musicgen.composers.hidden.reading import PAIRS, clipped, moved
from musicgen.composers.hidden.spelling import spelled_cells
from musicgen.composers.hidden.symbols import LOWEST, PITCHES, IntArray
from musicgen.models.hmm import FloatArray, log_product, log_sum
from musicgen.music.chorale import BoolArray, Chorale


def cell_nats(tables: Foretelling, chorale: Chorale, order: Sequence[int] = ORDER) -> FloatArray:
    """(V, T) of each cell. With a first part of ORDER, of these voices alone, the others' rows 0: what the soprano has by itself is
    exact too, since it hangs on no other voice."""
    reader = Reader.of(tables, Observed.of(chorale))
    nats = np.zeros(chorale.pitch.shape)
    step, belief = 0, tables.chain[reader.seen.places[0], -1]
    for beat, length in enumerate(reader.seen.lengths.tolist()):
        if beat:
            belief = log_product(belief, tables.chain[reader.seen.places[beat], :-1])
        for turn, voice in enumerate(order):
            prefixes = reader.prefixes(turn, voice, beat)
            heard = log_sum(belief[:, None] + prefixes, axis=0)  # (L,)
            nats[voice, step : step + length] = -np.diff(heard, prepend=0.0)
            belief = belief + prefixes[:, -1] - heard[-1]
        step += length
    return nats


@dataclass(frozen=True)
class Reader:
    """skeletons (V, B, F) of what is seen; spelled (V, B, 4) log p of the cells one by one."""

    tables: Foretelling
    seen: Observed
    skeletons: IntArray
    spelled: FloatArray

    @classmethod
    def of(cls, tables: Foretelling, seen: Observed) -> Reader:
        return cls(tables, seen, tables.skeletons(seen), spelled_cells(seen, tables.compass))

    def prefixes(self, turn: int, voice: int, beat: int) -> FloatArray:
        """(F, L) log p of the first cells of a voice in a beat, given each label and all that is decided."""
        seen, figures = self.seen, self.tables.figures
        probability, is_there = figures.after(voice, int(seen.last[voice, beat]), self.tables.weights.scale)
        notes = self.notes(turn, voice, beat)
        of_way = notes @ is_there  # (F, WAYS)
        ways = self.ways(turn, voice, beat) * (of_way > 0)
        likely = ways / np.maximum(of_way, 1e-300) / ways.sum(axis=1, keepdims=True)
        agree = self._agree(voice, beat)
        met = np.flatnonzero(agree[:, 0])
        note = int(seen.cells[voice, beat, 0]) - figures.away[met, 0]
        known = (likely[:, figures.way[met]] * notes[:, note] * probability[note, met]) @ agree[met]
        share = self.tables.weights.resting if seen.resting[voice, beat] else self.tables.weights.seldom
        with np.errstate(divide="ignore"):
            spelled = np.log(share) + self.spelled[voice, beat, : agree.shape[1]].cumsum()
            return np.asarray(np.logaddexp(np.log((1 - share) * known), spelled))

    def _agree(self, voice: int, beat: int) -> BoolArray:
        """(N, L) the figures that begin as the beat's cells do, around some note of the window."""
        seen, figures, length = self.seen, self.tables.figures, int(self.seen.lengths[beat])
        cells = seen.cells[voice, beat, :length]
        note = cells[0] - figures.away[:, :1]
        same = (note + figures.away[:, :length] == cells) & (figures.struck[:, :length] == seen.struck[voice, beat, :length])
        inside = (note >= 0) & (note < PITCHES)
        return np.asarray(np.logical_and.accumulate(same & inside & ~seen.silent[voice, beat, :length], axis=1))

    def ways(self, turn: int, voice: int, beat: int) -> FloatArray:
        """(F, WAYS) probabilities."""
        seen = self.seen
        fits = self.tables.fits[voice, :, seen.last[voice, beat]]
        decided = int(decided_before(seen.ways[:, beat], turn))
        return np.asarray(self.tables.ways[voice, fits, seen.places[beat], seen.ways_before(beat)[voice], decided])

    def notes(self, turn: int, voice: int, beat: int) -> FloatArray:
        """(F, P) weights of the skeleton's note."""
        tables, weights, last = self.tables, self.tables.weights, self.seen.last[:, beat]
        lowest, notes = LOWEST + self.seen.shift, np.arange(PITCHES)
        score = tables.notes[voice] + weights.compass * tables.compass[voice, lowest : lowest + PITCHES]
        if last[voice] != NOTHING:
            score = score + weights.leap * tables.leading.motions[1, voice][moved(notes - last[voice])]
            for other in ORDER[:turn]:
                if last[other] != NOTHING:
                    score = score + weights.join * self._join(voice, other, beat)
        return np.asarray(np.exp(score - score.max(axis=1, keepdims=True)))

    def _join(self, voice: int, other: int, beat: int) -> FloatArray:
        """(F, P) how the interval to a voice that is decided goes on."""
        last, theirs, notes = self.seen.last[:, beat], self.skeletons[other, beat][:, None], np.arange(PITCHES)
        upper, lower = min(voice, other), max(voice, other)
        bonds = self.tables.leading.bonds[PAIRS.index((upper, lower))]
        was = clipped(last[upper] - last[lower])
        above, below = (notes[None], theirs) if voice == upper else (theirs, notes[None])
        return np.asarray(bonds[moved(above - last[upper]), was, clipped(above - below)])
