"""The same random requests through every composer that fills: kept, every one, or refused with a reason."""

import sys
from pathlib import Path

import numpy as np
import pytest
from tiny import tiny_composer, tiny_masked_composer, tiny_sketcher_composer

from musicgen.composers.plan import Plan, plan_sketch, with_cadences
from musicgen.composers.references import Dice
from musicgen.composers.step_by_step import wishes_of
from musicgen.errors import ConfigError, NotationError
from musicgen.music.constraints import VoiceRanges
from musicgen.music.pitch import Key
from musicgen.music.rules import UNKNOWN, Leap, NoCrossing, NoParallels, Spacing
from musicgen.music.sketch import Sketch

sys.path.append(str(Path(__file__).parents[2] / "benchmarks"))
from kept_requests import KINDS, is_kept, request

COMPOSERS = [tiny_sketcher_composer(), tiny_composer(), tiny_masked_composer(), Dice()]


@pytest.mark.parametrize("composer", COMPOSERS, ids=lambda composer: composer.name)
def test_random_requests_are_kept_or_refused(composer) -> None:
    kept = refused = 0
    for seed in range(8):
        try:
            sketch = request(seed, takes_rules=False, length=(2, 3))
        except NotationError:
            refused += 1
            continue
        assert is_kept(sketch, composer.fill(sketch, seed)), f"seed {seed}"
        kept += 1
    assert kept > refused


def test_rules_are_kept_where_voices_are_decided_in_turn_and_refused_elsewhere() -> None:
    sketch = plan_sketch(Plan(bars=2), 1).pin("S", "1:3", "C5").with_rules(NoCrossing(), Spacing(12), Leap(9), NoParallels())
    assert is_kept(sketch, tiny_sketcher_composer().fill(sketch, 1))
    for composer in COMPOSERS[1:]:
        with pytest.raises(ConfigError, match=r"cannot keep rules between voices .no crossing"):
            composer.fill(sketch, 1)


def test_only_chords_that_are_asked_for_keep_the_bass_from_leaps_over_an_octave() -> None:
    sketch = plan_sketch(Plan(bars=2, key=Key.parse("G")), 1)
    assert wishes_of(with_cadences(sketch, 1)) == ()
    (wish,) = wishes_of(sketch.chords("1:1 G, 1:2 D/F#, 1:3 G"))
    before = np.array([[74, 67, 62, 55]])
    assert np.flatnonzero(wish.allowed(3, before, np.full((1, 4), UNKNOWN))[0]).tolist() == list(range(43, 68))
    assert wish.allowed(0, before, np.full((1, 4), UNKNOWN)).all()


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
    sketch = with_cadences(plan_sketch(Plan(bars=2), 2), 2)
    assert sketch.planned
    for composer in COMPOSERS:
        filled = composer.fill(sketch, 2)
        assert all(cadence.kept_by(sketch, filled) for cadence in sketch.planned)


@pytest.mark.parametrize("key", ["C", "F#", "Eb", "b"])
def test_leaps_are_counted_alike_in_every_key(key: str) -> None:
    """The flagship's pitches are counted from the key signature."""
    sketch = plan_sketch(Plan(bars=2, key=Key.parse(key), pickup_quarters=0), 1).pin("A", "1:1", "G4").pin("A", "1:3", "G4")
    leaping = sketch.only("A", "1:2", "G").with_rules(Leap(2))
    assert is_kept(leaping, tiny_sketcher_composer().fill(leaping, 1))


def test_planned_cadences_make_way_for_rules() -> None:
    sketch = with_cadences(plan_sketch(Plan(bars=2, key=Key.parse("C")), 1).with_rules(Leap(4)), 1)
    assert is_kept(sketch, tiny_sketcher_composer().fill(sketch, 1))


def test_what_is_given_against_a_rule_stops_nobody() -> None:
    """A tenor over the alto in the beats after a free region."""
    free = "? " * 16
    given = "- - - - " * 4
    text = f"4/4, C major\nS {free} C5 {given[2:]}\nA {free} E4 {given[2:]}\nT {free} G4 {given[2:]}\nB {free} C3 {given[2:]}"
    sketch = Sketch.parse(text).with_rules(NoCrossing())
    assert is_kept(sketch, tiny_sketcher_composer().fill(sketch, 1))


def test_under_rules_a_piece_is_the_same_alone_and_beside_a_longer_one() -> None:
    composer = tiny_sketcher_composer()
    sketches = [plan_sketch(Plan(bars=bars, pickup_quarters=0), bars).with_rules(NoCrossing()) for bars in (1, 2)]
    together = composer.fill_many(sketches, [7, 8])
    assert together == [composer.fill(sketch, seed) for sketch, seed in zip(sketches, (7, 8), strict=True)]


def test_a_note_that_no_composer_knows_is_refused() -> None:
    sketch = plan_sketch(Plan(bars=2, key=Key.parse("C"), pickup_quarters=0), 1)
    with pytest.raises(NotationError, match="C99 is no note of MIDI"):
        sketch.pin("B", "1:1", "C99")
    high = Sketch(sketch.given, sketch.free, (VoiceRanges(((100, 110),) * 4),))
    with pytest.raises(NotationError, match="no note that the composer knows"):
        tiny_sketcher_composer().fill(high, 1)


def test_asking_leaves_the_length_of_a_fermata_as_it_was() -> None:
    sketch = Sketch.parse(
        "4/4, C major\n"
        + "\n".join(f"{letter} " + f"{note} - - - " * 8 for letter, note in zip("SATB", ("C5", "G4", "E4", "C3"), strict=True))
    )
    marked = Sketch(sketch.given.replaced(fermata=[step == 8 for step in range(32)]), sketch.given.pitch < 0)
    freed = Sketch(marked.given, [[voice == 0 and step < 16 for step in range(32)] for voice in range(4)])
    assert freed.fermata_sounding.nonzero()[0].tolist() == [8, 9, 10, 11]
    assert freed.avoid("S", "1", "C6").fermata_sounding.nonzero()[0].tolist() == [8, 9, 10, 11]
