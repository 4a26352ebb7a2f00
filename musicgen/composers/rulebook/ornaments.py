"""Ornaments: passing and neighbour notes between chords, and suspensions, where they make no parallels and are led as books say.

The chords are settled before. A second, small search chooses for each moment which free voices move within it.
Shapes: O options at a moment, V voices, N steps of a moment.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise

import numpy as np
from numpy.typing import NDArray

from musicgen.composers.rulebook.leading import FIFTH, chromatic_pairs
from musicgen.composers.rulebook.moments import BETWEEN, MIDDLE, Moment
from musicgen.composers.rulebook.table import IMPOSSIBLE, NEVER, RULES, FloatArray
from musicgen.music.chorale import REST, STEPS_PER_QUARTER, BoolArray, Chorale
from musicgen.music.functions import FunctionalChord
from musicgen.music.pitch import Key
from musicgen.music.sketch import Sketch

IntArray = NDArray[np.int64]
AT_ONCE = 2  # voices that may move within one moment
THIRDS, STEPS = (3, 4), (1, 2)
CONSONANT = (0, 3, 4, 7, 8, 9)
SUSPENDED = (1, 2, 5, 10, 11)  # a second or ninth, a fourth, a seventh above the bass
WHIM = 0.5
LONG_END = 8  # steps of a note under a fermata that leave time for a suspension


@dataclass(frozen=True)
class Heard:
    """What is settled at a moment: the key and the chord that is meant."""

    key: Key
    chord: FunctionalChord


@dataclass(frozen=True, slots=True)
class _Ornament:
    """In one voice: a passing or neighbour note `pitch` in the second half; or, `suspended`, the note before held into the first."""

    name: str
    voice: int
    pitch: int
    suspended: bool = False


@dataclass(frozen=True, eq=False)
class _Options:
    """blocks (O, V, N) what sounds; cost (O,); which ornaments each has; fresh: a phrase begins."""

    blocks: IntArray
    cost: FloatArray
    ornaments: list[tuple[_Ornament, ...]]
    fresh: bool


def ornamented(sketch: Sketch, moments: Sequence[Moment], heard: Sequence[Heard], plain: Chorale, rng: np.random.Generator) -> Chorale:
    """With what the seed likes of it; plain, where a rule that was asked for would not survive it."""
    maker = _Maker(sketch, sketch.allowed_pitches(), sketch.must_hold(), plain)
    options = [maker.options(moments, heard, index, rng) for index in range(len(moments))]
    pitch, onset = plain.pitch.copy(), plain.onset.copy()
    for moment, (block, ornaments) in zip(moments, _cheapest(options), strict=True):
        pitch[:, moment.start : moment.end] = block
        for ornament in ornaments:
            onset[ornament.voice, _half(moment)] = True
            if ornament.suspended:
                onset[ornament.voice, moment.start] = False
    onset[:, 1:] |= (pitch[:, 1:] != pitch[:, :-1]) & sketch.free[:, 1:]
    filled = plain.replaced(pitch=pitch, onset=onset)
    return filled if all(rule.kept_by(filled, sketch.free) for rule in sketch.rules) else plain


def _half(moment: Moment) -> int:
    """Where the second half of a moment begins: after a quarter of a dotted one."""
    return moment.start + (STEPS_PER_QUARTER if moment.steps % 3 == 0 else moment.steps // 2)


@dataclass(frozen=True, eq=False)
class _Maker:
    """Finds the ornaments that a moment may have."""

    sketch: Sketch
    allowed: BoolArray
    holds: BoolArray
    plain: Chorale

    def options(self, moments: Sequence[Moment], heard: Sequence[Heard], index: int, rng: np.random.Generator) -> _Options:
        moment = moments[index]
        single: list[_Ornament] = []
        if moment.steps >= STEPS_PER_QUARTER and not moment.rests and moment.accent > BETWEEN:
            if index + 1 < len(moments) and not moment.ending:
                single += self._between(moments, heard, index)
            if index and not moment.fresh and not (moment.ending and moment.steps < LONG_END):
                single += self._suspensions(moments, heard, index)
        whims = {each: WHIM * rng.gumbel() for each in single}
        chosen = [(), *((each,) for each in single)]
        chosen += [pair for pair in combinations(single, AT_ONCE) if pair[0].voice != pair[1].voice]
        block = self.plain.pitch[:, moment.start : moment.end].astype(np.int64)
        blocks = np.stack([self._applied(block, moment, ornaments) for ornaments in chosen])
        cost = np.array([sum(_price(each) - whims[each] for each in ornaments) for ornaments in chosen], dtype=np.float32)
        cost += _inside(blocks) + np.array([_clash(block, moment, pair) for block, pair in zip(blocks, chosen, strict=True)])
        return _Options(blocks, cost, chosen, moment.fresh)

    def _applied(self, block: IntArray, moment: Moment, ornaments: tuple[_Ornament, ...]) -> IntArray:
        changed = block.copy()
        half = _half(moment) - moment.start
        for each in ornaments:
            changed[each.voice, slice(0, half) if each.suspended else slice(half, None)] = each.pitch
        return changed

    def _between(self, moments: Sequence[Moment], heard: Sequence[Heard], index: int) -> Iterator[_Ornament]:
        """Passing notes within a third, neighbours of a note that comes again."""
        moment, following = moments[index], moments[index + 1]
        half = _half(moment)
        chord = heard[index].chord
        barred = self._variants(heard, index)
        for voice in np.flatnonzero(moment.free & ~following.holds & ~self.holds[:, half]).tolist():
            now, after = int(self.plain.pitch[voice, moment.start]), int(self.plain.pitch[voice, following.start])
            if REST in (now, after):
                continue
            for pitch in range(min(now, after) - 2, max(now, after) + 3):
                steps = abs(pitch - now), abs(after - pitch)
                fits = pitch % 12 in _scale(heard[index].key, after - now) and pitch % 12 not in barred
                if not (fits and steps[0] in STEPS and steps[1] in STEPS and self.allowed[voice, half : moment.end, pitch].all()):
                    continue
                if abs(after - now) in THIRDS:
                    yield _Ornament("passing note" if pitch % 12 not in chord.classes else "passing seventh", voice, pitch)
                elif after == now:
                    yield _Ornament("neighbour note", voice, pitch)

    def _variants(self, heard: Sequence[Heard], index: int) -> set[int]:
        """Classes whose chromatic neighbours belong to the chord here or next: no note is heard beside its own alteration."""
        members = heard[index].chord.classes | heard[index + 1].chord.classes
        pairs = chromatic_pairs(self.sketch.given.key)
        return {one for low, high in pairs for one, other in ((low, high), (high, low)) if other in members}

    def _suspensions(self, moments: Sequence[Moment], heard: Sequence[Heard], index: int) -> Iterator[_Ornament]:
        """A note of the chord before that is foreign to this one, and then falls by step to one that no other upper voice sounds."""
        moment, half = moments[index], _half(moments[index])
        column = self.plain.pitch[:, moment.start].astype(int)
        bass = int(column[-1])
        for voice in np.flatnonzero(moment.free & ~moment.strikes & ~moment.holds & ~self.holds[:, half]).tolist():
            before, now = int(self.plain.pitch[voice, moment.start - 1]), int(column[voice])
            if voice == len(column) - 1 or REST in (before, now, bass) or not moments[index - 1].free[voice]:
                continue
            others = {int(each) % 12 for other, each in enumerate(column[:-1]) if other != voice}
            foreign = before % 12 not in heard[index].chord.classes and (before - bass) % 12 in SUSPENDED
            prepared = before % 12 in heard[index - 1].chord.classes
            led = before - now in STEPS and now % 12 not in others
            if foreign and prepared and led and self.allowed[voice, moment.start : half, before].all():
                yield _Ornament("suspension" if moment.accent >= MIDDLE else "weak suspension", voice, before, suspended=True)


def _price(ornament: _Ornament) -> float:
    return RULES[ornament.name].weight + (RULES["ornament of the tune"].weight if ornament.voice == 0 else 0.0)


def _scale(key: Key, motion: int) -> frozenset[int]:
    """Of passing notes; in minor the raised sixth and seventh rise, the natural ones fall."""
    if key.mode == "major":
        return key.scale
    barred = (8, 10) if motion > 0 else (9, 11)
    return key.scale - {(key.tonic + each) % 12 for each in barred}


def _clash(block: IntArray, moment: Moment, ornaments: tuple[_Ornament, ...]) -> float:
    """Of notes that move at once into a dissonance, meet another voice or cross it."""
    half = _half(moment) - moment.start
    cost = RULES["ornaments at once"].weight * (len(ornaments) - 1) if ornaments else 0.0
    for each in ornaments:
        for step in (0, half):
            column = block[:, step]
            above, below = column[: each.voice], column[each.voice + 1 :]
            cost += NEVER * bool(((above != REST) & (above <= column[each.voice])).any() or (below >= column[each.voice]).any())
    moved = [each.voice for each in ornaments if not each.suspended]
    for one, other in pairwise(moved):
        cost += RULES["ornaments in dissonance"].weight * ((block[one, half] - block[other, half]) % 12 not in CONSONANT)
    return float(cost)


def _inside(blocks: IntArray) -> FloatArray:
    """(O,) parallels within each block."""
    total = np.zeros(len(blocks), dtype=np.float32)
    for step in range(1, blocks.shape[-1]):
        if (blocks[..., step] != blocks[..., step - 1]).any():
            total += NEVER * _parallels(blocks[..., step - 1].T, blocks[..., step].T)
    return total


def _parallels(before: IntArray, after: IntArray) -> FloatArray:
    """How many fifths and octaves in parallel, voices on the first axis, the others as they go together."""
    found = np.zeros(np.broadcast_shapes(before.shape[1:], after.shape[1:]), dtype=np.float32)
    for upper, lower in combinations(range(len(before)), 2):
        was, now = before[upper] - before[lower], after[upper] - after[lower]
        way, other = np.sign(after[upper] - before[upper]), np.sign(after[lower] - before[lower])
        sounds = np.minimum(before[upper], before[lower]) >= 0
        sounds = sounds & (np.minimum(after[upper], after[lower]) >= 0)
        perfect = (np.abs(was) % 12 == FIFTH) | (was % 12 == 0)
        found += perfect & (np.abs(was) % 12 == np.abs(now) % 12) & (way == other) & (way != 0) & sounds
    return found


def _cheapest(options: Sequence[_Options]) -> list[tuple[IntArray, tuple[_Ornament, ...]]]:
    """One option for each moment (Viterbi)."""
    total, parents = options[0].cost, list[IntArray]()
    for before, after in pairwise(options):
        reached = total[:, None] + _joints(before, after)
        parents.append(reached.argmin(axis=0))
        total = reached.min(axis=0) + after.cost
    chosen = [int(total.argmin())]
    for back in reversed(parents):
        chosen.append(int(back[chosen[-1]]))
    return [(each.blocks[row], each.ornaments[row]) for each, row in zip(options, reversed(chosen), strict=True)]


def _joints(before: _Options, after: _Options) -> FloatArray:
    """(O, O') parallels from one moment to the next, and ornaments that need the other moment's plain note."""
    weight = RULES["parallels between phrases"].weight if after.fresh else NEVER
    cost = weight * _parallels(before.blocks[:, :, -1].T[:, :, None], after.blocks[:, :, 0].T[:, None])
    for row, ornaments in enumerate(before.ornaments):
        moved = {each.voice for each in ornaments if not each.suspended}
        for column, others in enumerate(after.ornaments):
            if any(each.suspended and each.voice in moved for each in others):
                cost[row, column] += IMPOSSIBLE
    return np.asarray(cost)
