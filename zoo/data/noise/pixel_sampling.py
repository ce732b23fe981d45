"""The noise of EE-559's data: a photograph reduced by picking pixels instead of averaging them."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from zoo.data.crops import Crops
from zoo.data.noise.base import Noise, Noisy
from zoo.errors import ArgumentError
from zoo.spec.constraints import ascending_ranges


class PixelSampling(Noise):
    """Each image pixel is one pixel drawn at random from its block of k x k photograph pixels.

    The clean image is the photograph reduced k times by the mean of each block, which is the mean
    of the noisy copies too. The position in the block is the same for all channels. The noise is
    near zero on flat areas and large on texture; k of 6 to 8 gives the noise of EE-559's data.

    Args:
        block: k >= 1, or [low, high], both inclusive, to draw it for each image; the copies of an
            image share it.

    Raises:
        ArgumentError: ``block`` is not a positive integer or not a range.
    """

    on_device = True

    def __init__(self, block: int | Sequence[int] = (6, 8)) -> None:
        ends = tuple(block) if isinstance(block, (list, tuple)) else (block, block)
        if len(ends) != 2 or not all(_is_size(end) for end in ends):
            raise ArgumentError(
                f"pixel_sampling noise: block is {block!r}. "
                "It is an integer >= 1, or two in ascending order."
            )
        ascending_ranges("pixel_sampling noise", {"block": block})
        self.smallest_block, self.largest_block = ends

    def block_sizes(self, n: int, generator: torch.Generator) -> Tensor:
        """(n,) block sizes, each equally likely."""
        low, high = self.smallest_block, self.largest_block
        return torch.randint(low, high + 1, (n,), generator=generator)

    def draw(self, crops: Crops, generator: torch.Generator) -> Noisy:
        """One pixel of each block."""
        return Noisy(crops.random_pixels(generator))


def _is_size(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1
