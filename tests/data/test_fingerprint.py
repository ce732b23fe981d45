from __future__ import annotations

import pytest
import torch
from torch import Tensor

from zoo.data.fingerprint import find_alike, pixel_hashes


def scene(seed: int, height: int = 96, width: int = 120) -> Tensor:
    """A random picture with large and small things in it, (3, H, W) float32 in [0, 1]."""
    draws = torch.Generator().manual_seed(seed)
    image = torch.full((3, height, width), 0.5)
    for cells, strength in ((4, 0.3), (12, 0.15)):
        coarse = torch.rand(1, 3, cells, cells, generator=draws) - 0.5
        size = (height, width)
        image += strength * torch.nn.functional.interpolate(coarse, size=size, mode="bilinear")[0]
    return image.clamp(0, 1)


def to_bytes(image: Tensor) -> Tensor:
    return (image.clamp(0, 1) * 255).round().byte()


def noisy(image: Tensor, sigma: float) -> Tensor:
    return image + sigma / 255 * torch.randn(
        image.shape, generator=torch.Generator().manual_seed(9)
    )


ONE = scene(0)
COPIES = {
    "the same": ONE,
    "another type": to_bytes(ONE),
    "another frame": noisy(ONE, 50),
    "smaller": ONE[:, ::3, ::3],
    "grey": ONE.mean(0, keepdim=True).repeat(3, 1, 1),
    "brighter": ONE**0.7,
    "less contrast": 0.3 + 0.4 * ONE,
    "a little aside": ONE[:, 1:, 1:],
    "mirrored": ONE.flip(2),
    "upside down": ONE.flip(1),
    "turned": ONE.rot90(1, (1, 2)),
    "transposed": ONE.transpose(1, 2),
}


@pytest.mark.parametrize("copy", COPIES)
def test_copies_are_alike(copy: str) -> None:
    others = [scene(seed) for seed in range(1, 9)]
    assert find_alike([*others, ONE, COPIES[copy]]) == [(8, 9)]


def test_other_scenes_are_not() -> None:
    assert find_alike([scene(seed) for seed in range(300)]) == []


def test_images_that_show_nothing_are_like_no_other() -> None:
    black, white = torch.zeros(3, 8, 8), torch.ones(3, 8, 8)
    assert find_alike([black, black, white, white, noisy(black, 1)]) == []
    assert find_alike([black]) == []


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (5, 4), (7, 300), (8, 8), (1000, 9)])
def test_images_of_any_size(size: tuple[int, int]) -> None:
    image = torch.rand(3, *size, generator=torch.Generator().manual_seed(1))
    if size != (1, 1):
        assert find_alike([image, image]) == [(0, 1)]


def test_many_frames_of_a_few_scenes() -> None:
    """More than are compared at once; each component has as many links as it needs."""
    scenes = [scene(seed, 16, 16) for seed in range(5)]
    draws = torch.Generator().manual_seed(2)
    frames = [s + 0.005 * torch.randn(s.shape, generator=draws) for _ in range(250) for s in scenes]
    links = find_alike(frames)
    assert {(one - other) % 5 for one, other in links} == {0}
    parent = list(range(len(frames)))
    for one, other in links:
        old, new = parent[other], parent[one]
        parent = [new if root == old else root for root in parent]
    assert len(set(parent)) == 5


def test_hashes_are_of_pixels_type_and_shape() -> None:
    image = to_bytes(ONE)
    others = [image.float(), image.transpose(1, 2), image + 1, image.flatten(1)[:, :, None]]
    hashes = pixel_hashes([image, image.clone(), image.transpose(1, 2).transpose(1, 2), *others])
    assert hashes[0] == hashes[1] == hashes[2]
    assert len(set(hashes)) == 5
    (pair,), (swapped,) = pixel_hashes([image], [others[2]]), pixel_hashes([others[2]], [image])
    assert len({pair, swapped, hashes[0]}) == 3
