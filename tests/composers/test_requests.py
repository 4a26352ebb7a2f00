"""The same random requests through every composer that fills: kept, every one, or refused with a reason."""

import sys
from pathlib import Path

import numpy as np
import pytest
from tiny import tiny_composer, tiny_masked_composer, tiny_sketcher_composer

from musicgen.composers.plan import Plan, plan_sketch, with_cadences
from musicgen.composers.references import Dice
from musicgen.errors import ConfigError, NotationError
from musicgen.music.pitch import Key
from musicgen.music.rules import Leap, NoCrossing, NoParallels, Spacing

sys.path.append(str(Path(__file__).parents[2] / "benchmarks"))
from kept_requests import KINDS, is_kept, request

COMPOSERS = [tiny_sketcher_composer(), tiny_composer(), tiny_masked_composer(), Dice()]


@pytest.mark.parametrize("composer", COMPOSERS, ids=lambda composer: composer.name)
def test_random_requests_are_kept_or_refused(composer) -> None:
    kept = refused = 0
    for seed in range(12):
        try:
            sketch = request(seed, takes_rules=False)
        except NotationError:
            refused += 1
            continue
        assert is_kept(sketch, composer.fill(sketch, seed)), f"seed {seed}"
        kept += 1
    assert kept > refused


def test_rules_are_kept_where_voices_are_decided_in_turn_and_refused_elsewhere() -> None:
    sketch = plan_sketch(Plan(bars=4), 1).pin("S", "2:1", "C5").with_rules(NoCrossing(), Spacing(12), Leap(9), NoParallels())
    assert is_kept(sketch, tiny_sketcher_composer().fill(sketch, 1))
    for composer in COMPOSERS[1:]:
        with pytest.raises(ConfigError, match=r"cannot keep rules between voices .no crossing"):
            composer.fill(sketch, 1)


def test_rules_without_a_way_are_refused_with_the_place() -> None:
    sketch = plan_sketch(Plan(bars=2, pickup_quarters=0), 1).pin("S", "1:1", "C5").pin("S", "1:3", "C4").with_rules(Leap(2))
    with pytest.raises(NotationError, match="loosen"):
        tiny_sketcher_composer().fill(sketch, 1)


def test_each_kind_of_request_is_possible() -> None:
    """So that none of them is refused always, which would test nothing."""
    sketch = plan_sketch(Plan(bars=8, key=Key.parse("C"), pickup_quarters=0), 1)
    for name, ask in KINDS.items():
        asked = 0
        for seed in range(10):
            try:
                ask(sketch, np.random.default_rng(seed))
            except NotationError:
                continue
            asked += 1
        assert asked >= 3, name


def test_planned_cadences_hold_for_every_composer() -> None:
    sketch = with_cadences(plan_sketch(Plan(bars=8), 2), 2)
    for composer in COMPOSERS:
        filled = composer.fill(sketch, 2)
        assert all(cadence.kept_by(sketch, filled) for cadence in sketch.planned)
