"""Harmony: which chord in which key at each moment, before any voice is written.

A pass from the end says of each state what the best way on from it costs, so that the search over voicings sees the cadence coming; a way
drawn by these costs makes each seed's harmony another.
Shapes: M moments, H states (chord, position and key), V voices.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from musicgen.composers.rulebook.moments import BEAT, BETWEEN, GivenNote, Moment
from musicgen.composers.rulebook.space import Space
from musicgen.composers.rulebook.table import IMPOSSIBLE, RULES, FloatArray
from musicgen.music.chorale import BoolArray

WEAK_SIX_FOUR = 2.0


@dataclass(frozen=True, eq=False)
class Outlook:
    """here (M, H) what a state costs at a moment; onward (M, H) the best way on from it; whole (M, H) the best way through it.

    turns: M tables (H, H), what a state costs after another.
    """

    space: Space
    here: FloatArray
    onward: FloatArray
    whole: FloatArray
    turns: list[FloatArray]


def _transition(space: Space, moment: Moment) -> FloatArray:
    """(H, H) from the moment before into this one."""
    cost = space.afresh if moment.fresh else space.inside
    return np.asarray(
        cost + _hurried(moment) * ~space.same_chord + _held(moment) * space.same_chord + moment.ending * space.into_ending, np.float32
    )


def _hurried(moment: Moment) -> float:
    """What a new chord pays for coming off the beat."""
    return RULES["hurried"].weight if moment.accent <= BETWEEN else 0.0


def _held(moment: Moment) -> float:
    """What a chord pays that was heard before."""
    return RULES["held into the beat"].weight * (moment.accent - BEAT) if moment.accent > BEAT and not moment.fresh else 0.0


def local_cost(space: Space, moment: Moment, following: Moment | None) -> FloatArray:
    """(H,) of each state at this moment."""
    if moment.rests:
        return np.zeros(len(space.states))
    cost = space.own_cost + _foreign_cost(space, moment) + IMPOSSIBLE * ~_can_sound(space, moment)
    ending = moment.ending * (space.last if moment.is_last else space.ending)
    return np.asarray(cost + ending + _misplaced(moment, following) * space.is_six_four)


def _misplaced(moment: Moment, following: Moment | None) -> float:
    """What a six-four pays where what follows is not weaker."""
    return WEAK_SIX_FOUR if following is None or following.accent >= moment.accent else 0.0


def harmony_breaches(space: Space, moment: Moment, following: Moment | None, state: int, before: int | None) -> dict[str, float]:
    """What one state costs here after another, by the rules' names, each in units of its weight."""
    chord, into = space.states[state], 0.0
    if before is None:
        progression, new_key = float(space.opening[state]), 0.0
    else:
        new_key = 0.0 if moment.fresh else float(space.key_change[before, state])
        progression = float((space.afresh if moment.fresh else space.inside)[before, state]) - new_key
        into = float(space.into_ending[before, state])
    is_same = before is not None and bool(space.same_chord[before, state])
    ending = space.last if moment.is_last else space.ending
    costs = {
        "chord": chord.functional.cost + _misplaced(moment, following) * float(space.is_six_four[state]),
        "abroad": RULES["abroad"].weight * (chord.key != space.home),
        "progression": progression,
        "change of key": new_key,
        "hurried": _hurried(moment) * (before is not None and not is_same),
        "held into the beat": _held(moment) * is_same,
        "cadence": moment.ending * (float(ending[state]) + into),
        "foreign note": float(_foreign_cost(space, moment)[state]),
    }
    return {name: cost / RULES[name].weight for name, cost in costs.items()}


def _can_sound(space: Space, moment: Moment) -> BoolArray:
    """(H,) whether the voices have the notes that make the chord."""
    available = np.zeros((len(moment.free), 12), dtype=bool)
    voices, pitches = np.nonzero(moment.allowed & moment.free[:, None])
    available[voices, pitches % 12] = True
    for note in moment.given:
        available[note.voice, note.pitch % 12] = True
    upper = [voice for voice in range(len(moment.free) - 1) if moment.free[voice]]
    fits = np.ones(len(space.states), dtype=bool)
    for voice in upper:
        fits &= (space.members & available[voice]).any(axis=1)
    if moment.free[-1]:
        fits &= available[-1, space.bass]
    has_all = ~(space.needed & ~available.any(axis=0)).any(axis=1)
    return fits & has_all if moment.free.any() else fits


def _foreign_cost(space: Space, moment: Moment) -> FloatArray:
    """(H,) of given notes that the chord does not have."""
    cost = np.zeros(len(space.states))
    for note in moment.given:
        cost += _price(note) * ~space.members[:, note.pitch % 12]
    bass = [note for note in moment.given if note.voice == len(moment.free) - 1]
    settled = np.zeros(len(space.states), dtype=bool)
    for note in bass:
        belongs = space.members[:, note.pitch % 12] & ~settled
        cost += RULES["foreign bass"].weight * (belongs & (space.bass != note.pitch % 12))
        settled |= belongs
    return np.asarray(cost + (space.inversion > 0) * ~settled * bool(bass))


def _price(note: GivenNote) -> float:
    """Of a foreign note: passing ones are cheap, one that leaps is dear, and so is one on the beat, unless it was prepared."""
    into = note.leads_in is None or abs(note.leads_in) <= 2
    on = note.leads_on is None or abs(note.leads_on) <= 2
    if not note.on_start:
        return 0.25 if into and on else 1.5 if into or on else 4.0
    price = (1.5 if note.leads_in == 0 else 2.5) if on and into else 3.5 if on else 6.0
    return price * (2.5 if note.share > 0.9 else 1.0)


def find_costs(space: Space, moments: Sequence[Moment]) -> tuple[FloatArray, list[FloatArray]]:
    """(M, H) what each state costs at each moment, and for each moment (H, H) what it costs after those of the moment before."""
    following = [*moments[1:], None]
    here = np.array([local_cost(space, moment, after) for moment, after in zip(moments, following, strict=True)], dtype=np.float32)
    return here, [_transition(space, moment) for moment in moments]


def look_ahead(space: Space, here: FloatArray, turns: list[FloatArray]) -> Outlook:
    """The best ways from and through each state."""
    onward, forward = np.zeros_like(here), np.zeros_like(here)
    for index in range(len(here) - 2, -1, -1):
        onward[index] = (turns[index + 1] + (here + onward)[index + 1]).min(axis=1)
    forward[0] = here[0] + space.opening
    for index in range(1, len(here)):
        forward[index] = (forward[index - 1][:, None] + turns[index]).min(axis=0) + here[index]
    return Outlook(space, here, onward, forward + onward, turns)


def draw_way(space: Space, here: FloatArray, turns: list[FloatArray], temperature: float, rng: np.random.Generator) -> list[int]:
    """A state for each moment, drawn with probability exp(-cost / temperature) among all ways: sums from the end, then draws."""
    onward = np.zeros_like(here)
    for index in range(len(here) - 2, -1, -1):
        onward[index] = _soft_minimum(turns[index + 1] + (here + onward)[index + 1], temperature)
    way: list[int] = []
    for index in range(len(here)):
        into = turns[index][way[-1]] if way else space.opening
        cost = (into + here[index] + onward[index]) / temperature
        way.append(int((rng.gumbel(size=len(cost)) - cost).argmax()))
    return way


def _soft_minimum(costs: FloatArray, temperature: float) -> FloatArray:
    """Over the last axis."""
    least = costs.min(axis=-1, keepdims=True)
    return np.asarray(least[..., 0] - temperature * np.log(np.exp((least - costs) / temperature).sum(axis=-1)))
