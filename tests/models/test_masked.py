"""No peeking, sight of what is visible, and no probability where there can be none. B batch, V voices, T steps, K ids."""

import pytest
import torch
from tiny import MASKED_CONFIG as CONFIG
from tiny import tiny_masked

from musicgen.errors import ConfigError
from musicgen.models.masked import TABLE_SCALE, MaskedConfig
from musicgen.models.surroundings import Nearby, Recall, Surroundings, along_diagonals

STEPS = 16
MASK, BOUNDARY, SOUNDS = CONFIG.vocab_size, CONFIG.vocab_size + 1, CONFIG.sounds


def inputs(batch: int = 1, seed: int = 0, share: float = 0.5) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """What is read (a `share` of it hidden), conditions, lengths, and the whole; half of the ids hold what sounds."""
    generator = torch.Generator().manual_seed(seed)
    ids = torch.randint(SOUNDS, (batch, 4, STEPS), generator=generator)
    for step in range(2, STEPS):
        held = torch.rand((batch, 4), generator=generator) < 0.5
        ids[..., step] = torch.where(held, ids[..., step - 1] % SOUNDS + SOUNDS, ids[..., step])
    hidden = torch.rand(ids.shape, generator=generator) < share
    ids[..., [0, -1]] = BOUNDARY
    conditions = torch.stack([torch.randint(size, (batch, STEPS), generator=generator) for size in CONFIG.condition_sizes], dim=1)
    return ids.masked_fill(hidden & (ids != BOUNDARY), MASK), conditions, torch.full((batch,), STEPS), ids


def test_all_that_is_visible_is_read_by_every_other_cell() -> None:
    model = tiny_masked()
    read, conditions, lengths, _ = inputs(share=0.3)
    before = model(read, conditions, lengths).softmax(-1)
    seen = ((read != MASK) & (read != BOUNDARY))[0]
    for voice, step in seen.nonzero().tolist():
        changed = read.clone()
        changed[0, voice, step] = (read[0, voice, step] + 5) % SOUNDS
        differs = (model(changed, conditions, lengths).softmax(-1) != before).any(-1)[0]
        assert differs[read[0] == MASK].all()


def test_every_true_id_is_possible_and_the_impossible_ones_are_those_that_contradict_a_neighbour() -> None:
    read, conditions, lengths, ids = inputs(batch=20)
    logits = tiny_masked()(read, conditions, lengths)
    hidden, possible, known = read == MASK, torch.isfinite(logits).tolist(), read.tolist()
    assert torch.isfinite(logits[hidden].gather(-1, ids[hidden][:, None])).all()
    for piece, voice, step in hidden.nonzero().tolist():
        left, right = known[piece][voice][step - 1], known[piece][voice][step + 1]
        for id_ in range(CONFIG.vocab_size):
            orphan = id_ >= SOUNDS and left != MASK and (left == BOUNDARY or left % SOUNDS != id_ % SOUNDS)
            broken = SOUNDS <= right < MASK and right % SOUNDS != id_ % SOUNDS
            assert possible[piece][voice][step][id_] == (not (orphan or broken))


def test_a_batch_gives_what_single_pieces_give_padding_or_not() -> None:
    model = tiny_masked()
    read, conditions, _, _ = inputs(batch=3)
    lengths = torch.tensor([STEPS, 9, 4])
    together = model(read, conditions, lengths)
    for piece, length in enumerate(lengths.tolist()):
        row = slice(piece, piece + 1)
        alone = model(read[row, :, :length], conditions[row, :, :length], lengths[row])
        torch.testing.assert_close(together[piece, :, :length], alone[0], atol=1e-5, rtol=1e-5)


def surroundings(text: str) -> Surroundings:
    """Of one voice: `?` hidden, `|` an edge, a number a sound struck, `-` the sound before held on."""
    ids: list[int] = []
    for token in text.split():
        ids.append({"?": MASK, "|": BOUNDARY}.get(token, -1) if not token.isdigit() else int(token))
        if token == "-":
            ids[-1] = ids[-2] % SOUNDS + SOUNDS
        if token.endswith("+"):
            ids[-1] = int(token[:-1]) + SOUNDS
    return Surroundings.of(torch.tensor([[ids]]), torch.tensor([len(ids)]), CONFIG.vocab_size)


def test_neighbours_their_gaps_and_whether_they_hold() -> None:
    around = surroundings("| ? 5 - ? ? 7+ ? |")
    edge = SOUNDS + 1
    assert around.before[0, 0].tolist() == [SOUNDS, edge, edge, 5, 5, 5, 5, 7, 7]
    assert around.after[0, 0].tolist() == [5, 5, 5, 7, 7, 7, edge, edge, SOUNDS]
    assert around.gap_before[0, 0].tolist() == [0, 1, 2, 1, 1, 2, 3, 1, 2]
    assert around.gap_after[0, 0].tolist() == [2, 1, 1, 3, 2, 1, 2, 1, 0]
    assert around.held_before[0, 0].tolist() == [False, False, False, False, True, True, True, True, True]
    assert around.forced[0, 0].tolist() == [False, False, True, False, False, True, False, False, False]
    assert around.guess[0, 0].tolist() == [edge, edge, 5, 5, 5, 7, 7, 7, edge]
    assert around.certainty[0, 0, 4:8].tolist() == [2, 0, 0, 2]


def test_what_is_nearby_weighs_more_the_nearer_it_is() -> None:
    nearby = Nearby(1, SOUNDS, 1)
    torch.nn.init.zeros_(nearby.embed_sounds.weight)
    with torch.no_grad():
        nearby.embed_sounds.weight[5] = 1.0
    averages = nearby(surroundings("| 5 ? ? 7 |"))[0, :, ::2]  # before and after, for each reach
    assert averages[4, 0] < averages[2, 0] < averages[1, 0]
    assert averages[2:, 1].eq(0).all()


def test_sums_along_diagonals() -> None:
    grid = torch.rand(2, 7, 7)
    (summed,) = along_diagonals(grid, (2,))
    for row in range(7):
        for column in range(7):
            ahead = [step for step in range(-2, 3) if 0 <= row + step < 7 and 0 <= column + step < 7]
            expected = sum(grid[:, row + step, column + step] for step in ahead)
            torch.testing.assert_close(summed[:, row, column], expected, atol=1e-5, rtol=1e-5)


def test_a_passage_heard_before_is_recalled() -> None:
    """Steps 2 to 6 come back at 12 to 16, the one in the middle hidden."""
    phrase = torch.tensor([3, 9, 4, 11, 6])
    ids = torch.arange(20, 38)[None, None].repeat(1, 4, 1)
    ids[..., 2:7] = ids[..., 12:17] = phrase
    ids[:, :2, 14] = MASK
    recall = Recall(CONFIG.vocab_size)
    around = Surroundings.of(ids, torch.tensor([18]), CONFIG.vocab_size)
    recalled = recall(ids, around, torch.zeros(1, 18, dtype=torch.long)).detach()
    assert recalled[0, :2, 14].argmax(-1).tolist() == [4, 4]
    assert float(recalled[0, :, 14].sum(-1).max()) < 1
    assert recalled[0, 0, 9, :20].sum() < recalled[0, 0, 14, 4]


def test_the_table_speaks_for_repeating_the_note_before() -> None:
    model = tiny_masked()
    read = torch.full((1, 4, 5), MASK)
    read[..., [0, 4]], read[0, 2, 1] = BOUNDARY, 30
    around = Surroundings.of(read, torch.tensor([5]), CONFIG.vocab_size)
    head, row = model.heads[2], int(around.together[0, 2, 2])
    plain, _ = head(torch.zeros(1, 5, CONFIG.width), around)
    with torch.no_grad():
        head.embed_motions.weight[row, head.motions + CONFIG.motion] = 5 / TABLE_SCALE  # from before, held, motion 0
    told, _ = head(torch.zeros(1, 5, CONFIG.width), around)
    change = (told - plain)[0, 2].detach()
    assert float(change[SOUNDS + 30]) == pytest.approx(5, abs=1e-5)
    assert float(change.sum()) == pytest.approx(5, abs=1e-4)


def test_the_table_of_motions_tells_a_parallel_from_a_contrary_motion() -> None:
    """Voice 3 rises by 2 from a fifth below voice 2: that entry of the table speaks for voice 2's rising by 2 alone, struck or held."""
    model = tiny_masked()
    read = torch.full((1, 4, 5), MASK)
    read[..., [0, 4]], read[0, 2, 1], read[0, 3, 1], read[0, 3, 2] = BOUNDARY, 30, 23, 25
    around = Surroundings.of(read, torch.tensor([5]), CONFIG.vocab_size)
    head, c = model.heads[2], CONFIG
    row = (2 * head.rows + c.reach - 7) * (head.motions + 1) + c.motion + 2  # voice 3 is the third of the others
    plain, _ = head(torch.zeros(1, 5, c.width), around)
    with torch.no_grad():
        head.embed_moving_with.weight[row, c.motion + 2] = -5 / TABLE_SCALE
    told, _ = head(torch.zeros(1, 5, c.width), around)
    change = (told - plain)[0, 2].detach()
    assert change[[32, 32 + SOUNDS]].tolist() == pytest.approx([-5, -5], abs=1e-4)
    assert float(change.sum()) == pytest.approx(-10, abs=1e-3)


@pytest.mark.parametrize("changes", [{"vocab_size": 93}, {"width": 20}, {"dropout": 1.0}, {"span": 0}, {"layers": 0}])
def test_impossible_configs_are_refused(changes) -> None:
    with pytest.raises(ConfigError):
        MaskedConfig(**{"vocab_size": 94, "input_size": 96, "condition_sizes": (4,), **changes})
