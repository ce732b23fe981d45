"""Sums over s x s pixels: what turns a transposed convolution into one of an upsampled image.

Let x^ be x with s - 1 zeros between its pixels, and box the sum over s pixels. Nearest-neighbour
upsampling is box(x^), and convolutions commute: conv(box(x^)) = box(conv(x^)). The convolution of
x^ is a transposed convolution of x, of kh kw products for each pixel of x; the convolution of the
upsampled image takes s s kh kw. The sum is of pixels from u to u + s - 1 along each axis, one of
each phase; its transpose, for the gradient, from u - s + 1 to u.

Pixels are kept by phase here: pixel u is cell u div s of phase u mod s; cells are the last axis.
"""

from __future__ import annotations

import torch
from torch import Tensor

from zoo.engine.conv.padded import PaddedNHWC


def sum_ahead(cells: Tensor, axis: int, distance: int) -> Tensor:
    """Each pixel plus the s - 1 pixels behind it.

    Args:
        cells: of all phases, (..., s, ..., cells).
        axis: the axis of the phases.
        distance: from a cell to the next along the image's axis, in cells of the last axis.
    """
    phases = cells.shape[axis]
    total = cells.clone()
    for phase in range(phases):
        for ahead in range(phase + 1, phase + phases):
            step = ahead // phases * distance
            target = total.select(axis, phase)
            target[..., : target.shape[-1] - step] += cells.select(axis, ahead % phases)[..., step:]
    return total


def sum_behind(cells: Tensor, axis: int, distance: int) -> Tensor:
    """Each pixel plus the s - 1 pixels before it: the transpose of ``sum_ahead``."""
    phases = cells.shape[axis]
    total = cells.clone()
    for phase in range(phases):
        for behind in range(phase - 1, phase - phases, -1):
            step = -(behind // phases) * distance
            source = cells.select(axis, behind % phases)
            total.select(axis, phase)[..., step:] += source[..., : source.shape[-1] - step]
    return total


def sum_pixels_ahead(cells: Tensor, s: int) -> Tensor:
    """Each pixel plus the s - 1 behind it in memory; the last s - 1 of all are left undefined."""
    if s == 1:
        return cells
    pixels = cells.view(-1, cells.shape[-1])
    total, count = torch.empty_like(pixels), len(pixels) - s + 1
    torch.add(pixels[:count], pixels[1 : count + 1], out=total[:count])
    for ahead in range(2, s):
        total[:count] += pixels[ahead : ahead + count]
    return total


def sum_pixels_behind(pixels: Tensor, s: int) -> Tensor:
    """Each pixel plus the s - 1 before it in memory."""
    if s == 1:
        return pixels
    total = torch.empty_like(pixels)
    total[0] = pixels[0]
    torch.add(pixels[1:], pixels[:-1], out=total[1:])
    for behind in range(2, s):
        total[behind:] += pixels[:-behind]
    return total


def sum_rows_behind(pixels: Tensor, layout: PaddedNHWC) -> Tensor:
    """Each pixel plus those in the s - 1 rows before it, in the layout of lines by phase."""
    phases = layout.phases
    if phases == 1:
        return pixels
    total = pixels.clone()
    lines, sums = layout.view(pixels), layout.view(total)
    for phase in range(phases):
        for behind in range(phase - 1, phase - phases, -1):
            if behind >= 0:
                sums[phase] += lines[behind]
            else:  # a row of the cells before
                sums[phase, 1:] += lines[behind + phases, :-1]
    return total
