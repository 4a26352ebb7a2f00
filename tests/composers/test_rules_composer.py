"""The rule-based composer as its user meets it: what is given and asked is kept, the rules are kept, and it says what it decided."""

import itertools

import numpy as np
import pytest

from musicgen.composers.plan import Plan, plan_sketch, with_cadences
from musicgen.composers.rulebook.table import RULES
from musicgen.composers.rules import RulesComposer
from musicgen.errors import NotationError
from musicgen.music.cadences import find_cadences
from musicgen.music.chorale import REST, Chorale
from musicgen.music.harmony import chord_at
from musicgen.music.pitch import Key
from musicgen.music.rules import Leap, NoCrossing, NoParallels, Spacing
from musicgen.music.score import Meter
from musicgen.music.sketch import Sketch, free_region
from musicgen.music.voice_leading import find_events, find_parallels

RULE_BOOK = RulesComposer()
FREE = "".join(f"\n{voice}" + " ?" * 16 for voice in "ATB")


@pytest.fixture(scope="module")
def piece(bach_pieces) -> Chorale:
    whole = [p.chorale for p in bach_pieces if p.chorale.pickup and (p.chorale.pitch != REST).all()]
    shortest = min(whole, key=lambda chorale: chorale.steps)
    end = shortest.bar_starts()[4]
    return shortest.replaced(pitch=shortest.pitch[:, :end], onset=shortest.onset[:, :end], fermata=shortest.fermata[:end])


def assert_kept(sketch: Sketch, filled: Chorale) -> None:
    assert sketch.keeps(filled)
    assert all(constraint.kept_by(sketch, filled) for constraint in sketch.bounding)
    assert filled.onset[sketch.must_begin()].all()
    assert not filled.onset[sketch.must_hold()].any()


@pytest.mark.parametrize("keep", ["S", "A", "B", "SB", "AT", "SAB"])
def test_whatever_voices_are_given_stay(keep: str, piece: Chorale) -> None:
    sketch = Sketch.for_voices(piece, keep)
    assert_kept(sketch, RULE_BOOK.fill(sketch, seed=1))


@pytest.mark.parametrize(("meter", "key"), [("4/4", "G"), ("3/4", "C minor"), ("6/8", "F"), ("3/2", "E minor")])
def test_a_composed_piece_breaks_no_rule_and_ends_as_planned(meter: str, key: str) -> None:
    plan = Plan(bars=4, meter=Meter.parse(meter), key=Key.parse(key), pickup_quarters=0.5)
    sketch = with_cadences(plan_sketch(plan, 2), 2)
    filled = RULE_BOOK.fill(sketch, 2)
    assert_kept(sketch, filled)
    assert not [event for event in find_events(filled) if event.rule not in ("out of range", "wide spacing")]
    assert find_cadences(filled)[-1].kind.endswith("authentic")


def test_a_tune_without_fermatas_is_harmonized_without_parallels(bach_pieces) -> None:
    tune = bach_pieces[1].chorale
    filled = RULE_BOOK.fill(Sketch.for_voices(tune.replaced(fermata=np.zeros(tune.steps, dtype=bool)), "S"), 1)
    assert not find_parallels(filled)
    assert chord_at(filled.pitch[:, -1].tolist()).inversion == 0


def test_a_region_is_filled_in_its_surroundings(piece: Chorale) -> None:
    bars = piece.bar_starts()
    region = free_region(piece, [1, 2, 3], bars[2], bars[3])
    region[:, bars[3] :] = region[:, bars[3] - 1 : bars[3]] & ~np.logical_or.accumulate(piece.onset[:, bars[3] :], axis=1)
    sketch = Sketch(piece, region)
    assert_kept(sketch, RULE_BOOK.fill(sketch, 1))


def test_seeds_give_different_settings_and_equal_seeds_the_same(piece: Chorale) -> None:
    sketch = Sketch.for_voices(piece, "S")
    settings = RULE_BOOK.fill_many([sketch] * 3, [1, 2, 3])
    assert settings[0] == RULE_BOOK.fill(sketch, 1)
    assert len({filled.pitch.tobytes() for filled in settings}) == 3


def test_a_scale_down_to_the_tonic_ends_with_dominant_and_tonic() -> None:
    sketch = Sketch.parse(f"4/4, C major\nS F5 - - - E5 - - - D5 - - - C5^ - - -{FREE}")
    lines = RULE_BOOK.explain(sketch, 1)
    assert [line.function for line in lines[-2:]] == ["dominant", "tonic"]
    assert lines[-1].numeral == "I"
    assert str(lines[-1].key) == "C major"
    assert find_cadences(RULE_BOOK.fill(sketch, 1))[-1].kind == "perfect authentic"


def test_chromatic_notes_are_met_by_applied_dominants() -> None:
    sketch = Sketch.parse(f"4/4, C major\nS E5 - - - D5 - - - F#5 - - - G5^ - - -{FREE}")
    assert all(line.costs.get("foreign note", 0) < 1 for line in RULE_BOOK.explain(sketch, 1))


def test_what_was_decided_is_told_for_every_moment(piece: Chorale) -> None:
    sketch = Sketch.for_voices(piece, "S")
    lines = RULE_BOOK.explain(sketch, 1)
    filled = RULE_BOOK.fill(sketch, 1)
    assert [line.step for line in lines] == sorted(line.step for line in lines)
    for line in lines:
        assert set(line.costs) <= set(RULES)
        assert line.cost == sum(line.costs.values())
        assert line.numeral in str(line)
        assert line.place in str(line)
        assert int(filled.pitch[0, line.step]) == line.pitches[0]
        assert int(filled.pitch[3, line.step]) == line.pitches[3]  # basses have no suspensions
    assert "parallel fifths" not in {name for line in lines for name in line.costs}


@pytest.mark.parametrize("rules", [(NoCrossing(), NoParallels(), Spacing(9), Leap(5)), (Leap(4),)])
def test_rules_between_voices_are_kept(rules) -> None:
    sketch = plan_sketch(Plan(bars=4, key=Key.parse("G")), 3).with_rules(*rules)
    filled = RULE_BOOK.fill(sketch, 1)
    assert all(rule.kept_by(filled, sketch.free) for rule in rules)


def test_rules_that_leave_no_way_are_refused_by_name() -> None:
    sketch = Sketch.parse(f"S C5 - - - G5 - - - D5 - - - C5 - - -{FREE}").with_rules(Spacing(1), Leap(1))
    with pytest.raises(NotationError, match=r"semitones apart.*loosen"):
        RULE_BOOK.fill(sketch, 1)


@pytest.mark.parametrize(
    "text",
    [
        "S ?\nA ?\nT ?\nB ?",
        "S C5 - C#5 - F#5 - G5 -\nA C#4 - D4 - G4 - A4 -\nT ? ? ? ? ? ? ? ?\nB F3 - C3 - Bb2 - D3 -",
        "S C5 D5 E5 F5 G5 A5 B5 C6\nA ? ? ? ? ? ? ? ?\nT ? ? ? ? ? ? ? ?\nB ? ? ? ? ? ? ? ?",
        "S ? ? C5 - - ? ? E5\nA ? G4 - ? ? ? F4 -\nT ? ? ? ? ? ? ? ?\nB C3 ? ? ? ? G2 - -",
    ],
    ids=["one cell", "notes of no chord", "a run", "scattered notes"],
)
def test_odd_sketches_are_filled(text: str) -> None:
    sketch = Sketch.parse(text)
    assert_kept(sketch, RULE_BOOK.fill(sketch, 1))


def test_what_is_asked_of_rhythm_chords_and_notes_is_kept() -> None:
    sketch = plan_sketch(Plan(bars=3, key=Key.parse("G"), pickup_quarters=0), 3)
    asked = sketch.rhythm("B", "1-2", "1/1").rhythm("A", "3", "1/8").pin("S", "1:1-2:1", "G4 A4 B4 D5").avoid("T", "", ">D4")
    assert_kept(asked, RULE_BOOK.fill(asked, 1))
    free = Sketch.parse("4/4, G major\n" + "\n".join(voice + " ?" * 32 for voice in "SATB"))
    chords = free.chords("I V65 vi V7/V | V ii6 V7 I")
    assert_kept(chords, RULE_BOOK.fill(chords, 1))


def test_all_rest_where_the_tune_does() -> None:
    sketch = Sketch.parse(f"S C5 - - - . - - - D5 - - - C5 - - -{FREE}")
    filled = RULE_BOOK.fill(sketch, 1)
    assert (filled.pitch[:, 4:8] == REST).all()
    assert (filled.pitch[:, 8:] != REST).all()


def test_notes_between_the_beats_go_by_step(bach_pieces) -> None:
    filled = RULE_BOOK.fill(Sketch.for_voices(bach_pieces[2].chorale, "S"), 1)
    between = 0
    for voice in (1, 2, 3):
        notes = list(filled.notes(voice))
        for before, note in itertools.pairwise(notes):
            if (note.start - filled.pickup) % 4 == 2:
                between += 1
                assert abs(note.pitch - before.pitch) in (1, 2)
    assert between > 5
