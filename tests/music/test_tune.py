"""The tune is found, heard on the grid, and comes back tick for tick."""

from dataclasses import replace

import numpy as np
import pytest

from musicgen.errors import NotationError
from musicgen.music.chorale import REST, Chorale
from musicgen.music.convert import to_score
from musicgen.music.pitch import Key, Spelling
from musicgen.music.score import KeyAt, Meter, MeterAt, Note, Part, Score, TempoAt
from musicgen.music.tune import find_tune, with_voices

HIGH = tuple(Note(start, 12, pitch) for start, pitch in ((0, 72), (12, 74), (24, 76), (36, 77)))
LOW = tuple(replace(note, pitch=note.pitch - 10) for note in HIGH)
CHORDS = tuple(Note(start, 24, pitch) for start in (0, 24) for pitch in (60, 64, 67))


def score_of(**parts):
    return Score(tuple(Part(name, notes) for name, notes in parts.items()), 12, keys=(KeyAt(0, Key()),))


def filled_under(tune):
    """The tune over three held notes, standing in for a composer."""
    pitch, onset = tune.chorale.pitch.copy(), tune.chorale.onset.copy()
    for voice, held in ((1, 65), (2, 57), (3, 45)):
        if tune.parts[voice] is None:
            pitch[voice], onset[voice, 1:] = held, False
    return tune.chorale.replaced(pitch=pitch, onset=onset)


@pytest.mark.parametrize(
    ("score", "name"),
    [
        (score_of(Flute=HIGH), "Flute"),
        (score_of(Piano=CHORDS, Melody=LOW, Flute=HIGH), "Melody"),
        (score_of(Oboe=LOW, Flute=HIGH), "Flute"),
        (score_of(Guitar=CHORDS, Oboe=LOW), "Oboe"),
        (score_of(**{"Alto voice": HIGH, "Lead vocals": LOW}), "Lead vocals"),
        (score_of(**{"Piano (voice 1)": LOW, "Flute": HIGH}), "Flute"),
        (score_of(**{"Cantus firmus": LOW, "Violin": HIGH}), "Cantus firmus"),
        (score_of(**{"Women's choir": LOW, "Violin": HIGH}), "Violin"),
    ],
)
def test_the_tune_is_found(score, name):
    tune = find_tune(score)
    assert tune.parts[0].name == name
    assert tune.parts[1:] == (None, None, None)
    assert (tune.chorale.pitch[1:] == REST).all()
    assert (tune.chorale.voices, tune.chorale.steps) == (4, 16)


@pytest.mark.parametrize("part", ["oboe", "Oboe", "2", 2])
def test_a_part_is_named_or_numbered(part):
    assert find_tune(score_of(Flute=HIGH, Oboe=LOW), part).parts[0].name == "Oboe"


@pytest.mark.parametrize(
    ("part", "problem"), [("Horn", "there is no part 'Horn'.*1 Flute, 2 Oboe"), ("0", "no part"), ("3", "no part"), ("", "no part")]
)
def test_an_unknown_part_lists_the_parts(part, problem):
    with pytest.raises(NotationError, match=problem):
        find_tune(score_of(Flute=HIGH, Oboe=LOW), part)


def test_two_parts_of_one_name_are_asked_for_by_number():
    score = Score((Part("Flute", HIGH), Part("Flute", LOW)), 12)
    with pytest.raises(NotationError, match="2 parts are named 'flute'; choose by number"):
        find_tune(score, "flute")
    assert find_tune(score, "2").parts[0].notes == LOW


def test_of_chords_the_top_note_is_the_tune():
    tune = find_tune(score_of(Lead=(*HIGH, *CHORDS)))
    assert tune.parts[0].notes == HIGH
    assert "left out under them: 6 notes" in tune.report[0]


def test_a_descending_legato_tune_keeps_all_notes():
    legato = tuple(Note(start, 13, pitch) for start, pitch in ((0, 77), (12, 76), (24, 74), (36, 72)))
    tune = find_tune(score_of(Flute=legato))
    assert tune.parts[0].notes == legato
    assert with_voices(tune, filled_under(tune)).parts[0].notes[1].duration == 13
    assert len(tune.heard) > 0


def test_everything_off_the_grid_comes_back_tick_for_tick():
    bb = Spelling("A", 1, 4)
    notes = (
        Note(0, 0, 74, 70),
        Note(0, 160, 72, 90, fermata=True),
        Note(160, 160, 70, 91, bb),
        Note(320, 160, 72, 92),
        Note(480, 60, 74),
        Note(540, 60, 76),
        Note(600, 37, 77),
        Note(960, 480, 72),
    )
    meters = (MeterAt(0, Meter(3, 4)), MeterAt(960, Meter(2, 4)))
    tempos = (TempoAt(0, 72.0), TempoAt(480, 60.0))
    score = Score((Part("Violin", notes, 40),), 480, meters, (KeyAt(0, Key(-3)),), tempos, 480, "Air")
    tune = find_tune(score)
    finished = with_voices(tune, filled_under(tune))
    assert [replace(note, spelling=None) for note in finished.parts[0].notes] == [replace(note, spelling=None) for note in notes]
    assert finished.parts[0].notes[2].spelling == bb
    assert (finished.parts[0].name, finished.parts[0].program) == ("Violin", 40)
    assert [part.name for part in finished.parts[1:]] == ["Alto", "Tenor", "Bass"]
    assert (finished.meters, finished.keys, finished.tempos, finished.pickup) == (meters, score.keys, tempos, 480)
    assert any("Bb" in line or "A#4" in line for line in tune.heard)
    assert any("grace note" in line for line in tune.heard)


@pytest.mark.parametrize("tpq", [1, 3, 10, 96, 1023])
def test_any_resolution(tpq):
    notes = (Note(0, tpq, 72), Note(tpq, 2 * tpq, 74))
    tune = find_tune(Score((Part("", notes),), tpq))
    finished = with_voices(tune, filled_under(tune))
    scale = finished.ticks_per_quarter // tpq
    assert finished.ticks_per_quarter % 4 == 0
    assert [(note.start, note.duration) for note in finished.parts[0].notes] == [(n.start * scale, n.duration * scale) for n in notes]
    assert finished.parts[1].end == finished.parts[0].end
    assert finished.parts[0].name == "Soprano"
    assert finished.keys[0].key == tune.chorale.key


def test_four_voices_are_all_given(bach_pieces):
    piece = next(piece for piece in bach_pieces if piece.name == "bwv269")
    score = to_score(piece.chorale)
    tune = find_tune(score, keep="bs")
    assert (tune.chorale, tune.keep) == (piece.chorale, "SB")
    pitch = piece.chorale.pitch.copy()
    pitch[1:3] = np.where(pitch[1:3] == REST, REST, pitch[1:3] + 1)
    finished = with_voices(tune, piece.chorale.replaced(pitch=pitch))
    assert [finished.parts[voice].notes for voice in (0, 3)] == [score.parts[voice].notes for voice in (0, 3)]
    assert finished.parts[1].notes[0].pitch == score.parts[1].notes[0].pitch + 1


@pytest.mark.parametrize(("name", "own"), [("Part 1", "Soprano"), ("Track 2", "Soprano"), ("Flute", "Flute"), ("Trackers", "Trackers")])
def test_a_name_that_says_nothing_makes_way_for_the_voice(name, own):
    tune = find_tune(score_of(**{name: HIGH}))
    assert with_voices(tune, filled_under(tune)).parts[0].name == own


def test_every_soprano_of_bach_comes_back(bach_pieces):
    for piece in bach_pieces[::4]:
        score = to_score(piece.chorale)
        tune = find_tune(replace(score, parts=score.parts[:1]))
        assert np.array_equal(tune.chorale.pitch[0, : piece.chorale.steps], piece.chorale.pitch[0, : tune.chorale.steps]), piece.name
        assert tune.heard == ()
        assert with_voices(tune, filled_under(tune)).parts[0].notes == score.parts[0].notes


def test_four_parts_with_a_melody_below_the_top_are_no_choir():
    score = score_of(Flute=HIGH, Melody=LOW, Viola=tuple(replace(n, pitch=60) for n in LOW), Cello=tuple(replace(n, pitch=48) for n in LOW))
    assert find_tune(score).parts[0].name == "Melody"
    assert find_tune(score).parts[1] is None


def test_a_hymn_book_s_two_staves_give_four_voices():
    chorale = Chorale.parse("S  C5 - - - D5 - - -\nA  G4 - - - G4 - - -\nT  E4 - - - D4 - - -\nB  C3 - - - B2 - - -")
    parts = to_score(chorale).parts
    score = replace(to_score(chorale), parts=(Part("R", parts[0].notes + parts[1].notes), Part("L", parts[2].notes + parts[3].notes)))
    tune = find_tune(score, keep="SATB")
    assert tune.chorale == chorale
    assert [part.name for part in with_voices(tune, chorale).parts] == ["Soprano", "Alto", "Tenor", "Bass"]


def test_a_tune_out_of_range_says_how_many_octaves():
    low = tuple(replace(note, pitch=note.pitch - 24) for note in HIGH)
    with pytest.raises(
        NotationError, match=r"Cello, bar 1 beat 1: C3 is outside the soprano's range of A3 to A5; transpose it by 1 octave up"
    ):
        find_tune(score_of(Cello=low))
    with pytest.raises(NotationError, match="by 3 octaves up"):
        find_tune(score_of(Tuba=tuple(replace(note, pitch=note.pitch - 48) for note in HIGH)))
    with pytest.raises(NotationError, match="fits in no octave"):
        find_tune(score_of(Violin=(*HIGH, Note(48, 12, 40))))


@pytest.mark.parametrize(
    ("keep", "problem"), [("SB", "the bass cannot be kept: the score gives no more than the soprano"), ("X", "SATB"), ("", "SATB")]
)
def test_voices_that_cannot_be_kept(keep, problem):
    with pytest.raises(NotationError, match=problem):
        find_tune(score_of(Flute=HIGH), keep=keep)


@pytest.mark.parametrize(
    "score", [Score(()), Score((Part("Kit", HIGH, is_drum=True),)), Score((Part("Flute", ()),)), score_of(Flute=(Note(0, 0, 72),))]
)
def test_nothing_to_harmonize(score):
    with pytest.raises(NotationError, match="no part has notes with a pitch"):
        find_tune(score)


def test_a_chorale_that_changed_the_tune_is_refused():
    tune = find_tune(score_of(Flute=HIGH))
    filled = filled_under(tune)
    pitch = filled.pitch.copy()
    pitch[0, 4:8] += 1
    with pytest.raises(NotationError, match="soprano, bar 1 beat 2: the filled chorale has another note"):
        with_voices(tune, filled.replaced(pitch=pitch))
    with pytest.raises(NotationError, match="8 steps under a tune of 16"):
        with_voices(tune, Chorale(filled.pitch[:, :8], filled.onset[:, :8], filled.fermata[:8]))


def test_a_part_alone_is_the_one_voice_that_is_kept() -> None:
    notes = tuple(Note(480 * index, 480, pitch) for index, pitch in enumerate((48, 55, 57, 52)))
    tune = find_tune(Score((Part("Continuo", notes),), 480), keep="B")
    assert tune.chorale.pitch[3, ::4].tolist() == [48, 55, 57, 52]
    assert (tune.chorale.pitch[:3] == REST).all()
    filled = tune.chorale.replaced(pitch=np.maximum(tune.chorale.pitch, 60 * (np.arange(4) < 3)[:, None]))
    finished = with_voices(tune, filled)
    assert [part.name for part in finished.parts] == ["Soprano", "Alto", "Tenor", "Continuo"]
    assert [note.pitch for note in finished.parts[3].notes] == [48, 55, 57, 52]
