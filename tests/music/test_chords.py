"""Chords that are asked for: strict and loose, held notes, what is refused, and that they are heard."""

import numpy as np
import pytest

from musicgen.composers.references import Dice
from musicgen.errors import NotationError
from musicgen.music.chorale import RANGES
from musicgen.music.chords import Chord, ChordAt
from musicgen.music.constraints import VoiceRanges
from musicgen.music.pitch import Key, parse_pitch
from musicgen.music.rules import NoCrossing
from musicgen.music.sketch import Sketch
from musicgen.music.voicing import asked_chords, with_chords_heard

FREE = " ".join("?" * 16)
G7_ON_B = ChordAt(4, 8, 7, frozenset({7, 11, 2, 5}), 11, "G7/B")


def sketch(soprano=FREE, alto=FREE, tenor=FREE, bass=FREE, header="4/4, C major", **options):
    return Sketch.parse(f"{header}\nS {soprano}\nA {alto}\nT {tenor}\nB {bass}", **options)


def names(table):
    """Pitch classes that may sound."""
    return {int(pitch) % 12 for pitch in np.flatnonzero(table)}


def test_strictly_only_chord_notes_sound():
    allowed = Chord(G7_ON_B).allowed_pitches(sketch())
    for step in range(4, 8):
        assert [names(allowed[voice, step]) for voice in range(4)] == [{7, 11, 2, 5}] * 3 + [{11}]
    assert allowed[:, :4].all()
    assert allowed[:, 8:].all()


def test_loosely_notes_may_pass_between_the_beats():
    chord = ChordAt(2, 10, 7, frozenset({7, 11, 2}), 7, "G")
    allowed = Chord(chord, strict=False).allowed_pitches(sketch())
    bound = [step for step in range(16) if not allowed[:, step].all()]
    assert bound == [2, 4, 8]  # where it begins, and the beats
    assert names(allowed[3, 4]) == {7}
    assert names(allowed[1, 4]) == {7, 11, 2}


def test_beats_are_the_meters():
    chord = ChordAt(0, 12, 0, frozenset({0, 4, 7}), None, "C")
    allowed = Chord(chord, strict=False).allowed_pitches(sketch(header="6/8, C major"))
    assert [step for step in range(16) if not allowed[:, step].all()] == [0, 6]


def test_an_open_bass_sounds_any_note_of_the_chord():
    allowed = Chord(ChordAt(0, 4, 0, frozenset({0, 4, 7}), None, "C")).allowed_pitches(sketch())
    assert names(allowed[3, 0]) == {0, 4, 7}


def test_a_note_held_into_a_chord_is_bound_by_it():
    chord = Chord(G7_ON_B)
    asked = sketch().with_constraints(chord)
    good = sketch(
        soprano="G4 - - - - - - - C5 - - - - - - -",
        alto="E4 - - - F4 - - - E4 - - - - - - -",
        tenor="C4 - - - D4 - - - C4 - - - - - - -",
        bass="C3 - - - B2 - - - C3 - - - - - - -",
    ).given
    held = good.pitch.copy()
    onset = good.onset.copy()
    held[1, 4:6], onset[1, 4], onset[1, 6] = held[1, 3], False, True  # the alto's E is held over, and resolves
    assert chord.kept_by(asked, good)
    assert not chord.kept_by(asked, good.replaced(pitch=held, onset=onset))


@pytest.mark.parametrize("strict", [True, False])
@pytest.mark.parametrize("seed", range(5))
def test_dice_keep_what_is_asked(strict, seed):
    asked = sketch(soprano="G4 - - - F4 - E4 - D4 - - - C4 - - -").chords("1:1 C, 1:2 G7/B, 1:3 V4-3, 1:4 I", strict=strict)
    filled = Dice().fill(asked, seed=seed)
    assert all(constraint.kept_by(asked, filled) for constraint in asked.constraints)
    bound = Chord(asked_chords(asked)[1]).bound_steps(asked) if strict else np.array([4])
    assert {int(pitch) % 12 for pitch in filled.pitch[3, bound]} == {11}


# --- what is refused


def test_a_given_bass_that_is_not_the_chords():
    pinned = sketch().pin("B", "1:2", "C3")
    with pytest.raises(NotationError, match="bar 1 beat 2: the chord G7/B needs B in the bass, but the bass is pinned to C3"):
        pinned.chords("1:1 C, 1:2 G7/B")


def test_a_pin_against_a_chord():
    with pytest.raises(NotationError, match="the chord G7/B at bar 1 beat 2"):
        sketch().chords("1:1 C, 1:2 G7/B").pin("B", "1:2", "C3")


def test_a_given_note_foreign_to_the_whole_chord():
    tune = sketch(soprano="G4 - - - A4 - - - G4 - - - G4 - - -")
    with pytest.raises(NotationError, match="bar 1 beat 2: the chord G needs D, G or B in the soprano, but the soprano is pinned to A4"):
        tune.chords("1:1 C, 1:2 G, 1:3 C")


def test_a_given_passing_note_is_no_clash():
    tune = sketch(soprano="G4 - A4 - B4 - - - G4 - - - G4 - - -")
    assert tune.chords("1:1 C, 1:2 G, 1:3 C").constraints[-1].chord.label == "C"


def test_a_chord_that_no_voice_can_reach():
    narrow = (*RANGES[:3], (parse_pitch("C3"), parse_pitch("F3")))
    with pytest.raises(NotationError, match=r"bass, bar 1 beat 2: the ranges .* and the chord G7/B at bar 1 beat 2 leave no pitch here"):
        sketch(constraints=(VoiceRanges(narrow),)).chords("1:1 C, 1:2 G7/B")


def test_a_chord_that_cannot_be_voiced_without_crossing():
    low_tune = sketch(soprano="C4 - - - C4 - - - C4 - - - C4 - - -", constraints=(VoiceRanges(((57, 81), (62, 74), (48, 69), (36, 64))),))
    assert low_tune.chords("1:1 C")
    with pytest.raises(NotationError, match="bar 1 beat 1: the chord C cannot be voiced without crossing"):
        low_tune.with_rules(NoCrossing()).chords("1:1 C")


def test_two_chords_at_once():
    with pytest.raises(NotationError, match="the chord C at bar 1 beat 1 and the chord F# at bar 1 beat 1 leave no pitch here"):
        sketch().chords("1:1 C").chords("1:1 F#")


@pytest.mark.parametrize("fields", [(4, 4, 0, {0}, None), (-1, 4, 0, {0}, None), (0, 4, 0, set(), None), (0, 4, 0, {12}, None)])
def test_a_chord_is_some_notes_for_some_time(fields):
    start, end, root, classes, bass = fields
    with pytest.raises(NotationError):
        ChordAt(start, end, root, frozenset(classes), bass, "C")


# --- what is heard


def test_the_telling_notes_come_first():
    assert G7_ON_B.wanted == (11, 5, 7)  # third, seventh, root; the fifth may be missing
    assert ChordAt(0, 4, 11, frozenset({11, 2, 5}), 2, "viio6").wanted == (2, 5, 11)


@pytest.mark.parametrize(
    ("soprano", "key", "text"),
    [
        (FREE, Key(), "1:1 G7, 1:2 C, 1:3 F6, 1:4 Dsus4"),
        (FREE, Key(), "1:1 I V42 I6 V7/V"),
        (FREE, Key(-3, "minor"), "1:1 viio7 i Ger65 V4-3"),
        ("B4 - - - C5 - - - C5 - - - D5 - - -", Key(), "1:1 G7, 1:2 C, 1:3 F6, 1:4 Dsus4"),
        ("D5 - - - C5 - - - C5 - - - D5 - - -", Key(-3, "minor"), "1:1 viio7 i Ger65 V4-3"),
    ],
)
def test_every_chord_is_heard(soprano, key, text):
    """Each telling note has a voice, whatever the dice say."""
    asked = sketch(soprano=soprano).chords(text, key=key)
    for seed in range(3):
        filled = Dice().fill(asked, seed=seed)
        for chord in asked_chords(asked):
            sounding = {int(pitch) % 12 for pitch in filled.pitch[:, chord.start]}
            assert set(chord.wanted) <= sounding, (chord, sounding)


def test_only_the_beginning_of_a_chord_is_settled():
    asked = sketch().chords("1:1 G7")
    bounds = asked.bounds()
    narrowed = with_chords_heard(asked, bounds)
    assert (narrowed[:, 1:] == bounds[:, 1:]).all()
    assert narrowed[:, 0].sum() < bounds[:, 0].sum()
    assert (narrowed <= bounds).all()
    assert narrowed.any(axis=-1).all()


def test_voices_move_little_from_chord_to_chord():
    """The seventh falls, the leading note rises: what is settled leads on by step."""
    outer = sketch(soprano="D5 - - - C5 - - - D5 - - - C5 - - -", bass="G2 - - - C3 - - - G2 - - - C3 - - -")
    allowed = outer.chords("1:1 V7 I V7 I").allowed_pitches()
    settled = [[names(allowed[voice, step]) for voice in (1, 2)] for step in (0, 4)]
    seventh_in = next(voice for voice in (0, 1) if settled[0][voice] == {5})
    assert settled[0][1 - seventh_in] == {11}
    assert settled[1][seventh_in] == {4}


def test_a_pin_made_later_is_what_is_heard():
    """Who sounds what is settled when all is known, so a chord never stands against a pin of one of its notes."""
    for name in ("D4", "F4", "G4", "B4"):
        pinned = sketch().chords("1:1 G7").pin("A", "1:1", name)
        assert {7 + 4, 5} - {parse_pitch(name) % 12} <= {int(pitch) % 12 for pitch in Dice().fill(pinned, seed=1).pitch[:, 0]}


def test_a_given_note_that_tells_the_chord_leaves_the_others_free():
    tune = sketch(soprano="F4 - - - - - - - - - - - - - - -", bass="G2 - - - - - - - - - - - - - - -").chords("1:1 V7")
    allowed = tune.allowed_pitches()
    assert sorted(len(names(allowed[voice, 0])) for voice in (1, 2)) == [1, 4]  # one sounds B, the other what it likes
