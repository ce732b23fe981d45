"""The map between a low and a high image with many channels on both sides.

In the layout of :mod:`zoo.nn.fast.layout` a tap, or a whole row of the kernel, is one product of
all pixels of all images with a matrix of the weight. With F the low pixels and the zeros between
their lines, about N Hlow Wlow, each of the three products takes 2 F kh kw Chigh Clow operations, in
matrix products that add to their result.

Minimal filtering is not used (Lavin, Gray: "Fast Algorithms for Convolutional Neural Networks",
2016). Along one axis F(2, 3) saves a third of the operations, but adds and subtracts rows before
and after them, which on a CPU with AVX-512 costs most of what it saves: 3 x 3 kernels were 6 %
faster with 64 channels and 13 % with 96. F(4, 3) was no faster and rounded four times as coarsely.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from zoo.nn.fast.box import sum_pixels_ahead, sum_pixels_behind, sum_rows_behind
from zoo.nn.fast.layout import Layout, Terms
from zoo.nn.fast.lines import low_image
from zoo.nn.fast.products import add_product, add_sum_of_products
from zoo.nn.write import Write, copy_rows


@dataclass(frozen=True)
class Rows(Layout):
    """The three products, for images of one size; attributes are those of the layout."""

    def store_low(self, image: Tensor, write: Write = copy_rows) -> Tensor:
        """(N, Clow, H, W) -> the low image in the layout ``low``; ``write`` copies it there."""
        return self.low.store(image, write)

    def low_pixels(self, low: Tensor) -> Tensor:
        """The pixels of the stored low image and the zeros around them, (..., Clow)."""
        return low

    def store_high(self, image: Tensor, boxed: bool = False, write: Write = copy_rows) -> Tensor:
        """(N, Chigh, H, W) -> the high image in the layout ``high``.

        Args:
            image: the high image.
            boxed: whether ``image`` is s - 1 smaller, and each pixel of the high image is the sum
                of the s x s pixels up to it: the transpose of what ``expand`` does.
            write: copies the image to where its pixels go.
        """
        pixels = self.high.store(image, write)
        if boxed:
            pixels = sum_pixels_behind(pixels, self.columns.stride)
            pixels = sum_rows_behind(pixels, self.high)
        return pixels

    def high_pixels(self, high: Tensor, boxed: bool = False) -> Tensor:
        """(..., Chigh), of which the sum is that of the image that ``store_high`` was given.

        If ``boxed`` each of its pixels is in s x s of the stored ones, one of each phase.
        """
        if not boxed:
            return high
        return self.high.view(high)[0, :, :, :: self.columns.stride]

    def operand(self, high: Tensor) -> Tensor:
        """What ``reduce`` and ``weight_gradient`` take: the stored image itself."""
        return high

    def reduce(self, high: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        """low[v] = bias + sum over taps of weight[tap]^T high[s v + offset].

        Args:
            high: the image in the layout ``high``.
            weight: (kh, kw, Chigh, Clow).
            bias: (Clow,) or None.

        Returns:
            (N, Clow, Hlow, Wlow), with gaps between its lines.
        """
        lines = high.new_empty(self.each * self.overlap, self.low_channels)
        every_qth = self.every_qth(lines)
        for number, (matrix, windows) in enumerate(self.windows(weight, high)):
            add_product(every_qth, windows, matrix, bias, first=number == 0)
        return low_image(lines[: self.pixels], self.rows, self.columns, self.n)

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
        sh, sw, channels = self.rows.stride, self.columns.stride, self.high_channels
        # What windows that are counted by q write beyond the end is written over, or cut off.
        spare = len(self.columns.offsets) * sw
        pixels = low.new_empty(sh * self.cells * sw + spare, channels)
        for b in range(sw):
            terms = self.shifted_windows(low, weight, b)
            for a in range(sh):
                # A sum over s x s pixels has one of each phase.
                here = bias if not boxed or a == b == 0 else None
                self._expand_phase(pixels[a * self.cells * sw + b :], terms, here, a)
        pixels = pixels[: sh * self.cells * sw]
        if boxed:
            pixels = sum_pixels_ahead(pixels, sw)
        lines = pixels.view(sh, self.rows.cells, self.n, self.columns.pitch * sw, channels)
        return self._image(lines, boxed)

    def _image(self, lines: Tensor, boxed: bool) -> Tensor:
        """The high image's lines (phase, row, n, pixel, channel) as an image (N, Chigh, H, W)."""
        sh, sw = self.rows.stride, self.columns.stride
        height, width = self.rows.high, self.columns.high
        if boxed:
            height, width = height - sh + 1, width - sw + 1
        lines = lines[:, :, :, :width]
        if sh == 1:
            return lines[0, :height].permute(1, 3, 0, 2)
        image = lines.new_empty(height, self.n, width, self.high_channels)
        for phase in range(sh):
            target = image[phase::sh]
            ahead = range(phase, phase + (sh if boxed else 1))
            rows = [lines[u % sh, u // sh : u // sh + len(target)] for u in ahead]
            if not boxed:
                target.copy_(rows[0])
            else:
                torch.add(rows[0], rows[1], out=target)
                for more in rows[2:]:
                    target.add_(more)
        return image.permute(1, 3, 0, 2)

    def _expand_phase(self, pixels: Tensor, terms: Terms, bias: Tensor | None, phase: int) -> None:
        """The cells of one phase of rows, every stride-th of ``pixels`` from the first on."""
        first = True
        for i in self.rows.taps(phase):
            for windows, matrix in terms[i]:
                q, each, _ = windows.shape
                step, channels = self.columns.stride * self.high_channels, self.high_channels
                every_qth = pixels.as_strided(
                    (q, each, channels), (step, q * step, 1), pixels.storage_offset()
                )
                add_product(every_qth, windows, matrix, bias, first)
                first = False
        if first:
            cells = pixels[: self.cells * self.columns.stride : self.columns.stride]
            cells.zero_() if bias is None else cells.copy_(bias)

    def weight_gradient(self, gradient: Tensor, low: Tensor, high: Tensor, add: bool) -> None:
        """gradient[tap] = sum over v of high[s v + offset] low[v]^T.

        Args:
            gradient: (kh, kw, Chigh, Clow), contiguous; changed.
            low, high: the images in their layouts.
            add: whether to add to the gradient's old value.
        """
        pixels = self.every_qth(low[self.low.pixel(0, 0, 0) :])
        for phase in range(self.rows.stride):
            if down := self.rows.taps(phase):
                rows = gradient[down.start : down.stop : down.step]
                for j in range(0, len(self.columns.offsets), self.together):
                    windows = self.windows_of_rows(high, down, j)
                    target = rows[:, j : j + self.together].flatten(1, 2)
                    add_sum_of_products(target, windows, pixels, add)
