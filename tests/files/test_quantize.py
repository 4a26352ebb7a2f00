"""Live playing, simulated: real chorales with every start and end moved a little come back as they were."""

import random
from dataclasses import replace
from fractions import Fraction

import pytest
from bach_scores import NAMES, bach, bare

from musicgen.errors import NotationError
from musicgen.files import read_score, write_score
from musicgen.files.quantize import quantize
from musicgen.music.score import Note, Part, Score, TempoAt


def played(score, stray, seed=0):
    """Starts and ends moved by up to `stray` quarters either way, independently."""
    rng = random.Random(seed)

    def off(tick):
        return max(0, tick + round(rng.uniform(-stray, stray) * score.ticks_per_quarter))

    def note(n):
        start = off(n.start)
        return replace(n, start=start, duration=max(1, off(n.end) - start))

    return replace(score, parts=tuple(replace(part, notes=tuple(note(n) for n in part.notes)) for part in score.parts))


def tune(*places, length=Fraction(1, 4), **fields):
    """Notes of one part at places in quarters, 480 ticks each."""
    notes = tuple(Note(int(place * 480), int(length * 480), 60 + i % 12) for i, place in enumerate(places))
    return Score(parts=(Part("Tune", notes),), **fields)


def starts(score):
    return [Fraction(note.start, score.ticks_per_quarter) for note in score.parts[0].notes]


@pytest.mark.parametrize("stray", [0.0, 0.03, 0.1])
@pytest.mark.parametrize("name", NAMES)
def test_every_note_of_a_chorale_is_recovered(name, stray):
    score = bach(name)
    for seed in range(5):
        assert bare(quantize(played(score, stray, seed))) == bare(score)


def test_through_a_file(tmp_path):
    score = bach("bwv66.6")
    path = write_score(played(score, 0.1), tmp_path / "live.mid")
    assert bare(read_score(path)) != bare(score)
    assert bare(read_score(path, quantize=True)) == bare(score)


def test_triplets_are_found_beat_by_beat():
    third = Fraction(1, 3)
    places = [0, third, 2 * third, 1, Fraction(5, 4), Fraction(3, 2), Fraction(7, 4), 2, 2 + third, 2 + 2 * third, 3]
    score = tune(*places, length=Fraction(1, 6))
    for stray in (0.0, 0.02):
        back = quantize(played(score, stray))
        assert starts(back) == places
        assert any("beats read as triplets: 2" in line for line in back.remarks)


def test_triplets_count_from_the_barline():
    third = Fraction(1, 3)
    places = [0, Fraction(1, 2) + third, Fraction(1, 2) + 2 * third, Fraction(3, 2)]
    assert starts(quantize(tune(*places, pickup=240))) == places


def test_straight_sixteenths_never_become_triplets():
    places = [Fraction(i, 4) for i in range(400)]
    score = tune(*places)
    for seed in range(10):
        back = quantize(played(score, 0.1, seed))
        assert starts(back) == places
        assert not any("triplet" in line for line in back.remarks)


def test_remarks_say_how_far():
    score = Score(parts=(Part("A", (Note(48, 432, 60), Note(480, 480, 62), Note(984, 456, 64))),), tempos=(TempoAt(0, 60.0),))
    moved = "2 of 3 notes moved, by 0.075 quarters on average and 0.100 at most (75 ms and 100 ms)"
    assert quantize(score).remarks == (f"Quantized: {moved}; 2 changed in length.",)
    assert quantize(tune(0, 1)).remarks == ("Quantized: every note was on the grid already.",)


def test_milliseconds_follow_the_tempo():
    score = tune(Fraction(1, 20), Fraction(41, 20), tempos=(TempoAt(0, 120.0), TempoAt(960, 30.0)))
    assert "(62 ms and 100 ms)" in quantize(score).remarks[0]


def test_short_notes_keep_a_step_and_none_is_lost():
    score = Score(parts=(Part("A", (Note(0, 5, 60), Note(10, 5, 60), Note(470, 5, 62), Note(480, 0, 64), Note(480, 480, 65))),))
    back = quantize(score)
    step = Fraction(1, 4)
    assert bare(back) == [[(0, step, 60), (0, step, 60), (1, 0, 64), (1, step, 62), (1, 1, 65)]]
    assert "3 shorter than half a step" in back.remarks[-1]


def test_nothing_starts_before_the_beginning():
    score = Score(parts=(Part("A", (Note(0, 100, 60),)),), pickup=50)
    assert quantize(score).parts[0].notes[0].start >= 0


def test_other_grids_and_resolutions():
    score = tune(Fraction(9, 16), Fraction(3, 2))
    assert starts(quantize(score, 2)) == [Fraction(1, 2), Fraction(3, 2)]
    assert starts(quantize(score, 16)) == [Fraction(9, 16), Fraction(3, 2)]
    odd = Score(parts=(Part("A", (Note(26, 24, 60),)),), ticks_per_quarter=100)
    assert starts(quantize(odd)) == [Fraction(1, 4)]


@pytest.mark.parametrize("steps", [0, -4, 49])
def test_impossible_grids(steps):
    with pytest.raises(NotationError, match="1 to 48"):
        quantize(tune(0), steps)
