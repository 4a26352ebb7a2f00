"""A performance: what bends is tempo, level and ends; notes stay on their places but for some milliseconds."""

from dataclasses import replace
from itertools import pairwise

import pytest

from musicgen.errors import ConfigError
from musicgen.files.midi import midi_of_score, score_of_midi
from musicgen.music.chorale import Chorale
from musicgen.music.convert import to_score
from musicgen.music.score import Note, Part, Score
from musicgen.rendering.performance import (
    ARCH_TEMPO,
    FERMATA_TEMPO,
    LAST_TEMPO,
    MOST_NOISE,
    NOISE_SECONDS,
    RITARD_END,
    Performance,
    perform,
)

TUNE = """
    4/4, C major
    S  C5 - - - D5 - - - E5 - - - D5^ - - - | E5 - - - D5 - - - B4 - - - C5^ - - -
    A  G4 - - - G4 - - - G4 - - - G4  - - - | G4 - - - F4 - - - F4 - - - E4  - - -
    T  E4 - - - D4 - - - C4 - - - B3  - - - | C4 - - - A3 - - - D4 - - - C4  - - -
    B  C3 - - - B2 - - - C3 - - - G3  - - - | C3 - - - F3 - - - G3 - - - C3  - - -
"""
SCORE = to_score(Chorale.parse(TUNE))
BEAT = SCORE.ticks_per_quarter


def level(part):
    return sum(note.velocity for note in part.notes) / len(part.notes)


def tempo_at(score, tick):
    return [change.quarters_per_minute for change in score.tempos if change.start <= tick][-1]


@pytest.fixture(scope="module")
def played():
    return perform(SCORE, Performance())


def test_notes_stay_within_some_milliseconds(played):
    ticks_a_second = 80 / 60 * BEAT
    for part, written in zip(played.parts, SCORE.parts, strict=True):
        moved = [abs(note.start - as_written.start) for note, as_written in zip(part.notes, written.notes, strict=True)]
        assert [note.pitch for note in part.notes] == [note.pitch for note in written.notes]
        assert 0 < max(moved) <= MOST_NOISE * NOISE_SECONDS * ticks_a_second + 1
    assert (played.meters, played.keys, played.pickup, played.end) == (SCORE.meters, SCORE.keys, SCORE.pickup, SCORE.end)


def test_tempo_swells_waits_at_the_fermata_and_comes_to_rest(played):
    assert tempo_at(played, 0) == pytest.approx(80 * (1 - ARCH_TEMPO), abs=0.1)
    assert tempo_at(played, 3 * BEAT // 2) == pytest.approx(80, abs=0.8)
    assert tempo_at(played, 3 * BEAT) == pytest.approx(80 * FERMATA_TEMPO)
    rest = [tempo_at(played, tick) for tick in range(5 * BEAT, 7 * BEAT, BEAT // 2)]
    assert rest == sorted(rest, reverse=True)
    assert tempo_at(played, 7 * BEAT) == pytest.approx(80 * RITARD_END * LAST_TEMPO)


def test_singers_breathe_after_a_fermata_and_strike_a_pitch_again(played):
    for part in played.parts:
        before = next(note for note in part.notes if note.start > 2.9 * BEAT)
        assert 0.6 * BEAT < before.duration < 0.9 * BEAT
    alto = played.parts[1].notes
    assert all(a.end < b.start for a, b in pairwise(alto) if a.pitch == b.pitch)
    assert all(abs(a.end - b.start) < BEAT // 4 for part in played.parts for a, b in zip(part.notes[:2], part.notes[1:3], strict=True))


def test_the_tune_is_loudest_and_phrases_are_louder_in_the_middle(played):
    soprano, alto, tenor, bass = map(level, played.parts)
    assert soprano > bass > max(alto, tenor)
    first = played.parts[0].notes[:4]
    assert min(first[1].velocity, first[2].velocity) > max(first[0].velocity, first[3].velocity)


def test_the_same_seed_is_the_same_performance_and_amount_0_is_none(played):
    assert midi_of_score(perform(SCORE, Performance())) == midi_of_score(played)
    assert perform(SCORE, Performance(seed=1)).parts != played.parts
    assert perform(SCORE, Performance(amount=0)) is SCORE
    with pytest.raises(ConfigError, match="amount 3"):
        Performance(amount=3)


def test_fermatas_come_back_from_the_file(played):
    back = score_of_midi(midi_of_score(played))
    for part, written in zip(back.parts, SCORE.parts, strict=True):
        assert [note.fermata for note in part.notes] == [note.fermata for note in written.notes]


@pytest.mark.parametrize("ticks", [1, 4, 7, 1000])
def test_any_resolution_and_no_fermata_at_all(ticks):
    notes = tuple(Note(ticks * place, ticks, 60 + place) for place in range(8))
    one = perform(Score((Part("Flute", notes),), ticks), Performance(amount=2))
    assert one.ticks_per_quarter >= 480
    assert all(note.duration > 0 for note in one.parts[0].notes)
    score_of_midi(midi_of_score(one))


def test_drums_and_silence_stay_as_they_are():
    drums = Part("Drums", (Note(0, 10, 36), Note(480, 10, 36)), is_drum=True)
    assert perform(replace(SCORE, parts=(*SCORE.parts, drums)), Performance()).parts[4] == drums
    assert perform(Score(()), Performance()) == Score(())


def test_no_ritardando_before_the_last_phrase():
    notes = tuple(Note(BEAT * place, BEAT, 60 + place, fermata=place == 9) for place in range(12))
    assert tempo_at(perform(Score((Part("Flute", notes),)), Performance()), 9 * BEAT) == pytest.approx(80 * FERMATA_TEMPO)


def test_a_phrase_may_end_without_a_fermata(played):
    """As an assumed end under a tune without any: the same arch and a breath, but no hold."""
    plain = tuple(replace(part, notes=tuple(replace(note, fermata=False) for note in part.notes)) for part in SCORE.parts)
    told = perform(replace(SCORE, parts=plain, phrase_ends=(3 * BEAT, 7 * BEAT)), Performance())
    assert tempo_at(told, 3 * BEAT) == pytest.approx(80 * (1 - ARCH_TEMPO), abs=0.5)
    assert tempo_at(told, 4 * BEAT) == tempo_at(played, 4 * BEAT)
    assert [note.velocity for note in told.parts[0].notes] == [note.velocity for note in played.parts[0].notes]
    for part in told.parts:
        before = next(note for note in part.notes if note.start > 2.9 * BEAT)
        assert 0.5 * BEAT < before.duration < 0.75 * BEAT
    assert told.marks == ()
