"""Scenes that are made on the spot, in the places that a test says, and noise for them."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import convolve
from torch import Tensor

from zoo.data.sets import ImagePairs, SingleImages
from zoo.data_check.report import Report, check_images

Array = NDArray[Any]
Noise = Callable[[Array, np.random.Generator], Array]
Place = Callable[[Array, Array], tuple[Array, Array]]

HEIGHT, WIDTH, COUNT = 128, 160, 5


def scene(seed: int, place: Place = lambda y, x: (y, x), low: float = 0.2) -> Array:
    """(3, H, W) between ``low`` and 0.8: shade, discs and in one third fine waves.

    Args:
        seed: which.
        place: where in it each pixel is, so that a shift is exact.
        low: the darkest.
    """
    draws = np.random.default_rng(seed)
    y, x = place(*np.mgrid[:HEIGHT, :WIDTH].astype(float))
    grey = np.sin(y / draws.uniform(30, 60) + draws.uniform(0, 6)) * np.cos(x / 45)
    for _ in range(8):
        middle = draws.uniform(0, HEIGHT), draws.uniform(0, WIDTH)
        distance = np.hypot(y - middle[0], x - middle[1]) - draws.uniform(6, 30)
        grey = grey + draws.normal() / (1 + np.exp(np.clip(distance / 0.7, -40, 40)))
    busy = 1 / (1 + np.exp(np.clip((x - WIDTH / 3) / 4, -40, 40)))
    for _ in range(12):
        turn, length = draws.uniform(0, np.pi), draws.uniform(3, 12)
        along = y * np.sin(turn) + x * np.cos(turn)
        grey = grey + 0.15 * busy * np.sin(2 * np.pi * along / length + draws.uniform(0, 6))
    grey = low + (0.8 - low) / (1 + np.exp(-grey))
    return np.stack([grey, 0.95 * grey + 0.01, 0.9 * grey + 0.03])


def gaussian(sigma: float) -> Noise:
    return lambda image, draws: image + sigma / 255 * draws.normal(size=image.shape)


def poisson(lam: float) -> Noise:
    return lambda image, draws: draws.poisson(image * lam) / lam


def poisson_gaussian(gain: float, sigma: float) -> Noise:
    def noise(image: Array, draws: np.random.Generator) -> Array:
        return gaussian(sigma)(poisson(1 / gain)(image, draws), draws)

    return noise


def compressed(sigma: float, quality: int) -> Noise:
    """Noise that went through JPEG with coarser colour (4:2:0)."""

    def noise(image: Array, draws: np.random.Generator) -> Array:
        pixels = to_bytes(gaussian(sigma)(image, draws)).transpose(1, 2, 0)
        file = io.BytesIO()
        Image.fromarray(pixels).save(file, "JPEG", quality=quality, subsampling=2)
        return np.asarray(Image.open(file)).transpose(2, 0, 1) / 255

    return noise


def demosaicked(sigma: float) -> Noise:
    """Noise of a Bayer sensor whose missing colours are interpolated."""
    sides = np.array([[1, 2, 1], [2, 4, 2], [1, 2, 1]]) / 4
    cross = np.array([[0, 1, 0], [1, 4, 1], [0, 1, 0]]) / 4

    def noise(image: Array, draws: np.random.Generator) -> Array:
        y, x = np.mgrid[: image.shape[1], : image.shape[2]] % 2
        masks = ((y + x == 0, sides), (y + x == 1, cross), (y * x == 1, sides))
        values = gaussian(sigma)(image, draws)
        channels = zip(values, masks, strict=True)
        return np.stack(
            [convolve(v * mask, kernel, mode="mirror") for v, (mask, kernel) in channels]
        )

    return noise


def to_bytes(image: Array) -> Array:
    return np.rint(np.clip(image, 0, 1) * 255).astype(np.uint8)


def tensor(image: Array) -> Tensor:
    is_bytes = image.dtype == np.uint8
    return torch.from_numpy(np.ascontiguousarray(image if is_bytes else image.astype(np.float32)))


def scenes(seed: int = 0, **options: Any) -> list[Array]:
    return [scene(100 * seed + number, **options) for number in range(COUNT)]


def pairs(
    noise: Noise,
    seed: int = 0,
    firsts: Sequence[Array] | None = None,
    seconds: Sequence[Array] | None = None,
    clean: bool = False,
) -> ImagePairs:
    """Two noisy views of each scene; the second of ``seconds`` where that is given."""
    draws = np.random.default_rng(1000 + seed)
    first = scenes(seed) if firsts is None else firsts
    second = first if seconds is None else seconds
    return ImagePairs(
        tuple(f"pair{number}" for number in range(len(first))),
        tuple(tensor(noise(image, draws)) for image in first),
        tuple(tensor(image if clean else noise(image, draws)) for image in second),
        clean,
    )


def singles(noise: Noise, seed: int = 0, images: Sequence[Array] | None = None) -> SingleImages:
    draws = np.random.default_rng(2000 + seed)
    given = scenes(seed) if images is None else images
    noisy = tuple(tensor(noise(image, draws)) for image in given)
    return SingleImages(tuple(f"picture{number}" for number in range(len(noisy))), noisy)


def harmful(report: Report) -> list[str]:
    """What a report warns of."""
    return [str(it) for it in report.findings if it.level in ("warning", "error")]


def checked(images: SingleImages | ImagePairs, target: str | None = None) -> Report:
    return check_images(images, target, copies=False)
