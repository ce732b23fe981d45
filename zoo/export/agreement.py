"""Whether an exported file computes what the network does."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch
from torch import Tensor

from zoo.engine import lower
from zoo.errors import ComparisonError
from zoo.export.trained import Trained
from zoo.inference.any_size import any_size

TOLERANCE = 1e-5  # of images in [0, 1]


@dataclass(frozen=True)
class Agreement:
    """The largest difference of two outputs, and the sizes of the images that were compared."""

    difference: float
    sizes: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.difference:.1e} at {', '.join(self.sizes)}"


def examples(trained: Trained, tile: int | None = None) -> list[Tensor]:
    """Images (N, C, H, W) to compare with: of three sizes, one of them odd; with a tile of one."""
    spec = trained.architecture.input
    if tile is not None:
        return [noise(1, spec.channels, tile, tile)]
    height, width = spec.height, spec.width
    odd = (height + 1 + height % 2, width + 3 - width % 2)
    sizes = [(height, width), odd, (height + 16, 2 * width)]
    return [noise(2, spec.channels, *size) for size in sizes]


def network_outputs(trained: Trained, images: Iterable[Tensor]) -> list[Tensor]:
    """What zoo itself makes of each."""
    network = lower(trained.network)
    with torch.no_grad():
        return [any_size(network, image) for image in images]


def compare(
    where: str, run: Callable[[Tensor], Tensor], images: list[Tensor], expected: list[Tensor]
) -> Agreement:
    """Compare what a file gives with what the network gives.

    Allowed is 1e-5 for images in [0, 1], and as much more as the network's output is larger.

    Args:
        where: how a message begins.
        run: what the file makes of images.

    Raises:
        ComparisonError: they differ by more, in shape, or are no numbers.
    """
    largest = 0.0
    for image, right in zip(images, expected, strict=True):
        found, size = run(image), _size(image)
        if found.shape != right.shape:
            raise ComparisonError(
                f"{where}: gives images {_size(found)} for images {size}. Nothing was kept."
            )
        difference = (found.double() - right.double()).abs().max().item()
        allowed = TOLERANCE * max(1.0, right.abs().max().item())
        if not difference <= allowed:  # nor if it is no number
            raise ComparisonError(
                f"{where}: differs from the network by {difference:.1e} for images {size}. "
                f"Allowed is {allowed:.1e}; nothing was kept."
            )
        largest = max(largest, difference)
    return Agreement(largest, tuple(map(_size, images)))


def noise(*shape: int) -> Tensor:
    """Images of uniform noise in [0, 1], always the same."""
    return torch.rand(shape, generator=torch.Generator().manual_seed(0))


def _size(image: Tensor) -> str:
    return f"{image.shape[-2]}x{image.shape[-1]}"
