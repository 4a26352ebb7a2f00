"""What is recalled is what a slow search finds, and comes from the steps before alone."""

import pytest
import torch

from musicgen.models.recall import LENGTHS, MOST_AGE, QUARTER, Recall, recall_all

SOUNDS, NOTHING, BOUNDARY = 5, 10, 11


def piece(seed: int, steps: int = 50) -> torch.Tensor:
    """(1, 3, T): few sounds, many held, and a passage that comes twice."""
    generator = torch.Generator().manual_seed(seed)
    ids = torch.randint(SOUNDS, (1, 3, steps), generator=generator)
    for step in range(2, steps):
        held = torch.rand((1, 3), generator=generator) < 0.5
        ids[..., step] = torch.where(held, ids[..., step - 1] % SOUNDS + SOUNDS, ids[..., step])
    ids[..., 0] = BOUNDARY
    ids[..., 29:41] = ids[..., 9:21]
    return ids


def longest_way(ids: list[tuple[int, ...]], step: int) -> tuple[int, int | None]:
    """The struck sounds of the longest way up to the step before `step`, and the step that followed it; ids: a tuple a step."""
    best, followed = 0, None
    for start in range(step - QUARTER, 0, -QUARTER):
        length, back = 0, 1
        while start - back >= 0 and ids[start - back] == ids[step - back]:
            length += sum(value < SOUNDS for value in ids[step - back])
            back += 1
        if length > best:
            best, followed = length, start
    return best, followed


@pytest.mark.parametrize("seed", range(5))
def test_what_followed_is_what_a_slow_search_finds(seed: int) -> None:
    ids = piece(seed)
    recalled = recall_all(ids, SOUNDS, NOTHING, leader=1)
    columns = [tuple(column) for column in ids[0].T.tolist()]
    for step in range(2, ids.shape[-1]):
        ways = [longest_way([(column[voice],) for column in columns], step) for voice in range(3)]
        for voice in range(3):
            expected = [ways[voice], longest_way(columns, step), ways[1] if voice != 1 else (0, ways[1][1])]
            followed = [NOTHING if where is None else columns[where][voice] for _, where in expected]
            assert recalled.followed[0, step, voice].tolist() == followed
            assert recalled.classes[0, step, voice].tolist() == [sum(length >= least for least in LENGTHS) for length, _ in expected]


def test_ages_and_what_was_left() -> None:
    ids = torch.tensor([[[BOUNDARY, 1, 6, 6, 2, 7] + [7] * 20]])
    recalled = recall_all(ids, SOUNDS, NOTHING, leader=0)
    assert recalled.before[0, :6, 0].tolist() == [BOUNDARY, BOUNDARY, 1, 6, 6, 2]
    assert recalled.age[0, :7, 0].tolist() == [0, 0, 0, 1, 2, 0, 1]
    assert int(recalled.age.max()) == MOST_AGE
    assert recalled.left[0, :7, 0].tolist() == [NOTHING, NOTHING, BOUNDARY, BOUNDARY, BOUNDARY, 6, 6]


def test_nothing_comes_from_the_step_itself_or_from_later() -> None:
    ids = piece(7)
    before = recall_all(ids, SOUNDS, NOTHING, leader=1)
    changed = ids.clone()
    changed[..., 20:] = (ids[..., 20:] + 1) % SOUNDS
    after = recall_all(changed, SOUNDS, NOTHING, leader=1)
    for new, old in zip(after, before, strict=True):
        assert torch.equal(new[:, :21], old[:, :21])


def test_a_peek_changes_nothing() -> None:
    ids = piece(3)
    recall, plain = (Recall(ids[..., 0], ids.shape[-1], SOUNDS, NOTHING, 1) for _ in range(2))
    for step in range(1, ids.shape[-1] - 1):
        peeked = recall.peek(ids[..., step])
        recall.peek((ids[..., step] + 1) % SOUNDS)
        for seen, known, expected in zip(peeked, recall.read(ids[..., step]), plain.read(ids[..., step]), strict=True):
            assert torch.equal(seen, known)
            assert torch.equal(known, expected)


def test_a_piece_is_recalled_alike_alone_and_in_a_batch() -> None:
    alone, beside = piece(1), piece(2)
    together = recall_all(torch.cat([alone, beside]), SOUNDS, NOTHING, leader=1)
    for both, single in zip(together, recall_all(alone, SOUNDS, NOTHING, leader=1), strict=True):
        assert torch.equal(both[:1], single)


def test_what_is_hidden_is_like_nothing() -> None:
    """Two equal passages of 12 steps with the same step hidden in both: the way begins after it, and never leads into it."""
    ids = piece(3)
    ids[..., 34] = ids[..., 14] = NOTHING
    recalled = recall_all(ids, SOUNDS, NOTHING, leader=1)
    columns = [tuple(column) for column in ids[0].T.tolist()]
    struck = sum(value < SOUNDS for step in range(15, 20) for value in columns[step])
    at_most = sum(struck >= least for least in LENGTHS)
    assert 0 < int(recalled.classes[0, 40, 0, 1]) <= at_most
    assert (recalled.classes[recalled.followed == NOTHING] == 0).all()
