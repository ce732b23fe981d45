"""Forward and backward of the convolution layers, each from the three products of a kernel.

:mod:`zoo.engine.conv.plans` decides which kernel that is.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

from zoo.engine.conv.epilogue import Epilogue
from zoo.engine.conv.kernel import ConvKernel, InputTransform, add_sum, identity
from zoo.engine.conv.minimal_filtering import MinimalFiltering
from zoo.nn.parameter import Parameter

# Which axes of a weight are (kh, kw, Cfine, Ccoarse): also the order in which it is kept in memory.
COARSE_FIRST = (2, 3, 1, 0)  # of (Ccoarse, Cfine, kh, kw)
FINE_FIRST = (2, 3, 0, 1)  # of (Cfine, Ccoarse, kh, kw)


@dataclass(frozen=True)
class Convolution:
    """A convolution layer for images of one size.

    Attributes:
        kernel: the three products.
        axes: which axes of the weight are (kh, kw, Cfine, Ccoarse).
        flipped: whether the weight's taps are in reverse order.
        transposed: whether the input is on the coarse grid and the output on the fine one.
        upsampled: of a transposed one, whether the output is summed over s x s pixels: then it is
            upsampling and a convolution.
    """

    kernel: ConvKernel
    axes: tuple[int, int, int, int]
    flipped: bool = False
    transposed: bool = False
    upsampled: bool = False

    def forward(
        self,
        x: Tensor,
        weight: Parameter,
        bias: Parameter | None,
        transform: InputTransform = identity,
        epilogue: Epilogue | None = None,
    ) -> tuple[Tensor, Tensor]:
        """The output for what ``transform`` makes of x, and what ``backward`` needs of it.

        Args:
            x: the input.
            weight: the layer's.
            bias: the layer's.
            transform: on the way in.
            epilogue: on the way out; only of one that ``takes_epilogue``.
        """
        taps, start = self._taps(weight), None if bias is None else bias.value
        if self.transposed:
            coarse = self.kernel.pack_coarse(x, transform)
            return self._dgrad(coarse, taps, start, epilogue), coarse
        fine = self.kernel.pack_fine(x, transform)
        return self._fprop(self.kernel.gemm_operand(fine), taps, start, epilogue), fine

    def backward(
        self,
        grad_y: Tensor,
        packed: Tensor,
        weight: Parameter,
        bias: Parameter | None,
        transform: InputTransform = identity,
        input_gradient: bool = True,
        epilogue: Epilogue | None = None,
    ) -> Tensor | None:
        """Add the parameters' gradients; returns x's, or None where nobody needs it.

        Args:
            grad_y: the output's gradient.
            packed: what ``forward`` gave.
            weight: the layer's.
            bias: the layer's.
            transform: of grad_y, on the way in.
            input_gradient: whether x's gradient is needed.
            epilogue: of x's gradient, on the way out; only of one that ``takes_epilogue``.
        """
        kernel = self.kernel
        if self.transposed:
            coarse, fine = packed, kernel.pack_fine(grad_y, transform, self.upsampled)
        else:
            coarse, fine = kernel.pack_coarse(grad_y, transform), packed
        operand = kernel.gemm_operand(fine)
        self._add_wgrad(weight, coarse, operand, None if self.transposed else bias)
        if self.transposed and bias is not None:
            add_sum(kernel.fine_pixels(fine, self.upsampled), *bias.grad_out())
        if not input_gradient:
            return None
        if self.transposed:
            return self._fprop(operand, self._taps(weight), None, epilogue)
        return self._dgrad(coarse, self._taps(weight), None, epilogue)

    @property
    def takes_epilogue(self) -> bool:
        """Whether it takes one on the way out."""
        return isinstance(self.kernel, MinimalFiltering)

    def output_shape(self) -> tuple[int, int, int]:
        """(Cout, Hout, Wout)."""
        kernel = self.kernel
        if self.transposed:
            return kernel.fine_channels, *kernel.fine_size(self.upsampled)
        return kernel.coarse_channels, kernel.rows.coarse, kernel.columns.coarse

    def input_shape(self) -> tuple[int, int, int]:
        """(Cin, H, W)."""
        kernel = self.kernel
        if self.transposed:
            return kernel.coarse_channels, kernel.rows.coarse, kernel.columns.coarse
        return kernel.fine_channels, kernel.rows.fine, kernel.columns.fine

    def _taps(self, weight: Parameter) -> Tensor:
        """The weight as (kh, kw, Cfine, Ccoarse), taps in the order of the kernel."""
        taps = weight.value.permute(self.axes)
        return _reversed(taps) if self.flipped else taps

    def _fprop(
        self, operand: Tensor, taps: Tensor, bias: Tensor | None, epilogue: Epilogue | None
    ) -> Tensor:
        if epilogue is None:
            return self.kernel.fprop(operand, taps, bias)
        assert isinstance(self.kernel, MinimalFiltering)
        return self.kernel.fprop(operand, taps, bias, epilogue)

    def _dgrad(
        self, coarse: Tensor, taps: Tensor, bias: Tensor | None, epilogue: Epilogue | None
    ) -> Tensor:
        if epilogue is None:
            return self.kernel.dgrad(coarse, taps, bias, self.upsampled)
        assert isinstance(self.kernel, MinimalFiltering)
        return self.kernel.dgrad(coarse, taps, bias, epilogue=epilogue)

    def _wgrad(
        self, taps: Tensor, coarse: Tensor, operand: Tensor, add: bool, bias: Parameter | None
    ) -> None:
        if bias is None:
            self.kernel.wgrad(taps, coarse, operand, add)
        else:
            self.kernel.wgrad_and_sum(taps, coarse, operand, add, *bias.grad_out())

    def _add_wgrad(
        self, weight: Parameter, coarse: Tensor, operand: Tensor, bias: Parameter | None
    ) -> None:
        """The weight's gradient, and that of a bias which is the sum of the coarse image."""
        gradient, add = weight.grad_out()
        gradient = gradient.permute(self.axes)
        if gradient.is_contiguous() and not self.flipped:
            self._wgrad(gradient, coarse, operand, add, bias)
            return
        taps = gradient.new_empty(gradient.shape)
        self._wgrad(taps, coarse, operand, False, bias)
        taps = _reversed(taps) if self.flipped else taps
        gradient.add_(taps) if add else gradient.copy_(taps)


def _reversed(taps: Tensor) -> Tensor:
    """(kh, kw, ...) with the taps in reverse: whole matrices are copied, which flip does not."""
    matrices = taps.flatten(0, 1)
    index = _countdown(len(matrices), taps.device)
    return matrices.index_select(0, index).view(taps.shape)


@lru_cache(maxsize=64)
def _countdown(count: int, device: torch.device) -> Tensor:
    """count - 1, ..., 1, 0."""
    return torch.arange(count - 1, -1, -1, device=device)
