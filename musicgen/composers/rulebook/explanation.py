"""What a rule-based composer decided, in words: key, chord and the price of every rule at each moment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from musicgen.composers.rulebook import leading
from musicgen.composers.rulebook.harmony import harmony_breaches
from musicgen.composers.rulebook.moments import Moment
from musicgen.composers.rulebook.search import Chosen
from musicgen.composers.rulebook.space import Space
from musicgen.composers.rulebook.table import RULES
from musicgen.composers.rulebook.voicings import Voicer
from musicgen.music.chorale import REST, Chorale
from musicgen.music.pitch import Key, pitch_name
from musicgen.music.roman import key_letter, roman

LEAST = 0.005  # what is worth telling


@dataclass(frozen=True)
class Explained:
    """One moment: where, key and numeral, the four pitches as they were before any ornament, and costs by the names of RULES."""

    step: int
    place: str
    key: Key
    numeral: str
    function: str
    pitches: tuple[int, ...]
    costs: dict[str, float]

    @property
    def cost(self) -> float:
        return sum(self.costs.values())

    def __str__(self) -> str:
        notes = " ".join("-" if pitch == REST else pitch_name(pitch, self.key) for pitch in self.pitches)
        dearest = sorted(self.costs.items(), key=lambda item: -item[1])
        costs = ", ".join(f"{name} {cost:.2f}" for name, cost in dearest)
        heard = f"{key_letter(self.key):>2}: {self.numeral:9} {self.function:12}"
        return f"{self.place:14} {heard} {notes:18} {self.cost:5.2f} = {costs or 'nothing'}"

    def to_dict(self) -> dict[str, Any]:
        return {
            "step": self.step,
            "place": self.place,
            "key": str(self.key),
            "numeral": self.numeral,
            "function": self.function,
            "pitches": list(self.pitches),
            "costs": self.costs,
        }


def explained(given: Chorale, moments: Sequence[Moment], space: Space, way: Sequence[Chosen], voicer: Voicer) -> list[Explained]:
    """Moments in which all voices rest are left out."""
    states = [space.states[chosen.state] for chosen in way]
    lines = []
    for index, (moment, chosen, state) in enumerate(zip(moments, way, states, strict=True)):
        if moment.rests:
            continue
        following = states[index + 1].chord if index + 1 < len(states) else None
        lines.append(
            Explained(
                moment.start,
                given.place(moment.start),
                state.key,
                roman(state.chord, state.key, following),
                state.functional.function,
                tuple(int(pitch) for pitch in chosen.voicing.first[0]),
                _costs(index, moments, space, way, voicer),
            )
        )
    return lines


def _costs(index: int, moments: Sequence[Moment], space: Space, way: Sequence[Chosen], voicer: Voicer) -> dict[str, float]:
    moment, chosen, before = moments[index], way[index], way[index - 1] if index else None
    after = moments[index + 1] if index + 1 < len(moments) else None
    counts = dict(harmony_breaches(space, moment, after, chosen.state, before.state if before else None))
    one = dict(voicer.breaches(moment, space.states[chosen.state], chosen.voicing.first))
    if before is not None:
        one |= leading.breaches(before.voicing, chosen.voicing, moment, space.home, voicer.rules)
    if before is not None and index > 1:
        one |= leading.melodic(way[index - 2].voicing.last, before.voicing.last, chosen.voicing.first, moment)
    counts |= {name: float(np.asarray(count).ravel()[0]) for name, count in one.items()}
    costs = {name: RULES[name].weight * count for name, count in counts.items()}
    return {name: round(cost, 2) for name, cost in costs.items() if abs(cost) >= LEAST}
