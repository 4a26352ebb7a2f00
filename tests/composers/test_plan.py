import numpy as np
import pytest

from musicgen.composers.plan import Plan, plan_sketch, with_cadences, with_phrases
from musicgen.composers.references import Dice
from musicgen.errors import ConfigError, NotationError
from musicgen.music.cadences import find_cadences
from musicgen.music.chorale import Chorale
from musicgen.music.pitch import Key
from musicgen.music.score import Meter


@pytest.mark.parametrize("meter", ["4/4", "3/4", "2/2", "3/2", "6/8", "12/8", "2/4", "5/4", "8/32"])
@pytest.mark.parametrize("bars", [1, 2, 7, 16])
def test_a_plan_has_its_bars_and_ends_with_a_fermata(meter: str, bars: int) -> None:
    for seed in range(6):
        sketch = plan_sketch(Plan(bars=bars, meter=Meter.parse(meter)), seed)
        chorale = sketch.given
        assert chorale.steps == bars * chorale.bar_steps(chorale.meter)
        assert sketch.free.all()
        ends = np.flatnonzero(chorale.fermata)
        assert len(ends) == len(set(ends)) >= 1
        assert sketch.fermata_sounding[-1]
        assert sketch.allowed_pitches()[3, -1].sum() <= 3  # the tonic alone, in three octaves at most


def test_what_is_asked_is_kept() -> None:
    sketch = plan_sketch(Plan(bars=8, key=Key.parse("F# minor"), pickup_quarters=0.5, phrase_bars=4), 3)
    assert str(sketch.given.key) == "F# minor"
    assert sketch.given.pickup == 2
    assert len(np.flatnonzero(sketch.given.fermata)) == 2


def test_the_last_chord_is_the_tonic_with_one_third() -> None:
    for seed in range(20):
        sketch = plan_sketch(Plan(key=Key.parse("A minor")), seed)
        last = sketch.allowed_pitches()[:, -1]
        assert set(np.flatnonzero(last[3]) % 12) == {9}
        assert set(np.flatnonzero(last[0]) % 12) in ({9, 0, 4}, {9, 1, 4})


def test_seeds_choose_keys_and_pickups() -> None:
    plans = [plan_sketch(Plan(), seed).given for seed in range(30)]
    assert len({str(plan.key) for plan in plans}) > 4
    assert {plan.pickup for plan in plans} == {0, 4}


@pytest.mark.parametrize(
    ("plan", "said"),
    [
        ({"bars": 0}, "from 1 to"),
        ({"phrase_bars": 0}, "at least 1"),
        ({"bars": 10**6}, "from 1 to"),
        ({"bars": 400, "meter": Meter(64, 1)}, "at most as long"),
        ({"pickup_quarters": float("nan")}, "a number is needed"),
        ({"pickup_quarters": float("inf")}, "a number is needed"),
    ],
)
def test_impossible_plans_are_refused(plan, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        Plan(**plan)


def test_impossible_pickups_and_meters_are_refused() -> None:
    with pytest.raises(ConfigError, match="sixteenths"):
        plan_sketch(Plan(pickup_quarters=0.3), 1)
    with pytest.raises(ConfigError, match="less than a bar"):
        plan_sketch(Plan(pickup_quarters=4), 1)
    with pytest.raises(NotationError, match="no whole number of sixteenths"):
        Plan(meter=Meter(3, 32))


def test_planned_cadences_make_way_for_what_is_asked_or_given() -> None:
    sketch = plan_sketch(Plan(bars=8, key=Key.parse("G major"), pickup_quarters=0), 1)
    planned = with_cadences(sketch, 3).planned
    assert planned
    assert planned[-1].kind == "perfect"
    end = int(np.flatnonzero(sketch.given.fermata)[0])
    bar, beat = sketch.given.place(end).split()[1::2]
    pinned = with_cadences(sketch.pin("B", f"{bar}:{beat}", "F#3"), 3)
    assert end not in {cadence.step for cadence in pinned.planned}
    asked = with_cadences(sketch.cadence(f"{bar}:{beat}", "deceptive"), 3)
    assert end not in {cadence.step for cadence in asked.planned}


def test_a_planned_cadence_is_found_where_the_bass_is_lowest() -> None:
    found = 0
    for seed in range(30):
        sketch = with_cadences(plan_sketch(Plan(bars=8), seed), seed)
        filled = Dice().fill(sketch, seed)
        kinds = {cadence.step: cadence.kind for cadence in find_cadences(filled)}
        for cadence in sketch.planned:
            assert cadence.kept_by(sketch, filled)
            chords = filled.pitch[:, cadence.step - 1 : cadence.step + 1]
            if cadence.kind in ("perfect", "imperfect") and (chords.min(axis=0) == chords[3]).all():
                assert kinds[cadence.step].endswith("authentic")
                found += kinds[cadence.step] == f"{cadence.kind} authentic"
    assert found >= 8


def test_a_tune_of_less_than_a_beat_ends_its_phrase() -> None:
    assert with_phrases(Chorale.parse("S  C5 -\nA  .  -")).fermata.tolist() == [True, False]
    silent = Chorale.parse("S  .\nA  C4")
    assert with_phrases(silent, free=np.ones((2, 1), dtype=bool)).fermata.tolist() == [True]
