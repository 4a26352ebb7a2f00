"""Where a tune without fermatas is assumed to breathe, drawn as text."""

import numpy as np
import pytest

from musicgen.composers.plan import with_phrases
from musicgen.music.chorale import Chorale
from musicgen.music.score import Meter, MeterAt


def tune(quarters, meter="4/4", pickup=0, steps_each=4):
    steps = quarters * steps_each
    onset = np.zeros((4, steps), dtype=bool)
    onset[:, 0] = True
    onset[0, ::steps_each] = True
    pitch = np.full((4, steps), -1)
    pitch[0] = 67 + np.arange(steps) // steps_each % 3
    return Chorale(pitch, onset, np.zeros(steps, dtype=bool), (MeterAt(0, Meter.parse(meter)),), pickup=pickup)


@pytest.mark.parametrize(
    ("chorale", "quarters"),
    [
        (tune(16), [7, 15]),  # the last beat of every second bar
        (tune(16, pickup=4), [7, 15]),  # the next phrase begins with its own pick-up
        (tune(24, "3/4"), [11, 23]),  # four bars of three
        (tune(18), [7, 17]),  # half a bar is no phrase of its own
        (tune(3), [2]),
        (tune(8, steps_each=8), [3 * 2, 7 * 2]),  # the note that sounds on that beat, from its beginning
    ],
)
def test_assumed_phrase_ends(chorale, quarters):
    assert np.flatnonzero(with_phrases(chorale).fermata).tolist() == [4 * quarter for quarter in quarters]


def test_a_rest_at_a_phrase_end_leaves_the_fermata_to_the_note_before():
    whole = tune(8)
    pitch, onset = whole.pitch.copy(), whole.onset.copy()
    pitch[0, 24:] = -1
    onset[0, 25:] = False
    assert np.flatnonzero(with_phrases(whole.replaced(pitch=pitch, onset=onset)).fermata).tolist() == [20]


def test_a_tune_with_fermatas_stays():
    marked = tune(16).replaced(fermata=np.arange(64) == 12)
    assert with_phrases(marked) is marked
