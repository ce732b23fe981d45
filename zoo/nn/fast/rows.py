"""The map between a low and a high image with many channels on both sides.

Images are stored as :class:`zoo.nn.fast.lines.Lines`, so a tap is *one* product of all pixels with
a (Chigh, Clow) matrix. Nothing is copied for it: the taps of a kernel's row lie side by side in
memory, a window of kw Chigh numbers, and where windows of neighbouring pixels overlap, every q-th
of them makes a matrix whose lines do not.

With F the low pixels and the zeros between their lines, about N Hlow Wlow, each of the three
products takes 2 F kh kw Chigh Clow operations, in matrix products that add to their result.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from zoo.nn.fast.axis import Axis
from zoo.nn.fast.lines import Lines, low_image, low_lines
from zoo.nn.write import Write, copy_rows

# From so many pixels on it pays to copy matrices for larger products; measured on a CPU.
FROM_PIXELS = 4096

Terms = list[list[tuple[Tensor, Tensor]]]


@dataclass(frozen=True)
class Rows:
    """The three products, for images of one size.

    The high image's rows are kept by phase, so that each phase has lines of cells as the low image
    has lines of pixels; its columns stay side by side, a cell being s pixels.

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
        spare = len(self.columns.offsets)
        return low_lines(self.rows, self.columns, self.n, self.low_channels, spare)

    @cached_property
    def high(self) -> Lines:
        """The layout of the high image."""
        stride, taps = self.columns.stride, len(self.columns.offsets)
        return Lines(
            phases=self.rows.stride,
            above=self.rows.before,
            rows=self.rows.cells,
            below=self.rows.cells_behind,
            n=self.n,
            pitch=self.columns.pitch * stride,
            before=self.columns.before * stride,
            behind=(self.columns.after + self._overlap) * stride + taps,
            channels=self.high_channels,
        )

    def store_high(self, image: Tensor, boxed: bool = False, write: Write = copy_rows) -> Tensor:
        """(N, Chigh, H, W) -> the high image in the layout ``high``.

        Args:
            image: the high image.
            boxed: whether ``image`` is s - 1 smaller, and each pixel of the high image is the sum
                of the s x s pixels up to it: the transpose of what ``expand`` does.
            write: copies the image to where its pixels go.
        """
        pixels = self.high.store(image, write)
        if not boxed:
            return pixels
        pixels, stride = _sum_columns_behind(pixels, self.columns.stride), self.rows.stride
        if stride == 1:
            return pixels
        total = pixels.clone()
        lines, target = self.high.view(pixels), self.high.view(total)
        for phase in range(stride):
            for behind in range(phase - 1, phase - stride, -1):
                if behind >= 0:
                    target[phase] += lines[behind]
                else:
                    target[phase, 1:] += lines[behind + stride, :-1]
        return total

    def high_sum(self, high: Tensor, boxed: bool = False) -> Tensor:
        """The sum of the image that ``store_high`` was given, (Chigh,).

        If ``boxed`` each of its pixels is in s x s of the stored ones, one of each phase.
        """
        if not boxed:
            return high.sum(0)
        return self.high.view(high)[0, :, :, :: self.columns.stride].sum((0, 1, 2))

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
        lines = high.new_empty(self._each * self._overlap, self.low_channels)
        every_qth = self._every_qth(lines)
        for number, (matrix, windows) in enumerate(self._products(weight, high)):
            _add_product(every_qth, windows, matrix, bias, first=number == 0)
        return low_image(lines[: self._pixels], self.rows, self.columns, self.n)

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
        pixels = low.new_empty(sh * self._cells * sw + spare, channels)
        for b in range(sw):
            terms = self._terms(low, weight, b)
            for a in range(sh):
                # A sum over s x s pixels has one of each phase.
                here = bias if not boxed or a == b == 0 else None
                self._expand_phase(pixels[a * self._cells * sw + b :], terms, here, a)
        pixels = pixels[: sh * self._cells * sw]
        if boxed:
            pixels = _sum_columns_ahead(pixels, sw)
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
                _add_product(every_qth, windows, matrix, bias, first)
                first = False
        if first:
            cells = pixels[: self._cells * self.columns.stride : self.columns.stride]
            cells.zero_() if bias is None else cells.copy_(bias)

    def _terms(self, low: Tensor, weight: Tensor, phase: int) -> Terms:
        """For each kernel row the windows of low pixels (q, cells/q, K) and matrices (K, Chigh).

        The taps of a phase of columns are neighbouring low pixels, from right to left. As one
        window they are one product, for which their matrices are copied one below the other.
        """
        taps = self.columns.taps(phase)
        count = len(taps)
        if count < 2 or self.columns.spacing(taps) > 1 or self._cells < FROM_PIXELS:
            groups = [range(tap, tap + 1) for tap in taps]
        else:
            groups = [taps]
        terms: Terms = [[] for _ in self.rows.offsets]
        for group in groups:
            matrices = weight[:, group.start : group.stop : group.step].transpose(2, 3)
            if len(group) > 1:
                matrices = torch.stack([matrices[:, t] for t in reversed(range(count))], 1)
            q = len(group)
            each = -(-self._cells // q)
            for i, shift in enumerate(self.rows.shifts):
                start = self.low.pixel(0, -shift, -self.columns.shifts[group[-1]])
                windows = low.as_strided(
                    (q, each, q * self.low_channels),
                    (self.low_channels, q * self.low_channels, 1),
                    start * self.low_channels,
                )
                terms[i].append((windows, matrices[i].reshape(-1, self.high_channels)))
        return terms

    def weight_gradient(self, gradient: Tensor, low: Tensor, high: Tensor, add: bool) -> None:
        """gradient[tap] = sum over v of high[s v + offset] low[v]^T.

        Args:
            gradient: (kh, kw, Chigh, Clow), contiguous; changed.
            low, high: the images in their layouts.
            add: whether to add to the gradient's old value.
        """
        pixels = self._every_qth(low[self.low.pixel(0, 0, 0) :])
        for phase in range(self.rows.stride):
            if down := self.rows.taps(phase):
                rows = gradient[down.start : down.stop : down.step]
                for j in range(0, len(self.columns.offsets), self._together):
                    windows = self._windows_of_rows(high, down, j)
                    target = rows[:, j : j + self._together].flatten(1, 2)
                    _add_sum_of_products(target, windows, pixels, add)

    # How taps and pixels lie in memory.

    @cached_property
    def _cells(self) -> int:
        """The cells of a phase of rows, with the zeros between their lines."""
        return self.rows.cells * self.low.row

    @cached_property
    def _pixels(self) -> int:
        """F: the low pixels with the zeros between their lines."""
        return self.rows.low * self.low.row

    @cached_property
    def _overlap(self) -> int:
        """q: every q-th window has no pixel of the next."""
        if not self._side_by_side:
            return 1
        return -(-len(self.columns.offsets) // self.columns.stride)

    @cached_property
    def _each(self) -> int:
        """How many of the F windows are every q-th, rounded up."""
        return -(-self._pixels // self._overlap)

    @cached_property
    def _side_by_side(self) -> bool:
        """Whether the taps of a kernel's row are neighbouring pixels, from left to right."""
        offsets = self.columns.offsets
        return offsets == tuple(range(offsets[0], offsets[0] + len(offsets)))

    def _every_qth(self, lines: Tensor) -> Tensor:
        """(F, C) -> (q, F/q, C): every q-th pixel, from the first, the second, ... on: a view."""
        q, channels = self._overlap, lines.shape[1]
        return lines.as_strided(
            (q, self._each, channels), (channels, q * channels, 1), lines.storage_offset()
        )

    @cached_property
    def _together(self) -> int:
        """How many taps of a kernel's row are one window of K = together Chigh numbers."""
        return len(self.columns.offsets) if self._side_by_side else 1

    def _products(self, weight: Tensor, high: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
        """The matrix of each window of taps (K, Clow), and the windows themselves (q, F/q, K)."""
        for i in range(len(self.rows.offsets)):
            for j in range(0, len(self.columns.offsets), self._together):
                matrix = weight[i, j : j + self._together].reshape(-1, self.low_channels)
                yield matrix, self._windows_of_rows(high, range(i, i + 1), j)[0]

    def _windows_of_rows(self, high: Tensor, taps: range, j: int) -> Tensor:
        """(taps, q, F/q, K): for kernel rows of one phase the windows from column ``j`` on.

        Window f is that of low pixel f; of q that begin with neighbours none has a pixel of the
        next, so each is a matrix. A view.
        """
        phase, shift = self.rows.phases[taps[0]], self.rows.shifts[taps[0]]
        start = self.high.pixel(phase, shift, self.columns.offsets[j])
        step = self.columns.stride * self.high_channels
        return high.as_strided(
            (len(taps), self._overlap, self._each, self._together * self.high_channels),
            (
                self.rows.spacing(taps) * self.high.row * self.high_channels,
                step,
                self._overlap * step,
                1,
            ),
            start * self.high_channels,
        )


def _add_sum_of_products(total: Tensor, left: Tensor, right: Tensor, add: bool) -> None:
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


def _sum_columns_ahead(cells: Tensor, s: int) -> Tensor:
    """Each pixel plus the s - 1 behind it in memory; the last s - 1 of all are left undefined."""
    if s == 1:
        return cells
    pixels = cells.view(-1, cells.shape[-1])
    total, count = torch.empty_like(pixels), len(pixels) - s + 1
    torch.add(pixels[:count], pixels[1 : count + 1], out=total[:count])
    for ahead in range(2, s):
        total[:count] += pixels[ahead : ahead + count]
    return total


def _sum_columns_behind(pixels: Tensor, s: int) -> Tensor:
    """Each pixel plus the s - 1 before it in memory."""
    if s == 1:
        return pixels
    total = torch.empty_like(pixels)
    total[0] = pixels[0]
    torch.add(pixels[1:], pixels[:-1], out=total[1:])
    for behind in range(2, s):
        total[behind:] += pixels[:-behind]
    return total


def _add_product(
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
