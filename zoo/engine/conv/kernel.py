"""The contract of a convolution kernel: how images are packed, and the three products."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from zoo.engine.conv.axis import Axis

# Writes an image (N, C, H, W) to n parts, of which the i-th takes its rows i, i + n, ...: as it is,
# or through an activation, which then costs no pass over memory of its own.
InputTransform = Callable[[Tensor, Sequence[Tensor]], None]


def identity(image: Tensor, parts: Sequence[Tensor]) -> None:
    """Copy the rows of an image (N, C, H, W) to the parts in turn."""
    for number, part in enumerate(parts):
        part.copy_(image[:, :, number :: len(parts)])


def materialize(image: Tensor, transform: InputTransform) -> Tensor:
    """What the transform makes of an image: the image itself if it only copies."""
    if transform is identity:
        return image
    result = torch.empty_like(image)
    transform(image, [result])
    return result


def add_sum(pixels: Tensor, total: Tensor, add: bool) -> None:
    """total (C,) = the sum of ``pixels`` (..., C) over all axes but the last, or total += it."""
    axes = tuple(range(pixels.dim() - 1))
    total.add_(pixels.sum(axes)) if add else torch.sum(pixels, axes, out=total)


@dataclass(frozen=True)
class ConvKernel:
    """The three products between a coarse and a fine grid (:mod:`zoo.engine.conv`), for one size.

    Images are packed once, into whatever layout the products want. The weight is always given as
    (kh, kw, Cfine, Ccoarse), its taps in the order of the axes' offsets.

    Attributes:
        rows, columns: the two axes.
        n: images.
        coarse_channels, fine_channels: Ccoarse and Cfine.
    """

    rows: Axis
    columns: Axis
    n: int
    coarse_channels: int
    fine_channels: int

    def pack_coarse(self, image: Tensor, transform: InputTransform = identity) -> Tensor:
        """(N, Ccoarse, H, W) -> the packed coarse image."""
        raise NotImplementedError

    def pack_fine(
        self, image: Tensor, transform: InputTransform = identity, upsampled: bool = False
    ) -> Tensor:
        """(N, Cfine, H, W) -> the packed fine image.

        If ``upsampled`` the image is s - 1 smaller along each axis, and each pixel of the fine one
        is the sum of the s x s pixels up to it: the transpose of what ``dgrad`` does.
        """
        raise NotImplementedError

    def gemm_operand(self, fine: Tensor) -> Tensor:
        """What ``fprop`` and ``wgrad`` take: the packed fine image, or what is made of it."""
        return fine

    def coarse_pixels(self, coarse: Tensor) -> Tensor:
        """(..., Ccoarse), of which the sum is that of the image that was packed."""
        return coarse

    def fine_pixels(self, fine: Tensor, upsampled: bool = False) -> Tensor:
        """(..., Cfine), of which the sum is that of the image that was packed.

        If ``upsampled`` each of its pixels is in s x s of the packed ones, one of each phase.
        """
        raise NotImplementedError

    def fprop(self, operand: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        """coarse[v] = bias + sum over taps of weight[tap]^T fine[s v + offset].

        Returns:
            (N, Ccoarse, Hcoarse, Wcoarse), of any strides.
        """
        raise NotImplementedError

    def dgrad(
        self, coarse: Tensor, weight: Tensor, bias: Tensor | None, upsampled: bool = False
    ) -> Tensor:
        """fine[u] = bias + sum of weight[tap] coarse[v] over all taps and v with s v + offset = u.

        If ``upsampled`` the result is summed over the s x s pixels from each pixel on.

        Returns:
            (N, Cfine, Hfine, Wfine), each s - 1 less if ``upsampled``, of any strides.
        """
        raise NotImplementedError

    def wgrad(self, gradient: Tensor, coarse: Tensor, operand: Tensor, add: bool) -> None:
        """gradient[tap] = sum over v of fine[s v + offset] coarse[v]^T.

        Args:
            gradient: (kh, kw, Cfine, Ccoarse), contiguous; changed.
            coarse: the packed coarse image.
            operand: what ``gemm_operand`` gave.
            add: whether to add to the gradient's old value.
        """
        raise NotImplementedError

    def wgrad_and_sum(
        self,
        gradient: Tensor,
        coarse: Tensor,
        operand: Tensor,
        add: bool,
        total: Tensor,
        add_total: bool,
    ) -> None:
        """``wgrad``, and in ``total`` (Ccoarse,) the sum of the coarse image's pixels."""
        self.wgrad(gradient, coarse, operand, add)
        add_sum(self.coarse_pixels(coarse), total, add_total)

    def fine_size(self, upsampled: bool) -> tuple[int, int]:
        """(H, W) of what ``dgrad`` returns."""
        if not upsampled:
            return self.rows.fine, self.columns.fine
        return self.rows.fine - self.rows.stride + 1, self.columns.fine - self.columns.stride + 1
