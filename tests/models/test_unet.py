"""The U-Net: shapes, what its planes can see, and that it learns a picture."""

import pytest
import torch

from musicgen.errors import ConfigError
from musicgen.models.unet import UNet, UNetConfig


def tiny(**changes) -> UNet:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return UNet(UNetConfig(**{"inputs": 2, "outputs": 3, "channels": (4, 6), "dropout": 0.0} | changes))


def test_a_plane_of_the_pictures_size_for_each_output():
    model = tiny()
    assert model.multiple == 4
    assert model(torch.zeros(5, 2, 8, 12)).shape == (5, 3, 8, 12)


def test_a_picture_does_not_depend_on_the_others_of_its_batch_when_evaluated():
    model = tiny().eval()
    pictures = torch.rand(3, 2, 8, 8)
    assert torch.allclose(model(pictures)[1], model(pictures[1:2])[0], atol=1e-6)


def test_the_way_down_is_seen_on_the_way_up():
    """Every cell reaches its own logits through the last layer alone, and its neighbours' through convolutions."""
    model = tiny().eval()
    picture = torch.rand(1, 2, 16, 16, requires_grad=True)
    model(picture)[0, :, 5, 5].sum().backward()
    assert (picture.grad[0, :, 5, 5] != 0).all()
    assert picture.grad[0, :, 4:8, 4:8].ne(0).all()


@pytest.mark.parametrize("changes", [{"channels": ()}, {"channels": (4, 0)}, {"inputs": 0}, {"dropout": 1.0}])
def test_a_network_without_substance_is_refused(changes):
    with pytest.raises(ConfigError, match="U-Net needs"):
        tiny(**changes)


def test_it_learns_which_side_of_the_picture_a_cell_is_on():
    model = tiny(outputs=2)
    optimizer = torch.optim.Adam(model.parameters(), 0.03)
    pictures = (torch.rand(4, 2, 16, 16, generator=torch.Generator().manual_seed(1)) < 0.3).float()
    answer = (torch.arange(16) >= 8).long().expand(4, 16, 16)
    for _ in range(30):
        loss = torch.nn.functional.cross_entropy(model(pictures), answer)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    right = (model.eval()(pictures).argmax(dim=1) == answer).float().mean()
    assert right > 0.9
