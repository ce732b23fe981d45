"""The map between a low image with many channels and a high image with few, such as a photograph.

A matrix product with three columns runs at a small part of a processor's speed, so here all taps of
all high channels are the columns. The high image is kept as planes, one for each phase and channel,
in which a tap is one shift, as in :mod:`zoo.nn.fast.lines`. ``gather`` copies each plane once for
each tap, which is little where channels are few; the transpose adds shifted planes.

With F the low pixels and the zeros between their lines, each of the three products is one matrix
product of 2 F kh kw Chigh Clow operations, and one copy or sum of F kh kw Chigh numbers.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from zoo.nn.fast.axis import Axis
from zoo.nn.fast.box import sum_ahead, sum_behind
from zoo.nn.fast.lines import Lines, low_image, low_lines
from zoo.nn.write import Write, copy_rows, written


@dataclass(frozen=True)
class Planes:
    """The three products, for images of one size; see :class:`zoo.nn.fast.rows.Rows`.

    Attributes:
        rows, columns: the two axes.
        n: images.
        low_channels, high_channels: Clow and Chigh.
    """

    rows: Axis
    columns: Axis
    n: int
    low_channels: int
    high_channels: int

    @cached_property
    def low(self) -> Lines:
        """The layout of the low image."""
        return low_lines(self.rows, self.columns, self.n, self.low_channels)

    def store_low(self, image: Tensor, write: Write = copy_rows) -> Tensor:
        """(N, Clow, H, W) -> the low image in the layout ``low``; ``write`` copies it there."""
        return self.low.store(image, write)

    def low_pixels(self, low: Tensor) -> Tensor:
        """The pixels of the stored low image and the zeros around them, (..., Clow)."""
        return low

    # The high image.

    def store_high(self, image: Tensor, boxed: bool = False, write: Write = copy_rows) -> Tensor:
        """(N, Chigh, H, W) -> planes (row phase, column phase, Chigh, cells) with zeros around.

        Args:
            image: the high image.
            boxed: whether ``image`` is s - 1 smaller, and each pixel of the high image is the sum
                of the s x s pixels up to it: the transpose of what ``expand`` does.
            write: copies the image, perhaps through an activation.
        """
        image = written(image, write)
        sh, sw = self.rows.stride, self.columns.stride
        planes = image.new_zeros(sh, sw, self.high_channels, self._plane)
        height, pitch = self.rows.cells, self.columns.pitch
        cells = planes[..., self._start : self._start + height * self.low.row]
        cells = cells.view(*planes.shape[:3], height, self.n, pitch)
        for a in range(sh):
            for b in range(sw):
                part = image[:, :, a::sh, b::sw].permute(1, 2, 0, 3)  # channel, row, n, column
                cells[a, b, :, : part.shape[1], :, : part.shape[3]].copy_(part)
        if boxed:
            planes = sum_behind(sum_behind(planes, 1, 1), 0, self.low.row)
        return planes

    def high_pixels(self, planes: Tensor, boxed: bool = False) -> Tensor:
        """(..., Chigh), of which the sum is that of the image that ``store_high`` was given.

        If ``boxed`` each of its pixels is in s x s of the stored ones, one of each phase.
        """
        return (planes[:1, :1] if boxed else planes).movedim(2, -1)

    def operand(self, planes: Tensor) -> Tensor:
        """What ``reduce`` and ``weight_gradient`` take: each tap's planes (kh, kw, Chigh, F)."""
        kernel = (len(self.rows.offsets), len(self.columns.offsets))
        taps = planes.new_empty(*kernel, self.high_channels, self._pixels)
        for a in range(self.rows.stride):
            for b in range(self.columns.stride):
                down, right = self.rows.taps(a), self.columns.taps(b)
                if down and right:
                    shifted = planes[a, b].as_strided(
                        (len(down), len(right), self.high_channels, self._pixels),
                        (
                            self.rows.spacing(down) * self.low.row,
                            self.columns.spacing(right),
                            self._plane,
                            1,
                        ),
                        planes[a, b].storage_offset() + self._shift(down[0], right[0]),
                    )
                    taps[down[0] :: down.step, right[0] :: right.step][
                        : len(down), : len(right)
                    ].copy_(shifted)
        return taps

    def _shift(self, i: int, j: int) -> int:
        """Where a tap's first cell is in its plane."""
        return self._start + self.rows.shifts[i] * self.low.row + self.columns.shifts[j]

    @cached_property
    def _start(self) -> int:
        """Where the image's first cell is in each plane."""
        return self.columns.before + self.rows.before * self.low.row

    @cached_property
    def _plane(self) -> int:
        """Cells of a plane with all its zeros."""
        height = self.rows.before + self.rows.cells + self.rows.cells_behind
        return self.columns.before + height * self.low.row + self.columns.after

    @cached_property
    def _pixels(self) -> int:
        """F: the low pixels with the zeros between their lines."""
        return self.rows.low * self.low.row

    # The three products.

    def reduce(self, high: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        """low[v] = bias + sum over taps of weight[tap]^T high[s v + offset].

        Args:
            high: what ``operand`` gave.
            weight: (kh, kw, Chigh, Clow).
            bias: (Clow,) or None.

        Returns:
            (N, Clow, Hlow, Wlow), with gaps between its lines.
        """
        left, right = high.flatten(0, 2).t(), weight.reshape(-1, self.low_channels)
        pixels = left @ right if bias is None else torch.addmm(bias, left, right)
        return low_image(pixels, self.rows, self.columns, self.n)

    def expand(
        self, low: Tensor, weight: Tensor, bias: Tensor | None, boxed: bool = False
    ) -> Tensor:
        """high[u] = bias + sum of weight[tap] low[v] over all taps and v with s v + offset = u.

        Args:
            low: the image in the layout ``low``.
            weight: (kh, kw, Chigh, Clow).
            bias: (Chigh,) or None.
            boxed: whether to sum the result over the s x s pixels from each pixel on.

        Returns:
            (N, Chigh, Hhigh, Whigh), each s - 1 less if ``boxed``.
        """
        products = weight.reshape(-1, self.low_channels) @ low.t()  # taps and channels, pixels
        sh, sw = self.rows.stride, self.columns.stride
        planes = low.new_empty(sh, sw, self.high_channels, self.rows.cells * self.low.row)
        for a in range(sh):
            for b in range(sw):
                # A sum over s x s pixels has one of each phase.
                here = bias if not boxed or a == b == 0 else None
                self._expand_phase(planes[a, b], products, here, (a, b))
        if boxed:
            planes = sum_ahead(planes, 1, 1)
            planes = sum_ahead(planes, 0, self.low.row)
        return self._image(planes, boxed)

    def _expand_phase(
        self, plane: Tensor, products: Tensor, bias: Tensor | None, phase: tuple[int, int]
    ) -> None:
        """The cells of one phase: the sum of its taps' products, each shifted back."""
        down, right = self.rows.taps(phase[0]), self.columns.taps(phase[1])
        if not down or not right:
            plane.zero_()
        else:
            pixels = products.shape[1]
            channel_rows = self.high_channels * pixels
            kernel_row = len(self.columns.offsets) * channel_rows
            first = self.low.pixel(0, -self.rows.shifts[down[0]], -self.columns.shifts[right[0]])
            shifted = products.as_strided(
                (len(down), len(right), *plane.shape),
                (
                    down.step * kernel_row - self.rows.spacing(down) * self.low.row,
                    right.step * channel_rows - self.columns.spacing(right),
                    pixels,
                    1,
                ),
                down[0] * kernel_row + right[0] * channel_rows + first,
            )
            plane.copy_(shifted[0, 0])
            for row in range(len(down)):
                for column in range(len(right)):
                    if row or column:
                        plane.add_(shifted[row, column])
        if bias is not None:
            plane.add_(bias[:, None])

    def _image(self, planes: Tensor, boxed: bool) -> Tensor:
        """The planes as an image (N, Chigh, H, W)."""
        sh, sw = self.rows.stride, self.columns.stride
        height, width = self.rows.high, self.columns.high
        if boxed:
            height, width = height - sh + 1, width - sw + 1
        cells = planes.view(*planes.shape[:3], self.rows.cells, self.n, self.columns.pitch)
        cells = cells[..., : self.columns.cells]  # phase, phase, channel, row, n, column
        image = cells.permute(4, 2, 3, 0, 5, 1).reshape(
            self.n, self.high_channels, sh * self.rows.cells, sw * self.columns.cells
        )
        return image[:, :, :height, :width]

    def weight_gradient(self, gradient: Tensor, low: Tensor, high: Tensor, add: bool) -> None:
        """gradient[tap] = sum over v of high[s v + offset] low[v]^T.

        Args:
            gradient: (kh, kw, Chigh, Clow), contiguous; changed.
            low: the image in the layout ``low``.
            high: what ``operand`` gave.
            add: whether to add to the gradient's old value.
        """
        matrix, start = gradient.view(-1, self.low_channels), self.low.pixel(0, 0, 0)
        left, right = high.flatten(0, 2), low[start : start + self._pixels]
        if add:
            matrix.addmm_(left, right)
        else:
            torch.mm(left, right, out=matrix)
