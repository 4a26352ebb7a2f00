"""Causal and EventLSTM: no peeking, the cache agrees with the whole row, pads change nothing, bars are counted one way."""

import pytest
import torch

from musicgen.models.bars import BarCount, Marks, bar_numbers
from musicgen.models.causal import Causal, CausalConfig
from musicgen.models.decoder import Decoder
from musicgen.models.lstm import EventLSTM, EventLSTMConfig

PAD, BOS, EOS, FILL, HOLE, BAR = range(6)
SPECIALS = {"bar_ids": (BAR,), "fill_id": FILL, "hole_id": HOLE, "bos_id": BOS}
MODELS = {
    "causal": lambda: Causal(CausalConfig(20, **SPECIALS, width=16, heads=2, layers=2, inner=24, window=64, dropout=0.3)),
    "lstm": lambda: EventLSTM(EventLSTMConfig(20, **SPECIALS, width=16, layers=2, window=64)),
}


@pytest.fixture(params=MODELS)
def model(request):
    torch.manual_seed(1)
    return MODELS[request.param]().eval()


def stream(rows: int, length: int, seed: int = 1) -> torch.Tensor:
    ids = torch.randint(BAR, 20, (rows, length), generator=torch.Generator().manual_seed(seed))
    ids[:, 0] = BOS
    return ids


@torch.no_grad()
def test_a_later_id_changes_no_earlier_logits(model):
    ids = stream(1, 12)
    changed = ids.clone()
    changed[0, 8] = BAR if ids[0, 8] != BAR else 7
    before, after = model(ids), model(changed)
    assert torch.equal(before[:, :8], after[:, :8])
    assert not torch.allclose(before[:, 8], after[:, 8])


def test_no_gradient_flows_back_from_the_future(model):
    kept = []
    model.embed_ids.register_forward_hook(lambda module, inputs, output: kept.append(output) or output.retain_grad())
    model(stream(1, 10))[0, 4].sum().backward()
    gradient = kept[0].grad.abs().sum(-1)[0]
    assert (gradient[:5] > 0).all()
    assert (gradient[5:] == 0).all()


@torch.no_grad()
def test_id_by_id_and_in_pieces_is_as_the_whole(model):
    ids = stream(2, 20)
    ids[:, 9], ids[:, 5] = FILL, HOLE
    whole = model(ids)
    cache = model.start(2, 4)  # it has to grow
    first = model.advance(ids[:, :7], cache)
    assert torch.allclose(first, whole[:, 6], atol=1e-5)
    assert torch.allclose(model.advance(ids[:, 7:11], cache), whole[:, 10], atol=1e-5)
    for step in range(11, 20):
        assert torch.allclose(model.advance(ids[:, step : step + 1], cache), whole[:, step], atol=1e-5)


@torch.no_grad()
def test_pads_on_the_left_and_rows_that_leave_change_nothing(model):
    long, short = stream(1, 15), stream(1, 9, seed=2)
    padded = torch.cat([torch.full((1, 6), PAD), short], dim=1)
    cache = model.start(2, 32)
    both = model.advance(torch.cat([long, padded]), cache)
    assert torch.allclose(both, torch.cat([model(long)[:, -1], model(short)[:, -1]]), atol=1e-5)
    more = torch.tensor([[7], [BAR]])
    both = model.advance(more, cache)
    short = torch.cat([short, more[1:]], dim=1)
    assert torch.allclose(both[1:], model(short)[:, -1], atol=1e-5)
    cache.keep([1])
    alone = model.advance(torch.tensor([[8]]), cache)
    assert torch.allclose(alone, model(torch.cat([short, torch.tensor([[8]])], dim=1))[:, -1], atol=1e-5)


def test_bars_count_from_bos_and_fill_takes_up_the_number_of_the_hole():
    marks = Marks((BAR,), BOS, FILL, HOLE)
    rows = {
        (BOS, 9, BAR, 9, BAR, HOLE, 8, BAR, HOLE, BAR, FILL, BAR, 9, BAR, 9, EOS): [0, 0, 1, 1, 2, 2, 2, 3, 3, 4, 1, 2, 2, 3, 3, 3],
        (9, BAR, 9, EOS, BOS, 9, BAR, BAR, 9, FILL, BAR, EOS, BOS, BAR, PAD, PAD): [0, 1, 1, 1, 0, 0, 1, 2, 2, 0, 1, 1, 0, 1, 1, 1],
        (BAR, 9, HOLE, 9, BAR, HOLE, FILL, BAR, 9, 9, 9, 9, 9, 9, 9, 9): [1, 1, 1, 1, 2, 2, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1],
    }
    assert bar_numbers(torch.tensor(list(rows)), marks).tolist() == list(rows.values())
    assert [BarCount(marks).read(row) for row in rows] == list(rows.values())


@torch.no_grad()
def test_the_decoder_agrees_with_its_model_alone_padded_and_when_rows_leave():
    torch.manual_seed(2)
    model = MODELS["causal"]().eval()
    decoder = Decoder(model)
    long, short = stream(1, 12), stream(1, 8, seed=2)
    cache = decoder.start(2, 4)
    first = torch.cat([long, torch.cat([torch.full((1, 4), PAD), short], dim=1)])
    assert torch.allclose(decoder.advance(first, cache), torch.cat([model(long)[:, -1], model(short)[:, -1]]), atol=1e-5)
    for id in (BAR, 9, 12, BAR, 7):
        long, short = (torch.cat([ids, torch.tensor([[id]])], dim=1) for ids in (long, short))
        both = decoder.advance(torch.full((2, 1), id), cache)
        assert torch.allclose(both, torch.cat([model(long)[:, -1], model(short)[:, -1]]), atol=1e-5)
    cache.keep([1])
    more = stream(1, 3, seed=5)
    short = torch.cat([short, more], dim=1)
    assert torch.allclose(decoder.advance(more, cache), model(short)[:, -1], atol=1e-5)
    short = torch.cat([short, torch.tensor([[8]])], dim=1)
    assert torch.allclose(decoder.advance(short[:, -1:], cache), model(short)[:, -1], atol=1e-5)


@torch.no_grad()
def test_int8_is_near():
    torch.manual_seed(2)
    model = Causal(CausalConfig(20, **SPECIALS, width=64, heads=2, layers=2, inner=96, window=64)).eval()
    ids = stream(3, 10)
    exact, near = (decoder.advance(ids[:, -1:], _read(decoder, ids[:, :-1])) for decoder in (Decoder(model), Decoder(model, int8=True)))
    assert 0 < (exact - near).abs().max() < 0.05 * exact.abs().max()


def _read(decoder, ids):
    cache = decoder.start(len(ids), 16)
    for step in range(ids.shape[1]):
        decoder.advance(ids[:, step : step + 1], cache)
    return cache
