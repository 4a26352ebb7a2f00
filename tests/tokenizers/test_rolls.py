import numpy as np

from musicgen.music.chorale import REST, Chorale
from musicgen.music.convert import to_score
from musicgen.music.score import Note, Part, Score
from musicgen.tokenizers.rolls import ROWS, notes_roll, quarters, score_roll, voices_roll
from musicgen.tokenizers.tags import QUESTIONS, UNKNOWN, labels_of

TWO = Chorale.parse("4/4, C major\nS C5 - C5 -\nA A4 - . -")


def test_each_voice_has_what_sounds_and_what_begins():
    roll = voices_roll(TWO)
    middle = ROWS // 2  # C5 sounds twice as long as A4, the mean is B4
    assert roll.shape == (4, ROWS, 4)
    assert [tuple(map(int, cell)) for cell in np.argwhere(roll[0])] == [(middle + 1, step) for step in range(4)]
    assert [tuple(map(int, cell)) for cell in np.argwhere(roll[1])] == [(middle + 1, 0), (middle + 1, 2)]
    assert [tuple(map(int, cell)) for cell in np.argwhere(roll[2])] == [(middle - 2, 0), (middle - 2, 1)]
    assert roll[3].sum() == 1


def test_another_key_is_the_same_roll_and_other_notes_are_not(bach_pieces):
    for piece in bach_pieces[:10]:
        roll = voices_roll(piece.chorale)
        for semitones in (-7, 1, 5):
            assert np.array_equal(voices_roll(piece.chorale.transposed(semitones)), roll)
        moved = piece.chorale.pitch.copy()
        moved[3] -= moved[3] != REST
        assert not np.array_equal(voices_roll(piece.chorale.replaced(pitch=moved)), roll)


def test_a_score_gives_the_voices_of_its_chorale_merged(bach_pieces):
    chorale = bach_pieces[5].chorale
    voices = voices_roll(chorale)
    merged = score_roll(to_score(chorale))
    assert np.array_equal(merged[0], voices[::2].any(axis=0))
    assert np.array_equal(merged[1], voices[1::2].any(axis=0))


def test_notes_off_the_grid_go_to_the_nearest_step_and_last_one_at_least():
    roll = notes_roll([0.4, 1.6], [0.45, 3.2], [60, 60])
    assert np.flatnonzero(roll[0].any(axis=0)).tolist() == [0, 2]
    assert np.flatnonzero(roll[1].any(axis=0)).tolist() == [0, 2]
    grace, drum = Note(0, 0, 60), Part("Drums", (Note(0, 480, 40),), is_drum=True)
    assert score_roll(Score((Part("", (grace,)), drum))).shape == (2, ROWS, 0)


def test_what_is_far_from_the_mean_is_moved_by_octaves():
    rows = np.argwhere(notes_roll([0, 0, 0], [9, 9, 1], [60, 60, 127])[0])[:, 0]
    assert rows.min() >= 0
    assert rows.max() < ROWS
    assert (rows.max() - rows.min()) % 12 == (127 - 60) % 12


def test_windows_begin_at_quarters_and_a_short_piece_has_one():
    roll = np.zeros((2, ROWS, 40), dtype=bool)
    assert quarters(roll, 32) == [0, 4, 8]
    assert quarters(roll, 64) == [0]


def test_facts_become_answers():
    answers = list(QUESTIONS.values())
    (row,) = labels_of([{"tradition": "Palestrina mass", "meter": "4/1", "voices": "6"}])
    assert [answers[question][label] for question, label in enumerate(row) if label != UNKNOWN] == ["Palestrina mass", "4/2", "5 or more"]
    assert row[list(QUESTIONS).index("mode")] == UNKNOWN
    assert labels_of([{"meter": "5/8"}])[0].tolist() == [UNKNOWN] * 4
