"""The three products for 3 x 3 and 2 x 2 taps with fewer multiplications: minimal filtering.

Two neighbouring outputs of three taps, of the inputs d0 .. d3 along one axis, are six products::

    y0 = d0 w0 + d1 w1 + d2 w2
    y1 = d1 w0 + d2 w1 + d3 w2

Four are enough. With ::

    m0 = (d0 - d2) w0                      m1 = (d1 + d2) (w0 + w1 + w2) / 2
    m3 = (d1 - d3) w2                      m2 = (d2 - d1) (w0 - w1 + w2) / 2

    y0 = m0 + m1 + m2                      y1 = m1 - m2 - m3

which one sees by multiplying out. As matrices, y = A^T [(G w) . (B^T d)], where . is the product
number by number::

          1  0 -1  0            1   0   0              1  1  1  0
    B^T = 0  1  1  0       G = 1/2 1/2 1/2       A^T = 0  1 -1 -1
          0 -1  1  0           1/2 -1/2 1/2
          0  1  0 -1            0   0   1

Along both axes, Y = A^T [U . V] A with U = G w G^T and V = B^T d B: a *tile* of 4 x 4 inputs gives
2 x 2 outputs for 16 products instead of 36. With channels, number (i, j) of U is a matrix (Cin,
Cout) and that of V one (tiles, Cin), so the products are 16 matrix products of all tiles; the
transforms are few additions, whose cost does not grow with the channels on the other side.

Of two taps, along each axis, three products are enough instead of four, 9 instead of 16 in all::

    y0 = d0 w0 + d1 w1     m0 = (d0 - d1) w0     m1 = d1 (w0 + w1)     y0 = m0 + m1
    y1 = d1 w0 + d2 w1                           m2 = (d2 - d1) w1     y1 = m1 + m2

Larger tiles take fewer products still: of three taps F(4 x 4), 36 products of 6 x 6 inputs for 16
outputs instead of 144, where F(2 x 2) takes 64. The inputs and the weight are polynomials, of which
a product is known from its values at five points and at infinity: B^T and G give the values, A^T
the outputs. The points 0, +-1, +-2 are the usual ones. With 0, +-r/2 and +-r, r the root of 2, the
numbers of A and B are smaller and it rounds four times less, for as many operations::

          1   0  -5/2   0   1  0           1     0     0             1  1    1    1   1  0
          0 -r   -2   r/2   1  0         -2/3 -r/3  -1/3       A^T = 0  r/2 -r/2  r  -r  0
    B^T = 0  r   -2  -r/2   1  0     G = -2/3  r/3  -1/3             0  1/2  1/2  2   2  0
          0 -r/2 -1/2  r    1  0          1/6  r/6   1/3             0  r/4 -r/4  2r -2r 1
          0  r/2 -1/2 -r    1  0          1/6 -r/6   1/3
          0   1   0  -5/2   0  1           0     0     1

Its outputs differ from the definition's by up to 1e-5 where they are of size 1, which is four times
as much as F(2 x 2)'s, so it is used where that is allowed: see :func:`zoo.engine.lower`.

The input's gradient is the same with the taps reversed and transposed. The weight's gradient
follows from the chain rule, with S the sum over tiles::

    dU = V^T dM,   dM = A dy A^T,   dw = G^T S G      with S the sum of V^T dM over all tiles

What decides whether fewer multiplications are less time is memory: transforms as operations on
whole images read and write them several times over, and gain nothing. Here a block of tiles goes
through all three steps in a core's own cache (:mod:`zoo.engine.compiled.minimal_filtering`).
Outputs differ from the definition's by rounding, no more than those of the matrix products do.

With stride 2 the even inputs are a convolution of two taps and the odd ones of one, 25 products
instead of 36. It was tried and is not used: with 100 to 200 channels and 8 x 8 outputs the 25
matrices of the weight alone, 2 MB, fill the cache, and a step took 1.0 of torch.nn's time instead
of 0.85.

Source: Lavin, Gray: "Fast Algorithms for Convolutional Neural Networks", 2016;
Winograd: "Arithmetic Complexity of Computations", 1980.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from zoo.engine.compiled import build
from zoo.engine.compiled.call import Argument, call
from zoo.engine.conv.axis import Axis
from zoo.engine.conv.epilogue import Epilogue, arguments, image_arguments
from zoo.engine.conv.kernel import ConvKernel, InputTransform, identity
from zoo.spec.shapes import Pair

# Multiplications of a thread, below which it is not worth the time to wake up.
MIN_PRODUCTS_OF_THREAD = 2**22
SIDE_OF_WGRAD = 2  # of a tile
# Of an image, from which they pay: their weight has 36 numbers where that of small ones has 16.
MIN_LARGE_TILES = 64


def serves(rows: Axis, columns: Axis) -> bool:
    """Whether a map has 3 x 3 or 2 x 2 neighbouring taps and stride 1."""
    taps = len(rows.offsets)
    return taps in (2, 3) and all(
        axis.stride == 1 and axis.offsets == tuple(range(axis.offsets[0], axis.offsets[0] + taps))
        for axis in (rows, columns)
    )


def tile_side(rows: Axis, columns: Axis) -> int:
    """The side of the tiles that take less time, for a map that is served.

    It does not ask how many images there are: an image's output depends on none beside it.
    """
    if len(rows.offsets) != 3:
        return 2
    small, large = (-(-rows.coarse // side) * -(-columns.coarse // side) for side in (2, 4))
    fewer = 36 * large < 0.8 * 16 * small  # products; not of an image of one or two rows
    return 4 if large >= MIN_LARGE_TILES and fewer else 2


def has_kernels(weight: Tensor) -> bool:
    """Whether a convolution with this weight can be computed by compiled kernels."""
    return weight.device.type == "cpu" and weight.dtype == torch.float32 and not build.problem()


@dataclass(frozen=True)
class MinimalFiltering(ConvKernel):
    """The three products of 3 x 3 or 2 x 2 taps and stride 1, in float32 on a CPU.

    An image is stored as it is, with the channels of a pixel side by side; zeros around it are made
    where a tile reaches beyond it. What follows the products costs no pass over memory of its own:
    an epilogue, and the sum that is the bias's gradient.

    Attributes:
        side: pixels along each axis of a tile of ``fprop`` and ``dgrad``: 2, or 4 of 3 x 3 taps.
            ``wgrad``, which adds up tiles, keeps to 2.
    """

    side: int = 2

    def pack_coarse(self, image: Tensor, transform: InputTransform = identity) -> Tensor:
        """The image itself if its channels are side by side, else a copy."""
        return _packed(image, transform)

    def pack_fine(
        self, image: Tensor, transform: InputTransform = identity, upsampled: bool = False
    ) -> Tensor:
        """The image itself if its channels are side by side, else a copy."""
        return _packed(image, transform)

    def coarse_pixels(self, coarse: Tensor) -> Tensor:
        """(H, N, W, Ccoarse)."""
        return coarse.permute(2, 0, 3, 1)

    def fine_pixels(self, fine: Tensor, upsampled: bool = False) -> Tensor:
        """(H, N, W, Cfine)."""
        return fine.permute(2, 0, 3, 1)

    def fprop(
        self,
        operand: Tensor,
        weight: Tensor,
        bias: Tensor | None,
        epilogue: Epilogue | None = None,
    ) -> Tensor:
        """A convolution with the taps as they are."""
        size = self.rows.coarse, self.columns.coarse
        top, left = -self.rows.offsets[0], -self.columns.offsets[0]
        return _convolve(operand, weight, bias, size, (top, left), self.side, epilogue)

    def dgrad(
        self,
        coarse: Tensor,
        weight: Tensor,
        bias: Tensor | None,
        upsampled: bool = False,
        epilogue: Epilogue | None = None,
    ) -> Tensor:
        """A convolution with the taps in reverse, as pixel u has tap t of u - offset."""
        size = self.rows.fine, self.columns.fine
        top, left = self.rows.offsets[-1], self.columns.offsets[-1]
        turned = weight.transpose(2, 3)
        before = top, left
        return _convolve(coarse, turned, bias, size, before, self.side, epilogue, reverse=True)

    def wgrad(self, gradient: Tensor, coarse: Tensor, operand: Tensor, add: bool) -> None:
        """The sum of all tiles' products, transformed once."""
        self.wgrad_and_sum(gradient, coarse, operand, add)

    def wgrad_and_sum(
        self,
        gradient: Tensor,
        coarse: Tensor,
        operand: Tensor,
        add: bool,
        total: Tensor | None = None,
        add_total: bool = False,
    ) -> None:
        """Both at once: the sum of a tile is among its transformed numbers."""
        from zoo.engine.compiled import minimal_filtering as kernels

        taps, _, inputs, outputs = gradient.shape
        side = SIDE_OF_WGRAD
        tiles = self.n * kernels.tiles_of_image(side, self.rows.coarse, self.columns.coarse)
        shares = _shares(inputs, 16, kernels.products(taps, side, tiles, inputs, outputs))
        at_once = kernels.tiles_at_once(taps, side, inputs, outputs)
        written = [gradient] if total is None else [gradient, total]
        parts: list[tuple[Argument, ...]] = []
        for number, share in enumerate(shares):  # each thread has inputs of its own
            lines = len(share)
            size = kernels.scratch_of_gradient(taps, side, lines, outputs, at_once)
            scratch = _scratch(operand, size)
            written.append(scratch)
            weight = gradient[:, :, share.start : share.stop]
            line = (
                *(taps, side),
                *(*image_arguments(operand[:, share.start : share.stop]), lines),
                *(*image_arguments(coarse), outputs, self.n),
                *(-self.rows.offsets[0], -self.columns.offsets[0]),
                *(weight, *_distances(weight), int(add)),
                *(None if number else total, int(add_total)),
                *(at_once, scratch),
            )
            parts.append(line)
        call(kernels.gradient_of_weight, parts, written)


def _convolve(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    size: Pair,
    before: Pair,
    side: int,
    epilogue: Epilogue | None = None,
    reverse: bool = False,
) -> Tensor:
    """y[v] = bias + sum over taps of weight[tap]^T x[v + tap - before], of (N, Cin, H, W).

    Args:
        weight: (t, t, Cin, Cout), t 2 or 3.
        size: (Hout, Wout).
        side: of a tile.
        reverse: whether the taps are in reverse order.
    """
    from zoo.engine.compiled import minimal_filtering as kernels

    taps, _, inputs, outputs = weight.shape
    weight = weight.contiguous()
    tap_row, tap, line = _distances(weight)
    start = weight
    if reverse:
        start, tap_row, tap = weight[-1, -1], -tap_row, -tap
    y = x.new_empty(size[0], len(x), size[1], outputs).permute(1, 3, 0, 2)
    at_once = kernels.tiles_at_once(taps, side, inputs, outputs)
    size_of_scratch = kernels.scratch_of_convolve(taps, side, inputs, outputs, at_once)
    tiles = len(x) * kernels.tiles_of_image(side, *size)
    written = [y]
    parts: list[tuple[Argument, ...]] = []
    for share in _shares(tiles, at_once, kernels.products(taps, side, tiles, inputs, outputs)):
        scratch = _scratch(x, size_of_scratch)
        written.append(scratch)
        values = (
            *(taps, side),
            *(*image_arguments(x), inputs),
            *(start, tap_row, tap, line, bias),
            *(*image_arguments(y), outputs),
            *before,
            *arguments(epilogue),
            *(share.start, share.stop, at_once, scratch),
        )
        parts.append(values)
    call(kernels.convolve, parts, written)
    return y


def _shares(total: int, multiple: int, products: int) -> list[range]:
    """What each of this thread's threads of torch does of a number of things.

    Args:
        total: how many.
        multiple: of which all shares but the last are.
        products: what they all take.
    """
    threads = min(torch.get_num_threads(), products // MIN_PRODUCTS_OF_THREAD, total // multiple)
    if threads < 2:
        return [range(total)]
    share = -(-total // (threads * multiple)) * multiple
    return [range(start, min(start + share, total)) for start in range(0, total, share)]


def _scratch(like: Tensor, size: int) -> Tensor:
    """Memory for so many bytes."""
    return like.new_empty(-(-size // like.itemsize))


def _packed(image: Tensor, transform: InputTransform) -> Tensor:
    """(N, C, H, W) with the channels of a pixel side by side."""
    if transform is identity and image.stride(1) == 1:
        return image
    n, channels, height, width = image.shape
    pixels = image.new_empty(height, n, width, channels).permute(1, 3, 0, 2)
    transform(image, [pixels])
    return pixels


def _distances(taps: Tensor) -> tuple[int, int, int]:
    """Bytes from row to row of taps (t, t, Cin, Cout), from tap to tap, from line to line."""
    row, tap, line, _ = taps.stride()
    return row * taps.itemsize, tap * taps.itemsize, line * taps.itemsize
