"""No peeking, sight of what is given, and one step at a time = all steps at once. B batch, V voices, T steps, K ids."""

from dataclasses import replace

import pytest
import torch
from tiny import SKETCHER_CONFIG as CONFIG
from tiny import tiny_sketcher

from musicgen.errors import ConfigError
from musicgen.models.recall import Recall, in_steps, recall_all
from musicgen.models.sketcher import Sketcher, SketcherConfig
from musicgen.models.voice_head import CLASSES, OCTAVE, PARALLEL_SCALE, TABLE_SCALE

STEPS = 12
MASK, BOUNDARY = CONFIG.vocab_size, CONFIG.vocab_size + 1


def inputs(batch: int = 1, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """A sketch that gives the second voice, conditions, lengths and ids; half of the ids hold what sounds."""
    generator = torch.Generator().manual_seed(seed)
    ids = torch.randint(CONFIG.sounds, (batch, 4, STEPS), generator=generator)
    ids[..., 0] = BOUNDARY
    for step in range(2, STEPS):
        held = torch.rand((batch, 4), generator=generator) < 0.5
        ids[..., step] = torch.where(held, ids[..., step - 1] % CONFIG.sounds + CONFIG.sounds, ids[..., step])
    conditions = torch.stack([torch.randint(size, (batch, STEPS), generator=generator) for size in CONFIG.condition_sizes], dim=1)
    sketch = torch.full_like(ids, MASK)
    sketch[:, 1], sketch[..., 0] = ids[:, 1], BOUNDARY
    return sketch, conditions, torch.full((batch,), STEPS), ids


def is_decided_before(voice: int, step: int, other: int, other_step: int) -> bool:
    return (other_step, CONFIG.order.index(other)) < (step, CONFIG.order.index(voice))


def test_a_cell_reads_what_is_decided_before_it_and_nothing_else() -> None:
    model = tiny_sketcher()
    sketch, conditions, lengths, ids = inputs()
    sketch = sketch.masked_fill(ids != BOUNDARY, MASK)
    before = model(sketch, conditions, lengths, ids)
    for other in range(4):
        for other_step in range(1, STEPS):
            changed = ids.clone()
            changed[0, other, other_step] = (ids[0, other, other_step] + 5) % CONFIG.sounds
            differs = (model(sketch, conditions, lengths, changed) != before).any(-1)[0]
            for voice in range(4):
                for step in range(1, STEPS):
                    assert differs[voice, step] == is_decided_before(voice, step, other, other_step), (voice, step, other, other_step)


def test_given_cells_are_read_from_the_future() -> None:
    model = tiny_sketcher()
    sketch, conditions, lengths, ids = inputs()
    before = model(sketch, conditions, lengths, ids)
    changed = sketch.clone()
    changed[0, 1, -1] = (sketch[0, 1, -1] + 5) % CONFIG.sounds
    after = model(changed, conditions, lengths, ids)
    assert (after != before).any(-1)[0, :, 1:].all()


def test_a_sketch_says_nothing_of_its_free_cells() -> None:
    """The likelihood would be worthless if it did: all but the second voice's ids reach the logits by the causal way alone."""
    model = tiny_sketcher()
    sketch, conditions, lengths, ids = inputs()
    before = model(sketch, conditions, lengths, ids)
    changed = ids.clone()
    changed[0, [0, 2, 3], 6:] = 3
    after = model(sketch, conditions, lengths, changed)
    assert torch.equal(after[..., :6, :], before[..., :6, :])
    assert torch.equal(after[:, CONFIG.order[0], 6], before[:, CONFIG.order[0], 6])


def test_a_batch_gives_what_single_pieces_give_padding_or_not() -> None:
    model = tiny_sketcher()
    sketch, conditions, lengths, ids = inputs(batch=3)
    lengths = torch.tensor([STEPS, 7, 4])
    together = model(sketch, conditions, lengths, ids)
    for piece, length in enumerate(lengths.tolist()):
        row = slice(piece, piece + 1)
        alone = model(sketch[row, :, :length], conditions[row, :, :length], lengths[row], ids[row, :, :length])
        torch.testing.assert_close(together[piece, :, :length], alone[0], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("span", [4, 256])
@torch.inference_mode()
def test_one_step_at_a_time_gives_what_all_steps_at_once_give(span: int) -> None:
    model = tiny_sketcher(replace(CONFIG, span=span))
    sketch, conditions, lengths, ids = inputs(batch=2)
    whole = model(sketch, conditions, lengths, ids)
    memory, cache = model.reader(sketch, conditions, lengths), model.new_cache(2, STEPS)
    recall = model.recall(ids[..., 0], STEPS)
    for step in range(STEPS):
        if step > 1:
            recall.read(ids[..., step - 1])
        views = model.advance(in_steps([recall.now]), memory[:, step : step + 1], cache, step)[:, 0]
        now = sketch[..., step].clone()
        for voice in CONFIG.order:
            logits = model.decide(voice, views[:, voice], recall.now, now)
            torch.testing.assert_close(logits, whole[:, voice, step], atol=1e-5, rtol=1e-5)
            now[:, voice] = ids[:, voice, step]


@torch.inference_mode()
def test_two_steps_at_a_time_give_what_one_at_a_time_gives() -> None:
    model = tiny_sketcher(replace(CONFIG, span=4))
    sketch, conditions, lengths, ids = inputs(batch=2)
    memory, past = model.reader(sketch, conditions, lengths), recall_all(ids, CONFIG.sounds, MASK, CONFIG.order[0])
    caches = [model.new_cache(2, STEPS) for _ in range(2)]
    for step in range(0, STEPS, 2):
        steps = [type(past)(*(rows[:, at : at + 1] for rows in past)) for at in (step, step + 1)]
        singly = [model.advance(known, memory[:, at : at + 1], caches[0], at) for at, known in enumerate(steps, start=step)]
        both = model.advance(type(past)(*(rows[:, step : step + 2] for rows in past)), memory[:, step : step + 2], caches[1], step)
        torch.testing.assert_close(both, torch.cat(singly, dim=1), atol=1e-5, rtol=1e-5)


def test_only_what_sounded_before_can_be_held() -> None:
    sketch, conditions, lengths, ids = inputs()
    logits = tiny_sketcher()(sketch, conditions, lengths, ids)[0, :, :, CONFIG.sounds :]
    possible = torch.isfinite(logits)
    assert not possible[:, :2].any()
    assert possible[:, 2:].sum(-1).eq(1).all()
    assert torch.equal(possible[:, 2:].long().argmax(-1), CONFIG.sound(ids[0, :, 1:-1]))


def test_the_table_of_motions_tells_a_parallel_from_a_contrary_motion() -> None:
    """Voice 3 has risen by 2 from a fifth below voice 2: that entry of the table speaks for voice 2's rising by 2 alone."""
    model = tiny_sketcher(replace(CONFIG, reach=36))
    head, c = model.heads[2], model.config
    row = (2 * (2 * c.reach + 2) + c.reach - 7) * (2 * c.motion + 2) + c.motion + 2  # voice 3 is the third of the others
    state, before, now = torch.zeros(1, c.width), torch.tensor([[40, 35, 30, 23]]), torch.tensor([[41, MASK, MASK, 25]])
    past = Recall(before, 1, c.sounds, MASK, 0).now
    plain = model.decide(2, state, past, now)
    with torch.no_grad():
        head.embed_motions.weight[row, c.motion + 2] = -5.0 / TABLE_SCALE
    model.eval()  # the tables are made anew
    change = (model.decide(2, state, past, now) - plain)[0].detach()
    assert float(change[32]) == pytest.approx(-5, abs=1e-5)
    assert float(change[: c.sounds].sum()) == pytest.approx(-5, abs=1e-4)


@pytest.mark.parametrize(
    ("lower", "moved", "barred"), [(23, 2, 32), (11, -3, 27), (25, 2, None), (23, 0, None)], ids=["fifth", "compound", "fourth", "held"]
)
def test_a_parallel_is_told_by_its_class_of_intervals_whatever_the_octave_and_the_motion(
    lower: int, moved: int, barred: int | None
) -> None:
    """Voice 2 stands on 30 above another voice that moves: fifths that move alike are spoken against, and nothing else."""
    model = tiny_sketcher()
    head, c = model.heads[2], model.config
    before, now = torch.tensor([[40, 35, 30, lower]]), torch.tensor([[MASK, MASK, MASK, lower + moved]])
    past, view = Recall(before, 1, c.sounds, MASK, 0).now, torch.zeros(1, c.width)
    plain = model.decide(2, view, past, now)
    with torch.no_grad():
        head.embed_parallel.weight[OCTAVE + 7] = -5.0 / PARALLEL_SCALE  # a fifth, the other voice below
    model.eval()
    change = (model.decide(2, view, past, now) - plain)[0, : c.sounds].detach()
    expected = torch.zeros(c.sounds)
    if barred:
        expected[barred] = -5.0
    torch.testing.assert_close(change, expected, atol=1e-5, rtol=0)


@torch.inference_mode()
def test_guidance_multiplies_what_was_learned_of_parallels_while_it_lasts() -> None:
    model = tiny_sketcher()
    c = model.config
    before, now = torch.tensor([[40, 35, 30, 23]]), torch.tensor([[MASK, MASK, MASK, 25]])
    past, view = Recall(before, 1, c.sounds, MASK, 0).now, torch.zeros(1, c.width)
    plain = model.decide(2, view, past, now)
    model.heads[2].embed_parallel.weight[OCTAVE + 7] = -3.0 / PARALLEL_SCALE
    with model.guided(2.0):
        guided = model.decide(2, view, past, now)
    as_learned = model.decide(2, view, past, now)
    assert float((guided - plain)[0, 32]) == pytest.approx(-6, abs=1e-5)
    assert float((as_learned - plain)[0, 32]) == pytest.approx(-3, abs=1e-5)


def test_weights_that_change_between_two_steps_count() -> None:
    model = tiny_sketcher().eval()
    c = model.config
    past, view = Recall(torch.tensor([[40, 35, 30, 23]]), 1, c.sounds, MASK, 0).now, torch.zeros(1, c.width)
    now = torch.tensor([[MASK, MASK, MASK, 25]])
    with torch.no_grad(), model.guided(1.0):
        first = model.decide(2, view, past, now)
        weights = {name: weight.clone() for name, weight in model.state_dict().items()}
    weights["heads.2.embed_into.weight"] += torch.randn(weights["heads.2.embed_into.weight"].shape, generator=torch.manual_seed(1))
    model.load_state_dict(weights)
    assert not torch.allclose(first, model.decide(2, view, past, now))


def test_a_passage_that_comes_again_is_expected_to_go_on_as_before() -> None:
    """The table speaks for the sound that followed, unless what is decided already differs."""
    model = tiny_sketcher()
    head, c = model.heads[3], model.config
    first = torch.tensor([[40, 35, 30, 23], [41, 36, 31, 24], [42, 37, 32, 25], [43, 38, 33, 26]])
    ids = torch.cat([torch.full((1, 4), BOUNDARY), first, first, first[:2]]).T[None]
    past = recall_all(ids, c.sounds, MASK, c.order[0])
    at = type(past)(*(rows[:, 8] for rows in past))  # after 7 steps of which the last three have been there before
    now = torch.tensor([[43, MASK, MASK, MASK]])
    other = torch.tensor([[45, MASK, MASK, MASK]])
    view = torch.zeros(1, c.width)
    plain, plain_other = (model.decide(3, view, at, known) for known in (now, other))
    with torch.no_grad():
        head.embed_going_on.weight[(1 * 3 + 2) * CLASSES :][:CLASSES] = 4.0 / TABLE_SCALE
    model.eval()
    change, change_other = model.decide(3, view, at, now) - plain, model.decide(3, view, at, other) - plain_other
    expected = torch.zeros(c.sounds).index_fill(0, torch.tensor(26), 4.0)
    torch.testing.assert_close(change[0, : c.sounds], expected, atol=1e-5, rtol=0)
    assert not change_other[0, : c.sounds].any()


@pytest.mark.parametrize("changes", [{"vocab_size": 93}, {"order": (0, 1, 1, 2)}, {"width": 20}, {"dropout": 1.0}, {"span": 0}])
def test_impossible_configs_are_refused(changes) -> None:
    with pytest.raises(ConfigError):
        SketcherConfig(**{"vocab_size": 94, "input_size": 96, "condition_sizes": (4,), **changes})


def test_some_cells_are_hidden_from_the_decoder_while_training_only() -> None:
    torch.manual_seed(0)
    model = Sketcher(replace(CONFIG, hidden=0.5))
    read = inputs()
    assert not torch.equal(model(*read), model(*read))
    model.eval()
    assert torch.equal(model(*read), model(*read))
