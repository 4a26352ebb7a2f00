"""Markers for sequencers: phrases and cadences, where fermatas tell them; a marker a place."""

import io
from dataclasses import replace

import mido
import pytest
from test_performance import BEAT, SCORE

from musicgen.files.midi import midi_of_score, score_of_midi
from musicgen.music.resolution import rescaled
from musicgen.music.score import Note, Part, Score, TextAt
from musicgen.rendering.edition import Edition


def markers(score):
    file = mido.MidiFile(file=io.BytesIO(midi_of_score(score)), charset="utf-8")
    now, found = 0, []
    for message in file.tracks[0]:
        now += message.time
        if message.type == "marker":
            found.append((now / file.ticks_per_beat, message.text))
    return found


def test_each_phrase_and_cadence_has_one():
    assert markers(Edition().played(SCORE)) == [
        (0, "phrase 1"),
        (3, "half cadence, C major, fermata"),
        (4, "phrase 2"),
        (7, "perfect authentic cadence, C major, fermata"),
    ]


def test_fermatas_are_read_from_them():
    assert score_of_midi(midi_of_score(Edition().played(SCORE))).parts == tuple(
        replace(part, notes=tuple(replace(note, spelling=None) for note in part.notes)) for part in SCORE.parts
    )


@pytest.mark.parametrize("finer", [1, 5])
def test_ends_that_were_told_are_phrases_too(finer):
    """Wherever in the last note they are told, at any resolution."""
    plain = tuple(replace(part, notes=tuple(replace(note, fermata=False) for note in part.notes)) for part in SCORE.parts)
    told = replace(SCORE, parts=plain, phrase_ends=(3 * BEAT + BEAT // 2, 7 * BEAT))
    assert markers(Edition().played(rescaled(told, finer * BEAT))) == [
        (0, "phrase 1"),
        (3, "half cadence, C major"),
        (4, "phrase 2"),
        (7, "perfect authentic cadence, C major"),
    ]


def test_words_that_are_there_already_stay_alone():
    noted = replace(SCORE, marks=(TextAt(3 * BEAT, "half, C major"),))
    assert [text for _, text in markers(Edition().played(noted))][1] == "half cadence, C major, fermata".replace(" cadence", "")


def test_without_fermatas_there_are_none():
    bare = tuple(replace(part, notes=tuple(replace(note, fermata=False) for note in part.notes)) for part in SCORE.parts)
    assert Edition().played(replace(SCORE, parts=bare)).marks == ()
    odd = Score((Part("Drums", (Note(0, 480, 36, fermata=True),), is_drum=True),))
    assert Edition().played(odd).marks == ()


def test_a_phrase_begins_with_its_first_note_where_all_breathe_before_it():
    """As after a performance, whose breath is a rest on the grid."""
    parts = [
        replace(
            part, notes=tuple(replace(note, duration=note.duration - BEAT // 4) if note.end == 4 * BEAT else note for note in part.notes)
        )
        for part in SCORE.parts
    ]
    assert (4, "phrase 2") in markers(Edition().played(replace(SCORE, parts=tuple(parts))))
