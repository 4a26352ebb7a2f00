"""Ensembles: names and ranges of voices, how options call them, how they are heard and written; a choir is as it always was."""

from dataclasses import replace

import numpy as np
import pytest

from musicgen.composers.plan import Plan, plan_sketch, with_cadences, with_phrases
from musicgen.errors import CheckpointError, ConfigError, NotationError
from musicgen.music.chorale import RANGES, REST, VOICES, Chorale
from musicgen.music.convert import to_score
from musicgen.music.ensemble import BACHS_CHOIR, Ensemble, numbered, plain, unlike, usual
from musicgen.music.instruments import ALTO_CLEF, BASS, TREBLE, TREBLE_BELOW, clef_of, program_of
from musicgen.music.region import find_region, with_region
from musicgen.music.seating import own_lines
from musicgen.music.sketch import Sketch
from musicgen.music.tune import find_tune, with_voices

QUARTET = Ensemble(("Violin I", "Violin II", "Viola", "Cello"), ((55, 88), (55, 84), (48, 74), (36, 64)))
DUO = Ensemble(("Flute", "Bassoon"), ((60, 84), (34, 60)))
PLAYED = Chorale.parse("1 E6 - - - D6 - - -\n2 C5 - - - B4 - - -\n3 G4 - - - G4 - - -\n4 C3 - - - G3 - - -").replaced(ensemble=QUARTET)
BLOWN = Chorale.parse("1 E5 - - - D5 - - -\n2 C3 - - - G3 - - -").replaced(ensemble=DUO)


def test_four_voices_of_which_nobody_says_more_are_bachs_choir():
    chorale = Chorale.parse("S C5\nA G4\nT E4\nB C3")
    assert chorale.ensemble is BACHS_CHOIR
    assert (BACHS_CHOIR.names, BACHS_CHOIR.ranges, BACHS_CHOIR.letters) == (VOICES, RANGES, "SATB")
    assert BACHS_CHOIR.to_dict() == {}
    assert Ensemble.from_dict({}) == BACHS_CHOIR
    assert [part.name for part in to_score(chorale).parts] == ["Soprano", "Alto", "Tenor", "Bass"]
    assert {(part.program, part.clef) for part in to_score(chorale).parts} == {(52, None)}


@pytest.mark.parametrize("voices", [1, 2, 3, 5, 8, 12])
def test_other_numbers_of_voices_are_numbered_and_go_anywhere(voices):
    assert usual(voices) == numbered(voices)
    assert usual(voices).is_numbered
    assert usual(voices).names[-1] == f"voice {voices}"
    assert usual(voices).ranges == ((0, 127),) * voices


def test_an_ensemble_comes_back_from_json_and_damage_is_named():
    assert Ensemble.from_dict(QUARTET.to_dict()) == QUARTET
    for damage in ({"names": ["A"]}, {"names": ["A"], "ranges": [[50]]}, {"names": ["A", "a"], "ranges": [[50, 60]] * 2}, {"names": 3}):
        with pytest.raises(CheckpointError, match="cannot be read"):
            Ensemble.from_dict(damage)


@pytest.mark.parametrize("names", [("A", "a."), ("A", "1"), ("A", "B, C"), ("A", ""), ("A",)])
def test_names_that_could_not_be_told_apart_are_refused(names):
    with pytest.raises(ConfigError):
        Ensemble(names, ((50, 60),) * 2)


def test_voices_are_called_by_number_and_by_name():
    for text, letters in (("1", "1"), ("41", "14"), ("4, 1", "14"), ("cello,Violin 1", "14"), ("viola", "3"), ("VIOLIN II,4", "24")):
        assert QUARTET.letters_in(text) == letters
    assert BACHS_CHOIR.letters_in("bs") == "SB"
    for text in ("S", "5", "", "Tuba", "1,,2", "Violin"):
        with pytest.raises(NotationError, match="1 Violin I, 2 Violin II, 3 Viola, 4 Cello"):
            QUARTET.letters_in(text)


def test_equal_names_get_numbers_and_roman_ones_are_numbers():
    assert unlike(["Violin", "Violin", "Viola"]) == ("Violin 1", "Violin 2", "Viola")
    assert len(set(map(plain, unlike(["Violin", "Violin", "Violin 1"])))) == 3
    assert plain("Violin II.") == plain("violin 2")


def test_sounds_and_clefs_follow_from_names_and_ranges():
    assert QUARTET.programs == (40, 40, 41, 42)
    assert QUARTET.clefs == (TREBLE, TREBLE, ALTO_CLEF, BASS)
    named = {"Violoncello": 42, "Flauto": 73, "Oboe 1": 68, "Altus": 52, "Lead": 52, "Contrabass": 43, "Upper hand": 0, "Trombone": 57}
    assert {name: program_of(name) for name in named} == named
    assert clef_of("Lead", 50, 69) == TREBLE_BELOW
    assert (clef_of("Right hand", 60, 84), clef_of("Left hand", 36, 60)) == (TREBLE, BASS)


def test_a_quartet_of_four_is_no_choir():
    """Names, ranges, sounds and clefs of what is written, and of what is asked and refused."""
    score = to_score(PLAYED)
    assert [(part.name, part.program, part.clef) for part in score.parts][1:3] == [("Violin II", 40, TREBLE), ("Viola", 41, ALTO_CLEF)]
    sketch = Sketch.for_voices(PLAYED, "4")
    assert sketch.constraints[0].ranges == QUARTET.ranges
    assert sketch.rest_allowed().all()
    assert str(sketch).splitlines()[1].startswith("1  ?")
    with pytest.raises(NotationError, match=r"Violin I, bar 1 beat 1: C5 is pinned here, against no C5"):
        sketch.avoid("1", "1:1", "C5 D5").pin("1", "1:1", "C5")
    with pytest.raises(NotationError, match="not of 1 Violin I"):
        sketch.cadence("1:2", "perfect")
    assert with_cadences(sketch, 1) is sketch
    assert with_phrases(PLAYED) is PLAYED


@pytest.mark.parametrize("ensemble", [DUO, QUARTET])
def test_an_empty_sketch_of_an_ensemble_asks_for_no_fermatas_unless_phrases_are(ensemble):
    sketch = plan_sketch(Plan(bars=4), 3, ensemble)
    assert sketch.free.shape == (ensemble.voices, 64)
    assert sketch.given.ensemble == ensemble
    assert not sketch.given.fermata.any()
    assert sketch.constraints == (type(sketch.constraints[0])(ensemble.ranges),)
    assert plan_sketch(Plan(bars=4, phrase_bars=2), 3, ensemble).given.fermata.sum() == 2
    assert str(plan_sketch(Plan(bars=4), 3, replace(ensemble, keys=("B minor",))).given.key) == "B minor"


def test_a_tune_is_played_by_the_first_that_can():
    low = to_score(BLOWN.replaced(pitch=np.full_like(BLOWN.pitch, 48)), ["Tuba", "Horn"])
    tune = find_tune(low, part=1, ensemble=DUO)
    assert (tune.keep, tune.chorale.pitch[:, 0].tolist()) == ("2", [REST, 48])
    assert any("played by Bassoon" in sentence for sentence in tune.report)
    both = find_tune(to_score(BLOWN), keep="bassoon", ensemble=DUO)
    assert both.keep == "2"
    written = with_voices(both, BLOWN)
    assert [(part.name, part.program) for part in written.parts] == [("Flute", 73), ("Bassoon", 70)]
    with pytest.raises(NotationError, match=r"outside the Flute's range .* 1 octave up"):
        find_tune(low, part=1, keep="Flute", ensemble=DUO)


def test_a_region_of_an_ensemble_comes_back_and_another_number_of_voices_says_what_to_do():
    score = to_score(PLAYED)
    region = find_region(score, "1", voices="viola", ensemble=QUARTET)
    assert region.free.any(axis=1).tolist() == [False, False, True, False]
    assert region.report[0].startswith("rewritten: Viola")
    assert with_region(region, PLAYED).parts == score.parts
    with pytest.raises(NotationError, match=r"writes 4 voices, 1 Violin I.* and 2 are found.*`harmonize`.*learned 2 voices"):
        find_region(to_score(BLOWN), "1", ensemble=QUARTET)
    with pytest.raises(NotationError, match=r"writes 2 voices, 1 Flute, 2 Bassoon, and 4 are found"):
        find_region(score, "1", ensemble=DUO)


def test_parts_find_their_voices_by_name_wherever_they_stand():
    score = to_score(PLAYED)
    turned = find_region(score.__class__(score.parts[::-1], score.ticks_per_quarter), "1", ensemble=QUARTET)
    assert np.array_equal(turned.chorale.pitch, PLAYED.pitch)


def test_voices_are_named_by_their_parts_where_these_say_who_plays():
    names = {
        ("Violin I", "Violin II", "Viola", "Cello"): ["Violin I", "Violin II", "Viola", "Cello"],
        ("Violin", "Violin", "Viola", "Cello"): ["Violin 1", "Violin 2", "Viola", "Cello"],
        ("Track 1", "Piano", "", "voice"): ["soprano", "alto", "tenor", "bass"],
        ("Bass", "Tenor", "Alto", "Soprano"): ["soprano", "alto", "tenor", "bass"],
    }
    for given, found in names.items():
        assert [line.name for line in own_lines(to_score(PLAYED, given))[0]] == found
    assert [line.name for line in own_lines(to_score(BLOWN, ("Piano", "Track 2")))[0]] == ["voice 1", "voice 2"]
    # Two choirs stand one after the other; a score that begins with the bass is turned.
    outer = PLAYED.pitch[[0, 3]]
    twice = Chorale(np.concatenate([outer, outer - 2]), np.repeat(PLAYED.onset[:1], 4, axis=0), PLAYED.fermata)
    choirs = ("Cantus I", "Bassus I", "Cantus II", "Bassus II")
    assert tuple(line.name for line in own_lines(to_score(twice, choirs))[0]) == choirs
    assert [line.name for line in own_lines(to_score(BLOWN.replaced(pitch=BLOWN.pitch[::-1]), ("Bassoon", "Flute")))[0]] == [
        "Flute",
        "Bassoon",
    ]
