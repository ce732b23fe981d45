"""Whole images to evaluate on, the same in every epoch and every run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import overload

import torch
from torch import Tensor

from zoo.data.batch import Batch
from zoo.data.crops import whole_image
from zoo.data.images import format_bytes, most_memory
from zoo.data.noise.base import Noise
from zoo.data.pairings.base import Pairing
from zoo.data.seeding import generator
from zoo.data.sets import Bursts, ImagePairs, Images, SingleImages, noise_mismatch
from zoo.data.stored import Image, StoredImage
from zoo.data.streams import Stream
from zoo.errors import DataError

KEPT = 8  # bytes of each value of an image: noisy and reference, float32
MEASURED = ("clean", "noisy")  # what PSNR and SSIM compare with; a pairing's target is not
IN_WORK = 48  # bytes of each value of one image while it is denoised and compared; measured


@dataclass(frozen=True)
class EvaluationImage:
    """A noisy image and what it is compared with.

    Attributes:
        name: the picture's, pair's or burst's.
        noisy: (C, H, W) float32, not clipped.
        reference: (C, H, W) float32: the clean image, other noisy views, or a pairing's target.
        mask: (1, H, W) of the reference's pixels that count; None for all.
        compared_with: what the reference is: ``clean``, ``noisy``, or the pairing's name.
        shots: how many noisy views the reference is the mean of; 0 for a clean one or a pairing's.
    """

    name: str
    noisy: Tensor
    reference: Tensor
    mask: Tensor | None = None
    compared_with: str = "clean"
    shots: int = 0


class EvaluationImages(Sequence[EvaluationImage]):
    """Images that are drawn when they are asked for, each time the same.

    Args:
        draw: gives the image of an index.
        count: how many there are.
    """

    def __init__(self, draw: Callable[[int], EvaluationImage], count: int) -> None:
        self._draw, self._count = draw, count

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, index: int) -> EvaluationImage: ...

    @overload
    def __getitem__(self, index: slice) -> list[EvaluationImage]: ...

    def __getitem__(self, index: int | slice) -> EvaluationImage | list[EvaluationImage]:
        found = range(self._count)[index]
        return self._draw(found) if isinstance(found, int) else [self._draw(it) for it in found]


def evaluation_images(
    data: Images,
    noise: Noise | None,
    seed: int,
    limit: int | None = None,
    pairing: tuple[str, Pairing] | None = None,
) -> Sequence[EvaluationImage]:
    """One noisy copy of each whole image; of pairs and bursts, the views as they are.

    A copy depends only on ``seed`` and the image's index, not on ``limit`` or what was drawn
    before. With pixel sampling the block size k is drawn for each image and the reference is the
    photograph reduced k times, its last rows and columns left out where they do not fill a block.
    The first shot of a burst is compared with the mean of the others. Of pictures that are noisy
    already, a pairing makes both sides. Copies of images that are read from a cache are drawn anew
    each time; others are kept.

    Args:
        data: pictures, pairs or bursts.
        noise: what to add to pictures; None for pairs and bursts.
        seed: of all draws.
        limit: the first so many images only; None for all.
        pairing: its name and itself, for pictures that are noisy already.

    Raises:
        ArgumentError: ``noise`` is missing, or given for pairs or bursts.
        DataError: a picture is smaller than one block, or the copies take more memory than there
            is, or there is nothing to compare noisy pictures with.
    """
    firsts = data.sides[0][:limit]
    stored = any(isinstance(image, StoredImage) for image in firsts)
    _check_memory(data.names, firsts, 0 if stored else KEPT)
    if isinstance(data, SingleImages) == (noise is None):
        raise noise_mismatch(data)
    draw, least = _draw_of(data, noise, seed, pairing)
    images = EvaluationImages(draw, len(firsts))
    if not stored:
        return list(images)
    for index, image in enumerate(firsts):
        if min(image.shape[1:]) < least:  # what may be wrong with it is known at once
            draw(index)
    return images


def _draw_of(
    data: Images, noise: Noise | None, seed: int, pairing: tuple[str, Pairing] | None
) -> tuple[Callable[[int], EvaluationImage], int]:
    """What draws the image of an index, and the height and width that suffice for it."""
    names = data.names
    if isinstance(data, Bursts):
        shots = data.shots
        return lambda index: _others_mean(names[index], shots[index]), 1
    if isinstance(data, ImagePairs):
        pairs, is_clean = list(zip(*data.sides, strict=True)), data.second_is_clean
        return lambda index: _as_they_are(names[index], *pairs[index], is_clean), 1
    images = data.images

    def draws(index: int) -> torch.Generator:
        return generator(seed, Stream.EVALUATION, index)

    assert noise is not None
    if noise.simulated:
        added = noise
        return (
            lambda index: _noisy_copy(added, draws(index), names[index], images[index]),
            noise.largest_block,
        )
    if pairing is None or pairing[1].needs != "nothing":
        raise DataError(
            "data: the pictures are noisy already, and there is nothing to compare them with. "
            "Set data.target to 'neighbors' or 'blind_spot'."
        )
    own = pairing
    return (
        lambda index: _own_pair(*own, draws(index), names[index], images[index]),
        max(own[1].window(1, 1)),
    )


def _check_memory(names: Sequence[str], images: Sequence[Image], kept: int) -> None:
    """Refuse, before any is drawn, copies that memory does not suffice for.

    Args:
        names: of the images, and others after them.
        images: to draw copies of.
        kept: bytes of each value that are kept.
    """
    sizes = [image.numel() for image in images]
    needed = sum(sizes) * kept + max(sizes) * IN_WORK
    most = most_memory()
    if most is not None and needed > most:
        largest = names[sizes.index(max(sizes))]
        raise DataError(
            f"{largest}: to denoise it and to measure the result takes {format_bytes(needed)}, the "
            f"other images counted ({len(sizes)} in all); {format_bytes(most)} are allowed here. "
            "Use fewer or smaller images."
        )


def _as_they_are(name: str, first: Image, second: Image, is_clean: bool) -> EvaluationImage:
    noisy, reference = _floats(name, first), _floats(name, second)
    kind, shots = ("clean", 0) if is_clean else ("noisy", 1)
    return EvaluationImage(name, noisy, reference, compared_with=kind, shots=shots)


def _others_mean(name: str, shots: Sequence[Image]) -> EvaluationImage:
    """The first shot, and the mean of the others."""
    first, *others = (_floats(name, shot) for shot in shots)
    mean = torch.stack(others).mean(0)
    return EvaluationImage(name, first, mean, compared_with="noisy", shots=len(others))


def _noisy_copy(noise: Noise, draws: torch.Generator, name: str, image: Image) -> EvaluationImage:
    crop = whole_image(name, image, noise.block_sizes(1, draws))
    return EvaluationImage(name, noise.draw(crop, draws).image[0], crop.clean[0])


def _own_pair(
    kind: str, pairing: Pairing, draws: torch.Generator, name: str, image: Image
) -> EvaluationImage:
    """What a pairing makes of a noisy picture, without its last rows and columns if need be."""
    y = _floats(name, image)[None]
    down, across = pairing.window(1, 1)
    if y.shape[2] < down or y.shape[3] < across:
        raise DataError(f"{name}: is smaller than {down} x {across} pixels. Leave it out.")
    y = y[:, :, : y.shape[2] // down * down, : y.shape[3] // across * across]
    batch = pairing.draw(Batch(y, y), draws)
    mask = None if batch.mask is None else batch.mask[0]
    return EvaluationImage(name, batch.x[0], batch.target[0], mask, kind)


def _floats(name: str, image: Image) -> Tensor:
    return whole_image(name, image, torch.ones(1, dtype=torch.int64)).clean[0]
