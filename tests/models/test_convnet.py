import pytest
import torch

from musicgen.errors import ConfigError
from musicgen.models.convnet import ConvNet, ConvNetConfig

CONFIG = ConvNetConfig(planes=2, answers=(2, 5), widths=(4, 6, 8))


@pytest.fixture(scope="module")
def net():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return ConvNet(CONFIG).eval()


@pytest.fixture(scope="module")
def rolls():
    return (torch.rand(3, 2, 32, 64, generator=torch.Generator().manual_seed(1)) < 0.1).float()


def test_every_question_gets_logits_whatever_the_length(net, rolls):
    assert [tuple(each.shape) for each in net(rolls)] == [(3, 2), (3, 5)]
    assert [tuple(each.shape) for each in net(rolls[..., :32])] == [(3, 2), (3, 5)]


def test_a_window_is_answered_alone(net, rolls):
    torch.testing.assert_close(net(rolls)[1][2:], net(rolls[2:])[1], rtol=1e-4, atol=1e-5)


def test_music_moved_by_what_a_block_moves_on_by_is_answered_alike(net):
    """Convolution and pooling keep what they see where it is: 16 steps later is the same, far from the edges."""
    window = torch.zeros(1, 2, 32, 256)
    window[0, 0, 12:20, 96:128] = 1
    moved = window.roll(16, dims=3)
    torch.testing.assert_close(net(window)[0], net(moved)[0], rtol=1e-4, atol=1e-5)
    assert not torch.allclose(net(window)[0], net(window.flip(1))[0], atol=1e-4)


def test_config_from_json_and_what_cannot_be():
    assert ConvNetConfig(planes=2, answers=[2, 5], widths=[4, 6, 8]) == CONFIG
    for wrong in ({"planes": 0}, {"planes": 2, "answers": (0,)}, {"planes": 2, "dropout": 1.0}):
        with pytest.raises(ConfigError, match="at least 1"):
            ConvNetConfig(**wrong)
