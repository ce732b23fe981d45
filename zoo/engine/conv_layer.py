"""A convolution layer, computed by the kernel that serves the size of its images best."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import torch
from torch import Tensor

from zoo.engine.conv.convolution import COARSE_FIRST, FINE_FIRST, Convolution
from zoo.engine.conv.epilogue import Addition, Epilogue
from zoo.engine.conv.kernel import InputTransform, identity, materialize
from zoo.engine.conv.plans import (
    Weight,
    plan_conv2d,
    plan_conv_transpose2d,
    plan_upsampling,
    use_fast_path,
)
from zoo.engine.conv.tiling import conv2d_in_bands, forward_in_tiles
from zoo.engine.module import LoweredModule
from zoo.nn.conv2d import Conv2d
from zoo.nn.conv_transpose2d import ConvTranspose2d
from zoo.nn.module import Module
from zoo.nn.parameter import Parameter
from zoo.spec.shapes import Pair


class ConvLayer(LoweredModule):
    """A convolution, a transposed one, or nearest-neighbour upsampling and a convolution.

    Args:
        layer: the textbook layer; it computes what no kernel serves: groups, and images so small
            that it does not matter.
        conv: the layer that has the parameters: ``layer`` itself, or a part of it.
        scale: the factors of the upsampling before ``conv``.

    Attributes:
        fast: whether it may round more where it then takes less time.
    """

    output_reusable = True

    def __init__(self, layer: Module, conv: Conv2d | ConvTranspose2d, scale: Pair = (1, 1)) -> None:
        super().__init__()
        self.layer = layer
        self.conv = conv
        self.scale = scale
        self.fast = False
        self.parameters = conv.parameters

    def source(self) -> Module:
        """The convolution: it comes first on the way back."""
        return self.conv

    def set_memory_format(self) -> None:
        """Keep the weight as the kernels take it; another order is right too, but slower."""
        set_memory_format(self._weight, COARSE_FIRST if self.scale == (1, 1) else FINE_FIRST)

    def forward(self, x: Tensor) -> Tensor:
        """(N, Cin, H, W) -> (N, Cout, Hout, Wout); also without N."""
        return self.forward_through(identity, x)

    def backward(self, grad_y: Tensor) -> Tensor:
        """(N, Cout, Hout, Wout) -> (N, Cin, H, W); also without N."""
        grad_x = self.backward_through(identity, grad_y)
        assert grad_x is not None
        return grad_x

    def backward_weights_only(self, grad_y: Tensor) -> None:
        """``backward`` without the input's gradient."""
        self.backward_through(identity, grad_y, input_gradient=False)

    def output_shape(self, input_shape: Sequence[int]) -> tuple[int, ...]:
        """(Cin, H, W) -> (Cout, Hout, Wout)."""
        return self.layer.output_shape(input_shape)

    def clear_saved(self) -> None:
        """Drop what the latest ``forward`` kept, here and in the textbook layer."""
        super().clear_saved()
        self.layer.clear_saved()

    def takes_epilogue(self, x: Tensor) -> bool:
        """Whether ``forward_through`` takes an epilogue for x (N, Cin, H, W)."""
        y_shape = self.output_shape(x.shape[1:])
        plan = self._plan(x, (y_shape[1], y_shape[2]))
        return plan is not None and plan.takes_epilogue

    def can_add(self, addition: Addition, x: Tensor) -> bool:
        """Whether ``forward_through`` takes that epilogue for x (N, Cin, H, W)."""
        shape = len(x), *self.output_shape(x.shape[1:])
        return addition.fits(shape) and self.takes_epilogue(x)

    def can_add_to_gradient(self, addition: Addition) -> bool:
        """Whether ``backward_through`` takes that epilogue, after the latest ``forward``."""
        plan, _, y_shape = self.saved()
        if not self.takes_gradients_epilogue() or len(y_shape) != 4:
            return False
        return addition.fits((y_shape[0], *plan.input_shape()))

    def takes_gradients_epilogue(self) -> bool:
        """Whether ``backward_through`` takes an epilogue, after the latest ``forward``."""
        plan = self.saved()[0]
        return isinstance(plan, Convolution) and plan.takes_epilogue

    def forward_through(
        self,
        transform: InputTransform,
        x: Tensor,
        epilogue: Epilogue | None = None,
        affine: tuple[Tensor, Tensor] | None = None,
    ) -> Tensor:
        """``forward`` of what the transform makes of x.

        Args:
            transform: an activation, or the identity.
            x: the input; but for the identity it has an N.
            epilogue: of the output, if it takes one.
            affine: in evaluation mode, a scale and a shift of each of the output's channels.
        """
        weight, bias = self._weight, self._bias
        if affine is not None:
            weight, bias = self._scaled(*affine)
        y_shape = self.output_shape(x.shape[x.dim() == 4 :])
        images = x if x.dim() == 4 else x.unsqueeze(0)
        plan, packed = self._plan(images, (y_shape[1], y_shape[2])), None
        if plan is None:
            y = self._textbook_forward(materialize(images, transform))
            if affine is not None:
                scale, shift = (values.view(-1, 1, 1) for values in affine)
                y = torch.addcmul(shift, y, scale)
        elif self.training:
            y, packed = plan.forward(images, weight, bias, transform, epilogue)
        else:
            y = forward_in_tiles(plan, images, weight, bias, transform, epilogue)
        self.save(plan, packed, (*x.shape[:-3], *y_shape))
        return y if x.dim() == 4 else y.squeeze(0)

    def backward_through(
        self,
        transform: InputTransform,
        grad_y: Tensor,
        input_gradient: bool = True,
        epilogue: Epilogue | None = None,
    ) -> Tensor | None:
        """``backward`` from what the transform makes of the gradient of what follows.

        Args:
            transform: an activation's gradient, or the identity.
            grad_y: (N, Cout, Hout, Wout).
            input_gradient: whether the input's gradient is needed.
            epilogue: of that, if it takes one.
        """
        plan, packed, y_shape = self.saved()
        self.conv.require_gradient_shape(grad_y, y_shape)
        images = grad_y if grad_y.dim() == 4 else grad_y.unsqueeze(0)
        grad: Tensor | None
        if plan is None:
            grad = self.layer.backward(materialize(images, transform))
        else:
            grad = plan.backward(
                images, packed, self._weight, self._bias, transform, input_gradient, epilogue
            )
        return grad if grad is None or grad_y.dim() == 4 else grad.squeeze(0)

    @property
    def out_channels(self) -> int:
        """Cout."""
        return self.conv.out_channels

    def _scaled(self, scale: Tensor, shift: Tensor) -> tuple[Parameter, Parameter]:
        """The weight and the bias, with each output's channel scaled and shifted."""
        axis = 1 if isinstance(self.conv, ConvTranspose2d) else 0
        weight = self._weight.value
        shape = [-1 if number == axis else 1 for number in range(weight.dim())]
        if self._bias is not None:
            shift = torch.addcmul(shift, self._bias.value, scale)
        return Parameter(weight * scale.view(shape)), Parameter(shift)

    @property
    def _weight(self) -> Parameter:
        return self.parameters["weight"]

    @property
    def _bias(self) -> Parameter | None:
        return self.parameters.get("bias")

    def _plan(self, images: Tensor, y_size: Pair) -> Convolution | None:
        """How to compute images of this size; None for the textbook's way."""
        n, size, conv = len(images), (images.shape[2], images.shape[3]), self.conv
        strided = isinstance(conv, Conv2d) and self.scale == (1, 1)
        pixels = n * prod(y_size if strided else size)  # of the coarse grid
        weight = self._weight.value
        if conv.groups > 1 or not use_fast_path(pixels, weight):
            return None
        kind = Weight.of(weight, self.fast)
        if isinstance(conv, ConvTranspose2d):
            geometry = conv.stride, conv.padding, conv.dilation
            return plan_conv_transpose2d(n, size, y_size, kind, *geometry)
        if self.scale != (1, 1):
            return plan_upsampling(n, size, y_size, kind, self.scale, conv.padding)
        return plan_conv2d(n, size, y_size, kind, conv.stride, conv.padding, conv.dilation)

    def _textbook_forward(self, images: Tensor) -> Tensor:
        if not self.training and isinstance(self.layer, Conv2d):
            return conv2d_in_bands(self.layer, images)
        return self.layer.forward(images)


def set_memory_format(parameter: Parameter, axes: Sequence[int]) -> None:
    """Keep the value and the gradient with ``axes`` from the outermost to the innermost in memory.

    Shapes and numbers stay as they are, and a parameter that is in that order stays untouched.
    """
    if parameter.value.permute(*axes).is_contiguous():
        return
    inverse = sorted(range(len(axes)), key=axes.__getitem__)
    value, gradient = (tensor.permute(*axes).contiguous().permute(*inverse) for tensor in parameter)
    parameter.value, parameter.gradient = value, gradient
