import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pieces import drawn

from musicgen.corpus.store import Corpus, Piece
from musicgen.errors import NotationError
from musicgen.evaluation.copying import LIMIT, CopyIndex, CopyReport, measure_control, measure_copying
from musicgen.music.chorale import REST, Chorale
from musicgen.music.score import Meter, MeterAt
from musicgen.music.voice_leading import slices

SOURCE = """
    4/4, C major, pickup 4
    S  C5 -  -  -  | D5 -  -  -  E5 -  -  -  F5 -  E5 -  D5 -  -  -
    A  G4 -  -  -  | G4 -  -  -  G4 -  -  -  A4 -  G4 -  .  -  -  -
    T  E4 -  -  -  | B3 -  -  -  C4 -  -  -  C4 -  -  -  .  -  -  -
    B  C3 -  -  -  | G3 -  -  -  C3 -  -  -  F3 -  C3 -  G3 -  -  -
    """
# The source's bar 1 from beat 1 to beat 4, a tone higher, after a chord that is not there; other note values, and a silence within.
EXCERPT = """
    3/4, D major
    S  C5 -  -  -  E5 -  -  -  -  -  -  -  | F#5 - . - G5 -  -  -  F#5 - -  -  | E5
    A  F4 -  -  -  A4 -  -  -  -  -  -  -  | A4  - . - B4 -  -  -  A4  - -  -  | .
    T  C4 -  -  -  C#4 - -  -  -  -  -  -  | D4  - . - D4 -  -  -  D4  - -  -  | .
    B  F3 -  -  -  A3 -  -  -  -  -  -  -  | D3  - . - G3 -  -  -  D3  - -  -  | A3
    """


def piece(name, chorale, split="train"):
    return Piece(name, split, chorale)


def run(chorale, *sources):
    return CopyIndex([piece(f"bwv{number}", source) for number, source in enumerate(sources, 1)]).longest_run(chorale)


def random_chorale(rng, voices=4, steps=20, pitches=(60, 62)):
    """So few pitches that runs of several slices are shared by chance; with rests, repeated notes and silences."""
    onset = rng.random((voices, steps)) < 0.4
    onset[:, 0] = True
    drawn_pitch = np.where(rng.random((voices, steps)) < 0.25, REST, rng.integers(pitches[0], pitches[1] + 1, (voices, steps)))
    last_onset = np.maximum.accumulate(np.where(onset, np.arange(steps), 0), axis=1)
    return Chorale(np.take_along_axis(drawn_pitch, last_onset, axis=1), onset, np.zeros(steps, dtype=bool))


def columns(chorale):
    cut = slices(chorale)
    return [tuple(column) for column in cut.pitch.T.tolist() if set(column) != {REST}]


def same(here, there):
    """Whether one shift carries all slices of `there` to `here`, the definition spelled out."""
    shifts = set()
    for low, high in zip(sum(there, ()), sum(here, ()), strict=True):
        if (low == REST) != (high == REST):
            return False
        if low != REST:
            shifts.add(high - low)
    return len(shifts) == 1


def longest_by_trying(chorale, sources):
    here, best = columns(chorale), 0
    for there in map(columns, sources):
        for first in range(len(here)):
            for other in range(len(there)):
                size = best + 1
                while size <= min(len(here) - first, len(there) - other) and same(here[first : first + size], there[other : other + size]):
                    best, size = size, size + 1
    return best


def test_a_transposed_excerpt_is_found_with_the_bars_of_both():
    found = run(drawn(EXCERPT), drawn("S F5 G5\nA C5 D5\nT A4 F4\nB F3 B3"), drawn(SOURCE))
    assert (found.slices, found.source, found.shift) == (5, "bwv2", 2)
    assert (found.here.start, found.here.end) == (4, 25)
    assert (found.there.start, found.there.end) == (4, 20)
    assert str(found.here) == "bar 1 beat 2 to bar 3 beat 1"
    assert str(found.there) == "bar 1 beat 1 to bar 1 beat 4"
    assert str(found) == "5 slices, bar 1 beat 2 to bar 3 beat 1, as in bar 1 beat 1 to bar 1 beat 4 of bwv2, moved 2 semitones up"


def test_a_whole_piece_is_found_in_itself_or_only_what_others_share(bach_pieces):
    train = [one for one in bach_pieces if one.split == "train"]
    own = train[7]
    found = CopyIndex(train).longest_run(own.chorale.transposed(-3))
    assert (found.slices, found.source, found.shift) == (len(columns(own.chorale)), own.name, -3)
    assert found.there.start == 0
    assert found.here.end == own.chorale.steps
    assert own.chorale.title in str(found)
    other = CopyIndex([one for one in train if one is not own]).longest_run(own.chorale)
    assert other.source != own.name
    assert 1 <= other.slices < 20


@pytest.mark.parametrize("voice", range(4))
def test_a_changed_note_breaks_the_run(bach_pieces, voice):
    chorale = next(one.chorale for one in bach_pieces if one.split == "train")
    note = list(chorale.notes(voice))[20]
    pitch = chorale.pitch.copy()
    pitch[voice, note.start : note.end] += 1
    cut = slices(chorale)
    start = cut.start[(cut.pitch != REST).any(axis=0)]
    before, after = (start < note.start).sum(), (start >= note.end).sum()
    assert run(chorale.replaced(pitch=pitch), chorale).slices == max(before, after)


def test_voices_that_move_together_by_another_interval_are_no_transposition():
    source = drawn("S C5 D5 E5\nA G4 A4 B4\nT E4 F4 G4\nB C4 D4 E4")
    leap = drawn("S C5 D5 F5\nA G4 A4 C5\nT E4 F4 Ab4\nB C4 D4 F4")  # the last chord is the source's, but a semitone higher
    assert run(leap, source).slices == 2


def test_a_repeated_chord_is_a_slice_of_its_own():
    source = drawn("S C5 C5 D5\nA G4 G4 G4\nT E4 E4 B3\nB C3 C3 G3")
    assert run(drawn("S C5 C5 D5\nA G4 G4 G4\nT E4 E4 B3\nB C3 C3 G3"), source).slices == 3
    assert run(drawn("S C5 -  D5\nA G4 -  G4\nT E4 -  B3\nB C3 -  G3"), source).slices == 2


def test_rests_equal_rests_and_nothing_else():
    source = drawn("S C5 D5\nA . G4\nT E4 B3\nB C3 G3")
    assert run(drawn("S D5 E5\nA . A4\nT F#4 C#4\nB D3 A3"), source).slices == 2
    assert run(drawn("S C5 D5\nA G4 G4\nT E4 B3\nB C3 G3"), source).slices == 1
    assert run(drawn("S C5 D5\nA E4 G4\nT . B3\nB C3 G3"), source).slices == 1


def test_silence_is_no_slice():
    silent = drawn("S . -\nA . -\nT . -\nB . -")
    assert run(silent, silent) is None
    assert run(drawn(SOURCE), silent) is None
    assert run(drawn("S . C5 . D5\nA . G4 . G4\nT . E4 . B3\nB . C3 . G3"), drawn(SOURCE)).slices == 2


def test_a_run_does_not_go_on_into_the_next_piece():
    first, second = drawn("S C5 D5\nA G4 G4\nT E4 B3\nB C3 G3"), drawn("S E5 F5\nA G4 A4\nT C4 C4\nB C3 F3")
    joined = drawn("S C5 D5 E5 F5\nA G4 G4 G4 A4\nT E4 B3 C4 C4\nB C3 G3 C3 F3")
    found = run(joined, first, second)
    assert (found.slices, found.source, found.here.start) == (2, "bwv1", 0)


@pytest.mark.parametrize("seed", range(40))
def test_the_longest_run_is_that_of_trying_all(seed):
    rng = np.random.default_rng(seed)
    voices = int(rng.integers(1, 5))
    chorale, *sources = (random_chorale(rng, voices, int(rng.integers(1, 30))) for _ in range(4))
    found = run(chorale, *sources)
    assert (found.slices if found else 0) == longest_by_trying(chorale, sources)
    if found:
        source = sources[int(found.source[3:]) - 1]
        here, there = (passage_columns(*pair) for pair in ((chorale, found.here), (source, found.there)))
        assert len(here) == found.slices
        assert here == [tuple(REST if pitch == REST else pitch + found.shift for pitch in column) for column in there]


def passage_columns(chorale, passage):
    """The slices of steps [start, end), cut out of the piece."""
    where = slice(passage.start, passage.end)
    assert chorale.onset[:, passage.start].any()
    onset = chorale.onset[:, where].copy()
    onset[:, 0] = True
    return columns(Chorale(chorale.pitch[:, where], onset, chorale.fermata[where]))


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.integers(0, 10**6), st.integers(-40, 40), st.integers(-40, 40))
def test_moving_both_moves_the_shift_alone(seed, here, there):
    rng = np.random.default_rng(seed)
    chorale, source = (random_chorale(rng, voices=2, steps=30) for _ in range(2))  # two voices always share something
    plain, moved = run(chorale, source), run(chorale.transposed(here), source.transposed(there))
    assert (plain.slices, plain.here, plain.there) == (moved.slices, moved.here, moved.there)
    assert moved.shift == plain.shift + here - there


# --- sets


@pytest.mark.parametrize("near_copies", [True, False])
def test_bachs_test_pieces_share_what_was_published(bach_corpus, near_copies):
    report = measure_control(CopyIndex(bach_corpus.pieces("train", near_copies)), bach_corpus)
    assert (report.copied, report.pieces, report.limit, report.longest) == (1, 77, LIMIT, 24)
    assert [(name, one.source) for name, one in report.runs.items() if one.slices >= LIMIT] == [("bwv419", "bwv16.6")]


def test_a_report_counts_from_the_limit_on():
    index = CopyIndex([piece("bwv1", drawn(SOURCE))])
    pieces = {"a": drawn(EXCERPT), "b": drawn("S C5\nA G4\nT E4\nB C3"), "c": drawn("S . \nA .\nT .\nB .")}
    five, six = (measure_copying(index, pieces, limit) for limit in (5, 6))
    assert (five.copied, six.copied, five.pieces, five.longest) == (1, 0, 3, 5)
    assert five.to_dict()["runs"][0]["there"]["first"] == "bar 1 beat 1"
    assert five.lines()[1:] == ["b: 1 slice, bar 1 beat 1, as in bar 0 beat 4 of bwv1", "c: not a slice shared"]
    assert str(six).startswith("0 of 3 pieces share 6 slices or more: 0.0 %, 95 % interval 0.0 to ")


@pytest.mark.parametrize(
    ("copied", "pieces", "interval"),
    [(0, 10, (0.0, 27.75)), (1, 77, (0.23, 7.00)), (202, 500, (36.19, 44.76)), (10, 10, (72.25, 100.0))],
)
def test_the_interval_is_wilsons(copied, pieces, interval):
    long = run(drawn(SOURCE), drawn(SOURCE))
    report = CopyReport({str(number): long if number < copied else None for number in range(pieces)}, 1)
    assert report.interval == pytest.approx(interval, abs=0.005)


def test_a_corpus_without_test_pieces_has_no_control():
    pieces = (piece("bwv1", drawn(SOURCE)),)
    assert measure_control(CopyIndex(pieces), Corpus("own", pieces, "", "", {})) is None


def test_what_cannot_be_measured_is_refused():
    index = CopyIndex([piece("bwv1", drawn(SOURCE))])
    with pytest.raises(NotationError, match=r"duet: copying is measured on 4 voices, this piece has 2"):
        measure_copying(index, {"duet": drawn("S C5\nA G4")})
    with pytest.raises(NotationError, match="no pieces"):
        measure_copying(index, {})
    for pieces in ([], [piece("a", drawn(SOURCE)), piece("b", drawn("S C5"))], [piece("c", drawn("\n".join(["S C5"] * 9)))]):
        with pytest.raises(NotationError, match="as many voices"):
            CopyIndex(pieces)


def test_bars_are_those_of_the_meter():
    waltz = drawn(SOURCE).replaced(meters=(MeterAt(0, Meter(3, 4)),), pickup=0)
    assert str(run(waltz, drawn(SOURCE)).here) == "bar 1 beat 1 to bar 2 beat 2"
