"""Layers for images of any size, whatever sizes they ask for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from torch import Tensor

from zoo.nn import Module, empty_preserving_format
from zoo.spec.arguments import pair
from zoo.spec.shapes import Pair
from zoo_unet.shapes import cut_back, extended


class ReflectPad(Module):
    """A body of layers on images that are first extended by reflection, and then cut back.

    With x* the image x extended at the bottom and at the right to multiples of M, and r(i) the row
    of x that row i of x* repeats; the same for columns::

        forward:  y = body(x*) without the rows and columns that were added
        backward: grad_x[.., i, :] = sum of grad_x*[.., k, :] over all k with r(k) = i,
                  grad_x* = body'(grad_y, with zeros where y was cut)

    Reflection leaves out the border: r is 0, 1, .., H-2, H-1, H-2, .., 1, 0, 1, .. so that images
    smaller than what is added are reflected again and again. An image that needs nothing is given
    to the body as it is.

    The names of the state dict are the body's below ``"body."``: ``"body.0.weight"`` and so on.

    Args:
        body: the layers inside.
        multiple: M, (vertical, horizontal) or one integer for both.

    Shapes:
        x: (N, C, H, W) or (C, H, W). y: (N, Cb, H, W) or (Cb, H, W), Cb the body's channels.

    Raises:
        ArgumentError: the multiple is not a positive integer or a pair of them.
        ShapeError: x has another number of axes, the body refuses it once it is extended, or the
            body's output has another height or width than its input.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.ReflectionPad2d.html, which
    reflects once.
    """

    batch_independent = True

    def __init__(self, body: Module, multiple: int | Pair) -> None:
        super().__init__()
        self.multiple = pair("ReflectPad", "multiple", multiple)
        self.body = body
        self.children["body"] = body

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, Cb, H, W); also without N."""
        inner = extended("ReflectPad", x.shape[x.dim() == 4 :], self.multiple)
        y_padded = self.body.forward(_reflected(x, inner))
        y_shape = cut_back("ReflectPad", y_padded.shape[-3:], inner, x.shape[-3:])
        self.save(x.shape, y_padded.shape)
        return y_padded[..., : y_shape[1], : y_shape[2]]

    def backward(self, grad_y: Tensor) -> Tensor:
        """(N, Cb, H, W) -> (N, C, H, W); also without N."""
        x_shape, padded_shape = self.saved()
        grad_padded = self.body.backward(self._padded_gradient(grad_y))
        return grad_padded if padded_shape[-2:] == x_shape[-2:] else _folded(grad_padded, x_shape)

    def output_shape(self, input_shape: Sequence[int]) -> tuple[int, ...]:
        """(C, H, W) -> (Cb, H, W)."""
        inner = extended("ReflectPad", input_shape, self.multiple)
        return cut_back("ReflectPad", self.body.output_shape(inner), inner, input_shape)

    def _padded_gradient(self, grad_y: Tensor) -> Tensor:
        """The gradient of the body's output: zeros where it was cut; itself where it was not."""
        x_shape, padded_shape = self.saved()
        height, width = x_shape[-2:]
        self.require_gradient_shape(grad_y, (*padded_shape[:-2], height, width))
        if padded_shape[-2:] == x_shape[-2:]:
            return grad_y
        grad_padded = empty_preserving_format(grad_y, padded_shape).zero_()
        grad_padded[..., :height, :width] = grad_y
        return grad_padded


def _reflected(x: Tensor, shape: Sequence[int]) -> Tensor:
    """x extended to the height and width of ``shape``; x itself if it has them."""
    if x.shape[-2:] == shape[-2:]:
        return x
    padded = empty_preserving_format(x, (*x.shape[:-2], *shape[-2:]))
    padded[..., : x.shape[-2], : x.shape[-1]] = x
    for mirrored, source in _mirrored(padded, x.shape):
        mirrored.copy_(source.flip(-1))
    return padded


def _folded(grad_padded: Tensor, x_shape: Sequence[int]) -> Tensor:
    """The gradient of each pixel, the sum of those of the pixels that repeat it."""
    grad_padded = grad_padded.clone()  # the body may still need its own
    for mirrored, source in reversed([*_mirrored(grad_padded, x_shape)]):
        source.add_(mirrored.flip(-1))
    return grad_padded[..., : x_shape[-2], : x_shape[-1]]


def _mirrored(padded: Tensor, shape: Sequence[int]) -> Iterator[tuple[Tensor, Tensor]]:
    """What is copied to extend an image of ``shape``: pairs of blocks, one the other mirrored.

    Each doubles the image, at its last row or column, until it is large enough. The blocks are
    views with the axis of reflection last.
    """
    height, width = shape[-2:]
    for image, size in ((padded[..., :width].mT, height), (padded, width)):
        while size < image.shape[-1]:
            added = min(image.shape[-1] - size, max(1, size - 1))  # a single row is repeated
            first = max(0, size - 1 - added)
            yield image[..., size : size + added], image[..., first : first + added]
            size += added
