"""Maps between small low and high images, drawn at random, and their definition as a sum."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import torch
from hypothesis import strategies as st
from torch import Tensor

from zoo.nn.fast.axis import Axis
from zoo.nn.fast.operators import Form

DTYPE = torch.float64
TOLERANCE = 1e-11


@st.composite
def axes(draw: st.DrawFn, largest: int = 9, boxed: bool = False) -> Axis:
    """An axis of any sizes, its taps inside the image, in its padding, or both.

    If ``boxed`` the high image has room for a sum of s pixels.
    """
    taps, spacing = draw(st.integers(1, 5)), draw(st.integers(1, 3))
    start = draw(st.integers(-6, 4))
    offsets = tuple(start + tap * spacing for tap in range(taps))
    low, stride = draw(st.integers(1, largest)), draw(st.integers(1, 3))
    high = draw(st.integers(stride if boxed else 1, 2 * largest))
    return Axis(low, high, stride, offsets)


@dataclass(frozen=True)
class Map:
    """A low and a high image, a weight, and the bias of each of the two."""

    form: Form
    low: Tensor
    high: Tensor
    weight: Tensor
    low_bias: Tensor
    high_bias: Tensor

    @property
    def taps(self) -> list[tuple[int, int, int, int]]:
        """(i, j, vertical offset, horizontal offset) of each tap."""
        down, right = enumerate(self.form.rows.offsets), enumerate(self.form.columns.offsets)
        return [(i, j, y, x) for (i, y), (j, x) in product(down, list(right))]

    def connections(self) -> list[tuple[int, int, int, int, int, int]]:
        """(i, j, low row, low column, high row, high column) of all that are connected."""
        rows, columns = self.form.rows, self.form.columns
        return [
            (i, j, v, w, rows.stride * v + y, columns.stride * w + x)
            for i, j, y, x in self.taps
            for v in range(rows.low)
            for w in range(columns.low)
            if 0 <= rows.stride * v + y < rows.high and 0 <= columns.stride * w + x < columns.high
        ]

    # The definitions, one product after the other.

    def reduced(self, high: Tensor) -> Tensor:
        """low[v] = sum over t of w_t high[s v + e_t]."""
        low = torch.zeros_like(self.low)
        for i, j, v, w, y, x in self.connections():
            low[:, :, v, w] += high[:, :, y, x] @ self.weight[i, j]
        return low

    def expanded(self) -> Tensor:
        """high[u] = sum over t, v with s v + e_t = u of w_t low[v]."""
        high = torch.zeros_like(self.high)
        for i, j, v, w, y, x in self.connections():
            high[:, :, y, x] += self.low[:, :, v, w] @ self.weight[i, j].t()
        return high

    def weight_gradient(self, high: Tensor) -> Tensor:
        """dw_t = sum over v of low[v] high[s v + e_t]."""
        gradient = torch.zeros_like(self.weight)
        for i, j, v, w, y, x in self.connections():
            gradient[i, j] += high[:, :, y, x].t() @ self.low[:, :, v, w]
        return gradient


@st.composite
def maps(draw: st.DrawFn, form: type[Form], boxed: bool = False) -> Map:
    """A map in one of the forms, with random numbers."""
    rows, columns = draw(axes(5, boxed)), draw(axes(5, boxed))
    n, low_channels, high_channels = (draw(st.integers(1, 3)) for _ in range(3))
    return numbers(form(rows, columns, n, low_channels, high_channels), draw(st.integers(0, 99)))


def numbers(form: Form, seed: int = 0) -> Map:
    """Random numbers for a map."""
    generator = torch.Generator().manual_seed(seed)

    def normal(*shape: int) -> Tensor:
        return torch.randn(shape, dtype=DTYPE, generator=generator)

    rows, columns, n = form.rows, form.columns, form.n
    low_channels, high_channels = form.low_channels, form.high_channels
    return Map(
        form,
        low=normal(n, low_channels, rows.low, columns.low),
        high=normal(n, high_channels, rows.high, columns.high),
        weight=normal(len(rows.offsets), len(columns.offsets), high_channels, low_channels),
        low_bias=normal(low_channels),
        high_bias=normal(high_channels),
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
