"""Maps between small coarse and fine images, drawn at random, and their definition as a sum."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import torch
from hypothesis import strategies as st
from torch import Tensor

from zoo.engine.conv.axis import Axis
from zoo.engine.conv.kernel import ConvKernel

DTYPE = torch.float64
TOLERANCE = 1e-11


@st.composite
def axes(draw: st.DrawFn, largest: int = 9, upsampled: bool = False) -> Axis:
    """An axis of any sizes, its taps inside the image, in its padding, or both.

    If ``upsampled`` the fine image has room for a sum of s pixels.
    """
    taps, spacing = draw(st.integers(1, 5)), draw(st.integers(1, 3))
    start = draw(st.integers(-6, 4))
    offsets = tuple(start + tap * spacing for tap in range(taps))
    coarse, stride = draw(st.integers(1, largest)), draw(st.integers(1, 3))
    fine = draw(st.integers(stride if upsampled else 1, 2 * largest))
    return Axis(coarse, fine, stride, offsets)


@dataclass(frozen=True)
class Map:
    """A coarse and a fine image, a weight, and the bias of each of the two."""

    kernel: ConvKernel
    coarse: Tensor
    fine: Tensor
    weight: Tensor
    coarse_bias: Tensor
    fine_bias: Tensor

    @property
    def taps(self) -> list[tuple[int, int, int, int]]:
        """(i, j, vertical offset, horizontal offset) of each tap."""
        down, right = enumerate(self.kernel.rows.offsets), enumerate(self.kernel.columns.offsets)
        return [(i, j, y, x) for (i, y), (j, x) in product(down, list(right))]

    def connections(self) -> list[tuple[int, int, int, int, int, int]]:
        """(i, j, coarse row, coarse column, fine row, fine column) of all that are connected."""
        rows, columns = self.kernel.rows, self.kernel.columns
        return [
            (i, j, v, w, rows.stride * v + y, columns.stride * w + x)
            for i, j, y, x in self.taps
            for v in range(rows.coarse)
            for w in range(columns.coarse)
            if 0 <= rows.stride * v + y < rows.fine and 0 <= columns.stride * w + x < columns.fine
        ]

    # The definitions, one product after the other.

    def fprop(self, fine: Tensor) -> Tensor:
        """coarse[v] = sum over t of w_t fine[s v + e_t]."""
        coarse = torch.zeros_like(self.coarse)
        for i, j, v, w, y, x in self.connections():
            coarse[:, :, v, w] += fine[:, :, y, x] @ self.weight[i, j]
        return coarse

    def dgrad(self) -> Tensor:
        """fine[u] = sum over t, v with s v + e_t = u of w_t coarse[v]."""
        fine = torch.zeros_like(self.fine)
        for i, j, v, w, y, x in self.connections():
            fine[:, :, y, x] += self.coarse[:, :, v, w] @ self.weight[i, j].t()
        return fine

    def wgrad(self, fine: Tensor) -> Tensor:
        """dw_t = sum over v of coarse[v] fine[s v + e_t]."""
        gradient = torch.zeros_like(self.weight)
        for i, j, v, w, y, x in self.connections():
            gradient[i, j] += fine[:, :, y, x].t() @ self.coarse[:, :, v, w]
        return gradient


@st.composite
def maps(draw: st.DrawFn, kernel: type[ConvKernel], upsampled: bool = False) -> Map:
    """A map for one of the kernels, with random numbers."""
    rows, columns = draw(axes(5, upsampled)), draw(axes(5, upsampled))
    n, coarse_channels, fine_channels = (draw(st.integers(1, 3)) for _ in range(3))
    return numbers(
        kernel(rows, columns, n, coarse_channels, fine_channels), draw(st.integers(0, 99))
    )


def numbers(kernel: ConvKernel, seed: int = 0) -> Map:
    """Random numbers for a map."""
    generator = torch.Generator().manual_seed(seed)

    def normal(*shape: int) -> Tensor:
        return torch.randn(shape, dtype=DTYPE, generator=generator)

    rows, columns, n = kernel.rows, kernel.columns, kernel.n
    coarse_channels, fine_channels = kernel.coarse_channels, kernel.fine_channels
    return Map(
        kernel,
        coarse=normal(n, coarse_channels, rows.coarse, columns.coarse),
        fine=normal(n, fine_channels, rows.fine, columns.fine),
        weight=normal(len(rows.offsets), len(columns.offsets), fine_channels, coarse_channels),
        coarse_bias=normal(coarse_channels),
        fine_bias=normal(fine_channels),
    )


def sums_ahead(image: Tensor, size: tuple[int, int]) -> Tensor:
    """(N, C, H, W) -> (N, C, H - sh + 1, W - sw + 1): the sum of each block of that size."""
    blocks = image.unfold(2, size[0], 1).unfold(3, size[1], 1)
    return blocks.sum((-2, -1))


def sums_behind(image: Tensor, size: tuple[int, int]) -> Tensor:
    """The transpose of ``sums_ahead``: each pixel is in all blocks that it is added to."""
    larger = image.new_zeros(
        *image.shape[:2], image.shape[2] + size[0] - 1, image.shape[3] + size[1] - 1
    )
    for y, x in product(*map(range, size)):
        larger[:, :, y : y + image.shape[2], x : x + image.shape[3]] += image
    return larger
