"""Whole images to evaluate on, the same in every epoch and every run."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice

import torch
from torch import Tensor

from zoo.data.crops import whole_image
from zoo.data.images import format_bytes, most_memory
from zoo.data.noise.base import Noise
from zoo.data.seeding import generator
from zoo.data.sets import CleanImages, ImagePairs, noise_mismatch
from zoo.data.streams import Stream
from zoo.errors import DataError

KEPT = 8  # bytes of each value of an image: noisy and reference, float32
IN_WORK = 48  # bytes of each value of one image while it is denoised and compared; measured


@dataclass(frozen=True)
class EvaluationImage:
    """A noisy image and what it is compared with.

    Attributes:
        name: the photograph's or pair's.
        noisy: (C, H, W) float32, not clipped.
        reference: (C, H, W) float32: the clean image, or the second image of a pair.
        reference_is_clean: False where that is another noisy image.
    """

    name: str
    noisy: Tensor
    reference: Tensor
    reference_is_clean: bool = True


def evaluation_images(
    data: CleanImages | ImagePairs, noise: Noise | None, seed: int, limit: int | None = None
) -> list[EvaluationImage]:
    """One noisy copy of each whole image; of pairs, both images as they are.

    A copy depends only on ``seed`` and the image's index, not on ``limit`` or what was drawn
    before. With pixel sampling the block size k is drawn for each image and the reference is the
    photograph reduced k times, its last rows and columns left out where they do not fill a block.

    Args:
        data: photographs or pairs.
        noise: what to add to photographs; None for pairs.
        seed: of all draws.
        limit: the first so many images only; None for all.

    Raises:
        ArgumentError: ``noise`` is missing, or given for pairs.
        DataError: a photograph is smaller than one block, or the copies take more memory than
            there is.
    """
    _check_memory(data, limit)
    if isinstance(data, ImagePairs) and noise is None:
        pairs = zip(data.names, data.first, data.second, strict=True)
        return [_as_they_are(*pair, data.second_is_clean) for pair in islice(pairs, limit)]
    if isinstance(data, CleanImages) and noise is not None:
        images = zip(data.names, data.images, strict=True)
        return [
            _noisy_copy(name, image, noise, generator(seed, Stream.EVALUATION, index))
            for index, (name, image) in enumerate(islice(images, limit))
        ]
    raise noise_mismatch(data)


def _check_memory(data: CleanImages | ImagePairs, limit: int | None) -> None:
    """Refuse, before any is drawn, copies that memory does not suffice for."""
    images = data.first if isinstance(data, ImagePairs) else data.images
    sizes = [image.numel() for image in images[:limit]]
    needed = sum(sizes) * KEPT + max(sizes) * IN_WORK
    most = most_memory()
    if most is not None and needed > most:
        largest = data.names[sizes.index(max(sizes))]
        raise DataError(
            f"{largest}: to denoise it and to measure the result takes {format_bytes(needed)}, the "
            f"other images counted ({len(sizes)} in all); {format_bytes(most)} are allowed here. "
            "Use fewer or smaller images."
        )


def _as_they_are(name: str, first: Tensor, second: Tensor, is_clean: bool) -> EvaluationImage:
    one = torch.ones(1, dtype=torch.int64)
    noisy, reference = (whole_image(name, image, one).clean[0] for image in (first, second))
    return EvaluationImage(name, noisy, reference, is_clean)


def _noisy_copy(name: str, image: Tensor, noise: Noise, draws: torch.Generator) -> EvaluationImage:
    crop = whole_image(name, image, noise.block_sizes(1, draws))
    return EvaluationImage(name, noise.draw(crop, draws).image[0], crop.clean[0])
