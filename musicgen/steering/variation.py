"""A piece as the beginning of another: varied note by note, continued after its end, preceded before its beginning.

Shapes: V voices, T steps. What is kept keeps its lengths: wherever new music follows a kept note, it begins with a note of its own.
`..._sketch` works on the grid; `..._score` on a score, whose own notes come back tick for tick.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from musicgen.composers.composer import Composer
from musicgen.composers.plan import Plan, plan_sketch, with_phrases
from musicgen.errors import ConfigError, NotationError
from musicgen.music.chorale import REST, STEPS_PER_QUARTER, BoolArray, Chorale, GridNote
from musicgen.music.constraints import Constraint, VoiceRanges
from musicgen.music.ensemble import BACHS_CHOIR, Ensemble
from musicgen.music.places import beat_steps_at
from musicgen.music.region import Region, find_region, read_region, with_region
from musicgen.music.score import KeyAt, Meter, MeterAt, Note, Part, Score, TempoAt
from musicgen.music.separate import Line
from musicgen.music.sketch import Sketch

How = Literal["unlikely", "random"]
Change = TypeVar("Change", MeterAt, KeyAt, TempoAt)


@dataclass(frozen=True)
class NewNotes(Constraint):
    """At these cells (voice, step) a note begins, so that the kept note before is not held on."""

    cells: tuple[tuple[int, int], ...]

    @classmethod
    def after_kept(cls, free: BoolArray) -> NewNotes:
        """At the first cell of each free stretch but those at the beginning of the piece."""
        begins = free[:, 1:] & ~free[:, :-1]
        return cls(tuple((int(voice), int(step) + 1) for voice, step in np.argwhere(begins)))

    def must_begin(self, sketch: Sketch) -> BoolArray:
        begins = super().must_begin(sketch)
        for voice, step in self.cells:
            begins[voice, step] = True
        return begins

    def describe(self, sketch: Sketch) -> str:
        return "the length of the note kept before"


@dataclass(frozen=True, eq=False)
class Commission:
    """What a composer is asked, and the score that the answer goes back into: `asked.score(composer.fill(asked.sketch, seed=1))`."""

    region: Region
    sketch: Sketch

    def score(self, filled: Chorale) -> Score:
        return with_region(self.region, filled)


def similarity(one: Chorale, other: Chorale) -> float:
    """The share of cells in which the same pitch sounds, or both rest; 1 for equal pitches, struck or held."""
    if one.pitch.shape != other.pitch.shape:
        raise NotationError(
            f"pieces of {one.pitch.shape} and {other.pitch.shape} voices and steps; only pieces of one shape can be compared"
        )
    return float((one.pitch == other.pitch).mean()) if one.pitch.size else 1.0


# --- vary


def vary_sketch(
    chorale: Chorale, keep: float, how: How = "unlikely", composer: Composer | None = None, seed: int = 0, within: BoolArray | None = None
) -> Sketch:
    """Frees whole notes until a share 1 - `keep` of the cells that sound `within` (V, T) is free, as nearly as notes divide it, if not 0.

    `unlikely`: those of most nats, summed over the note, in the eyes of `composer`; `random`: drawn by the seed. Rests stay, and so do
    notes that lie only in part `within`, which is everything by default.
    """
    if not 0 <= keep <= 1:
        raise ConfigError(f"keep {keep}: a share from 0, all is rewritten, to 1, nothing is")
    chorale = with_phrases(chorale)
    within = np.ones_like(chorale.onset) if within is None else within
    notes = [note for note in _sounding(chorale) if within[note.voice, note.start : note.end].all()]
    if not notes:
        raise NotationError("no whole note lies in what is to be varied; choose more bars or voices")
    ranked = _ranked(chorale, notes, how, composer, seed)
    free = np.zeros_like(chorale.onset)
    for note in ranked[: _nearest_number(ranked, 1 - keep) if keep < 1 else 0]:
        free[note.voice, note.start : note.end] = True
    return Sketch(chorale, free, (VoiceRanges(chorale.ensemble.ranges), NewNotes.after_kept(free)))


def vary_score(
    score: Score,
    keep: float,
    how: How = "unlikely",
    composer: Composer | None = None,
    seed: int = 0,
    bars: str | Sequence[str] = (),
    start: str | None = None,
    end: str | None = None,
    voices: str | None = None,
    ensemble: Ensemble = BACHS_CHOIR,
) -> Commission:
    """As `vary_sketch`, in the part of a score that is named as in `find_region`; in all of it if nothing is."""
    whole = read_region(score, ensemble)
    everywhere = not bars and (start, end) == (None, None) and voices in (None, ensemble.letters)
    within = np.ones_like(whole.free) if everywhere else find_region(score, bars, start, end, voices, ensemble).free
    sketch = vary_sketch(whole.chorale, keep, how, composer, seed, within)
    notes = [note for note in _sounding(whole.chorale) if within[note.voice, note.start : note.end].all()]
    chosen = sum(bool(sketch.free[note.voice, note.start]) for note in notes)
    why = "the least likely ones" if how == "unlikely" else "drawn at random"
    said = f"varied: {chosen} of {len(notes)} notes, {why}; all others stay as they are"
    return Commission(replace(whole, free=sketch.free, report=(said, *whole.report)), sketch)


def _sounding(chorale: Chorale) -> list[GridNote]:
    return [note for voice in range(chorale.voices) for note in chorale.notes(voice) if note.pitch != REST]


def _ranked(chorale: Chorale, notes: Sequence[GridNote], how: How, composer: Composer | None, seed: int) -> list[GridNote]:
    """The notes to be freed first at the front."""
    if how == "random":
        return [notes[index] for index in np.random.default_rng(seed).permutation(len(notes))]
    if how != "unlikely":
        raise ConfigError(f"how {how!r}: unlikely or random")
    nats = _nats(chorale, composer)
    return sorted(notes, key=lambda note: -float(nats[note.voice, note.start : note.end].sum()))


def _nats(chorale: Chorale, composer: Composer | None) -> NDArray[np.float32]:
    """(V, T)"""
    if not hasattr(composer, "nats"):
        name = "no composer" if composer is None else composer.name
        raise ConfigError(f"{name} states no likelihood, by which unlikely notes are found; choose a trained model, or notes at random")
    nats: NDArray[np.float32] = cast(Any, composer).nats(chorale).nats
    return nats


def _nearest_number(notes: Sequence[GridNote], share: float) -> int:
    """How many notes from the front make up this share of the cells of all, as nearly as they divide; at least one."""
    cells = np.cumsum([note.end - note.start for note in notes])
    return 1 + int(np.abs(cells - share * cells[-1]).argmin())


# --- continue and precede


def continue_sketch(chorale: Chorale, bars: int, seed: int = 0, phrase_bars: int | None = None, picardy: bool | None = None) -> Sketch:
    """The piece, given, and as many free bars after it: phrases and last chord as `plan_sketch` plans them, in its last meter.

    The first new phrase takes up what the piece leaves of its last bar, so that the whole ends as a piece with its pick-up does.
    """
    chorale = with_phrases(chorale)
    meter = chorale.meters[-1].meter
    bar = chorale.bar_steps(meter)
    pickup = chorale.pickup if chorale.pickup < bar else 0
    plan = _plan(chorale, bars, meter, pickup, seed, phrase_bars, picardy)
    shift = chorale.steps + _rest_of_bar(chorale, bar, pickup)
    grown = _padded(chorale, 0, shift + plan.given.steps - chorale.steps)
    fermata = grown.fermata.copy()
    fermata[np.maximum(shift + np.flatnonzero(plan.given.fermata), chorale.steps)] = True
    free = _outside(grown, 0, chorale.steps)
    ending = tuple(_later(constraint, shift) for constraint in plan.constraints)
    return Sketch(grown.replaced(fermata=fermata), free, (*ending, NewNotes.after_kept(free)))


def precede_sketch(chorale: Chorale, bars: int, seed: int = 0, phrase_bars: int | None = None) -> Sketch:
    """As many free bars before the piece, which is given: phrases as `plan_sketch` plans them, in its first meter.

    The new beginning has the pick-up that the piece had, whose own fills up the last new bar. The last new phrase ends in any chord.
    """
    chorale = with_phrases(chorale)
    plan = _plan(chorale, bars, chorale.meter, chorale.pickup, seed, phrase_bars)
    grown = _padded(chorale, plan.given.steps, 0)
    fermata = grown.fermata.copy()
    fermata[: plan.given.steps] = plan.given.fermata
    return Sketch(grown.replaced(fermata=fermata), _outside(grown, plan.given.steps, grown.steps))


def continue_score(
    score: Score,
    bars: int,
    seed: int = 0,
    phrase_bars: int | None = None,
    picardy: bool | None = None,
    ensemble: Ensemble = BACHS_CHOIR,
) -> Commission:
    """As `continue_sketch`. Changes of meter after the last note are dropped: the new bars are in the last meter that sounds."""
    whole = read_region(score, ensemble)
    sketch = continue_sketch(whole.chorale, bars, seed, phrase_bars, picardy)
    first = whole.chorale.steps
    source = replace(whole.score, meters=tuple(change for change in whole.score.meters if change.start < first * whole.step_ticks))
    said = f"continued: from {sketch.given.place(first)} to the end of {_bar(sketch.given, sketch.given.steps - 1)}"
    return _commission(replace(whole, score=source), sketch, said)


def precede_score(score: Score, bars: int, seed: int = 0, phrase_bars: int | None = None, ensemble: Ensemble = BACHS_CHOIR) -> Commission:
    """As `precede_sketch`. The first key and tempo hold from the new beginning on."""
    whole = read_region(score, ensemble)
    sketch = precede_sketch(whole.chorale, bars, seed, phrase_bars)
    steps = sketch.given.steps - whole.chorale.steps
    moved = _moved(whole, steps * whole.step_ticks)
    said = f"preceded: up to {sketch.given.place(steps)}, where the score's own music begins"
    return _commission(moved, sketch, said)


def _commission(whole: Region, sketch: Sketch, said: str) -> Commission:
    """Fermatas are assumed for the composer where the source has none at all, and then not written."""
    marked = any(note.fermata for line in whole.lines for note in line.notes)
    chorale = sketch.given if marked else sketch.given.replaced(fermata=np.zeros_like(sketch.given.fermata))
    return Commission(replace(whole, chorale=chorale, free=sketch.free, report=(said, *whole.report)), sketch)


def _plan(
    chorale: Chorale, bars: int, meter: Meter, pickup: int, seed: int, phrase_bars: int | None, picardy: bool | None = None
) -> Sketch:
    plan = Plan(bars, meter, chorale.key, pickup / STEPS_PER_QUARTER, phrase_bars, picardy=picardy)
    return plan_sketch(plan, seed, chorale.ensemble)


def _rest_of_bar(chorale: Chorale, bar: int, pickup: int) -> int:
    """Steps from the end to where a phrase begins, `pickup` before a barline; below 0 where the end is past that by less than a beat, or
    at the barline."""
    position = int(_padded(chorale, 0, 1).bar_positions()[-1])
    rest = (bar - pickup - position) % bar
    runs_over = (position == 0 and pickup) or rest > bar - beat_steps_at(chorale.steps, chorale)
    return rest - bar if runs_over else rest


def _padded(chorale: Chorale, before: int, after: int) -> Chorale:
    """With rests of so many steps at its beginning and its end; later meters come later, and the pick-up is of the new beginning."""
    pitch = np.pad(chorale.pitch, ((0, 0), (before, after)), constant_values=REST)
    onset = np.pad(chorale.onset, ((0, 0), (before, after)))
    onset[:, [step for step, there in ((0, before), (before + chorale.steps, after)) if there]] = True
    meters = tuple(MeterAt(change.start + before if change.start else 0, change.meter) for change in chorale.meters)
    return chorale.replaced(pitch=pitch, onset=onset, fermata=np.pad(chorale.fermata, (before, after)), meters=meters)


def _outside(chorale: Chorale, start: int, end: int) -> BoolArray:
    free = np.ones_like(chorale.onset)
    free[:, start:end] = False
    return free


def _later(constraint: Constraint, steps: int) -> Constraint:
    times = {name: value + steps for name, value in vars(constraint).items() if name in ("step", "start", "end")}
    return cast(Constraint, replace(cast(Any, constraint), **times))


def _moved(region: Region, ticks: int) -> Region:
    """The score's notes and what changes with them, later by so many ticks; what holds at its beginning holds from the new one on."""

    def notes(of: Part | Line) -> tuple[Note, ...]:
        return tuple(replace(note, start=note.start + ticks) for note in of.notes)

    def changes(of: tuple[Change, ...]) -> tuple[Change, ...]:
        return tuple(replace(change, start=change.start + ticks if change.start else 0) for change in of)

    score = region.score
    parts = tuple(replace(part, notes=notes(part)) for part in score.parts)
    score = replace(score, parts=parts, meters=changes(score.meters), keys=changes(score.keys), tempos=changes(score.tempos))
    return replace(region, score=score, lines=tuple(replace(line, notes=notes(line)) for line in region.lines))


def _bar(chorale: Chorale, step: int) -> str:
    """`bar 3`"""
    return chorale.place(step).rpartition(" beat ")[0]
