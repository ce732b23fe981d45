"""What convolutions have in common: an operator for each size of input does their work."""

from __future__ import annotations

from typing import Protocol

from torch import Tensor

from zoo.nn.activation import Activation
from zoo.nn.fast.bands import forward_in_parts
from zoo.nn.fast.operators import Expansion, Reduction
from zoo.nn.module import Module
from zoo.nn.parameter import Parameter
from zoo.nn.write import Write, copy_rows
from zoo.spec.shapes import Pair


class Operator(Protocol):
    """A convolution of images of one size, forward and backward."""

    def forward(
        self, x: Tensor, weight: Parameter, bias: Parameter | None, write: Write = copy_rows
    ) -> tuple[Tensor, Tensor]:
        """The output, and what ``backward`` needs of the input."""

    def backward(
        self,
        grad_y: Tensor,
        stored: Tensor,
        weight: Parameter,
        bias: Parameter | None,
        input_gradient: bool,
        write: Write = copy_rows,
    ) -> Tensor | None:
        """Add the parameters' gradients; returns x's, or None where nobody needs it."""


class Convolution(Module):
    """Base of the layers whose parameters are a weight, perhaps a bias, and that have an operator.

    A layer implements ``output_shape`` and ``operator``, which chooses between the textbook form
    (:mod:`zoo.nn.plain`) and the fast ones (:mod:`zoo.nn.fast`).
    """

    gives_away = True
    per_image = True

    def operator(self, n: int, size: Pair, y_size: Pair) -> Operator:
        """What computes n images of ``size`` and their outputs of ``y_size``."""
        raise NotImplementedError(f"{type(self).__name__}.operator")

    def forward(self, x: Tensor) -> Tensor:
        """(N, Cin, H, W) -> (N, Cout, Hout, Wout); also without N."""
        return self._forward(x, copy_rows)

    def backward(self, grad_y: Tensor) -> Tensor:
        """(N, Cout, Hout, Wout) -> (N, Cin, H, W); also without N."""
        grad_x = self._backward(grad_y, copy_rows, input_gradient=True)
        assert grad_x is not None
        return grad_x

    def backward_parameters(self, grad_y: Tensor) -> None:
        """``backward`` without the input's gradient."""
        self._backward(grad_y, copy_rows, input_gradient=False)

    # What a chain of modules uses, images (N, C, H, W) only.

    def forward_after(self, activation: Activation, x: Tensor) -> Tensor:
        """``forward`` of the activation's output for ``x``."""
        return self._forward(x, activation.forward_into)

    def backward_before(
        self, activation: Activation, grad: Tensor, input_gradient: bool = True
    ) -> Tensor | None:
        """``backward`` from the gradient of the output of an activation that follows."""
        return self._backward(grad, activation.backward_into, input_gradient)

    def _forward(self, x: Tensor, write: Write) -> Tensor:
        y_shape = self.output_shape(x.shape[x.dim() == 4 :])
        images = x if x.dim() == 4 else x.unsqueeze(0)
        size = (images.shape[2], images.shape[3])
        operator = self.operator(len(images), size, (y_shape[1], y_shape[2]))
        if not self.training and isinstance(operator, Reduction | Expansion):
            y, stored = forward_in_parts(operator, images, *self._parameters(), write), None
        else:
            y, stored = operator.forward(images, *self._parameters(), write)
        self.save(operator, stored, (*x.shape[:-3], *y_shape))
        return y if x.dim() == 4 else y.squeeze(0)

    def _backward(self, grad_y: Tensor, write: Write, input_gradient: bool) -> Tensor | None:
        operator, stored, y_shape = self.saved()
        self.require_gradient_shape(grad_y, y_shape)
        images = grad_y if grad_y.dim() == 4 else grad_y.unsqueeze(0)
        grad_x: Tensor | None = operator.backward(
            images, stored, *self._parameters(), input_gradient, write
        )
        return grad_x if grad_x is None or grad_y.dim() == 4 else grad_x.squeeze(0)

    def _parameters(self) -> tuple[Parameter, Parameter | None]:
        parameters = self._layer().parameters
        return parameters["weight"], parameters.get("bias")
