"""A shortcut around a chain of layers."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from zoo.errors import ArgumentError
from zoo.nn import Module
from zoo.spec.arguments import positive
from zoo_residual.shapes import same_as_input


class Residual(Module):
    """The input plus what a body of layers makes of it, or minus it.

    With s = scale, or s = -scale where the sign is minus::

        forward:  y = x + s body(x)
        backward: grad_x = grad_y + body'(s grad_y)

    With a minus the body learns the noise, which is taken away from the image (Zhang et al.,
    "Beyond a Gaussian Denoiser", 2017); with a plus and a small scale deep chains train stably
    (Lim et al., "Enhanced Deep Residual Networks for Single Image Super-Resolution", 2017).

    The names of the state dict are the body's below ``"body."``: ``"body.0.weight"`` and so on.

    Args:
        body: the layers inside.
        scale: what the body's output is multiplied by, > 0.
        sign: ``"plus"`` or ``"minus"``.

    Shapes:
        x, y: what the body takes, and gives back.

    Raises:
        ArgumentError: impossible arguments.
        ShapeError: the body refuses its input, or its output has another shape.

    Source: He, Zhang, Ren, Sun: "Deep Residual Learning for Image Recognition", 2016.
    """

    batch_independent = True

    def __init__(self, body: Module, scale: float = 1.0, sign: str = "plus") -> None:
        super().__init__()
        if sign not in ("plus", "minus"):
            raise ArgumentError(f"Residual: sign is {sign!r}. Use 'plus' or 'minus'.", "sign")
        self.scale = positive("Residual", "scale", scale)
        self.sign = sign
        self.factor = self.scale if sign == "plus" else -self.scale
        self.body = body
        self.children["body"] = body

    def forward(self, x: Tensor) -> Tensor:
        """(...) -> (...), the same shape."""
        change = self.body.forward(x)
        same_as_input("Residual", change.shape, x.shape)
        self.save(x.shape)
        return x.add(change, alpha=self.factor)

    def backward(self, grad_y: Tensor) -> Tensor:
        """(...) -> (...), the same shape."""
        (x_shape,) = self.saved()
        self.require_gradient_shape(grad_y, x_shape)
        grad_change = grad_y if self.factor == 1 else grad_y * self.factor
        return grad_y + self.body.backward(grad_change)

    def output_shape(self, input_shape: Sequence[int]) -> tuple[int, ...]:
        """The input's."""
        return same_as_input("Residual", self.body.output_shape(input_shape), input_shape)
