"""Notes to voices: against all ways tried one by one, and the promises that hold whatever is wanted."""

from itertools import product

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from musicgen.music.score import Note
from musicgen.separation.assignment import Costs, assign
from musicgen.separation.notes import Notes

COSTS = Costs(motion=1.0, crossing=5.0, entry=2.0)


def notes_of(*rows: tuple[int, int, int]) -> Notes:
    ordered = sorted(rows, key=lambda row: (row[0], -row[2]))
    return Notes.of([Note(start, end - start, pitch) for start, end, pitch in ordered], 4)


def price(notes: Notes, wanted: np.ndarray, voices: tuple[int, ...]) -> float:
    """What an assignment costs, added up note by note; two notes of a voice at once cost more than anything."""
    total, last = 0.0, {}
    for chord in notes.groups():
        start, new = notes.start[chord.start], range(chord.start, chord.stop)
        if len({voices[index] for index in new}) < len(new):
            return np.inf
        before = dict(last)
        for index in new:
            voice = voices[index]
            total += wanted[index, voice]
            if voice in before:
                total += abs(notes.pitch[index] - notes.pitch[before[voice]])
                total += 1e6 * (notes.end[before[voice]] > start)
            if voice not in before or notes.end[before[voice]] < start:
                total += COSTS.entry
            last[voice] = index
        heard = {voice: index for voice, index in last.items() if notes.end[index] > start}
        for high in heard:
            for low in heard:
                is_new = heard[high] in new or heard[low] in new
                total += COSTS.crossing * (high < low and is_new and notes.pitch[heard[high]] < notes.pitch[heard[low]])
    return total


@st.composite
def small_music(draw):
    """A few notes in three voices' time, never more than three at once."""
    rows = [(draw(st.integers(0, 4)), draw(st.integers(1, 3)), draw(st.integers(60, 72))) for _ in range(draw(st.integers(1, 6)))]
    kept = []
    for start, length, pitch in sorted(rows):
        if sum(other[1] > start for other in kept) < 3:
            kept.append((start, start + length, pitch))
    return notes_of(*kept)


@settings(max_examples=60, deadline=None)
@given(small_music(), st.integers(0, 1000))
def test_no_other_way_is_cheaper(notes, seed):
    wanted = np.random.default_rng(seed).uniform(0, 6, (len(notes), 3))
    found = assign(notes, wanted, COSTS)
    best = min(price(notes, wanted, way) for way in product(range(3), repeat=len(notes)))
    assert abs(price(notes, wanted, tuple(found)) - best) < 1e-6


def test_voices_do_not_cross_when_nothing_speaks_for_it():
    notes = notes_of((0, 4, 72), (0, 4, 60), (4, 8, 70), (4, 8, 65))
    assert assign(notes, np.zeros((4, 2)), COSTS).tolist() == [0, 1, 0, 1]


def test_a_held_note_keeps_its_voice_busy():
    """The second note is nearest to the held one, and goes to another voice."""
    notes = notes_of((0, 8, 67), (0, 4, 55), (4, 8, 66))
    found = assign(notes, np.zeros((3, 2)), COSTS)
    assert found[0] != found[1]
    assert found[2] == found[1]


def test_legato_notes_share_a_voice_only_where_none_is_free():
    two = notes_of((0, 10, 67), (9, 19, 66))
    assert len(set(assign(two, np.zeros((2, 2)), COSTS).tolist())) == 2
    assert assign(two, np.zeros((2, 1)), COSTS).tolist() == [0, 0]
