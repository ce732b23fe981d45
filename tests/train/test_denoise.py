from __future__ import annotations

import pytest
import torch

from zoo.errors import ShapeError
from zoo.nn import Conv2d, ConvTranspose2d, Linear, Module, NearestUpsampling, ReLU, Sequential
from zoo.train.denoise import denoise


@pytest.fixture
def by_four() -> Module:
    """Gives back the size of its input only for multiples of 4."""
    return Sequential(
        Conv2d(3, 4, 3, stride=2, padding=1),
        ReLU(),
        Conv2d(4, 4, 3, stride=2, padding=1),
        NearestUpsampling(4),
        Conv2d(4, 3, 3, padding=1),
    ).eval()


def test_exact_sizes_are_the_plain_forward(by_four: Module) -> None:
    for height, width in [(8, 8), (4, 20), (32, 16)]:
        images = torch.rand(2, 3, height, width)
        assert torch.equal(denoise(by_four, images), by_four.forward(images))


@pytest.mark.parametrize("size", [(9, 8), (8, 11), (13, 17), (3, 5), (1, 1), (2, 30)])
def test_other_sizes_are_extended_by_reflection(by_four: Module, size: tuple[int, int]) -> None:
    height, width = size
    images = torch.rand(2, 3, height, width)
    extended = images
    while extended.shape[2] % 4:  # one row after the other, mirrored at the last one
        row = _mirrored(extended.shape[2], height)
        extended = torch.cat([extended, extended[:, :, row : row + 1]], 2)
    while extended.shape[3] % 4:
        column = _mirrored(extended.shape[3], width)
        extended = torch.cat([extended, extended[:, :, :, column : column + 1]], 3)
    y = denoise(by_four, images)
    assert y.shape == images.shape
    torch.testing.assert_close(y, by_four.forward(extended)[:, :, :height, :width])


def _mirrored(index: int, size: int) -> int:
    """Where pixel ``index`` past the end of ``size`` pixels is found, the edge not repeated."""
    period = max(2 * (size - 1), 1)
    return min(index % period, period - index % period)


def test_odd_sizes_of_a_network_that_keeps_every_size() -> None:
    model = Sequential(Conv2d(3, 4, 2, padding=1), ConvTranspose2d(4, 3, 2, padding=1)).eval()
    images = torch.rand(1, 3, 7, 13)
    assert torch.equal(denoise(model, images), model.forward(images))


def test_a_linear_layer_takes_its_own_width_only() -> None:
    model = Sequential(Linear(12, 12)).eval()
    for height in (12, 5, 30):  # rows are independent
        images = torch.rand(2, 3, height, 12)
        assert torch.equal(denoise(model, images), model.forward(images))
    wide = torch.rand(2, 3, 12, 9)
    extended = torch.cat([wide, wide[..., [7, 6, 5]]], 3)
    torch.testing.assert_close(denoise(model, wide), model.forward(extended)[..., :9])
    with pytest.raises(ShapeError) as error:
        denoise(model, torch.rand(2, 3, 12, 13))
    assert str(error.value) == (
        "the network refuses this size (module 0: Linear: the input is (3, 13, 13). "
        "Use (..., 12).). Use images of the size it was trained on."
    )


def test_a_network_that_shrinks_is_refused() -> None:
    model = Sequential(Conv2d(3, 3, 3)).eval()
    with pytest.raises(ShapeError) as error:
        denoise(model, torch.rand(1, 3, 8, 8))
    assert str(error.value) == (
        "the network gives back no size from 8 to 263 pixels. "
        "Use images of the size it was trained on."
    )


def test_autograd_is_off(by_four: Module) -> None:
    images = torch.rand(1, 3, 9, 9, requires_grad=True)
    assert not denoise(by_four, images).requires_grad
