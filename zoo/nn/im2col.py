"""Sliding windows over an image: the two linear maps that turn a convolution into matrix products.

``im2col`` copies each window of an image into a column; ``col2im`` adds each column back to the
window it came from. Each is the other's transpose: <im2col(x), c> = <x, col2im(c)> for all x and c.
So the gradient of one is the other, and a transposed convolution is a convolution with the two
exchanged.

Chellapilla, Puri, Simard: "High Performance Convolutional Neural Networks for Document Processing",
2006.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from zoo.spec.shapes import Pair, Sides


@dataclass(frozen=True, slots=True)
class Windows:
    """A grid of windows on an image.

    Attributes:
        kernel_size: (kh, kw), the taps of a window along each axis.
        stride: pixels from one window to the next.
        dilation: pixels from one tap to the next.
        grid: (Hout, Wout), the windows along each axis.
    """

    kernel_size: Pair
    stride: Pair
    dilation: Pair
    grid: Pair

    def of(self, image: Tensor) -> Tensor:
        """A view of an image (N, C, H, W) as (N, C, kh, kw, Hout, Wout): each tap of each window.

        Window (i, j) begins at pixel (i*sh, j*sw); its tap (a, b) lies a*dh rows and b*dw columns
        further.
        """
        n, c, h, w = image.stride()
        steps = (h * self.dilation[0], w * self.dilation[1], h * self.stride[0], w * self.stride[1])
        shape = (*image.shape[:2], *self.kernel_size, *self.grid)
        return image.as_strided(shape, (n, c, *steps))


def im2col(image: Tensor, windows: Windows, groups: int = 1) -> Tensor:
    """(N, C, H, W) -> (N*G, C/G*kh*kw, L): one column for each of the L = Hout*Wout windows."""
    taps = windows.of(image)  # N, C, kh, kw, Hout, Wout
    rows = taps.shape[1:4].numel() // groups
    return taps.reshape(len(image) * groups, rows, taps.shape[4:].numel())


def col2im(columns: Tensor, image: Tensor, windows: Windows) -> Tensor:
    """Add (N*G, C/G*kh*kw, L) columns to the windows of an image (N, C, H, W); returns it.

    Windows overlap, but the same tap of different windows never does: one addition a tap.
    """
    taps = windows.of(image)  # N, C, kh, kw, Hout, Wout
    columns = columns.view(taps.shape)
    for a in range(windows.kernel_size[0]):
        for b in range(windows.kernel_size[1]):
            taps[:, :, a, b].add_(columns[:, :, a, b])
    return image


def for_each_image(matrices: Tensor, n: int) -> Tensor:
    """(G, rows, columns) -> (N*G, rows, columns): the G matrices, repeated for n images."""
    return matrices.expand(n, *matrices.shape).reshape(n * len(matrices), *matrices.shape[1:])


def pad(image: Tensor, sides: Sides) -> Tensor:
    """An image (N, C, H, W) with that many zero pixels at the top, bottom, left and right."""
    n, c, height, width = image.shape
    top, bottom, left, right = sides
    padded = image.new_zeros(n, c, top + height + bottom, left + width + right)
    crop(padded, sides, (height, width)).copy_(image)
    return padded


def crop(image: Tensor, sides: Sides, size: Pair) -> Tensor:
    """The part of size (H, W) of a padded image, without its sides: a view."""
    top, _, left, _ = sides
    return image[:, :, top : top + size[0], left : left + size[1]]
