"""A piece varied, continued and preceded: what is kept is kept to the note, and what is new fits on."""

from dataclasses import replace

import numpy as np
import pytest
from tiny import tiny_composer, tiny_masked_composer, tiny_sketcher_composer

from musicgen.composers.plan import with_phrases
from musicgen.composers.references import Dice
from musicgen.errors import ConfigError, NotationError
from musicgen.music.chorale import REST, Chorale
from musicgen.music.convert import to_chorale, to_score
from musicgen.music.pitch import Key
from musicgen.music.score import KeyAt, Meter, MeterAt, Note, TempoAt
from musicgen.music.sketch import Sketch, free_region
from musicgen.steering.variation import (
    continue_score,
    continue_sketch,
    precede_score,
    precede_sketch,
    similarity,
    vary_score,
    vary_sketch,
)

SMALL = Chorale.parse("""
    4/4, C major, pickup 4
    S  E5 - - - | D5 - - - C5 - - -  - - - - E5 - - - | E5 - - - D5 - - -  C5^ - - -
    A  G4 - - - | G4 - F4 - E4 - - - - - - - G4 - - - | -  - - - - - - -   G4 - - -
    T  C4 - - - | B3 - - - G3 - - -  - - - - C4 - - - | C4 - - - - - - -   - - - -
    B  C3 - - - | G3 - - - C3 - - -  - - - - C3 - - - | C3 - - - D3 - - -  E3 - - -
    """)
HALF_REST = Chorale.parse("""
    S  C5 - . - | E5 - - -
    A  G4 - . - | G4 - - -
    T  E4 - . - | C4 - - -
    B  C3 - . - | C3 - - -
    """)


class Surprised(Dice):
    """Finds the cells of `odd` unlikely, and no others."""

    def __init__(self, *odd):
        super().__init__("surprised")
        object.__setattr__(self, "odd", odd)

    def nats(self, chorale):
        nats = np.zeros(chorale.pitch.shape, dtype=np.float32)
        for rank, (voice, step) in enumerate(self.odd):
            nats[voice, step] = 10 - rank
        return type("Likelihood", (), {"nats": nats})()


def whole_notes(chorale, free):
    """No note is free in part."""
    notes = [free[voice, note.start : note.end] for voice in range(chorale.voices) for note in chorale.notes(voice)]
    return all(cells.all() or not cells.any() for cells in notes)


def notes_of(part):
    return [(note.start, note.duration, note.pitch, note.spelling, note.fermata, note.velocity) for note in part.notes]


# --- vary


@pytest.mark.parametrize("keep", [0, 0.25, 0.5, 0.7, 0.9, 1])
def test_the_share_asked_is_free_in_whole_notes(bach_pieces, keep):
    for piece in bach_pieces[:12]:
        sketch = vary_sketch(piece.chorale, keep, "random", seed=3)
        sounds = piece.chorale.pitch != REST
        longest = max(note.end - note.start for voice in range(4) for note in piece.chorale.notes(voice))
        assert whole_notes(piece.chorale, sketch.free)
        assert abs(sketch.free.sum() - (1 - keep) * sounds.sum()) <= longest / 2
        assert not sketch.free[~sounds].any()


def test_keep_1_frees_nothing_and_keep_0_all():
    assert not vary_sketch(SMALL, 1, "random").free.any()
    assert vary_sketch(SMALL, 0, "random").free.all()
    assert vary_sketch(SMALL, 0.999, "random").free.any()


def test_rests_stay():
    assert np.array_equal(vary_sketch(HALF_REST, 0, "random").free, HALF_REST.pitch != REST)


def test_the_least_likely_notes_go_first():
    odd = Surprised((1, 4), (3, 17))
    assert np.argwhere(vary_sketch(SMALL, 0.985, composer=odd).free).tolist() == [[1, 4], [1, 5]]
    both = vary_sketch(SMALL, 0.96, composer=odd).free
    assert both[1, 4:6].all()
    assert both[3, 16:20].all()
    assert both.sum() == 6


def test_random_notes_follow_the_seed():
    first, again, other = (vary_sketch(SMALL, 0.5, "random", seed=seed).free for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_only_notes_wholly_within_are_varied():
    sketch = vary_sketch(SMALL, 0, "random", within=free_region(SMALL, [1, 2], 6, 20))
    assert not sketch.free[[0, 3]].any()
    assert sketch.free[1].tolist() == [step in range(6, 16) for step in range(SMALL.steps)]
    assert sketch.free[2].tolist() == [step in range(8, 20) for step in range(SMALL.steps)]


@pytest.mark.parametrize(
    "composer", [Dice(), tiny_composer(), tiny_sketcher_composer(), tiny_masked_composer()], ids=lambda each: each.name
)
def test_kept_notes_keep_their_lengths(composer):
    sketch = vary_sketch(SMALL, 0.5, "random", seed=4)
    filled = composer.fill(sketch, seed=5)
    assert sketch.keeps(filled)
    kept = [note for voice in range(4) for note in SMALL.notes(voice) if not sketch.free[voice, note.start]]
    assert kept
    assert set(kept) <= {note for voice in range(4) for note in filled.notes(voice)}


@pytest.mark.parametrize("composer", [tiny_composer(), tiny_sketcher_composer(), tiny_masked_composer()], ids=lambda each: each.name)
def test_every_composer_that_states_nats_can_choose(composer):
    assert 0 < vary_sketch(SMALL, 0.7, composer=composer).free.mean() < 0.5


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"keep": 1.2}, "keep 1.2: a share from 0"),
        ({"keep": float("nan")}, "a share from 0"),
        ({"keep": 0.5, "how": "badly"}, "'badly': unlikely or random"),
        ({"keep": 0.5, "composer": Dice()}, "dice states no likelihood"),
        ({"keep": 0.5}, "no composer states no likelihood"),
        ({"keep": 0.5, "how": "random", "within": np.zeros_like(SMALL.onset)}, "no whole note lies"),
    ],
)
def test_refused(asked, message):
    with pytest.raises((ConfigError, NotationError), match=message):
        vary_sketch(SMALL, **asked)


def test_a_varied_score_has_its_kept_notes_tick_for_tick(bach_pieces):
    for piece in bach_pieces[20:24]:
        score = to_score(piece.chorale)
        asked = vary_score(score, 0.6, "random", seed=2)
        result = asked.score(Dice().fill(asked.sketch, seed=1))
        kept = np.sum(~asked.sketch.free & piece.chorale.onset & (piece.chorale.pitch != REST))
        same = sum(len(set(notes_of(old)) & set(notes_of(new))) for old, new in zip(score.parts, result.parts, strict=True))
        assert same >= kept
        assert to_chorale(result).report == ()


def test_notes_off_the_grid_are_varied_or_stay_as_they_were():
    score = to_score(SMALL)
    triplet = [Note(480, 160, 74), Note(640, 160, 72), Note(800, 160, 74)]
    soprano = replace(score.parts[0], notes=(score.parts[0].notes[0], *triplet, *score.parts[0].notes[2:]))
    score = replace(score, parts=(soprano, *score.parts[1:]))
    asked = vary_score(score, 0.3, "random", voices="AT", bars="1")
    result = asked.score(Dice().fill(asked.sketch, seed=1))
    assert [notes_of(result.parts[voice])[1:4] for voice in (0, 3)] == [
        [(*note[:3], new[3], *note[4:]) for note, new in zip(notes_of(soprano)[1:4], notes_of(result.parts[0])[1:4], strict=True)],
        notes_of(score.parts[3])[1:4],
    ]
    assert asked.region.report[0].startswith("varied: ")


# --- continue


@pytest.mark.parametrize("bars", [1, 2, 4, 7])
def test_a_continued_piece_is_given_and_longer_by_so_many_bars(bach_pieces, bars):
    for piece in bach_pieces[:20]:
        chorale = piece.chorale
        sketch = continue_sketch(chorale, bars, seed=bars)
        bar = chorale.bar_steps(chorale.meters[-1].meter)
        assert np.array_equal(sketch.given.pitch[:, : chorale.steps], chorale.pitch)
        assert np.array_equal(sketch.given.onset[:, : chorale.steps], chorale.onset)
        assert np.array_equal(sketch.given.fermata[: chorale.steps], with_phrases(chorale).fermata)
        assert np.array_equal(sketch.free, np.arange(sketch.given.steps)[None].repeat(4, axis=0) >= chorale.steps)
        assert abs(sketch.given.steps - chorale.steps - bars * bar) < bar
        assert sketch.given.fermata[chorale.steps :].any()
        end = (sketch.given.bar_positions()[-1] + 1 + chorale.pickup) % bar
        assert end == 0, "the last bar and the pick-up make a whole bar"


def test_a_regular_piece_gets_exactly_the_bars_asked():
    sketch = continue_sketch(SMALL, 3)
    assert sketch.given.steps == SMALL.steps + 48


def test_the_new_ending_is_the_tonic():
    filled = Dice().fill(sketch := continue_sketch(SMALL, 2, seed=1), seed=7)
    assert sketch.keeps(filled)
    assert filled.pitch[3, -1] % 12 == 0
    assert set(filled.pitch[:, -1] % 12) <= {0, 4, 7}
    assert filled.onset[:, SMALL.steps].all(), "the last kept chord is not held on"


def test_an_unfinished_bar_is_filled_up():
    cut = Chorale(SMALL.pitch[:, :26], SMALL.onset[:, :26], SMALL.fermata[:26], SMALL.meters, SMALL.key)
    sketch = continue_sketch(cut, 2)
    assert sketch.given.steps == 32 + 32
    late = cut.replaced(pickup=10)  # ends with a whole bar: the new phrase begins without its pick-up
    assert continue_sketch(late, 2).given.steps == 26 + 32 - 10


@pytest.mark.parametrize(("over", "steps"), [(1, 48), (3, 48), (4, 64)])
@pytest.mark.parametrize("seed", range(4))
def test_a_last_note_that_runs_over_a_little_costs_no_bar(over, steps, seed):
    fields = {"fermata": np.pad(SMALL.fermata, (0, over)), "onset": np.pad(SMALL.onset, ((0, 0), (0, over)))}
    longer = SMALL.replaced(pitch=np.pad(SMALL.pitch, ((0, 0), (0, over)), mode="edge"), **fields, pickup=0)
    sketch = continue_sketch(longer, 1, seed)
    assert sketch.given.steps == steps
    assert sketch.given.fermata[longer.steps :].sum() == 1
    assert sketch.keeps(Dice().fill(sketch, seed=1))


def test_new_bars_are_in_the_last_meter():
    mixed = Chorale.parse(
        "4/4 3/4@16, G major\n"
        + "\n".join(f"{v} " + " ".join([p, "-"] * 14) for v, p in zip("SATB", ("D5", "B4", "G4", "G3"), strict=True))
    )
    sketch = continue_sketch(mixed, 2)
    assert sketch.given.steps == 28 + 24
    assert sketch.given.meters == mixed.meters


@pytest.mark.parametrize(
    "composer", [Dice(), tiny_composer(), tiny_sketcher_composer(), tiny_masked_composer()], ids=lambda each: each.name
)
def test_every_composer_continues_and_precedes(composer):
    for asked in (continue_score(to_score(SMALL), 1), precede_score(to_score(SMALL), 1)):
        filled = composer.fill(asked.sketch, seed=1)
        assert asked.sketch.keeps(filled)
        heard = to_chorale(asked.score(filled))
        assert heard.report == ()
        assert np.array_equal(heard.chorale.pitch, filled.pitch)
        assert np.array_equal(heard.chorale.onset, filled.onset)


def test_a_continued_score_has_its_own_notes_tick_for_tick(bach_pieces):
    for piece in bach_pieces[:6]:
        score = replace(to_score(piece.chorale), tempos=(TempoAt(0, 90), TempoAt(960, 60)))
        asked = continue_score(score, 2)
        result = asked.score(Dice().fill(asked.sketch, seed=1))
        for old, new in zip(score.parts, result.parts, strict=True):
            assert notes_of(new)[: len(old.notes)] == notes_of(old)
            assert len(new.notes) > len(old.notes)
        assert (result.meters, result.tempos, result.keys, result.pickup) == (score.meters, score.tempos, score.keys, score.pickup)
        assert asked.region.report[0].startswith("continued: from bar ")


def test_meters_after_the_last_note_do_not_count():
    score = replace(to_score(SMALL), meters=(MeterAt(0, Meter()), MeterAt(480 * 29, Meter(3, 4))))
    asked = continue_score(score, 4)
    assert asked.score(Dice().fill(asked.sketch, seed=1)).meters == (MeterAt(0, Meter()),)


# --- precede


@pytest.mark.parametrize("bars", [1, 4])
def test_a_preceded_piece_comes_later_by_so_many_bars(bach_pieces, bars):
    for piece in bach_pieces[:20]:
        chorale = piece.chorale
        sketch = precede_sketch(chorale, bars)
        new = bars * chorale.bar_steps(chorale.meter)
        assert sketch.given.steps == new + chorale.steps
        assert sketch.given.pickup == chorale.pickup
        assert np.array_equal(sketch.given.pitch[:, new:], chorale.pitch)
        assert np.array_equal(sketch.given.fermata[new:], with_phrases(chorale).fermata)
        assert np.array_equal(sketch.given.bar_positions()[new:], chorale.bar_positions())
        assert sketch.free[:, :new].all()
        assert not sketch.free[:, new:].any()
        assert sketch.given.fermata[:new].any()


def test_a_preceded_score_keeps_its_notes_and_what_changes_with_them():
    score = replace(to_score(SMALL), tempos=(TempoAt(0, 90), TempoAt(960, 60)), keys=(KeyAt(0, Key.parse("C")), KeyAt(480, Key.parse("G"))))
    asked = precede_score(score, 2)
    result = asked.score(Dice().fill(asked.sketch, seed=1))
    later = 2 * 4 * 480
    for old, new in zip(score.parts, result.parts, strict=True):
        assert notes_of(new)[-len(old.notes) :] == [(start + later, *rest) for start, *rest in notes_of(old)]
    assert result.tempos == (TempoAt(0, 90), TempoAt(960 + later, 60))
    assert [change.start for change in result.keys] == [0, 480 + later]
    assert result.pickup == score.pickup
    assert asked.region.report[0] == "preceded: up to bar 2 beat 4, where the score's own music begins"


def test_new_fermatas_are_written_only_where_the_source_has_some():
    bare = replace(SMALL, fermata=np.zeros_like(SMALL.fermata))
    for source, written in ((SMALL, True), (bare, False)):
        asked = continue_score(to_score(source), 2)
        result = asked.score(Dice().fill(asked.sketch, seed=1))
        new = [note for note in result.parts[0].notes if note.start >= SMALL.steps * 120]
        assert any(note.fermata for note in new) == written
        assert asked.sketch.given.fermata[: SMALL.steps].any(), "for the composer, phrases end"


def test_two_voices_go_on_as_two_and_no_bars_are_refused():
    two = Chorale(SMALL.pitch[:2], SMALL.onset[:2], SMALL.fermata, key=SMALL.key)
    sketch = continue_sketch(two, 2)
    assert not sketch.free[:, : two.steps].any()
    assert sketch.free[:, two.steps :].all()
    assert sketch.free.shape[0] == 2
    with pytest.raises(ConfigError, match="0 bars"):
        precede_sketch(SMALL, 0)


# --- similarity


def test_similarity_counts_equal_cells():
    other = SMALL.replaced(pitch=np.where(np.arange(4)[:, None] < 1, SMALL.pitch + 1, SMALL.pitch))
    assert similarity(SMALL, SMALL) == 1
    assert similarity(SMALL, other) == 0.75
    assert similarity(SMALL, SMALL.transposed(1)) == 0
    with pytest.raises(NotationError, match="of one shape"):
        similarity(SMALL, HALF_REST)


def test_more_kept_is_more_alike(bach_pieces):
    chorale = bach_pieces[3].chorale
    alike = [similarity(chorale, Dice().fill(vary_sketch(chorale, keep, "random"), seed=1)) for keep in (0, 0.3, 0.6, 0.9, 1)]
    assert alike == sorted(alike)
    assert alike[-1] == 1


def test_sketches_take_further_constraints():
    sketch = continue_sketch(SMALL, 2).pin("B", "4:1", "G3")
    assert isinstance(sketch, Sketch)
    assert Dice().fill(sketch, seed=1).pitch[3, sketch.given.bar_starts()[4]] == 55
