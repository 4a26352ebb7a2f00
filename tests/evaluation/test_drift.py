"""Minutes of pieces drawn by hand: a loop, noise, silence."""

from math import log2

import numpy as np
import pytest

from musicgen.evaluation.drift import entropy, measure_drift
from musicgen.files.midi import midi_of_score
from musicgen.music.score import Note, Part, Score, TempoAt

BAR = 1920


def piece(bars, notes_of, tempo=120):
    """At 120 quarters a minute a minute has 30 bars."""
    notes = tuple(Note(bar * BAR + at, 100, pitch) for bar in range(bars) for at, pitch in notes_of(bar))
    return Score((Part("a", notes, 0), Part("b", (Note(bars * BAR - 1, 1, 60),), 0)), tempos=(TempoAt(0, tempo),))


def looped(bar):
    return [(0, 60), (480, 64), (960, 67), (1440, 64)]


def random_bar(bar):
    rng = np.random.default_rng(bar)
    return sorted({(int(at) * 120, int(pitch)) for at, pitch in zip(rng.integers(16, size=4), rng.integers(30, 90, 4), strict=True)})


def test_a_loop_is_like_itself_and_noise_is_not():
    loop, noise = (measure_drift([piece(60, how)], 2).minutes for how in (looped, random_bar))
    assert [minute.likeness for minute in loop] == pytest.approx([1, 1], abs=0.01)
    assert max(minute.likeness for minute in noise) < 0.3
    assert loop[0].entropy == pytest.approx(1.5)  # one half, two quarters
    assert noise[0].entropy > 5
    assert loop[0].density == pytest.approx(2, abs=0.02)  # a note each half second


def test_a_piece_that_falls_silent():
    minutes = measure_drift([piece(60, lambda bar: looped(bar) if bar < 30 else [])], 2).minutes
    assert [minute.silence for minute in minutes] == pytest.approx([0, 29 / 30])
    assert minutes[1].density < 0.1


def test_minutes_follow_the_tempo_and_the_pieces_that_last():
    """Half as fast, a minute has 15 bars; a piece of 10 bars counts in the first minute alone."""
    drift = measure_drift([piece(60, looped, 60), piece(10, looped)], 5)
    assert drift.pieces == (2, 1, 1, 1)
    assert [minute.density for minute in drift.minutes[1:]] == pytest.approx([1, 1, 1], abs=0.02)
    assert len(drift.lines()) == 5


def test_entropy():
    assert entropy([]) == 0
    assert entropy([1, 1]) == 0
    assert entropy(range(7)) == pytest.approx(log2(7))


def test_drift_of_files(at_work, good, refused):
    (at_work / "mine").mkdir()
    for name, how in (("a", looped), ("b", random_bar)):
        (at_work / "mine" / f"{name}.mid").write_bytes(midi_of_score(piece(30, how)))
    (at_work / "mine" / "bad.mid").write_bytes(b"MThd")
    table = good("evaluate", "drift", "mine", "--minutes", "2").splitlines()
    assert table[1].split() == ["minute", "pieces", "density", "entropy", "likeness", "silence"]
    assert table[2].split()[:2] == ["1", "2"]
    assert "no model named 'nobody'" in refused("evaluate", "drift", "nobody")
