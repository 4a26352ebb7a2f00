"""B batch, V voices, T steps, C conditions, K ids."""

from dataclasses import replace

import pytest
import torch
from tiny import CONFIG, tiny_model

from musicgen.errors import ConfigError
from musicgen.models.layers import carry, reversal
from musicgen.models.motions import Motions
from musicgen.models.quartet import Quartet, QuartetConfig

STEPS = 12


def inputs(batch: int = 1, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    ids = torch.randint(CONFIG.vocab_size, (batch, 4, STEPS), generator=generator)
    ids[torch.rand(ids.shape, generator=generator) < 0.5] = 0
    conditions = torch.stack([torch.randint(size, (batch, STEPS), generator=generator) for size in CONFIG.condition_sizes], dim=1)
    return ids, conditions, torch.full((batch,), STEPS)


@pytest.mark.parametrize(("hold_id", "motion"), [(0, 0), (0, 12), (None, 0)])
def test_no_cell_reads_its_own_id(hold_id: int | None, motion: int) -> None:
    torch.manual_seed(0)
    config = QuartetConfig(
        CONFIG.vocab_size, CONFIG.input_size, hold_id, CONFIG.condition_sizes, embedding=8, width=16, motion=motion, reach=48
    )
    model = Quartet(config).eval()
    if model.motions is not None:
        for table in model.motions.parameters():
            torch.nn.init.normal_(table)
    ids, conditions, lengths = inputs()
    before = model(ids, conditions, lengths)
    for voice in range(4):
        for step in range(STEPS):
            for other in (0, 7, CONFIG.vocab_size):  # HOLD, a pitch, MASK
                changed = ids.clone()
                changed[0, voice, step] = other
                after = model(changed, conditions, lengths)
                assert torch.equal(after[0, voice, step], before[0, voice, step])


def test_every_cell_reads_every_other_cell() -> None:
    model = tiny_model().eval()
    ids, conditions, lengths = inputs()
    before = model(ids, conditions, lengths)
    for voice, step in ((0, 0), (2, 5), (3, STEPS - 1)):
        changed = ids.clone()
        changed[0, voice, step] = 11 if ids[0, voice, step] != 11 else 12
        differs = (model(changed, conditions, lengths) != before).any(-1)[0]
        differs[voice, step] = True
        assert differs.all()


def test_a_batch_gives_what_single_pieces_give_padding_or_not() -> None:
    model = tiny_model().eval()
    ids, conditions, lengths = inputs(batch=3)
    lengths = torch.tensor([STEPS, 7, 4])
    together = model(ids, conditions, lengths)
    for piece, length in enumerate(lengths.tolist()):
        alone = model(ids[piece : piece + 1, :, :length], conditions[piece : piece + 1, :, :length], lengths[piece : piece + 1])
        torch.testing.assert_close(together[piece, :, :length], alone[0], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("motion", [0, 12])
def test_logits_at_single_cells_are_those_of_the_whole(motion: int) -> None:
    torch.manual_seed(0)
    model = Quartet(replace(CONFIG, motion=motion)).eval()
    if model.motions is not None:
        torch.nn.init.normal_(model.motions.embed_into)
    ids, conditions, lengths = inputs(batch=2)
    cells = torch.tensor([0, 1, 1, 0]), torch.tensor([2, 0, 0, 3]), torch.tensor([0, 5, 11, 7])
    whole = model(ids, conditions, lengths)
    torch.testing.assert_close(model.logits_at(ids, conditions, lengths, cells), whole[cells], atol=1e-5, rtol=1e-5)


def test_motions_know_intervals_not_pitches() -> None:
    """Moving all voices by a rung moves the scores of all pitches by a rung."""
    torch.manual_seed(0)
    motions = Motions(4, CONFIG.vocab_size, 0, ladder=2, motion=12, reach=48)
    for table in motions.parameters():
        torch.nn.init.normal_(table)
    ids = inputs()[0]
    pitches = ids >= motions.ladder
    ids = torch.where(pitches, ids.clamp(20, 30), ids)
    cells = torch.ones_like(ids, dtype=torch.bool).nonzero().unbind(1)
    before, after = motions(ids, cells), motions(torch.where(pitches, ids + 1, ids), cells)
    torch.testing.assert_close(before[:, 2:-1], after[:, 3:])
    torch.testing.assert_close(before[:, 0], after[:, 0])


def test_motions_tell_a_parallel_from_a_contrary_motion() -> None:
    """Voice 3 rises by 2 from a fifth below voice 2: only that entry of the table speaks for voice 2's rising by 2."""
    motions = Motions(4, CONFIG.vocab_size, 0, ladder=2, motion=12, reach=36)
    with torch.no_grad():
        motions.embed_into[2, 3, 36 - 7, 12 + 2, 12 + 2] = -5.0
    ids = torch.tensor([[[40, 41], [35, 35], [30, 32], [23, 25]]])
    scores = motions(ids, (torch.tensor([0]), torch.tensor([2]), torch.tensor([1])))[0]
    assert scores[32] == -5
    assert scores.sum() == -5


def test_carry_replaces_holds_by_what_they_hold() -> None:
    assert carry(torch.tensor([[0, 5, 0, 0, 7, 0]]), 0).tolist() == [[0, 5, 5, 5, 7, 7]]


def test_reversal_leaves_padding_in_place() -> None:
    assert reversal(torch.tensor([3, 5]), 5).tolist() == [[2, 1, 0, 3, 4], [4, 3, 2, 1, 0]]


@pytest.mark.parametrize("changes", [{"vocab_size": 0}, {"input_size": 3}, {"width": 0}, {"dropout": 1.0}, {"motion": -1}, {"reach": -1}])
def test_impossible_configs_are_refused(changes) -> None:
    values = {"vocab_size": 48, "input_size": 50, "hold_id": 0, "condition_sizes": (4,), **changes}
    with pytest.raises(ConfigError):
        QuartetConfig(**values)
