"""How the taps of a kernel lie in memory: matrices that are views of whole images.

Images are stored as :class:`zoo.nn.fast.lines.Lines`. The taps of a kernel's row are side by side
there, a window of K numbers, and windows of neighbouring pixels overlap. Every q-th window has no
pixel of the next, so that they are the lines of a matrix: q such matrices hold all windows, and
nothing is copied.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from zoo.nn.fast.axis import Axis
from zoo.nn.fast.lines import Lines, low_lines

# From so many pixels on it pays to copy matrices for larger products; measured on a CPU.
FROM_PIXELS = 4096

Terms = list[list[tuple[Tensor, Tensor]]]


@dataclass(frozen=True)
class Layout:
    """Where the pixels and taps of a map between a low and a high image are.

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
            behind=(self.columns.after + self.overlap) * stride + taps,
            channels=self.high_channels,
        )

    @cached_property
    def cells(self) -> int:
        """The cells of a phase of rows, with the zeros between their lines."""
        return self.rows.cells * self.low.row

    @cached_property
    def pixels(self) -> int:
        """F: the low pixels with the zeros between their lines."""
        return self.rows.low * self.low.row

    @cached_property
    def overlap(self) -> int:
        """q: every q-th window has no pixel of the next."""
        if not self._side_by_side:
            return 1
        return -(-len(self.columns.offsets) // self.columns.stride)

    @cached_property
    def each(self) -> int:
        """How many of the F windows are every q-th, rounded up."""
        return -(-self.pixels // self.overlap)

    @cached_property
    def _side_by_side(self) -> bool:
        """Whether the taps of a kernel's row are neighbouring pixels, from left to right."""
        offsets = self.columns.offsets
        return offsets == tuple(range(offsets[0], offsets[0] + len(offsets)))

    def every_qth(self, lines: Tensor) -> Tensor:
        """(F, C) -> (q, F/q, C): every q-th pixel, from the first, the second, ... on: a view."""
        q, channels = self.overlap, lines.shape[1]
        return lines.as_strided(
            (q, self.each, channels), (channels, q * channels, 1), lines.storage_offset()
        )

    @cached_property
    def together(self) -> int:
        """How many taps of a kernel's row are one window of K = together Chigh numbers."""
        return len(self.columns.offsets) if self._side_by_side else 1

    def windows(self, weight: Tensor, high: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
        """The matrix of each window of taps (K, Clow), and the windows themselves (q, F/q, K)."""
        for i in range(len(self.rows.offsets)):
            for j in range(0, len(self.columns.offsets), self.together):
                matrix = weight[i, j : j + self.together].reshape(-1, self.low_channels)
                yield matrix, self.windows_of_rows(high, range(i, i + 1), j)[0]

    def windows_of_rows(self, high: Tensor, taps: range, j: int) -> Tensor:
        """(taps, q, F/q, K): for kernel rows of one phase the windows from column ``j`` on.

        Window f is that of low pixel f; of q that begin with neighbours none has a pixel of the
        next, so each is a matrix. A view.
        """
        phase, shift = self.rows.phases[taps[0]], self.rows.shifts[taps[0]]
        start = self.high.pixel(phase, shift, self.columns.offsets[j])
        step = self.columns.stride * self.high_channels
        return high.as_strided(
            (len(taps), self.overlap, self.each, self.together * self.high_channels),
            (
                self.rows.spacing(taps) * self.high.row * self.high_channels,
                step,
                self.overlap * step,
                1,
            ),
            start * self.high_channels,
        )

    def shifted_windows(self, low: Tensor, weight: Tensor, phase: int) -> Terms:
        """For each kernel row the windows of low pixels (q, cells/q, K) and matrices (K, Chigh).

        The taps of a phase of columns are neighbouring low pixels, from right to left. As one
        window they are one product, for which their matrices are copied one below the other.
        """
        taps = self.columns.taps(phase)
        count = len(taps)
        if count < 2 or self.columns.spacing(taps) > 1 or self.cells < FROM_PIXELS:
            groups = [range(tap, tap + 1) for tap in taps]
        else:
            groups = [taps]
        terms: Terms = [[] for _ in self.rows.offsets]
        for group in groups:
            matrices = weight[:, group.start : group.stop : group.step].transpose(2, 3)
            if len(group) > 1:
                matrices = torch.stack([matrices[:, t] for t in reversed(range(count))], 1)
            q = len(group)
            each = -(-self.cells // q)
            for i, shift in enumerate(self.rows.shifts):
                start = self.low.pixel(0, -shift, -self.columns.shifts[group[-1]])
                windows = low.as_strided(
                    (q, each, q * self.low_channels),
                    (self.low_channels, q * self.low_channels, 1),
                    start * self.low_channels,
                )
                terms[i].append((windows, matrices[i].reshape(-1, self.high_channels)))
        return terms
