"""Who sings: parts of single notes, two on a staff of a hymn book; chords and drums accompany."""

import pytest

from musicgen.errors import NotationError
from musicgen.music.score import Note, Part, Score
from musicgen.music.singers import find_singers


def line(*pitches, name="Voice", is_drum=False):
    return Part(name, tuple(Note(480 * place, 480, pitch) for place, pitch in enumerate(pitches)), is_drum=is_drum)


def together(name, *lines):
    return Part(name, tuple(sorted((note for each in lines for note in each.notes), key=lambda note: (note.start, -note.pitch))))


def test_parts_of_single_notes_are_voices():
    found = find_singers(Score((line(72, 74, name="Soprano"), line(60, 62, name="Soprano"), line(50, 52, name=""))))
    assert [part.name for part in found.voices] == ["Soprano 1", "Soprano 2", "Voice"]
    assert found.accompaniment == ()


def test_a_closed_score_is_four_voices():
    upper, lower = together("Women", line(72, 74), line(67, 69)), together("Men", line(60, 62), line(48, 50))
    found = find_singers(Score((upper, lower))).voices
    assert [part.name for part in found] == ["Soprano", "Alto", "Tenor", "Bass"]
    assert [[note.pitch for note in part.notes] for part in found] == [[72, 74], [67, 69], [60, 62], [48, 50]]


def test_chords_and_drums_accompany():
    piano = together("Piano", line(72, 74), line(67, 69), line(60, 62))
    found = find_singers(Score((line(72, 74), piano, line(36, 36, name="Drums", is_drum=True))))
    assert [part.name for part in found.voices] == ["Voice"]
    assert [part.name for part in found.accompaniment] == ["Piano", "Drums"]


def test_where_nobody_or_a_crowd_sings_it_is_said():
    with pytest.raises(NotationError, match="musicgen separate"):
        find_singers(Score((together("Piano", line(72), line(67), line(60)),)))
    with pytest.raises(NotationError, match="9 voices, at most 8"):
        find_singers(Score(tuple(line(60) for _ in range(9))))
