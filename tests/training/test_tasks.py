"""What is practised: which cells are given, hidden and found."""

import numpy as np
import pytest
import torch
from tiny import PAIRS, TOKENIZER

from musicgen.errors import CheckpointError
from musicgen.training.batches import WindowSource, whole_pieces
from musicgen.training.config import TrainingConfig
from musicgen.training.tasks import SUBSETS, AnyOrder, FreeCells, draw_given, find_task, without_orphans

CONFIG = TrainingConfig(batch=64, window=40)
TASK = FreeCells(PAIRS, CONFIG)


@pytest.fixture(scope="module")
def chorales(bach_pieces):
    return [piece.chorale for piece in bach_pieces[:6]]


@pytest.fixture(scope="module")
def batch(chorales):
    return WindowSource(chorales, CONFIG, TASK).batch(0)


def test_free_cells_are_hidden_and_found_and_given_ones_are_neither(batch) -> None:
    hidden = batch.ids == PAIRS.mask_id
    assert torch.equal(hidden, batch.valid)
    assert torch.equal(batch.ids[~hidden], batch.past[~hidden])
    assert torch.equal(batch.targets[hidden], batch.past[hidden])
    assert not batch.valid[..., 0].any()


def test_sketches_of_every_kind_are_practised(batch) -> None:
    free = batch.valid[:, :, 1:-1].float().mean(dim=-1)  # (B, V)
    assert (free == 1).all(dim=1).any()  # nothing given
    assert ((free[:, 0] == 0) & (free[:, 1:] == 1).all(dim=1)).any()  # the top voice given
    assert ((free > 0) & (free < 1)).any()


def test_no_given_cell_holds_a_note_that_begins_in_a_free_one(batch) -> None:
    given_hold = ~batch.valid[..., 1:] & (batch.targets[..., 1:] >= PAIRS.size // 2)
    assert not (given_hold & batch.valid[..., :-1]).any()


def test_orphans_are_taken_out_up_to_the_next_onset() -> None:
    given = np.array([[True, False, True, True, True, True, True]])
    onset = np.array([[True, True, False, False, True, False, True]])
    assert without_orphans(given, onset).tolist() == [[True, False, False, False, True, True, True]]


def test_some_voice_is_always_left_to_be_found() -> None:
    rng = np.random.default_rng(0)
    drawn = [draw_given((4, 30), 0.4, rng) for _ in range(200)]
    assert {given.shape for given in drawn} == {(4, 30)}
    assert np.mean([not given.any() for given in drawn]) == pytest.approx(0.4, abs=0.1)
    assert sum(given.all() for given in drawn) <= 4


def test_whole_pieces_are_measured_with_nothing_given(chorales) -> None:
    batches = [TASK.examine(batch) for batch, _ in whole_pieces(chorales, PAIRS)]
    assert sum(int(batch.valid.sum()) for batch in batches) == sum(chorale.pitch.size for chorale in chorales)
    for batch in batches:
        assert set(batch.ids.unique().tolist()) == {PAIRS.mask_id, PAIRS.boundary_id}


def test_of_each_window_some_cells_are_hidden_and_they_count_as_much_as_all_of_it(chorales) -> None:
    batch = WindowSource(chorales, CONFIG, AnyOrder(PAIRS, CONFIG)).batch(0)
    assert torch.equal(batch.ids == PAIRS.mask_id, batch.valid)
    share = batch.valid.sum(dim=(1, 2)) / (batch.targets.shape[1] * (batch.ids != PAIRS.boundary_id)[:, 0].sum(dim=-1))
    assert (share > 0).all()
    assert float(share.mean()) == pytest.approx(2 / 3, abs=0.02)  # of density 2h
    counts = (batch.weights * batch.valid).sum(dim=(1, 2))
    assert counts / 160 == pytest.approx(1 / share.clamp(min=0.1), rel=0.3)


def test_a_bound_is_measured_on_the_same_subsets_each_time(chorales) -> None:
    task = AnyOrder(PAIRS, CONFIG)
    (whole, _), *_ = whole_pieces(chorales, PAIRS)
    batch, again = task.examine(whole), task.examine(whole)
    assert torch.equal(batch.ids, again.ids)
    assert len(batch.lengths) == SUBSETS * len(whole.lengths)
    cells = whole.valid.sum(dim=(1, 2)).repeat_interleave(SUBSETS)
    assert (batch.weights * batch.valid).sum(dim=(1, 2)).tolist() == pytest.approx(cells.tolist(), rel=1e-4)
    share = (batch.valid.sum(dim=(1, 2)) / cells).reshape(-1, SUBSETS).sort(dim=1).values
    assert ((share * SUBSETS).ceil() == torch.arange(1, SUBSETS + 1)).float().mean() > 0.95  # but for rounding, one share in each part


def test_each_kind_of_model_has_a_task() -> None:
    assert find_task("masked", PAIRS, CONFIG).kind == "bound"
    assert find_task("sketcher", PAIRS, CONFIG).kind == "exact"
    assert find_task("quartet", TOKENIZER, CONFIG).kind == "pseudo"
    with pytest.raises(CheckpointError, match="did you mean sketcher"):
        find_task("sketchr", PAIRS, CONFIG)
