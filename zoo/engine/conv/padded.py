"""The memory layout of images in which a shift is one distance for all pixels of all images."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from torch import Tensor

from zoo.engine.conv.axis import Axis
from zoo.engine.conv.kernel import InputTransform, identity


@dataclass(frozen=True)
class PaddedNHWC:
    """Images (N, C, H, W) as lines of pixels, the channels of a pixel side by side.

    The axes from the outermost: phase of the row, row, image, pixel, channel. Row u of an image is
    row u div ``phases`` of phase u mod ``phases``. All that surrounds the images is zero.

    Attributes:
        phases: the stride of the rows.
        above, rows, below: rows of zeros, of a phase, of zeros.
        n: images.
        pitch: pixels from one line to the next, so zeros behind each line.
        before, behind: pixels of zeros before the first line and behind the last.
        channels: C.
    """

    phases: int
    above: int
    rows: int
    below: int
    n: int
    pitch: int
    before: int
    behind: int
    channels: int

    @cached_property
    def shape(self) -> tuple[int, int, int, int, int]:
        """(phase, row, image, pixel, channel) of all lines, those of zeros among them."""
        rows = self.above + self.rows + self.below
        return self.phases, rows, self.n, self.pitch, self.channels

    @cached_property
    def row(self) -> int:
        """Pixels from one row to the next."""
        return self.n * self.pitch

    @cached_property
    def length(self) -> int:
        """Pixels of the lines."""
        return self.phases * self.shape[1] * self.row

    def pixel(self, phase: int, row: int, column: int) -> int:
        """Where a pixel of the first image is, in pixels from the start of the storage."""
        return self.before + (phase * self.shape[1] + self.above + row) * self.row + column

    def view(self, pixels: Tensor) -> Tensor:
        """The lines (phase, row, image, pixel, channel) of all ``pixels``."""
        return pixels[self.before : self.before + self.length].view(self.shape)

    def pack(self, image: Tensor, transform: InputTransform = identity) -> Tensor:
        """(N, C, H, W) -> all pixels (pixels, C) with the zeros around them."""
        pixels = image.new_empty(self.before + self.length + self.behind, self.channels)
        lines, (height, width) = self.view(pixels), image.shape[2:]
        pixels[: self.before].zero_()
        pixels[self.before + self.length :].zero_()
        if self.above:
            lines[:, : self.above].zero_()
        if self.pitch > width:
            lines[:, self.above :, :, width:].zero_()
        parts = []
        for phase in range(self.phases):
            bottom = self.above + len(range(phase, height, self.phases))
            parts.append(lines[phase, self.above : bottom, :, :width].permute(1, 3, 0, 2))
            if bottom < self.shape[1]:
                lines[phase, bottom:].zero_()
        transform(image, parts)
        return pixels


def coarse_layout(
    rows: Axis, columns: Axis, n: int, channels: int, tail_padding: int = 0
) -> PaddedNHWC:
    """The layout of coarse images, with ``tail_padding`` more zeros behind them."""
    return PaddedNHWC(
        phases=1,
        above=rows.after,
        rows=rows.coarse,
        below=rows.coarse_behind,
        n=n,
        pitch=columns.pitch,
        before=columns.after,
        behind=columns.before + tail_padding,
        channels=channels,
    )


def coarse_image(pixels: Tensor, rows: Axis, columns: Axis, n: int) -> Tensor:
    """All coarse pixels (F, C), zeros between their lines among them, as (N, C, H, W): a view."""
    lines = pixels.view(rows.coarse, n, columns.pitch, pixels.shape[1])
    return lines[:, :, : columns.coarse].permute(1, 3, 0, 2)
