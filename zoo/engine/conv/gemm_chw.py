"""The three products for few channels on the fine grid, such as a photograph's: planes of CHW.

A matrix product with three columns runs at a small part of a processor's speed, so here all taps of
all fine channels are the columns. The fine image is kept as planes, one for each phase and channel,
in which a tap is one shift, as in :mod:`zoo.engine.conv.padded`. ``gemm_operand`` copies each plane
once for each tap, which is little where channels are few; the transpose adds shifted planes.

With F the coarse pixels and the zeros between their lines, each of the three products is one matrix
product of 2 F kh kw Cfine Ccoarse operations, and one copy or sum of F kh kw Cfine numbers.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from zoo.engine.conv.box_filter import sum_ahead, sum_behind
from zoo.engine.conv.kernel import ConvKernel, InputTransform, identity, materialize
from zoo.engine.conv.padded import PaddedNHWC, coarse_image, coarse_layout


@dataclass(frozen=True)
class GemmCHW(ConvKernel):
    """The three products as one matrix product each, of all taps at once."""

    @cached_property
    def coarse(self) -> PaddedNHWC:
        """The layout of the coarse image."""
        return coarse_layout(self.rows, self.columns, self.n, self.coarse_channels)

    def pack_coarse(self, image: Tensor, transform: InputTransform = identity) -> Tensor:
        """(N, Ccoarse, H, W) -> the pixels (pixels, Ccoarse) of the layout ``coarse``."""
        return self.coarse.pack(image, transform)

    def pack_fine(
        self, image: Tensor, transform: InputTransform = identity, upsampled: bool = False
    ) -> Tensor:
        """(N, Cfine, H, W) -> planes (row phase, column phase, Cfine, cells) with zeros around."""
        image = materialize(image, transform)
        sh, sw = self.rows.stride, self.columns.stride
        planes = image.new_zeros(sh, sw, self.fine_channels, self._plane)
        height, pitch = self.rows.cells, self.columns.pitch
        cells = planes[..., self._start : self._start + height * self.coarse.row]
        cells = cells.view(*planes.shape[:3], height, self.n, pitch)
        for a in range(sh):
            for b in range(sw):
                part = image[:, :, a::sh, b::sw].permute(1, 2, 0, 3)  # channel, row, n, column
                cells[a, b, :, : part.shape[1], :, : part.shape[3]].copy_(part)
        if upsampled:
            planes = sum_behind(sum_behind(planes, 1, 1), 0, self.coarse.row)
        return planes

    def fine_pixels(self, fine: Tensor, upsampled: bool = False) -> Tensor:
        """All pixels, or those of one phase."""
        return (fine[:1, :1] if upsampled else fine).movedim(2, -1)

    def gemm_operand(self, fine: Tensor) -> Tensor:
        """Each tap's planes (kh, kw, Cfine, F): the columns of all windows."""
        kernel_size = (len(self.rows.offsets), len(self.columns.offsets))
        taps = fine.new_empty(*kernel_size, self.fine_channels, self._pixels)
        for a in range(self.rows.stride):
            for b in range(self.columns.stride):
                down, right = self.rows.taps(a), self.columns.taps(b)
                if down and right:
                    target = taps[down[0] :: down.step, right[0] :: right.step]
                    shape = (len(down), len(right), self.fine_channels, self._pixels)
                    rows, columns = self.rows.spacing(down), self.columns.spacing(right)
                    strides = (rows * self.coarse.row, columns, self._plane, 1)
                    plane = fine[a, b]
                    start = plane.storage_offset() + self._shift(down[0], right[0])
                    shifted = plane.as_strided(shape, strides, start)
                    target[: len(down), : len(right)].copy_(shifted)
        return taps

    # The three products.

    def fprop(self, operand: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        """One product."""
        left, right = operand.flatten(0, 2).t(), weight.reshape(-1, self.coarse_channels)
        pixels = left @ right if bias is None else torch.addmm(bias, left, right)
        return coarse_image(pixels, self.rows, self.columns, self.n)

    def dgrad(
        self, coarse: Tensor, weight: Tensor, bias: Tensor | None, upsampled: bool = False
    ) -> Tensor:
        """One product, of which each tap's planes are added at their place."""
        products = weight.reshape(-1, self.coarse_channels) @ coarse.t()  # kh kw Cfine, pixels
        sh, sw = self.rows.stride, self.columns.stride
        planes = coarse.new_empty(sh, sw, self.fine_channels, self.rows.cells * self.coarse.row)
        for a in range(sh):
            for b in range(sw):
                # A sum over s x s pixels has one of each phase.
                start = bias if not upsampled or a == b == 0 else None
                self._dgrad_phase(planes[a, b], products, start, (a, b))
        if upsampled:
            planes = sum_ahead(planes, 1, 1)
            planes = sum_ahead(planes, 0, self.coarse.row)
        return self._fine_image(planes, upsampled)

    def wgrad(self, gradient: Tensor, coarse: Tensor, operand: Tensor, add: bool) -> None:
        """One product."""
        matrix, start = gradient.view(-1, self.coarse_channels), self.coarse.pixel(0, 0, 0)
        left, right = operand.flatten(0, 2), coarse[start : start + self._pixels]
        if add:
            matrix.addmm_(left, right)
        else:
            torch.mm(left, right, out=matrix)

    # The planes.

    @cached_property
    def _pixels(self) -> int:
        """F: the coarse pixels with the zeros between their lines."""
        return self.rows.coarse * self.coarse.row

    @cached_property
    def _start(self) -> int:
        """Where the image's first cell is in each plane."""
        return self.columns.before + self.rows.before * self.coarse.row

    @cached_property
    def _plane(self) -> int:
        """Cells of a plane with all its zeros."""
        height = self.rows.before + self.rows.cells + self.rows.cells_behind
        return self.columns.before + height * self.coarse.row + self.columns.after

    def _shift(self, i: int, j: int) -> int:
        """Where a tap's first cell is in its plane."""
        return self._start + self.rows.shifts[i] * self.coarse.row + self.columns.shifts[j]

    def _dgrad_phase(
        self, plane: Tensor, products: Tensor, bias: Tensor | None, phase: tuple[int, int]
    ) -> None:
        """The cells of one phase: the sum of its taps' products, each shifted back."""
        down, right = self.rows.taps(phase[0]), self.columns.taps(phase[1])
        if not down or not right:
            plane.zero_()
        else:
            pixels = products.shape[1]
            channel_rows = self.fine_channels * pixels
            kernel_row = len(self.columns.offsets) * channel_rows
            first = self.coarse.pixel(0, -self.rows.shifts[down[0]], -self.columns.shifts[right[0]])
            row = down.step * kernel_row - self.rows.spacing(down) * self.coarse.row
            column = right.step * channel_rows - self.columns.spacing(right)
            shifted = products.as_strided(
                (len(down), len(right), *plane.shape),
                (row, column, pixels, 1),
                down[0] * kernel_row + right[0] * channel_rows + first,
            )
            plane.copy_(shifted[0, 0])
            for i in range(len(down)):
                for j in range(len(right)):
                    if i or j:
                        plane.add_(shifted[i, j])
        if bias is not None:
            plane.add_(bias[:, None])

    def _fine_image(self, planes: Tensor, upsampled: bool) -> Tensor:
        """The planes as an image (N, Cfine, H, W)."""
        sh, sw = self.rows.stride, self.columns.stride
        height, width = self.fine_size(upsampled)
        cells = planes.view(*planes.shape[:3], self.rows.cells, self.n, self.columns.pitch)
        cells = cells[..., : self.columns.cells]  # phase, phase, channel, row, n, column
        image = cells.permute(4, 2, 3, 0, 5, 1).reshape(
            self.n, self.fine_channels, sh * self.rows.cells, sw * self.columns.cells
        )
        return image[:, :, :height, :width]
