"""One plane of a picture through a network, tile by tile."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from threading import Lock

import torch
from torch import Tensor

from zoo.engine import Lowered
from zoo.inference.pixels import Pixels
from zoo.inference.symmetries import Symmetry
from zoo.inference.tiles import tiled

ROWS_AT_ONCE = 256


class Progress:
    """Counts values as tiles are done, from any thread.

    Args:
        total: values in all.
        on_progress: called with the part that is done, 0 to 1.
    """

    def __init__(self, total: int, on_progress: Callable[[float], object]) -> None:
        self.total, self.done = total, 0
        self.on_progress = on_progress
        self._lock = Lock()

    def add(self, values: int) -> None:
        """So many values more are done."""
        with self._lock:
            self.done += values
            self.on_progress(self.done / self.total)


def denoise_plane(
    network: Lowered,
    pixels: Pixels,
    copies: int,
    symmetries: Sequence[Symmetry],
    tile: int | None,
    progress: Progress,
) -> None:
    """Fill ``pixels.after`` with the network's output, averaged over the symmetries.

    Args:
        network: in evaluation mode.
        pixels: the plane.
        copies: how many times its channels are given to the network; the outputs are averaged.
        symmetries: the ways in which the network is shown the plane, at least one.
        tile: side of the tiles in pixels, None for what fits into memory.
        progress: told of every tile.
    """
    channels, height, width = pixels.before.shape
    dtype = torch.promote_types(pixels.dtype, torch.float32)
    several = len(symmetries) > 1
    total = torch.zeros(1, channels, height, width, dtype=dtype) if several else None

    def run(symmetry: Symmetry) -> None:
        def read(top: int, bottom: int, left: int, right: int) -> Tensor:
            region = symmetry.region((top, bottom, left, right), height, width)
            return symmetry.apply(pixels.read(*region)).expand(-1, channels * copies, -1, -1)

        def write(top: int, left: int, y: Tensor) -> None:
            box = (top, top + y.shape[2], left, left + y.shape[3])
            region = symmetry.region(box, height, width)
            y = symmetry.undo(y if copies == 1 else y.mean(1, keepdim=True))
            if total is None:
                pixels.write(region[0], region[2], y)
            else:
                total[:, :, region[0] : region[1], region[2] : region[3]] += y.cpu()
            progress.add(y.numel())

        shape = (channels * copies, *symmetry.size(height, width))
        tiled(network, read, write, shape, tile=tile)

    for symmetry in symmetries:
        run(symmetry)
    if total is not None:
        for top in range(0, height, ROWS_AT_ONCE):
            pixels.write(top, 0, total[:, :, top : top + ROWS_AT_ONCE] / len(symmetries))
