"""Noise2Void: pixels that the network does not see, and has to guess."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from zoo.data.batch import Batch
from zoo.data.pairings.base import Needs, Pairing, sub_lattice
from zoo.errors import ArgumentError, DataError
from zoo.spec.constraints import odd_size


class BlindSpot(Pairing):
    """The input is the noisy picture with a few pixels replaced, the target those pixels' values.

    What a pixel's neighbours say of it is its clean value; nothing says its noise. The picture is
    divided into boxes with one pixel in each, drawn at random, which is hidden in all channels. The
    mask has these pixels.

    Sources: Krull, Buchholz, Jug, "Noise2Void - Learning Denoising from Single Noisy Images", CVPR
    2019; Batson, Royer, "Noise2Self", ICML 2019; ``median``: Hoeck et al., "N2V2 - Fixing
    Noise2Void Checkerboard Artifacts", 2022.

    Args:
        fraction: of the pixels that are hidden, above 0 and at most 0.25.
        size: of the square around a hidden pixel that its replacement is taken from, odd, >= 3.
        replace: ``random`` for one of the other pixels in the square, ``median`` for their median
            in each channel.
        stride: of the sub-lattice of pixels to work on, >= 1; above 1 for noise that is alike at
            neighbouring pixels.

    Raises:
        ArgumentError: one is out of range.
    """

    needs: Needs = "nothing"
    masks = True

    def __init__(
        self, fraction: float = 0.002, size: int = 11, replace: str = "random", stride: int = 1
    ) -> None:
        if not 0 < fraction <= 0.25:
            raise ArgumentError(f"blind_spot: fraction is {fraction}. Use above 0, up to 0.25.")
        odd_size("blind_spot", {"size": size})
        if size < 3:
            raise ArgumentError(f"blind_spot: size is {size}. It must be 3 or more.")
        if replace not in ("random", "median"):
            raise ArgumentError(f"blind_spot: replace is {replace!r}. It is 'random' or 'median'.")
        if stride < 1:
            raise ArgumentError(f"blind_spot: stride is {stride}. It must be 1 or more.")
        self.box = round(1 / math.sqrt(fraction))  # pixels on a side
        self.reach, self.median, self.stride = size // 2, replace == "median", stride

    def window(self, height: int, width: int) -> tuple[int, int]:
        """The input's size, for each step of the sub-lattice."""
        return self.stride * height, self.stride * width

    def draw(self, batch: Batch, generator: torch.Generator) -> Batch:
        """The picture with hidden pixels, itself, and the mask of those pixels."""
        view = sub_lattice(batch, self.stride, generator)
        y = view.x
        rows, columns = self._hidden(y, generator)  # N, K
        values = (self._median if self.median else self._random)(y, rows, columns, generator)
        n, channels, height, width = y.shape
        place = (rows * width + columns)[:, None]  # N, 1, K
        x = y.flatten(2).scatter(2, place.expand(-1, channels, -1), values).reshape(y.shape)
        mask = torch.zeros(n, 1, height * width, dtype=y.dtype, device=y.device)
        mask = mask.scatter_(2, place, 1).reshape(n, 1, height, width)
        if view.mask is not None:
            mask *= view.mask
        return Batch(x, y, mask)

    def _hidden(self, y: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Row and column of one pixel in each box, (N, K) each; boxes at the end are smaller."""
        n, _, height, width = y.shape
        if height * width < 2:
            raise DataError("blind_spot: a crop of one pixel has no others. Use larger crops.")
        box = min(self.box, height, width)
        down, across = -(-height // box), -(-width // box)
        uniform = torch.rand(2, n, down, across, generator=generator, device=y.device)
        tops = torch.arange(down, device=y.device)[:, None] * box
        lefts = torch.arange(across, device=y.device) * box
        rows = tops + (uniform[0] * (height - tops).clamp(max=box)).long()
        columns = lefts + (uniform[1] * (width - lefts).clamp(max=box)).long()
        return rows.flatten(1), columns.flatten(1)

    def _random(
        self, y: Tensor, rows: Tensor, columns: Tensor, generator: torch.Generator
    ) -> Tensor:
        """The value of a random other pixel of each square, (N, C, K)."""
        height, width = y.shape[2:]
        top, left = (rows - self.reach).clamp(min=0), (columns - self.reach).clamp(min=0)
        down = (rows + self.reach + 1).clamp(max=height) - top
        across = (columns + self.reach + 1).clamp(max=width) - left
        uniform = torch.rand(rows.shape, generator=generator, device=y.device)
        other = (uniform * (down * across - 1)).long()
        other += other >= (rows - top) * across + columns - left  # not the hidden one
        place = (top + other // across) * width + left + other % across
        return y.flatten(2).gather(2, place[:, None].expand(-1, y.shape[1], -1))

    def _median(
        self, y: Tensor, rows: Tensor, columns: Tensor, generator: torch.Generator
    ) -> Tensor:
        """The median of the other pixels of each square in each channel, (N, C, K)."""
        n, channels, height, width = y.shape
        steps = torch.arange(-self.reach, self.reach + 1, device=y.device)
        row = rows[:, :, None, None] + steps[:, None]  # N, K, size, 1
        column = columns[:, :, None, None] + steps
        inside = (row >= 0) & (row < height) & (column >= 0) & (column < width)
        inside &= (steps[:, None] != 0) | (steps != 0)
        place = row.clamp(0, height - 1) * width + column.clamp(0, width - 1)
        values = y.flatten(2).gather(2, place.flatten(1)[:, None].expand(-1, channels, -1))
        values = values.reshape(n, channels, *place.shape[1:])
        return values.where(inside[:, None], torch.nan).flatten(3).nanmedian(3).values
