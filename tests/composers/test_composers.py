"""Traps: a given note is never changed, every constraint holds in every cell and through every held note, equal seeds give equal music."""

import numpy as np
import pytest
from pieces import first_steps
from tiny import shipped_like, tiny_committee_composer, tiny_composer, tiny_masked_composer, tiny_sketcher_composer

from musicgen.composers import any_order
from musicgen.composers.loading import list_composers, load_composer
from musicgen.composers.references import Bach, Dice
from musicgen.errors import ConfigError, NotationError
from musicgen.music.chorale import REST, Chorale
from musicgen.music.constraints import PitchClasses, VoiceRanges
from musicgen.music.sketch import Sketch, free_region

COMPOSERS = [Dice(), tiny_composer(), shipped_like(), tiny_sketcher_composer(), tiny_committee_composer(), tiny_masked_composer()]
SEEDS = range(5)


@pytest.fixture(scope="module")
def piece(bach_pieces) -> Chorale:
    """Two bars of the shortest chorale with a pick-up that has a rest in no voice."""
    whole = [p.chorale for p in bach_pieces if p.chorale.pickup and (p.chorale.pitch != REST).all()]
    shortest = min(whole, key=lambda chorale: chorale.steps)
    return first_steps(shortest, shortest.bar_starts()[3])


def sketches(piece: Chorale) -> dict[str, Sketch]:
    single = np.zeros_like(piece.onset)
    single[1] = True
    start = int(np.flatnonzero(piece.onset[1])[3])
    single[1, start : start + 1] = False
    after = np.flatnonzero(piece.onset[1])[4]
    single[1, start:after] = False
    bars = piece.bar_starts()
    region = free_region(piece, [0, 1, 2, 3], bars[1], bars[2])
    region[:, bars[2] :] = ~np.logical_or.accumulate(piece.onset[:, bars[2] :], axis=1)
    return {
        "everything free": Sketch(piece, np.ones_like(piece.onset)),
        "harmonize": Sketch.for_voices(piece, "S"),
        "outer voices given": Sketch.for_voices(piece, "SB"),
        "one note of the alto given": Sketch(piece, single),
        "a bar free": Sketch(piece, region),
    }


@pytest.mark.parametrize("composer", COMPOSERS, ids=lambda composer: composer.name)
@pytest.mark.parametrize("case", ["everything free", "harmonize", "outer voices given", "one note of the alto given", "a bar free"])
def test_given_cells_survive_and_ranges_hold(composer, case: str, piece: Chorale) -> None:
    sketch = sketches(piece)[case]
    allowed = np.concatenate([sketch.allowed_pitches(), sketch.rest_allowed()[..., None]], axis=-1)
    for filled in composer.fill_many([sketch] * len(SEEDS), SEEDS):
        assert sketch.keeps(filled)
        sounding = np.take_along_axis(allowed, filled.pitch[..., None].astype(int) % 129, axis=-1)[..., 0]
        assert sounding[sketch.free].all()


@pytest.mark.parametrize("composer", COMPOSERS, ids=lambda composer: composer.name)
def test_chord_changes_reach_through_held_notes(composer) -> None:
    """A chord a quarter, changing off the beat too: a HOLD across a change would let the old chord sound on."""
    steps = 20
    chords = [({0, 4, 7}, 0, 6), ({2, 7, 11}, 6, 9), ({5, 9, 0}, 9, 14), ({1, 4, 9}, 14, steps)]
    constraints = (VoiceRanges(), *(PitchClasses(v, start, end, frozenset(c)) for c, start, end in chords for v in range(4)))
    text = "\n".join(f"{v}" + " ?" * steps for v in "SATB")
    sketch = Sketch.parse(text, constraints)
    allowed = sketch.allowed_pitches()
    for filled in composer.fill_many([sketch] * len(SEEDS), SEEDS):
        assert np.take_along_axis(allowed, filled.pitch[..., None].astype(int), axis=-1).all()


@pytest.mark.parametrize("composer", COMPOSERS, ids=lambda composer: composer.name)
def test_a_given_note_is_not_held_on_where_it_may_not_sound(composer) -> None:
    sketch = Sketch.parse(
        "S C5 - - - ? ? ? ?\nA ? ? ? ? ? ? ? ?\nT ? ? ? ? ? ? ? ?\nB C3 - - - - - - -",
        (VoiceRanges(), PitchClasses(0, 4, 8, frozenset({2}))),
    )
    for filled in composer.fill_many([sketch] * len(SEEDS), SEEDS):
        assert set(filled.pitch[0, 4:] % 12) == {2}


@pytest.mark.parametrize("composer", COMPOSERS, ids=lambda composer: composer.name)
def test_equal_seeds_give_equal_music_alone_or_in_a_batch(composer, piece: Chorale, bach_pieces) -> None:
    sketch, other = Sketch.for_voices(piece, "S"), Sketch.for_voices(first_steps(bach_pieces[0].chorale, piece.steps + 12), "S")
    alone = composer.fill(sketch, 7)
    together = composer.fill_many([other, sketch, sketch], [1, 7, 8])
    assert composer.fill(sketch, 7) == alone == together[1]
    assert together[2] != alone


def test_bach_returns_himself_and_refuses_a_foreign_tune(bach_pieces) -> None:
    bach, whole = Bach([p.chorale for p in bach_pieces]), bach_pieces[40].chorale
    assert np.array_equal(bach.fill(Sketch.for_voices(whole), 0).pitch, whole.pitch)
    with pytest.raises(NotationError, match="no chorale of Bach's"):
        bach.fill(Sketch.for_voices(whole.transposed(1)), 0)


@pytest.mark.parametrize("composer", COMPOSERS, ids=lambda composer: composer.name)
def test_the_soprano_strikes_fermatas_and_holds_them_and_all_hold_the_last_chord(composer) -> None:
    fermata = np.zeros(24, dtype=bool)
    fermata[[6, 18]] = True
    blank = Sketch.parse("\n".join(f"{v}" + " ?" * 24 for v in "SATB"))
    sketch = Sketch(blank.given.replaced(fermata=fermata), blank.free)
    for filled in composer.fill_many([sketch] * len(SEEDS), SEEDS):
        assert filled.onset[0, [6, 18]].all()
        assert not filled.onset[0, 7:16].any()
        assert not filled.onset[:, 19:].any()


def test_pseudo_likelihood_of_an_untrained_model_is_near_uniform(piece: Chorale) -> None:
    likelihood = tiny_composer().nats(piece)
    assert likelihood.kind == "pseudo"
    assert likelihood.nats.shape == piece.pitch.shape
    assert likelihood.nats.mean() == pytest.approx(np.log(48), abs=0.3)


def test_exact_likelihood_of_an_untrained_model_is_near_uniform(piece: Chorale) -> None:
    likelihood = tiny_sketcher_composer().nats(piece)
    assert likelihood.kind == "exact"
    assert likelihood.nats.mean() == pytest.approx(np.log(48), abs=0.5)  # 47 sounds to strike, one to hold


def test_a_bound_of_an_untrained_model_is_above_nothing_and_the_same_each_time(piece: Chorale) -> None:
    """Not near uniform: where a neighbour is visible, most ids are impossible."""
    likelihood = tiny_masked_composer().nats(piece)
    assert likelihood.kind == "bound"
    assert likelihood.nats.shape == piece.pitch.shape
    assert 1 < likelihood.nats.mean() < np.log(94)
    assert np.array_equal(likelihood.nats, tiny_masked_composer().nats(piece).nats)


def test_a_bound_of_a_hidden_cell_knows_nothing_of_the_other_hidden_cells(piece: Chorale, monkeypatch) -> None:
    """All are hidden here, one note of the alto is another."""
    monkeypatch.setattr(any_order, "hidden_subsets", lambda free, count, rng: np.ones((count, *free.shape), dtype=bool))
    start, end = np.flatnonzero(piece.onset[1])[3:5]
    pitch = piece.pitch.copy()
    pitch[1, start:end] -= 1
    one, other = (tiny_masked_composer().nats(version).nats for version in (piece, piece.replaced(pitch=pitch)))
    changed = np.zeros_like(piece.onset)
    changed[1, start:end] = True
    assert np.array_equal(one != other, changed)


def test_unknown_names_are_refused_with_what_there_is() -> None:
    with pytest.raises(ConfigError, match="did you mean dice"):
        load_composer("dicee")
    assert {"bach", "dice"} <= {info.name for info in list_composers()}
