"""What the engine's own modules can do beyond the contract of a layer."""

from __future__ import annotations

from typing import Any, ClassVar

from torch import Tensor

from zoo.nn.module import Module


class LoweredModule(Module):
    """Base of modules that compute what a textbook layer does, on the layer's own parameters.

    Attributes:
        output_reusable: whether it keeps what ``forward`` returns nowhere, so that the module
            behind it may overwrite it.
    """

    output_reusable: ClassVar[bool] = False

    def saved(self) -> tuple[Any, ...]:
        """What the latest ``forward`` kept; where there is nothing the textbook layer is named."""
        if self._saved is None and isinstance(source := self.source(), Module):
            source.clear_saved()
            source.saved()  # raises
        return super().saved()

    def source(self) -> Module | None:
        """The textbook layer that messages name; None for one of this class's own name."""
        return None

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


def backward_weights_only(module: Module, grad_y: Tensor) -> None:
    """Add the gradients of the module's parameters, without the input's if it can do so."""
    if isinstance(module, LoweredModule):
        module.backward_weights_only(grad_y)
    else:
        module.backward(grad_y)
