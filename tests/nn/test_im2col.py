"""Sliding windows: gather and scatter against a loop, and as each other's transpose."""

from __future__ import annotations

from itertools import product

import pytest
import torch

import zoo.nn
from zoo.nn.windows import Windows, crop, for_each_image, pad

WINDOWS = Windows(kernel=(2, 3), stride=(2, 1), dilation=(1, 2), grid=(3, 2))
SHAPE = (2, 4, 6, 7)  # one column more than the windows cover


def test_gather_copies_each_window_into_a_column() -> None:
    image = torch.randn(SHAPE)
    columns = WINDOWS.gather(image).view(2, 4, 2, 3, 3, 2)
    for i, j, row, column in product(range(2), range(3), range(3), range(2)):
        pixel = image[:, :, 2 * row + i, column + 2 * j]
        assert columns[:, :, i, j, row, column].equal(pixel)


def test_groups_are_parts_of_the_channels() -> None:
    image = torch.randn(SHAPE)
    assert WINDOWS.gather(image).shape == (2, 24, 6)
    parts = WINDOWS.gather(image, groups=2)  # image 0 part 0, image 0 part 1, image 1 part 0, ...
    assert parts.shape == (4, 12, 6)
    for part in (0, 1):
        assert parts[part::2].equal(WINDOWS.gather(image[:, 2 * part : 2 * part + 2]))


def test_scatter_is_the_transpose_of_gather() -> None:
    image = torch.randn(SHAPE, dtype=torch.float64)
    columns = torch.randn(2, 24, 6, dtype=torch.float64)
    scattered = WINDOWS.scatter(columns, torch.zeros_like(image))
    assert (WINDOWS.gather(image) * columns).sum().item() == pytest.approx(
        (image * scattered).sum().item(), rel=1e-12
    )


def test_scatter_adds_to_what_is_there_and_returns_it() -> None:
    image, columns = torch.ones(SHAPE), torch.randn(2, 24, 6)
    expected = WINDOWS.scatter(columns, torch.zeros(SHAPE)) + 1
    assert WINDOWS.scatter(columns, image) is image
    torch.testing.assert_close(image, expected)


@pytest.mark.parametrize("elements", [1, 144, 150, 300, 10**6])
def test_parts_cover_all_windows_once(elements: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("zoo.nn.windows.ELEMENTS_AT_ONCE", elements)
    image, covered = torch.randn(5, *SHAPE[1:]), torch.zeros(5, 1, *WINDOWS.grid)
    whole = WINDOWS.gather(image).view(5, 24, *WINDOWS.grid)
    for part in WINDOWS.parts(image):
        part.of_grid(covered).add_(1)
        columns = part.windows.gather(part.of_image(image))
        assert columns.view(part.of_grid(whole).shape).equal(part.of_grid(whole))
        assert columns.numel() <= max(elements, 24 * WINDOWS.grid[1])  # at least a row of windows
    assert (covered == 1).all()


@pytest.mark.parametrize("layer", [zoo.nn.Conv2d, zoo.nn.ConvTranspose2d])
def test_layers_do_not_depend_on_the_parts(
    layer: type[zoo.nn.Conv2d], monkeypatch: pytest.MonkeyPatch
) -> None:
    module = layer(4, 6, (3, 2), stride=2, padding=1, groups=2).to(torch.float64)
    x = torch.randn(3, 4, 9, 8, dtype=torch.float64)
    results = []
    for elements in (10**6, 1):
        monkeypatch.setattr("zoo.nn.windows.ELEMENTS_AT_ONCE", elements)
        module.zero_grad()
        y = module.forward(x)
        grad_x = module.backward(torch.randn(y.shape, dtype=y.dtype, generator=_generator()))
        results.append([y, grad_x, *(item.gradient.clone() for item in module.param())])
    torch.testing.assert_close(results[0], results[1], rtol=1e-12, atol=1e-12)


def _generator() -> torch.Generator:
    return torch.Generator().manual_seed(1)


def test_windows_follow_strides_and_offset() -> None:
    larger = torch.randn(8, 7, 4, 3).permute(3, 2, 0, 1)
    image = larger[1:, :, 1:7]
    assert WINDOWS.gather(image).equal(WINDOWS.gather(image.contiguous()))


def test_pad_puts_zeros_around_and_crop_takes_them_off() -> None:
    image, sides = torch.randn(1, 2, 3, 4), (1, 0, 2, 3)
    padded = pad(image, sides)
    assert padded.equal(torch.nn.functional.pad(image, (2, 3, 1, 0)))
    assert crop(padded, sides, (3, 4)).equal(image)
    assert pad(image, (0, 0, 0, 0)) is image


def test_for_each_image_repeats_all_groups_in_turn() -> None:
    matrices = torch.randn(2, 3, 4)
    assert for_each_image(matrices, 3).equal(torch.cat([matrices] * 3))
    assert for_each_image(matrices, 0).shape == (0, 3, 4)
