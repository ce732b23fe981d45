"""The three products on a GPU, each one kernel written in Triton (implicit GEMM).

The kernels read images as they lie in memory, so nothing is copied into a layout of its own; see
:mod:`zoo.engine.conv.triton_kernels`. Upsampling before a convolution is the transposed convolution
with the kernel w * box, the sum of w shifted by 0 to s - 1 pixels along each axis
(:mod:`zoo.engine.conv.box_filter`): of its (k + s - 1)^2 taps each fine pixel has
(k + s - 1)^2 / s^2, in place of k^2.

Operations as in :mod:`zoo.engine.conv.gemm_nhwc`, without the zeros between lines.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from types import ModuleType

import torch
from torch import Tensor

from zoo.engine.conv.axis import Axis
from zoo.engine.conv.kernel import ConvKernel, InputTransform, identity, materialize

# Tiles of at least 16 along each axis, as tensor cores take them.
SMALLEST_TILE = 16
LARGEST_TILE = 64
DEPTH = 32
# Parts of a weight's gradient: enough programs for a large GPU, and enough pixels in each.
PROGRAMS = 512
PIXELS_OF_PART = 256
BLOCK = 1024  # of an elementwise kernel


@dataclass(frozen=True)
class TritonConv(ConvKernel):
    """The three products as one kernel each, on images as they are.

    Attributes:
        flipped: whether the weight is given with its taps in reverse.
    """

    flipped: bool = False

    def pack_coarse(self, image: Tensor, transform: InputTransform = identity) -> Tensor:
        """(N, Ccoarse, H, W), the same."""
        return materialize(image, transform)

    def pack_fine(
        self, image: Tensor, transform: InputTransform = identity, upsampled: bool = False
    ) -> Tensor:
        """(N, Cfine, H, W), the same, or the sums of the s x s pixels up to each."""
        image = materialize(image, transform)
        return _sums_behind(image, self._stride) if upsampled else image

    def coarse_pixels(self, coarse: Tensor) -> Tensor:
        """All pixels."""
        return coarse.movedim(1, -1)

    def fine_pixels(self, fine: Tensor, upsampled: bool = False) -> Tensor:
        """All pixels, or those of one phase."""
        if upsampled:
            fine = fine[:, :, :: self.rows.stride, :: self.columns.stride]
        return fine.movedim(1, -1)

    # The products.

    def fprop(self, operand: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        """One kernel; the channels of a pixel lie side by side in the result."""
        coarse = _empty_nhwc(
            operand, self.n, self.coarse_channels, self.rows.coarse, self.columns.coarse
        )
        pixels, tiles = self.n * self.rows.coarse * self.columns.coarse, _tile(self.coarse_channels)
        kernels().fprop_kernel[
            (_blocks(pixels, LARGEST_TILE), _blocks(self.coarse_channels, tiles))
        ](
            operand,
            weight.contiguous(),
            operand if bias is None else bias,
            coarse,
            pixels,
            self.rows.coarse,
            self.columns.coarse,
            self.rows.fine,
            self.columns.fine,
            *operand.stride(),
            *coarse.stride(),
            **self._constants(self.rows, self.columns, operand.dtype),
            BIASED=bias is not None,
            PIXELS=LARGEST_TILE,
            CHANNELS=tiles,
            DEPTH=DEPTH,
        )
        return coarse

    def dgrad(
        self, coarse: Tensor, weight: Tensor, bias: Tensor | None, upsampled: bool = False
    ) -> Tensor:
        """One kernel over all phases; the channels of a pixel lie side by side in the result."""
        rows, columns, weight = self.rows, self.columns, weight.contiguous()
        if upsampled:
            rows, columns = _with_box(rows), _with_box(columns)
            image = weight.flatten(2).permute(2, 0, 1).unsqueeze(0)  # 1, Cfine Ccoarse, kh, kw
            weight = _sums_behind(image, self._stride).permute(2, 3, 1, 0)
        fine = _empty_nhwc(coarse, self.n, self.fine_channels, rows.fine, columns.fine)
        pixels = self.n * rows.cells * columns.cells  # of the largest phase
        tiles, phases = _tile(self.fine_channels), prod(self._stride)
        grid = (_blocks(pixels, LARGEST_TILE), _blocks(self.fine_channels, tiles), phases)
        kernels().dgrad_kernel[grid](
            coarse,
            weight,
            coarse if bias is None else bias,
            fine,
            self.n,
            rows.coarse,
            columns.coarse,
            rows.fine,
            columns.fine,
            *coarse.stride(),
            *fine.stride(),
            **self._constants(rows, columns, coarse.dtype),
            BIASED=bias is not None,
            PIXELS=LARGEST_TILE,
            CHANNELS=tiles,
            DEPTH=DEPTH,
        )
        return fine

    def wgrad(self, gradient: Tensor, coarse: Tensor, operand: Tensor, add: bool) -> None:
        """One kernel for parts of the pixels, whose sums are added in a fixed order."""
        matrix = gradient.view(-1, self.coarse_channels)
        pixels = self.n * self.rows.coarse * self.columns.coarse
        taps, channels = _tile(len(matrix)), _tile(self.coarse_channels)
        tiles = _blocks(len(matrix), taps), _blocks(self.coarse_channels, channels)
        parts = max(1, min(PROGRAMS // prod(tiles), pixels // PIXELS_OF_PART))
        each = _blocks(_blocks(pixels, parts), DEPTH) * DEPTH
        sums = gradient.new_empty(parts, *matrix.shape, dtype=_sum_type(gradient.dtype))
        kernels().wgrad_kernel[(*tiles, parts)](
            operand,
            coarse,
            sums,
            pixels,
            each,
            self.rows.coarse,
            self.columns.coarse,
            self.rows.fine,
            self.columns.fine,
            *operand.stride(),
            *coarse.stride(),
            **self._constants(self.rows, self.columns, operand.dtype),
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
            "FINE_CHANNELS": self.fine_channels,
            "COARSE_CHANNELS": self.coarse_channels,
            "TAPS_Y": len(rows.offsets),
            "TAPS_X": len(columns.offsets),
            "STRIDE_Y": rows.stride,
            "STRIDE_X": columns.stride,
            "FIRST_Y": rows.offsets[0],
            "FIRST_X": columns.offsets[0],
            "STEP_Y": rows.step,
            "STEP_X": columns.step,
            "FLIPPED": self.flipped,
            "PRECISION": "ieee" if precise else "tf32",
            "SUM": language.float64 if dtype == torch.float64 else language.float32,
        }


def is_supported(rows: Axis, columns: Axis, numel: Sequence[int]) -> bool:
    """Whether the kernels compute such a map.

    Args:
        rows, columns: the two axes.
        numel: how many numbers each of its tensors has; the kernels count in 32 bits.
    """
    steps = all(axis.stride == 1 or axis.step == 1 for axis in (rows, columns))
    return steps and max(numel) < 2**31


def _with_box(axis: Axis) -> Axis:
    """The axis of a map whose result is summed over the s pixels from each on."""
    more = axis.stride - 1
    if not more:
        return axis
    offsets = range(
        axis.offsets[0] - more, axis.offsets[-1] + 1
    )  # neighbours: see ``is_supported``
    return Axis(axis.coarse, axis.fine - more, axis.stride, tuple(offsets))


def _sums_behind(image: Tensor, size: tuple[int, int]) -> Tensor:
    """(N, C, H, W) -> (N, C, H + sh - 1, W + sw - 1): each pixel plus those before it."""
    n, channels, rows, columns = image.shape
    sums = _empty_nhwc(image, n, channels, rows + size[0] - 1, columns + size[1] - 1)
    language = kernels().tl
    kernels().sum_behind_kernel[(_blocks(sums.numel(), BLOCK),)](
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
    from zoo.engine.conv import triton_kernels as module

    return module


def _empty_nhwc(like: Tensor, n: int, channels: int, height: int, width: int) -> Tensor:
    return like.new_empty(n, height, width, channels).permute(0, 3, 1, 2)


def _tile(size: int) -> int:
    """A power of two that covers ``size`` if that is not too much."""
    return min(LARGEST_TILE, max(SMALLEST_TILE, 1 << (size - 1).bit_length()))


def _blocks(whole: int, size: int) -> int:
    """How many blocks of ``size`` cover the whole."""
    return -(-whole // size)


def _sum_type(dtype: torch.dtype) -> torch.dtype:
    return torch.float64 if dtype == torch.float64 else torch.float32
