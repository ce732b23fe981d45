"""Whole images to evaluate on, the same in every epoch and every run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

import torch
from torch import Tensor

from zoo.data.batch import Batch
from zoo.data.crops import whole_image
from zoo.data.images import format_bytes, most_memory
from zoo.data.noise.base import Noise
from zoo.data.pairings.base import Pairing
from zoo.data.seeding import generator
from zoo.data.sets import Bursts, Images, SingleImages, noise_mismatch
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


def evaluation_images(
    data: Images,
    noise: Noise | None,
    seed: int,
    limit: int | None = None,
    pairing: tuple[str, Pairing] | None = None,
) -> list[EvaluationImage]:
    """One noisy copy of each whole image; of pairs and bursts, the views as they are.

    A copy depends only on ``seed`` and the image's index, not on ``limit`` or what was drawn
    before. With pixel sampling the block size k is drawn for each image and the reference is the
    photograph reduced k times, its last rows and columns left out where they do not fill a block.
    The first shot of a burst is compared with the mean of the others. Of pictures that are noisy
    already, a pairing makes both sides.

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
    _check_memory(data, limit)
    if isinstance(data, SingleImages) == (noise is None):
        raise noise_mismatch(data)
    if isinstance(data, SingleImages):
        assert noise is not None
        images = enumerate(zip(data.names, data.images, strict=True))
        keyed = ((generator(seed, Stream.EVALUATION, i), *image) for i, image in images)
        if noise.simulated:
            return [_noisy_copy(noise, *image) for image in islice(keyed, limit)]
        if pairing is None or pairing[1].needs != "nothing":
            raise DataError(
                "data: the pictures are noisy already, and there is nothing to compare them with. "
                "Set data.target to 'neighbors' or 'blind_spot'."
            )
        name, own = pairing
        return [_own_pair(name, own, *image) for image in islice(keyed, limit)]
    if isinstance(data, Bursts):
        bursts = zip(data.names, data.shots, strict=True)
        return [_others_mean(name, shots) for name, shots in islice(bursts, limit)]
    pairs = zip(data.names, data.first, data.second, strict=True)
    return [_as_they_are(*pair, data.second_is_clean) for pair in islice(pairs, limit)]


def _check_memory(data: Images, limit: int | None) -> None:
    """Refuse, before any is drawn, copies that memory does not suffice for."""
    sizes = [image.numel() for image in data.sides[0][:limit]]
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
    noisy, reference = _floats(name, first), _floats(name, second)
    kind, shots = ("clean", 0) if is_clean else ("noisy", 1)
    return EvaluationImage(name, noisy, reference, compared_with=kind, shots=shots)


def _others_mean(name: str, shots: Sequence[Tensor]) -> EvaluationImage:
    """The first shot, and the mean of the others."""
    first, *others = (_floats(name, shot) for shot in shots)
    mean = torch.stack(others).mean(0)
    return EvaluationImage(name, first, mean, compared_with="noisy", shots=len(others))


def _noisy_copy(noise: Noise, draws: torch.Generator, name: str, image: Tensor) -> EvaluationImage:
    crop = whole_image(name, image, noise.block_sizes(1, draws))
    return EvaluationImage(name, noise.draw(crop, draws).image[0], crop.clean[0])


def _own_pair(
    kind: str, pairing: Pairing, draws: torch.Generator, name: str, image: Tensor
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


def _floats(name: str, image: Tensor) -> Tensor:
    return whole_image(name, image, torch.ones(1, dtype=torch.int64)).clean[0]
