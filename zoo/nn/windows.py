"""Sliding windows over an image: the two linear maps that turn a convolution into matrix products.

``gather`` copies each window of an image into a column (im2col); ``scatter`` adds each column back
to the window it came from (col2im). Each is the other's transpose: <gather(x), c> = <x, scatter(c)>
for all x and c. So the gradient of one is the other, and a transposed convolution is a convolution
with the two exchanged.

Chellapilla, Puri, Simard: "High Performance Convolutional Neural Networks for Document Processing",
2006.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from torch import Tensor

from zoo.nn.write import Write, copy_rows, written
from zoo.spec.shapes import Pair, Sides

# Elements of columns at once: 8 MiB of float32. Many more leave the cache between the copy and the
# product, and make the allocator fetch fresh pages from the system in each step; many fewer make
# the products too narrow and add to the weight's gradient too often.
ELEMENTS_AT_ONCE = 2**21


@dataclass(frozen=True, slots=True)
class Windows:
    """A grid of windows on an image (N, C, H, W).

    Attributes:
        kernel: (kh, kw), the number of taps of a window along each axis.
        stride: pixels from one window to the next.
        dilation: pixels from one tap to the next.
        grid: (Hout, Wout), the number of windows along each axis.
    """

    kernel: Pair
    stride: Pair
    dilation: Pair
    grid: Pair

    def parts(self, image: Tensor) -> Iterator[Part]:
        """The work on ``image`` in parts whose columns fit into a processor's cache.

        A part is several small images, or a band of rows of windows of a large one.
        """
        n, channels = image.shape[:2]
        height, width = self.grid
        row = channels * self.kernel[0] * self.kernel[1] * width  # elements of a row's columns
        rows = min(height, max(1, ELEMENTS_AT_ONCE // row))
        images = max(1, ELEMENTS_AT_ONCE // (row * height))
        for first in range(0, n, images):
            for top in range(0, height, rows):
                grid = (min(rows, height - top), width)
                windows = Windows(self.kernel, self.stride, self.dilation, grid)
                yield Part(slice(first, first + images), slice(top, top + rows), windows)

    def view(self, image: Tensor) -> Tensor:
        """A view of the image as (N, C, kh, kw, Hout, Wout): tap (i, j) of every window."""
        n, c, h, w = image.stride()
        steps = (h * self.dilation[0], w * self.dilation[1], h * self.stride[0], w * self.stride[1])
        return image.as_strided((*image.shape[:2], *self.kernel, *self.grid), (n, c, *steps))

    def gather(self, image: Tensor, groups: int = 1) -> Tensor:
        """(N, C, H, W) -> (N*G, C/G*kh*kw, L): one column for each of the L = Hout*Wout windows."""
        n, channels = image.shape[:2]
        rows = channels // groups * self.kernel[0] * self.kernel[1]
        return self.view(image).reshape(n * groups, rows, self.grid[0] * self.grid[1])

    def scatter(self, columns: Tensor, image: Tensor) -> Tensor:
        """Add (N*G, C/G*kh*kw, L) columns to the windows of ``image`` (N, C, H, W); returns it.

        Windows overlap, but the same tap of different windows never does: one addition a tap.
        """
        taps = self.view(image)  # N, C, kh, kw, Hout, Wout
        columns = columns.view(taps.shape)
        for i in range(self.kernel[0]):
            for j in range(self.kernel[1]):
                taps[:, :, i, j].add_(columns[:, :, i, j])
        return image


@dataclass(frozen=True, slots=True)
class Part:
    """Some rows of the windows of some images.

    Attributes:
        images: which images.
        rows: which rows of the grid.
        windows: the windows in these rows.
    """

    images: slice
    rows: slice
    windows: Windows

    def of_image(self, image: Tensor) -> Tensor:
        """These images from the top of these windows on: a view of (N, C, H, W)."""
        return image[self.images, :, self.rows.start * self.windows.stride[0] :]

    def of_grid(self, grid: Tensor) -> Tensor:
        """These images' pixels that the windows belong to: a view of (N, C, Hout, Wout)."""
        return grid[self.images, :, self.rows]


def pad(image: Tensor, sides: Sides, write: Write = copy_rows) -> Tensor:
    """``image`` (N, C, H, W) with that many zero pixels added on each side."""
    if not any(sides):
        return written(image, write)
    n, c, height, width = image.shape
    top, bottom, left, right = sides
    padded = image.new_zeros(n, c, top + height + bottom, left + width + right)
    write(image, [crop(padded, sides, (height, width))])
    return padded


def crop(image: Tensor, sides: Sides, size: Pair) -> Tensor:
    """The part of size (H, W) of a padded ``image``, without its ``sides``: a view."""
    top, _, left, _ = sides
    return image[:, :, top : top + size[0], left : left + size[1]]


def for_each_image(matrices: Tensor, n: int) -> Tensor:
    """(G, rows, columns) -> (N*G, rows, columns): the G matrices again for each of n images."""
    return matrices.expand(n, *matrices.shape).reshape(n * len(matrices), *matrices.shape[1:])


def to_rows(image: Tensor, groups: int) -> Tensor:
    """(N, C, H, W) -> (N*G, C/G, H*W): each group of channels of each image as a matrix."""
    n, channels, height, width = image.shape
    return image.reshape(n * groups, channels // groups, height * width)
