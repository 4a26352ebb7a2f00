"""Choirs: music within what they sing, whatever they are, and parts as they read them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tiny import tiny_sketcher_composer

from musicgen.composers.plan import Plan, plan_sketch
from musicgen.errors import ConfigError, NotationError
from musicgen.music.choirs import CHOIRS, SATB, Choir, Singer, find_choir, for_choir
from musicgen.music.chorale import RANGES, REST, Chorale
from musicgen.music.convert import to_score
from musicgen.music.pitch import Key, Spelling
from musicgen.music.rules import Leap, NoCrossing, Spacing
from musicgen.music.score import KeyAt, Note, Part, Score
from musicgen.music.sketch import Sketch
from musicgen.music.tune import find_tune, with_voices

PLAN = Plan(bars=1, key=Key(-1), pickup_quarters=0)
COMPOSER = tiny_sketcher_composer()


def written_for(choir: Choir, seed: int = 0) -> Chorale:
    """One bar."""
    return choir.restore(COMPOSER.fill(choir.prepare(choir.bind(plan_sketch(PLAN, seed))), seed))


@pytest.mark.parametrize("choir", CHOIRS, ids=lambda choir: choir.name)
def test_every_singer_stays_within_the_compass(choir: Choir) -> None:
    chorale = written_for(choir)
    for singer in choir.singers:
        lowest, highest = singer.compass
        pitch = chorale.pitch[singer.voice]
        assert ((pitch >= lowest) & (pitch <= highest)).all()
        assert highest - lowest >= 12  # a cadence may ask for any pitch class
    score = for_choir(to_score(chorale), choir)
    assert [part.name for part in score.parts] == [singer.name for singer in choir.singers]
    assert [len(part.notes) for part in score.parts] == [chorale.onset[singer.voice].sum() for singer in choir.singers]


def test_the_default_is_the_choir_that_was_there_before() -> None:
    sketch = plan_sketch(PLAN, seed=1)
    assert SATB.ranges == RANGES
    assert SATB.bind(sketch).constraints[0] == sketch.constraints[0]
    assert SATB.prepare(sketch) is sketch
    score = to_score(written_for(SATB))
    parts = for_choir(score, SATB).parts
    assert [(part.name, part.notes, part.program) for part in parts] == [(part.name, part.notes, part.program) for part in score.parts]


def test_what_is_asked_is_asked_of_what_sounds() -> None:
    """The alto of SA is composed as a bass an octave lower; the request knows nothing of that."""
    choir = find_choir("SA")
    asked = (
        choir.bind(plan_sketch(replace(PLAN, bars=2), seed=2)).pin("B", "1:2", "A4").avoid("B", "1:3-2:1", ">C4").rhythm("B", "1", "1/4")
    )
    prepared = choir.prepare(asked)
    assert prepared.given.pitch[3, 4] == 57
    for seed in range(2):
        sounding = choir.restore(COMPOSER.fill(prepared, seed))
        assert asked.keeps(sounding)
        assert all(constraint.kept_by(asked, sounding) for constraint in asked.constraints)
        assert sounding.pitch[3, 4] == 69
        assert sounding.pitch[3, 8:16].max() <= 60


@pytest.mark.parametrize("rule", [NoCrossing(), Spacing(12), Leap(5)], ids=lambda rule: rule.describe())
@pytest.mark.parametrize("name", ["SA", "recorders"])
def test_rules_bind_those_who_sing(name: str, rule: NoCrossing | Spacing | Leap) -> None:
    choir = find_choir(name)
    prepared = choir.prepare(choir.bind(plan_sketch(PLAN, seed=3)).with_rules(rule))
    filled = COMPOSER.fill(prepared, seed=3)
    assert all(each.kept_by(filled, prepared.free) for each in prepared.rules)
    sung = choir.restore(filled).pitch[[singer.voice for singer in choir.singers]].astype(int)
    if rule == NoCrossing():
        assert (np.diff(sung, axis=0) <= 0).all()
    elif rule == Leap(5):
        assert np.abs(np.diff(sung, axis=1)).max() <= 5
    else:
        assert np.abs(np.diff(sung[:3], axis=0)).max() <= 12 or name == "SA"


def test_a_rule_among_singers_sees_a_breach() -> None:
    """A composed bass far below the soprano that, an octave up, sounds above it."""
    choir = find_choir("SA")
    sketch = choir.prepare(choir.bind(plan_sketch(PLAN, seed=4)).with_rules(NoCrossing()))
    pitch = np.full((4, 16), 60)
    pitch[3] = 50
    onset = np.zeros((4, 16), dtype=bool)
    onset[:, 0] = True
    crossed = sketch.given.replaced(pitch=pitch, onset=onset)
    assert not sketch.rules[0].kept_by(crossed, sketch.free)
    assert NoCrossing().kept_by(crossed, sketch.free)


def test_rests_stay_rests() -> None:
    choir = find_choir("recorders")
    chorale = Chorale.parse("S C5 .\nA G4 .\nT E4 .\nB C4 .")
    assert choir.restore(chorale).pitch[:, 0].tolist() == [84, 79, 76, 72]
    assert (choir.restore(chorale).pitch[:, 1] == REST).all()


@pytest.mark.parametrize("name", ["strings", "String Quartet", "STRING QUARTET "])
def test_choirs_are_found_as_they_are_called(name: str) -> None:
    assert find_choir(name).singers[2].name == "Viola"


@pytest.mark.parametrize("name", ["SSA", "", "quartet", "sax"])
def test_an_unknown_choir_names_those_there_are(name: str) -> None:
    with pytest.raises(ConfigError, match=r"no choir named .*SSAA.*brass-trombone"):
        find_choir(name)


def test_a_choir_takes_a_voice_once() -> None:
    alto = Singer("Alto", "A", (55, 72), ("G", 2, 0))
    with pytest.raises(ConfigError, match="'AA'"):
        Choir("two altos", (alto, alto))


def test_only_four_voices_are_given_to_a_choir() -> None:
    with pytest.raises(NotationError, match="1 part; a choir"):
        for_choir(Score((Part("Tune", (Note(0, 480, 60),)),)), find_choir("SA"))


def test_what_is_composed_and_not_sung_is_known() -> None:
    assert find_choir("SAB").left_out == ("tenor",)
    assert find_choir("SA").left_out == ("alto", "tenor")
    assert SATB.left_out == ()


def test_a_tune_is_sung_where_the_choir_can_reach_it() -> None:
    """Men sing a hymn an octave lower; its own notes come back there, and the report says so."""
    source = Score((Part("Tune", (Note(0, 480, 75, spelling=Spelling("D", 1, 5)), Note(480, 480, 67))),), keys=(KeyAt(0, Key(1, "minor")),))
    assert find_tune(source).chorale.pitch[0, 0] == 75
    men = find_choir("TTBB")
    tune = find_tune(source, choir=men)
    assert tune.report[-1] == "moved 1 octave down, to where tenor 1 can reach it"
    filled = COMPOSER.fill(men.prepare(men.bind(Sketch.for_voices(tune.chorale))), seed=1)
    top = for_choir(with_voices(tune, men.restore(filled)), men).parts[0]
    assert (top.name, [(note.start, note.pitch, str(note.spelling)) for note in top.notes]) == (
        "Tenor 1",
        [(0, 63, "D#4"), (480, 55, "G3")],
    )


def test_what_the_choir_sings_as_it_is_stays() -> None:
    source = Score((Part("Tune", (Note(0, 480, 72), Note(480, 480, 67))),))
    for name in ("SATB", "SA", "strings"):
        tune = find_tune(source, choir=find_choir(name))
        assert tune.parts[0].notes == source.parts[0].notes
        assert not tune.report


def test_a_tune_that_fits_in_no_octave_is_refused_by_the_singer() -> None:
    wide = Score((Part("Tune", (Note(0, 480, 57), Note(480, 480, 80))),))
    with pytest.raises(NotationError, match=r"tenor 1's range of D3 to A4; its compass A3 to G#5 fits in no octave"):
        find_tune(wide, choir=find_choir("TTBB"))


def test_three_singers_end_on_a_whole_triad() -> None:
    for seed in range(4):
        last = written_for(find_choir("SAB"), seed).pitch[[0, 1, 3], -1]
        assert (last[1] - last[2]) % 12 in (3, 4)
