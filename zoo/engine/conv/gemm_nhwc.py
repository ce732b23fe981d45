"""The three products for many channels on both grids: row-shifted matrix products of NHWC images.

The taps of a kernel's row are side by side in memory (:mod:`zoo.engine.conv.padded`), a window of
K numbers, and windows of neighbouring pixels overlap. Every q-th window has no pixel of the next,
so that they are the lines of a matrix: q such matrices, *interleaved views* of the whole image,
hold all windows, and nothing is copied. So a kernel's row is one product of all pixels of all
images with a matrix of the weight. With F the coarse pixels and the zeros between their lines,
about N Hcoarse Wcoarse, each of the three products takes 2 F kh kw Cfine Ccoarse operations, in
matrix products that add to their result.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from zoo.engine.conv.box_filter import sum_pixels_ahead, sum_pixels_behind, sum_rows_behind
from zoo.engine.conv.kernel import ConvKernel, InputTransform, identity
from zoo.engine.conv.padded import PaddedNHWC, coarse_image, coarse_layout

# From so many pixels on it pays to copy matrices for larger products; measured on a CPU.
MIN_STACKED_PIXELS = 4096

# For each kernel row pairs of windows (q, cells/q, K) and matrices (K, Cfine).
Terms = list[list[tuple[Tensor, Tensor]]]


@dataclass(frozen=True)
class GemmNHWC(ConvKernel):
    """The three products as matrix products of interleaved views.

    The fine image's rows are kept by phase, so that each phase has lines of cells as the coarse
    image has lines of pixels; its columns stay side by side, a cell being s pixels.
    """

    @cached_property
    def coarse(self) -> PaddedNHWC:
        """The layout of the coarse image."""
        tail_padding = len(self.columns.offsets)
        return coarse_layout(self.rows, self.columns, self.n, self.coarse_channels, tail_padding)

    @cached_property
    def fine(self) -> PaddedNHWC:
        """The layout of the fine image."""
        stride, taps = self.columns.stride, len(self.columns.offsets)
        return PaddedNHWC(
            phases=self.rows.stride,
            above=self.rows.before,
            rows=self.rows.cells,
            below=self.rows.cells_behind,
            n=self.n,
            pitch=self.columns.pitch * stride,
            before=self.columns.before * stride,
            behind=(self.columns.after + self._overlap) * stride + taps,
            channels=self.fine_channels,
        )

    def pack_coarse(self, image: Tensor, transform: InputTransform = identity) -> Tensor:
        """(N, Ccoarse, H, W) -> the pixels (pixels, Ccoarse) of the layout ``coarse``."""
        return self.coarse.pack(image, transform)

    def pack_fine(
        self, image: Tensor, transform: InputTransform = identity, upsampled: bool = False
    ) -> Tensor:
        """(N, Cfine, H, W) -> the pixels (pixels, Cfine) of the layout ``fine``."""
        pixels = self.fine.pack(image, transform)
        if upsampled:
            pixels = sum_pixels_behind(pixels, self.columns.stride)
            pixels = sum_rows_behind(pixels, self.fine)
        return pixels

    def fine_pixels(self, fine: Tensor, upsampled: bool = False) -> Tensor:
        """All pixels, or those of one phase."""
        return self.fine.view(fine)[0, :, :, :: self.columns.stride] if upsampled else fine

    # The three products.

    def fprop(self, operand: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        """For each window of taps one product, added up in the coarse image."""
        lines = operand.new_empty(self._rows_per_view * self._overlap, self.coarse_channels)
        total = self._interleaved_view(lines)
        for number, (windows, matrix) in enumerate(self._windows(operand, weight)):
            add_product(total, windows, matrix, bias, first=number == 0)
        return coarse_image(lines[: self._pixels], self.rows, self.columns, self.n)

    def dgrad(
        self, coarse: Tensor, weight: Tensor, bias: Tensor | None, upsampled: bool = False
    ) -> Tensor:
        """For each phase of the fine image the products of that phase's taps."""
        sh, sw, channels = self.rows.stride, self.columns.stride, self.fine_channels
        # What interleaved views write beyond the end is written over, or cut off.
        tail_padding = len(self.columns.offsets) * sw
        pixels = coarse.new_empty(sh * self._cells * sw + tail_padding, channels)
        for b in range(sw):
            terms = self._shifted_windows(coarse, weight, b)
            for a in range(sh):
                # A sum over s x s pixels has one of each phase.
                start = bias if not upsampled or a == b == 0 else None
                self._dgrad_phase(pixels[a * self._cells * sw + b :], terms, start, a)
        pixels = pixels[: sh * self._cells * sw]
        if upsampled:
            pixels = sum_pixels_ahead(pixels, sw)
        lines = pixels.view(sh, self.rows.cells, self.n, self.columns.pitch * sw, channels)
        return self._fine_image(lines, upsampled)

    def wgrad(self, gradient: Tensor, coarse: Tensor, operand: Tensor, add: bool) -> None:
        """For each phase of rows one batched product over the kernel's rows."""
        pixels = self._interleaved_view(coarse[self.coarse.pixel(0, 0, 0) :])
        for phase in range(self.rows.stride):
            if down := self.rows.taps(phase):
                rows = gradient[down.start : down.stop : down.step]
                for j in range(0, len(self.columns.offsets), self._taps_per_gemm):
                    windows = self._windows_of_rows(operand, down, j)
                    target = rows[:, j : j + self._taps_per_gemm].flatten(1, 2)
                    add_sum_of_products(target, windows, pixels, add)

    # Views of the fine image.

    @cached_property
    def _pixels(self) -> int:
        """F: the coarse pixels with the zeros between their lines."""
        return self.rows.coarse * self.coarse.row

    @cached_property
    def _adjacent(self) -> bool:
        """Whether the taps of a kernel's row are neighbouring pixels, from left to right."""
        offsets = self.columns.offsets
        return offsets == tuple(range(offsets[0], offsets[0] + len(offsets)))

    @cached_property
    def _overlap(self) -> int:
        """q: every q-th window has no pixel of the next."""
        return -(-len(self.columns.offsets) // self.columns.stride) if self._adjacent else 1

    @cached_property
    def _taps_per_gemm(self) -> int:
        """How many taps of a kernel's row are one window, of K = taps Cfine numbers."""
        return len(self.columns.offsets) if self._adjacent else 1

    @cached_property
    def _rows_per_view(self) -> int:
        """How many of the F windows are every q-th, rounded up."""
        return -(-self._pixels // self._overlap)

    def _interleaved_view(self, lines: Tensor) -> Tensor:
        """(F, C) -> (q, F/q, C): every q-th pixel, from the first, the second, ... on: a view."""
        q, channels = self._overlap, lines.shape[1]
        shape, strides = (q, self._rows_per_view, channels), (channels, q * channels, 1)
        return lines.as_strided(shape, strides, lines.storage_offset())

    def _windows(self, fine: Tensor, weight: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
        """The windows of each group of taps (q, F/q, K), and its matrix (K, Ccoarse)."""
        for i in range(len(self.rows.offsets)):
            for j in range(0, len(self.columns.offsets), self._taps_per_gemm):
                matrix = weight[i, j : j + self._taps_per_gemm].reshape(-1, self.coarse_channels)
                yield self._windows_of_rows(fine, range(i, i + 1), j)[0], matrix

    def _windows_of_rows(self, fine: Tensor, taps: range, j: int) -> Tensor:
        """(taps, q, F/q, K): for kernel rows of one phase the windows from column ``j`` on: a view.

        Window f is that of coarse pixel f; of q that begin with neighbours none has a pixel of the
        next, so each is a matrix.
        """
        phase, shift = self.rows.phases[taps[0]], self.rows.shifts[taps[0]]
        start = self.fine.pixel(phase, shift, self.columns.offsets[j])
        q, channels = self._overlap, self.fine_channels
        step = self.columns.stride * channels
        row = self.rows.spacing(taps) * self.fine.row * channels
        return fine.as_strided(
            (len(taps), q, self._rows_per_view, self._taps_per_gemm * channels),
            (row, step, q * step, 1),
            start * channels,
        )

    # Views of the coarse image.

    @cached_property
    def _cells(self) -> int:
        """The cells of a phase of rows, with the zeros between their lines."""
        return self.rows.cells * self.coarse.row

    def _shifted_windows(self, coarse: Tensor, weight: Tensor, phase: int) -> Terms:
        """The windows of coarse pixels that a phase of columns is made of, and their matrices.

        The taps of a phase of columns are neighbouring coarse pixels, from right to left. As one
        window they are one product, for which their matrices are copied one below the other.
        """
        taps = self.columns.taps(phase)
        stacked = len(taps) > 1 and self.columns.spacing(taps) == 1
        if not stacked or self._cells < MIN_STACKED_PIXELS:
            groups = [range(tap, tap + 1) for tap in taps]
        else:
            groups = [taps]
        terms: Terms = [[] for _ in self.rows.offsets]
        for group in groups:
            matrices = weight[:, group.start : group.stop : group.step].transpose(2, 3)
            if len(group) > 1:
                matrices = torch.stack([matrices[:, t] for t in reversed(range(len(group)))], 1)
            q, channels = len(group), self.coarse_channels
            shape, strides = (q, -(-self._cells // q), q * channels), (channels, q * channels, 1)
            for i, shift in enumerate(self.rows.shifts):
                start = self.coarse.pixel(0, -shift, -self.columns.shifts[group[-1]])
                windows = coarse.as_strided(shape, strides, start * channels)
                terms[i].append((windows, matrices[i].reshape(-1, self.fine_channels)))
        return terms

    def _dgrad_phase(self, pixels: Tensor, terms: Terms, bias: Tensor | None, phase: int) -> None:
        """The cells of one phase of rows, every stride-th of ``pixels`` from the first on."""
        stride, channels = self.columns.stride, self.fine_channels
        first = True
        for i in self.rows.taps(phase):
            for windows, matrix in terms[i]:
                q, rows, _ = windows.shape
                strides = (stride * channels, q * stride * channels, 1)
                total = pixels.as_strided((q, rows, channels), strides, pixels.storage_offset())
                add_product(total, windows, matrix, bias, first)
                first = False
        if first:
            cells = pixels[: self._cells * stride : stride]
            cells.zero_() if bias is None else cells.copy_(bias)

    def _fine_image(self, lines: Tensor, upsampled: bool) -> Tensor:
        """The fine image's lines (phase, row, n, pixel, channel) as an image (N, Cfine, H, W)."""
        sh, (height, width) = self.rows.stride, self.fine_size(upsampled)
        lines = lines[:, :, :, :width]
        if sh == 1:
            return lines[0, :height].permute(1, 3, 0, 2)
        image = lines.new_empty(height, self.n, width, self.fine_channels)
        for phase in range(sh):
            target = image[phase::sh]
            ahead = range(phase, phase + (sh if upsampled else 1))
            rows = [lines[u % sh, u // sh : u // sh + len(target)] for u in ahead]
            if not upsampled:
                target.copy_(rows[0])
            else:
                torch.add(rows[0], rows[1], out=target)
                for more in rows[2:]:
                    target.add_(more)
        return image.permute(1, 3, 0, 2)


def add_product(
    total: Tensor, left: Tensor, right: Tensor, bias: Tensor | None, first: bool
) -> None:
    """total += left right, or the first of such terms: total = bias + left right.

    All have a first axis of q; ``right`` is the same for all q. Starting from the bias saves a
    rounding.

    Args:
        total: (q, F, C), changed.
        left: (q, F, K).
        right: (K, C).
        bias: (C,) or None.
        first: whether this is the first term.
    """
    if len(left) == 1:  # one large product is spread over the cores better than a batch of one
        total, left = total[0], left[0]
    else:
        right = right.expand(len(left), *right.shape)
    start = total if not first else bias
    if start is None:
        torch.matmul(left, right, out=total)
    elif left.dim() == 2:
        torch.addmm(start, left, right, out=total)
    else:
        torch.baddbmm(start, left, right, out=total)


def add_sum_of_products(total: Tensor, left: Tensor, right: Tensor, add: bool) -> None:
    """total[i] = sum over q of left[i, q]^T right[q], added to what is there if asked.

    One batched product for each q: it uses the cores better than one product after the other.

    Args:
        total: (n, K, C), changed.
        left: (n, q, F/q, K).
        right: (q, F/q, C).
        add: whether to add to the old value.
    """
    result = torch.empty_like(total) if add or not total.is_contiguous() else total
    for number in range(len(right)):
        products = left[:, number].transpose(1, 2), right[number].expand(len(left), -1, -1)
        if number == 0:
            torch.bmm(*products, out=result)
        else:
            result.baddbmm_(*products)
    if result is not total:
        total.add_(result) if add else total.copy_(result)
