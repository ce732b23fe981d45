"""The contract of a noise, one check for each clause."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from math import sqrt
from typing import Any, Final

import torch
from torch import Tensor

from zoo.data.crops import Crops, Photographs, Positions
from zoo.data.noise.base import Noise, Noisy
from zoo.testing.cases import seeded
from zoo.testing.comparisons import NotApplicable, require, require_close
from zoo.testing.members import require_methods
from zoo.testing.randomness import no_global_generator

METHODS: Final = (
    ("draw", ("crops", "generator")),
    ("block_sizes", ("n", "generator")),
)
FACTS: Final = ("unbiased", "masks", "on_device", "simulated")
SIZE: Final = (16, 24)  # of a crop: a third is black, a third has texture, a third is white
COPIES: Final = 32  # at once
DRAWS: Final = 16
STANDARD_ERRORS: Final = 6  # by which a mean may miss; beyond is one in 10^8


@dataclass(frozen=True)
class NoiseCase:
    """One set of options of a noise.

    Attributes:
        build: the noise's class, or a ``functools.partial`` of it with its options.
        id: the name of the case in reports and messages.
        expected_failures: names of checks that are known to fail, each with the reason.
    """

    build: Callable[[], Any]
    id: str
    expected_failures: Mapping[str, str] = field(default_factory=dict)

    def noise(self) -> Noise:
        """A new one."""
        built: Noise = self.build()
        return built


NoiseCheck = Callable[[NoiseCase], None]


def check_methods(case: NoiseCase) -> None:
    """It is a :class:`zoo.Noise`, with ``draw`` and its facts."""
    missing = sorted(getattr(getattr(case.build, "func", case.build), "__abstractmethods__", ()))
    require(not missing, f"{case.id}: has no {', '.join(missing)}. Write draw(crops, generator).")
    noise = case.noise()
    require_methods(case.id, noise, METHODS)
    kind = type(noise).__name__
    require(isinstance(noise, Noise), f"{case.id}: {kind} is no zoo.Noise. Derive it from that.")
    for name in FACTS:
        value = getattr(noise, name)
        require(isinstance(value, bool), f"{case.id}: {name} is {value!r}. It is True or False.")


def check_block_sizes(case: NoiseCase) -> None:
    """``block_sizes`` gives a size from 1 to ``largest_block`` for each image."""
    noise = case.noise()
    largest = noise.largest_block
    fits = isinstance(largest, int) and largest >= 1
    require(fits, f"{case.id}: largest_block is {largest!r}. It is an integer >= 1.")
    with no_global_generator(case.id):
        sizes = noise.block_sizes(50, seeded(0))
    right = isinstance(sizes, Tensor) and (sizes.shape, sizes.dtype) == ((50,), torch.int64)
    require(right, f"{case.id}: block_sizes gives {sizes!r}. Give (n,) of int64.")
    require(
        bool(((sizes >= 1) & (sizes <= largest)).all()),
        f"{case.id}: block_sizes gives {int(sizes.min())} to {int(sizes.max())}. "
        f"largest_block is {largest}.",
    )
    require_close(f"{case.id}: block_sizes, same seed", noise.block_sizes(50, seeded(0)), sizes, 0)


def check_copies(case: NoiseCase) -> None:
    """A copy is a zoo.Noisy: finite float32 of the crops' shape, its mask of zeros and ones."""
    noise = case.noise()
    for channels, n, size in ((3, 2, (5, 7)), (1, 1, (4, 4))):
        crops = _crops(noise, n, channels, size)
        before = crops.clean.clone()
        noisy = noise.draw(crops, seeded(1))
        require(isinstance(noisy, Noisy), f"{case.id}: draw gives {_words(noisy)}. Give zoo.Noisy.")
        image, mask = noisy
        shape = (n, channels, *size)
        _require_tensor(f"{case.id}: the image", image, shape)
        require(bool(image.isfinite().all()), f"{case.id}: the image has nan or inf.")
        require_close(f"{case.id}: after draw, the clean crops", crops.clean, before, 0)
        if not noise.masks:
            require(mask is None, f"{case.id}: gives a mask, but masks is False.")
            continue
        _require_tensor(f"{case.id}: the mask", mask, (n, 1, *size))
        assert mask is not None  # it is a tensor
        require(
            bool(((mask == 0) | (mask == 1)).all()),
            f"{case.id}: the mask has other values than 0 and 1.",
        )


def check_generator(case: NoiseCase) -> None:
    """The given generator decides all random numbers, and no other is used."""
    noise = case.noise()
    crops = _crops(noise, 4, 3, SIZE)
    generator = seeded(1)
    with no_global_generator(case.id):
        first = noise.draw(crops, generator).image.clone()
        second = noise.draw(crops, generator).image.clone()
    for made in (noise, case.noise()):
        again = made.draw(crops, seeded(1)).image
        require_close(f"{case.id}: same seed, the image", again, first, 0)
    if torch.equal(first, crops.clean) and torch.equal(second, crops.clean):
        raise NotApplicable("there is no noise to draw")
    require(
        not torch.equal(first, second),
        f"{case.id}: the second copy is the first again. Draw each anew from the generator.",
    )
    require(
        not torch.equal(noise.draw(crops, seeded(2)).image, first),
        f"{case.id}: another seed gives the same copy. Draw it from the generator.",
    )


def check_unbiased(case: NoiseCase) -> None:
    """With ``unbiased`` the mean of many copies is the clean image: of black and white too."""
    noise = case.noise()
    if not noise.unbiased:
        raise NotApplicable("unbiased is False")
    crops = _crops(noise, COPIES, 3, SIZE)
    generator = seeded(3)
    copies = [noise.draw(crops, generator) for _ in range(DRAWS)]
    extremes = [value for copy in copies for value in copy.image.aminmax()]
    clipped = min(extremes) >= 0 and max(extremes) <= 1
    hint = " No value lies outside [0, 1]: do not clip." if clipped else ""
    clean = crops.clean
    for name, part in (
        ("black", clean == 0),
        ("white", clean == 1),
        ("between", (clean > 0) & (clean < 1)),
    ):
        errors = torch.cat([_mean_errors(copy, clean, part) for copy in copies])
        if len(errors) < 2:
            continue  # nothing of it is kept
        mean, spread = errors.mean().item(), errors.std().item() / sqrt(len(errors))
        require(
            abs(mean) <= STANDARD_ERRORS * spread + 1e-5,
            f"{case.id}: where the picture is {name} the mean of {COPIES * DRAWS} copies differs "
            f"from it by {mean:.4f}, {abs(mean) / max(spread, 1e-12):.0f} standard errors. "
            f"It should be the picture, or say unbiased = False.{hint}",
        )


NOISE_CHECKS: Final[Sequence[NoiseCheck]] = (
    check_methods,
    check_block_sizes,
    check_copies,
    check_generator,
    check_unbiased,
)


def _mean_errors(copy: Noisy, clean: Tensor, part: Tensor) -> Tensor:
    """Of each copy the mean of y - x over a part of its pixels; of those that have any."""
    weights = part.double() if copy.mask is None else part * copy.mask.double()
    counts = weights.sum((1, 2, 3))
    errors = ((copy.image.double() - clean) * weights).sum((1, 2, 3))
    return (errors / counts)[counts > 0]


def _crops(noise: Noise, n: int, channels: int, size: tuple[int, int]) -> Crops:
    """Crops of a picture that is black, textured and white, as large as the noise needs."""
    photograph = _photograph(channels, size, noise.largest_block)
    block = noise.block_sizes(n, seeded(0))
    origin = torch.zeros(n, dtype=torch.int64)
    return photograph.crops(Positions(origin, origin, origin), block, *size)


@lru_cache(maxsize=8)
def _photograph(channels: int, size: tuple[int, int], block: int) -> Photographs:
    height, width = size[0] * block, size[1] * block
    image = torch.rand(channels, height, width, generator=seeded(0)) * 0.8 + 0.1
    image[:, :, : width // 3] = 0
    image[:, :, -(width // 3) :] = 1
    return Photographs(["a picture"], [image])


def _require_tensor(where: str, found: object, shape: tuple[int, ...]) -> None:
    right = isinstance(found, Tensor) and (tuple(found.shape), found.dtype) == (
        shape,
        torch.float32,
    )
    require(right, f"{where} is {_words(found)}. It should be {shape} of torch.float32.")


def _words(found: object) -> str:
    if isinstance(found, Tensor):
        return f"{tuple(found.shape)} of {found.dtype}"
    return f"a {type(found).__name__}"
