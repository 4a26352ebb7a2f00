"""A score into four voices: every note is there as it was, and what does not fit is refused by its place."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from musicgen.errors import ConfigError, NotationError
from musicgen.music.chorale import Chorale
from musicgen.music.convert import to_score
from musicgen.music.pitch import Spelling
from musicgen.music.score import Note, Part, Score
from musicgen.separation.notes import merged
from musicgen.separation.separator import find_separator, separate

Q = 480
PHRASE = """
    S  E5 -  -  -  D5 -  C5 -  B4 -  -  -  C5^ -  -  -
    A  G4 -  -  -  A4 -  -  -  G4 -  F4 -  E4  -  -  -
    T  C4 -  E4 -  F4 -  -  -  D4 -  -  -  C4  -  -  -
    B  C3 -  -  -  F3 -  -  -  G3 -  -  -  C3  -  -  -
"""


def piano(score: Score, staves: int = 1) -> Score:
    """All notes in one part, or the upper and the lower ones in two."""
    groups = [score.parts] if staves == 1 else [score.parts[:2], score.parts[2:]]
    parts = tuple(Part(f"Piano {number}", tuple(note for part in group for note in part.notes), 0) for number, group in enumerate(groups))
    return replace(score, parts=parts)


def all_notes(score: Score) -> Counter:
    return Counter(note for part in score.parts for note in part.notes)


@pytest.mark.parametrize("staves", [1, 2])
def test_the_voices_of_a_phrase_are_found_again(staves):
    score = to_score(Chorale.parse(PHRASE))
    separation = separate(piano(score, staves), "rule")
    assert [part.name for part in separation.score.parts] == ["Soprano", "Alto", "Tenor", "Bass"]
    assert [part.notes for part in separation.score.parts] == [part.notes for part in score.parts]
    assert separation.report == ()


def test_every_note_of_real_chorales_is_kept(bach_pieces):
    for piece in bach_pieces[::97]:
        score = piano(to_score(piece.chorale))
        made = separate(score, "rule").score
        assert all_notes(made) == all_notes(score)
        for part in made.parts:
            assert all(before.end <= after.start for before, after in zip(part.notes, part.notes[1:], strict=False))


def test_a_note_keeps_all_that_is_said_of_it():
    note = Note(0, Q // 3, 61, 33, Spelling("D", -1, 4), fermata=True, color="#ff0000")
    made = separate(Score((Part("Piano", (note, Note(0, 0, 62), Note(0, Q, 48))),)), "rule").score
    assert sum((note in part.notes) for part in made.parts) == 1
    graced = next(part for part in made.parts if note in part.notes)
    assert graced.notes == (Note(0, 0, 62), note)


def test_more_than_four_notes_at_once_are_refused_by_place():
    chords = [Note(start * Q, Q, 48 + 5 * number) for start, size in ((0, 4), (1, 5), (6, 6)) for number in range(size)]
    with pytest.raises(NotationError, match=r"up to 6 notes sound at once, four voices sing 4: bar 1 beat 2, bar 2 beat 3; take notes out"):
        separate(Score((Part("Piano", tuple(chords)),)), "rule")


def test_a_chord_that_is_held_under_a_fifth_note_is_refused():
    held = [Note(0, 4 * Q, pitch) for pitch in (48, 55, 60, 64)]
    with pytest.raises(NotationError, match="bar 1 beat 3"):
        separate(Score((Part("Piano", (*held, Note(2 * Q, Q, 72))),)), "rule")


def test_legato_is_kept_and_said():
    notes = [Note(start * Q, Q + 20, pitch + step) for start, step in ((0, 0), (1, 2)) for pitch in (48, 55, 60, 64)]
    separation = separate(Score((Part("Piano", tuple(notes)),)), "rule")
    assert all_notes(separation.score) == Counter(notes)
    assert separation.report == ("notes of a voice overlap a little, as in legato playing, and are kept so: bar 1 beat 2",)


def test_chosen_parts_alone_are_separated_and_drums_are_passed_over():
    part = Part("Piano", (Note(0, Q, 60), Note(0, Q, 64)))
    score = Score((part, Part("Kit", (Note(0, Q, 36),), is_drum=True), Part("Flute", (Note(0, Q, 84),))))
    assert all_notes(separate(score, "rule", parts=[0]).score) == Counter(part.notes)
    separation = separate(score, "rule")
    assert all_notes(separation.score) == Counter([*part.notes, Note(0, Q, 84)])
    assert separation.report[0] == "Kit is passed over: it has no notes with a pitch"


def test_what_is_not_there_is_refused():
    with pytest.raises(NotationError, match="no part has notes"):
        separate(Score((Part("Piano", ()),)), "rule")
    with pytest.raises(ConfigError, match=r"no way to separate is named 'rul'.*did you mean rule"):
        find_separator("rul")


def test_moved_music_is_separated_alike():
    score = piano(to_score(Chorale.parse(PHRASE)))
    high = replace(
        score, parts=(Part("Piano", tuple(replace(note, pitch=note.pitch + 24, spelling=None) for note in score.parts[0].notes)),)
    )
    lines = [[(note.start, note.pitch) for note in part.notes] for part in separate(score, "rule").score.parts]
    moved = [[(note.start, note.pitch - 24) for note in part.notes] for part in separate(high, "rule").score.parts]
    assert moved == lines


# --- merged voices


def test_voices_in_unison_are_one_note():
    both = merged(Chorale.parse("S C4 - D4 -\nA C4 - - -"), 4)
    assert both.notes.pitch.tolist() == [60, 62]
    assert both.notes.end.tolist() == [4, 4]
    assert both.sung.tolist() == [[True, True], [True, False]]


def test_a_key_that_is_struck_again_ends_the_note_before():
    again = merged(Chorale.parse("S C4 - - -\nA . - C4 -"), 4)
    assert again.notes.start.tolist() == [0, 2]
    assert again.notes.end.tolist() == [2, 4]
    assert again.sung.tolist() == [[True, False], [False, True]]


def test_what_is_merged_sounds_as_the_chorale(bach_pieces):
    chorale = bach_pieces[5].chorale
    notes = merged(chorale, 4).notes
    sounding = np.zeros((128, chorale.steps), dtype=bool)
    for start, end, pitch in zip(notes.start, notes.end, notes.pitch, strict=True):
        assert not sounding[pitch, start:end].any()
        sounding[pitch, start:end] = True
    for step in range(chorale.steps):
        assert set(np.flatnonzero(sounding[:, step])) == set(chorale.pitch[:, step]) - {-1}
