"""The map between a low and a high image on a GPU, each product one kernel.

The kernels read images as they lie in memory, so nothing is copied into a layout of its own; see
:mod:`zoo.nn.fast.kernels`. Upsampling before a convolution is the transposed convolution with the
kernel w * box, the sum of w shifted by 0 to s - 1 pixels along each axis (:mod:`zoo.nn.fast.box`):
of its (k + s - 1)^2 taps each high pixel has (k + s - 1)^2 / s^2, in place of k^2.

Operations as in :mod:`zoo.nn.fast.rows`; there are no zeros between lines to multiply with.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from types import ModuleType

import torch
from torch import Tensor

from zoo.nn.fast.axis import Axis
from zoo.nn.write import Write, copy_rows, written

# Tiles of at least 16 along each axis, as tensor cores take them.
SMALLEST_TILE = 16
LARGEST_TILE = 64
DEPTH = 32
# Parts of a weight's gradient: enough programs for a large GPU, and enough pixels in each.
PROGRAMS = 512
PIXELS_OF_PART = 256
BLOCK = 1024  # of an elementwise kernel


@dataclass(frozen=True)
class Implicit:
    """The three products, for images of one size; see :class:`zoo.nn.fast.rows.Rows`.

    Attributes:
        rows, columns: the two axes.
        n: images.
        low_channels, high_channels: Clow and Chigh.
        flipped: whether the weight is given with its taps in reverse.
    """

    rows: Axis
    columns: Axis
    n: int
    low_channels: int
    high_channels: int
    flipped: bool = False

    # The images, as they are.

    def store_low(self, image: Tensor, write: Write = copy_rows) -> Tensor:
        """(N, Clow, H, W), the same; ``write`` may change it on the way."""
        return written(image, write)

    def low_pixels(self, low: Tensor) -> Tensor:
        """The pixels of the low image, (..., Clow)."""
        return low.movedim(1, -1)

    def store_high(self, image: Tensor, boxed: bool = False, write: Write = copy_rows) -> Tensor:
        """(N, Chigh, H, W); if ``boxed`` each pixel is the sum of the s x s pixels up to it."""
        image = written(image, write)
        return _sums_behind(image, self._stride) if boxed else image

    def high_pixels(self, high: Tensor, boxed: bool = False) -> Tensor:
        """(..., Chigh), of which the sum is that of the image that ``store_high`` was given.

        If ``boxed`` each of its pixels is in s x s of the stored ones, one of each phase.
        """
        if boxed:
            high = high[:, :, :: self.rows.stride, :: self.columns.stride]
        return high.movedim(1, -1)

    def operand(self, high: Tensor) -> Tensor:
        """What ``reduce`` and ``weight_gradient`` take: the image itself."""
        return high

    # The products.

    def reduce(self, high: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        """low[v] = bias + sum over taps of weight[tap]^T high[s v + offset].

        Args:
            high: (N, Chigh, H, W).
            weight: (kh, kw, Chigh, Clow).
            bias: (Clow,) or None.

        Returns:
            (N, Clow, Hlow, Wlow), the channels of a pixel side by side in memory.
        """
        low = _room(high, self.n, self.low_channels, self.rows.low, self.columns.low)
        pixels, tiles = self.n * self.rows.low * self.columns.low, _tile(self.low_channels)
        kernels().reduce_kernel[(_parts(pixels, LARGEST_TILE), _parts(self.low_channels, tiles))](
            high,
            weight.contiguous(),
            high if bias is None else bias,
            low,
            pixels,
            self.rows.low,
            self.columns.low,
            self.rows.high,
            self.columns.high,
            *high.stride(),
            *low.stride(),
            **self._constants(self.rows, self.columns, high.dtype),
            BIASED=bias is not None,
            PIXELS=LARGEST_TILE,
            CHANNELS=tiles,
            DEPTH=DEPTH,
        )
        return low

    def expand(
        self, low: Tensor, weight: Tensor, bias: Tensor | None, boxed: bool = False
    ) -> Tensor:
        """high[u] = bias + sum of weight[tap] low[v] over all taps and v with s v + offset = u.

        Args:
            low: (N, Clow, H, W).
            weight: (kh, kw, Chigh, Clow).
            bias: (Chigh,) or None.
            boxed: whether to sum the result over the s x s pixels from each pixel on.

        Returns:
            (N, Chigh, Hhigh, Whigh), each s - 1 less if ``boxed``; the channels of a pixel are side
            by side in memory.
        """
        rows, columns, weight = self.rows, self.columns, weight.contiguous()
        if boxed:
            rows, columns = _boxed(rows), _boxed(columns)
            image = weight.flatten(2).permute(2, 0, 1).unsqueeze(0)  # 1, Chigh Clow, kh, kw
            weight = _sums_behind(image, self._stride).permute(2, 3, 1, 0)
        high = _room(low, self.n, self.high_channels, rows.high, columns.high)
        pixels = self.n * rows.cells * columns.cells  # of the largest phase
        tiles, phases = _tile(self.high_channels), prod(self._stride)
        grid = (_parts(pixels, LARGEST_TILE), _parts(self.high_channels, tiles), phases)
        kernels().expand_kernel[grid](
            low,
            weight,
            low if bias is None else bias,
            high,
            self.n,
            rows.low,
            columns.low,
            rows.high,
            columns.high,
            *low.stride(),
            *high.stride(),
            **self._constants(rows, columns, low.dtype),
            BIASED=bias is not None,
            PIXELS=LARGEST_TILE,
            CHANNELS=tiles,
            DEPTH=DEPTH,
        )
        return high

    def weight_gradient(self, gradient: Tensor, low: Tensor, high: Tensor, add: bool) -> None:
        """gradient[tap] = sum over v of high[s v + offset] low[v]^T.

        Args:
            gradient: (kh, kw, Chigh, Clow), contiguous; changed.
            low, high: the images.
            add: whether to add to the gradient's old value.
        """
        matrix = gradient.view(-1, self.low_channels)
        pixels = self.n * self.rows.low * self.columns.low
        taps, channels = _tile(len(matrix)), _tile(self.low_channels)
        tiles = _parts(len(matrix), taps), _parts(self.low_channels, channels)
        parts = max(1, min(PROGRAMS // prod(tiles), pixels // PIXELS_OF_PART))
        each = _parts(_parts(pixels, parts), DEPTH) * DEPTH
        sums = gradient.new_empty(parts, *matrix.shape, dtype=_sum_type(gradient.dtype))
        kernels().weight_gradient_kernel[(*tiles, parts)](
            high,
            low,
            sums,
            pixels,
            each,
            self.rows.low,
            self.columns.low,
            self.rows.high,
            self.columns.high,
            *high.stride(),
            *low.stride(),
            **self._constants(self.rows, self.columns, high.dtype),
            TAPS=taps,
            CHANNELS=channels,
            DEPTH=DEPTH,
        )
        if add:
            matrix.add_(sums.sum(0))
        else:
            torch.sum(sums, 0, dtype=matrix.dtype, out=matrix)

    @property
    def _stride(self) -> tuple[int, int]:
        return (self.rows.stride, self.columns.stride)

    def _constants(self, rows: Axis, columns: Axis, dtype: torch.dtype) -> dict[str, object]:
        """What kernels are compiled for."""
        language = kernels().tl
        precise = torch.get_float32_matmul_precision() == "highest"
        return {
            "HIGH_CHANNELS": self.high_channels,
            "LOW_CHANNELS": self.low_channels,
            "TAPS_Y": len(rows.offsets),
            "TAPS_X": len(columns.offsets),
            "STRIDE_Y": rows.stride,
            "STRIDE_X": columns.stride,
            "FIRST_Y": rows.offsets[0],
            "FIRST_X": columns.offsets[0],
            "STEP_Y": _step(rows),
            "STEP_X": _step(columns),
            "FLIPPED": self.flipped,
            "PRECISION": "ieee" if precise else "tf32",
            "SUM": language.float64 if dtype == torch.float64 else language.float32,
        }


def serves(rows: Axis, columns: Axis, numbers: Sequence[int]) -> bool:
    """Whether the kernels compute such a map.

    Args:
        rows, columns: the two axes.
        numbers: how many each of its tensors has; the kernels count in 32 bits.
    """
    steps = all(axis.stride == 1 or _step(axis) == 1 for axis in (rows, columns))
    return steps and max(numbers) < 2**31


def _boxed(axis: Axis) -> Axis:
    """The axis of a map whose result is summed over the s pixels from each on."""
    more = axis.stride - 1
    if not more:
        return axis
    offsets = range(axis.offsets[0] - more, axis.offsets[-1] + 1)  # neighbours: see ``serves``
    return Axis(axis.low, axis.high - more, axis.stride, tuple(offsets))


def _sums_behind(image: Tensor, size: tuple[int, int]) -> Tensor:
    """(N, C, H, W) -> (N, C, H + sh - 1, W + sw - 1): each pixel plus those before it."""
    n, channels, rows, columns = image.shape
    sums = _room(image, n, channels, rows + size[0] - 1, columns + size[1] - 1)
    language = kernels().tl
    kernels().sum_behind_kernel[(_parts(sums.numel(), BLOCK),)](
        image,
        sums,
        sums.numel(),
        rows,
        columns,
        *image.stride(),
        CHANNELS=channels,
        SIZE_Y=size[0],
        SIZE_X=size[1],
        SUM=language.float64 if image.dtype == torch.float64 else language.float32,
        BLOCK=BLOCK,
    )
    return sums


def kernels() -> ModuleType:
    """The kernels; Triton comes with torch for NVIDIA GPUs, and is not needed elsewhere."""
    from zoo.nn.fast import kernels as module

    return module


def _room(like: Tensor, n: int, channels: int, height: int, width: int) -> Tensor:
    return like.new_empty(n, height, width, channels).permute(0, 3, 1, 2)


def _step(axis: Axis) -> int:
    """From tap to tap."""
    return axis.offsets[1] - axis.offsets[0] if len(axis.offsets) > 1 else 1


def _tile(size: int) -> int:
    """A power of two that covers ``size`` if that is not too much."""
    return min(LARGEST_TILE, max(SMALLEST_TILE, 1 << (size - 1).bit_length()))


def _parts(whole: int, each: int) -> int:
    """How many parts of ``each`` cover the whole."""
    return -(-whole // each)


def _sum_type(dtype: torch.dtype) -> torch.dtype:
    return torch.float64 if dtype == torch.float64 else torch.float32
