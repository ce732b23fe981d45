from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d

from zoo.data.crops import Photographs, whole_image
from zoo.errors import DataError

HEIGHT, WIDTH = 3, 4
SIZES = ((9, 40), (31, 12), (17, 17))


def photographs(dtype: torch.dtype = torch.uint8) -> list[Tensor]:
    draws = torch.Generator().manual_seed(1)
    images = [torch.randint(256, (3, *size), generator=draws) for size in SIZES]
    return [image.byte() if dtype == torch.uint8 else image / 255 for image in images]


def packed(images: list[Tensor]) -> Photographs:
    return Photographs([f"{i}.png" for i in range(len(images))], images)


@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32])
def test_crops_are_the_block_means_at_their_positions(
    dtype: torch.dtype, draws: torch.Generator
) -> None:
    images = photographs(dtype)
    block = torch.randint(1, 4, (300,), generator=draws)
    pack = packed(images)
    positions = pack.random_positions(block, HEIGHT, WIDTH, draws)
    clean = pack.crops(positions, block, HEIGHT, WIDTH).clean
    assert (clean.dtype, clean.shape) == (torch.float32, (300, 3, HEIGHT, WIDTH))
    scale = 255 if dtype == torch.uint8 else 1
    for i, (photograph, top, left) in enumerate(torch.stack(positions, 1).tolist()):
        k = int(block[i])
        crop = images[photograph][:, top : top + k * HEIGHT, left : left + k * WIDTH]
        assert crop.shape == (3, k * HEIGHT, k * WIDTH)
        torch.testing.assert_close(clean[i], avg_pool2d(crop.float(), k) / scale)


def test_crops_of_block_size_1_are_exact(draws: torch.Generator) -> None:
    (image,) = photographs()[:1]
    crop = whole_image("a.png", image, torch.ones(1, dtype=torch.int64))
    assert torch.equal((crop.clean[0] * 255).round().byte(), image)


def test_uint8_and_float_photographs_mix(draws: torch.Generator) -> None:
    images = photographs()
    images[1] = images[1] / 255
    pack = packed(images)
    every = torch.ones(50, dtype=torch.int64)
    positions = pack.random_positions(every, HEIGHT, WIDTH, draws)
    expected = packed(photographs()).crops(positions, every, HEIGHT, WIDTH).clean
    torch.testing.assert_close(pack.crops(positions, every, HEIGHT, WIDTH).clean, expected)


def test_positions_are_uniform(draws: torch.Generator) -> None:
    pack = packed(photographs())
    n, k = 40_000, 2
    photograph, top, left = pack.random_positions(torch.full((n,), k), HEIGHT, WIDTH, draws)
    areas = torch.tensor([height * width for height, width in SIZES], dtype=torch.float64)
    found = torch.bincount(photograph).double() / n
    torch.testing.assert_close(found, areas / areas.sum(), atol=0.01, rtol=0)
    for i, (height, width) in enumerate(SIZES):
        for where, room in (
            (top[photograph == i], height - k * HEIGHT),
            (left[photograph == i], width - k * WIDTH),
        ):
            share = torch.bincount(where).double() / len(where)
            assert len(share) == room + 1  # the first and the last position are drawn too
            expected = torch.full_like(share, 1 / (room + 1))
            torch.testing.assert_close(share, expected, atol=0.02, rtol=0)


def test_random_pixels_come_from_their_block_with_equal_chances(draws: torch.Generator) -> None:
    k, n = 3, 9000
    index = torch.arange(k * HEIGHT * k * WIDTH).view(1, k * HEIGHT, k * WIDTH)
    image = torch.cat([index, 1000 + index]).float()  # each pixel says where it is
    pack = packed([image])
    block = torch.full((n,), k)
    positions = pack.random_positions(block, HEIGHT, WIDTH, draws)
    pixels = pack.crops(positions, block, HEIGHT, WIDTH).random_pixels(draws)
    assert torch.equal(pixels[:, 1], 1000 + pixels[:, 0])  # one position for all channels
    row, column = pixels[:, 0].long() // (k * WIDTH), pixels[:, 0].long() % (k * WIDTH)
    assert torch.equal(row // k, torch.arange(HEIGHT)[:, None].expand_as(row))
    assert torch.equal(column // k, torch.arange(WIDTH).expand_as(column))
    for y in range(HEIGHT):
        for x in range(WIDTH):
            within = (row[:, y, x] % k) * k + column[:, y, x] % k
            share = torch.bincount(within, minlength=k * k) / n
            torch.testing.assert_close(share, torch.full((k * k,), 1 / k**2), atol=0.02, rtol=0)


def test_neighbouring_blocks_are_drawn_independently(draws: torch.Generator) -> None:
    image = torch.rand(1, 400, 400, generator=draws)
    crop = whole_image("a.png", image, torch.tensor([4]))
    noise = (crop.random_pixels(draws) - crop.clean).squeeze()
    correlation = (noise[:, 1:] * noise[:, :-1]).mean() / noise.square().mean()
    assert abs(float(correlation)) < 0.04  # 4 standard errors of 10^4 draws


def test_photographs_too_small_for_the_crop() -> None:
    pack = packed(photographs())
    pack.check_fit(HEIGHT, WIDTH, 3)
    with pytest.raises(DataError) as caught:
        pack.check_fit(HEIGHT, WIDTH, 4)
    assert str(caught.value) == (
        "0.png (and 1 more): 9 x 40 pixels (height x width), too small for crops of 12 x 16. "
        "Leave it out, or use smaller crops or blocks."
    )
    with pytest.raises(DataError) as caught:
        pack.check_fit(10, 10, 1)
    assert str(caught.value) == (
        "0.png: 9 x 40 pixels (height x width), too small for crops of 10 x 10. "
        "Leave it out, or use smaller crops or blocks."
    )


def test_tiles() -> None:
    assert packed(photographs()).tiles(HEIGHT, WIDTH) == 3 * 10 + 10 * 3 + 5 * 4
