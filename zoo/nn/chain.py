"""How the modules of a chain share work with their neighbours.

Upsampling before a convolution
    becomes one layer, which never makes the larger image (:class:`zoo.nn.Upsampling`).
An activation before a convolution
    is applied while the convolution copies its input into its own layout.
An activation after a convolution
    works in place: nobody else has the convolution's output. In backward its gradient is computed
    while the convolution copies that into its own layout.
The input of the first module with parameters
    has no gradient unless the chain's input has.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeVar

from torch import Tensor

from zoo.errors import ShapeError
from zoo.nn.activation import Activation
from zoo.nn.conv2d import Conv2d
from zoo.nn.convolution import Convolution
from zoo.nn.module import Module
from zoo.nn.nearest_upsampling import NearestUpsampling
from zoo.nn.upsampling import Upsampling

if TYPE_CHECKING:
    from typing import TypeGuard

T = TypeVar("T", bound=Module)


class Chain:
    """One pass forward through modules, and passes back.

    Args:
        modules: the modules in order.
    """

    def __init__(self, modules: Sequence[Module]) -> None:
        self._modules, self._positions = _joined(modules)

    def forward(self, x: Tensor) -> Tensor:
        """The output of the last module.

        Raises:
            ShapeError: a module refuses its input; the message names its position.
        """
        ours = False  # whether nobody else has x
        index = 0
        while index < len(self._modules):
            module = self._modules[index]
            following = self._module(index + 1)
            try:
                if _shares(module, Activation) and _shares(following, Convolution) and x.dim() == 4:
                    index += 1
                    x = following.forward_after(module, x)
                elif ours and _shares(module, Activation):
                    module.forward_into(x, [x])
                else:
                    x = module.forward(x)
            except ShapeError as error:
                raise ShapeError(f"module {self._positions[index]}: {error}") from None
            ours = self._modules[index].gives_away
            index += 1
        return x

    def backward(
        self, grad: Tensor | None, input_gradient: bool, free: bool = False
    ) -> Tensor | None:
        """The gradient of the input of the latest ``forward``, None if it is not asked for.

        Args:
            grad: that of the output.
            input_gradient: whether it is asked for.
            free: whether to drop what each module kept as soon as it was used.
        """
        last = 0 if input_gradient else self._first_with_parameters()
        ours = False  # whether nobody else has the gradient
        index = len(self._modules) - 1
        while index >= last and grad is not None:
            module, before = self._modules[index], self._module(index - 1)
            used = [module]
            if _shares(module, Activation) and _shares(before, Convolution) and grad.dim() == 4:
                index -= 1
                used.append(before)
                grad = before.backward_before(module, grad, input_gradient or index > last)
            elif index == last and not input_gradient:
                module.backward_parameters(grad)
                grad = None
            elif ours and _shares(module, Activation):
                module.backward_into(grad, [grad])
            else:
                grad = module.backward(grad)
            ours = isinstance(used[-1], Activation | Convolution)
            if free:
                for module in used:
                    module.forget()
            index -= 1
        return grad if input_gradient else None

    def _first_with_parameters(self) -> int:
        """Where a pass back can end that is for the parameters' gradients only."""
        for index, module in enumerate(self._modules):
            if any(True for _ in module.named_parameters()):
                return index
        return len(self._modules)

    def _module(self, index: int) -> Module | None:
        return self._modules[index] if 0 <= index < len(self._modules) else None


def _shares(module: Module | None, base: type[T]) -> TypeGuard[T]:
    """Whether a module is of a class that has not replaced the passes of its base."""
    if not isinstance(module, base):
        return False
    return type(module).forward is base.forward and type(module).backward is base.backward


def _joined(modules: Sequence[Module]) -> tuple[list[Module], list[int]]:
    """The modules and their positions, each upsampling and the convolution behind it as one."""
    joined: list[Module] = []
    positions: list[int] = []
    for position, module in enumerate(modules):
        last = joined[-1] if joined else None
        if type(module) is Conv2d and type(last) is NearestUpsampling:
            joined[-1] = Upsampling.of(last, module)
        else:
            joined.append(module)
            positions.append(position)
    return joined, positions
