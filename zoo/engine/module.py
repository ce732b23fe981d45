"""What the engine's own modules can do beyond the contract of a layer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, NamedTuple

import torch
from torch import Tensor

from zoo.engine.conv.epilogue import Addition
from zoo.nn.module import Module


class Output(NamedTuple):
    """What ``forward`` returns, still to be written where it is wanted.

    Attributes:
        shape: its shape.
        like: a tensor with its type, device and order of axes in memory.
        write: ``write(out)`` fills ``out``, of that shape.
    """

    shape: torch.Size
    like: Tensor
    write: Callable[[Tensor], object]

    @classmethod
    def of(cls, y: Tensor) -> Output:
        """One that is computed already, to be copied."""
        return cls(y.shape, y, lambda out: out.copy_(y))


class LoweredModule(Module):
    """Base of modules that compute what a textbook layer does, on the layer's own parameters.

    Attributes:
        output_reusable: whether it keeps what ``forward`` returns nowhere, so that the module
            behind it may overwrite it.
        defers: whether ``deferred_forward`` saves a copy.
    """

    output_reusable: ClassVar[bool] = False
    defers: ClassVar[bool] = False

    def saved(self) -> tuple[Any, ...]:
        """What the latest ``forward`` kept; where there is nothing the textbook layer is named."""
        if self._saved is None and isinstance(source := self.source(), Module):
            source.clear_saved()
            source.saved()  # raises
        return super().saved()

    def source(self) -> Module | None:
        """The textbook layer that messages name; None for one of this class's own name."""
        return None

    def deferred_forward(self, x: Tensor) -> Output:
        """``forward`` whose output is written to a part of a larger tensor."""
        return Output.of(self.forward(x))

    def forward_adding(self, x: Tensor, addition: Addition) -> tuple[Tensor, bool]:
        """``forward``, and whether the addition is done to it: a module may do it on the way."""
        return self.forward(x), False

    def backward_adding(self, grad_y: Tensor, addition: Addition) -> tuple[Tensor, bool]:
        """``backward``, and whether the addition is done to the gradient."""
        return self.backward(grad_y), False

    def channel_affine(self) -> tuple[Tensor, Tensor] | None:
        """(scale, shift), (C,) each, where ``forward`` is scale x + shift for each channel.

        None where it is anything else, in the mode that the module is in. In evaluation mode a
        convolution in front of it may then do its work.
        """
        return None

    def backward_weights_only(self, grad_y: Tensor) -> None:
        """``backward`` where nobody needs the gradient with respect to x.

        The first layer with parameters of a network is asked this way; a module may save that work.
        """
        self.backward(grad_y)


def deferred_forward(module: Module, x: Tensor) -> Output:
    """``forward`` of any module, whose output is written to a part of a larger tensor."""
    if isinstance(module, LoweredModule):
        return module.deferred_forward(x)
    return Output.of(module.forward(x))


def forward_adding(module: Module, x: Tensor, addition: Addition) -> tuple[Tensor, bool]:
    """``forward`` of any module, and whether the addition is done to it."""
    if isinstance(module, LoweredModule):
        return module.forward_adding(x, addition)
    return module.forward(x), False


def backward_adding(module: Module, grad_y: Tensor, addition: Addition) -> tuple[Tensor, bool]:
    """``backward`` of any module, and whether the addition is done to the gradient."""
    if isinstance(module, LoweredModule):
        return module.backward_adding(grad_y, addition)
    return module.backward(grad_y), False


def backward_weights_only(module: Module, grad_y: Tensor) -> None:
    """Add the gradients of the module's parameters, without the input's if it can do so."""
    if isinstance(module, LoweredModule):
        module.backward_weights_only(grad_y)
    else:
        module.backward(grad_y)
