"""Which chord where: pivots between keys, cadences, and ways drawn by their costs."""

import itertools

import numpy as np

from musicgen.composers.rulebook.harmony import draw_way, find_costs, look_ahead
from musicgen.composers.rulebook.moments import find_moments
from musicgen.composers.rulebook.space import space_for, space_of
from musicgen.music.functions import chords_of
from musicgen.music.pitch import Key
from musicgen.music.sketch import Sketch

HOME = Key.parse("C")
SPACE = space_of(HOME, ())


def number(key: str, root: int, quality: str = "", inversion: int = 0) -> int:
    wanted = Key.parse(key), root, quality, inversion
    return next(
        index
        for index, each in enumerate(SPACE.states)
        if (each.key, each.functional.root, each.functional.quality, each.functional.inversion) == wanted
    )


def test_a_key_is_left_by_a_chord_that_both_have() -> None:
    sixth, dominant_of_g, tonic = number("C", 9, "m"), number("G", 7, "7"), number("C", 0)
    neapolitan_of_e = number("E minor", 1, "", 1)
    assert SPACE.inside[sixth, dominant_of_g] < SPACE.inside[number("C", 5), dominant_of_g] + SPACE.inside[tonic, neapolitan_of_e]
    assert SPACE.inside[tonic, number("G", 5)] > SPACE.inside[tonic, number("C", 5)]
    assert (SPACE.afresh <= SPACE.inside + 1e-9).all()


def test_phrases_end_on_tonics_and_dominants_and_pieces_at_home() -> None:
    assert SPACE.ending[number("C", 0)] < SPACE.ending[number("C", 7)] < SPACE.ending[number("C", 9, "m")]
    assert SPACE.last[number("C", 0)] < SPACE.last[number("G", 0)]
    assert SPACE.into_ending[number("C", 7), number("C", 0)] < SPACE.into_ending[number("C", 5), number("C", 0)]


def test_the_look_ahead_is_the_cost_of_the_best_way() -> None:
    sketch = Sketch.parse("4/4, C major\nS E5 - - - D5 - - - C5^ - - -\n" + "\n".join(v + " ?" * 12 for v in "ATB"))
    moments, space = find_moments(sketch), space_for(sketch)
    here, turns = find_costs(space, moments)
    outlook = look_ahead(space, here, turns)
    assert np.allclose(outlook.whole.min(axis=1), outlook.whole.min(), atol=1e-3)
    way = draw_way(space, here, turns, 0.01, np.random.default_rng(1))
    cost = space.opening[way[0]] + sum(here[index, state] for index, state in enumerate(way))
    cost += sum(turns[index][a, b] for index, (a, b) in enumerate(itertools.pairwise(way), start=1))
    assert abs(cost - outlook.whole.min()) < 0.1  # nearly cold, the way drawn is the best one
    assert space.states[way[-1]].functional == next(each for each in chords_of("major") if each.root == 0)
