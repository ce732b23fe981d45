"""Sliding windows: im2col and col2im against a loop, and as each other's transpose."""

from __future__ import annotations

from itertools import product

import pytest
import torch

from zoo.nn.im2col import Windows, col2im, crop, im2col, pad

WINDOWS = Windows(kernel_size=(2, 3), stride=(2, 1), dilation=(1, 2), grid=(3, 2))
SHAPE = (2, 4, 6, 7)  # one column more than the windows cover


def test_im2col_copies_each_window_into_a_column() -> None:
    image = torch.randn(SHAPE)
    columns = im2col(image, WINDOWS).view(2, 4, 2, 3, 3, 2)
    for i, j, row, column in product(range(2), range(3), range(3), range(2)):
        pixel = image[:, :, 2 * row + i, column + 2 * j]
        assert columns[:, :, i, j, row, column].equal(pixel)


def test_groups_are_parts_of_the_channels() -> None:
    image = torch.randn(SHAPE)
    assert im2col(image, WINDOWS).shape == (2, 24, 6)
    parts = im2col(image, WINDOWS, groups=2)  # image 0 part 0, image 0 part 1, image 1 part 0, ...
    assert parts.shape == (4, 12, 6)
    for part in (0, 1):
        assert parts[part::2].equal(im2col(image[:, 2 * part : 2 * part + 2], WINDOWS))


def test_col2im_is_the_transpose_of_im2col() -> None:
    image = torch.randn(SHAPE, dtype=torch.float64)
    columns = torch.randn(2, 24, 6, dtype=torch.float64)
    scattered = col2im(columns, torch.zeros_like(image), WINDOWS)
    assert (im2col(image, WINDOWS) * columns).sum().item() == pytest.approx(
        (image * scattered).sum().item(), rel=1e-12
    )


def test_col2im_adds_to_what_is_there_and_returns_it() -> None:
    image, columns = torch.ones(SHAPE), torch.randn(2, 24, 6)
    expected = col2im(columns, torch.zeros(SHAPE), WINDOWS) + 1
    assert col2im(columns, image, WINDOWS) is image
    torch.testing.assert_close(image, expected)


def test_windows_follow_strides_and_offset() -> None:
    larger = torch.randn(8, 7, 4, 3).permute(3, 2, 0, 1)
    image = larger[1:, :, 1:7]
    assert im2col(image, WINDOWS).equal(im2col(image.contiguous(), WINDOWS))


def test_pad_puts_zeros_around_and_crop_takes_them_off() -> None:
    image, sides = torch.randn(1, 2, 3, 4), (1, 0, 2, 3)
    padded = pad(image, sides)
    assert padded.equal(torch.nn.functional.pad(image, (2, 3, 1, 0)))
    assert crop(padded, sides, (3, 4)).equal(image)
    assert pad(image, (0, 0, 0, 0)).equal(image)
