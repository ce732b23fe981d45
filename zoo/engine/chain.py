"""A chain of modules that share work with their neighbours.

Upsampling before a convolution
    becomes one layer, which never makes the larger image.
An activation before a convolution
    is applied while the convolution packs its input.
An activation after a convolution
    works in place: no other layer holds a reference to the convolution's output. In backward the
    gradient of the activation is computed while the convolution packs its own grad_y.
A scale and a shift of each channel after a convolution
    are in its weights, in evaluation mode: batch normalisation costs nothing there.
A convolution that computes activations
    does both while it writes its output, and its input's gradient; so it does the addition of a
    residual connection around the chain.
The input of the first module with parameters
    is given no gradient, unless the gradient of the chain's input is asked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from torch import Tensor

from zoo.engine.conv.epilogue import Activation, Addition, Epilogue
from zoo.engine.conv.kernel import InputTransform, identity
from zoo.engine.conv_layer import ConvLayer
from zoo.engine.elementwise import Elementwise
from zoo.engine.module import LoweredModule, Output, backward_weights_only
from zoo.errors import ShapeError
from zoo.nn.module import Module
from zoo.nn.sequential import Sequential, at_position

if TYPE_CHECKING:
    from typing import TypeGuard


class Chain(LoweredModule):
    """Sequential, with its neighbours fused.

    Args:
        source: the chain in the textbook's form.
        modules: its modules, lowered and fused.
        positions: each module's position in ``source``, for messages; None for a module whose
            messages name positions themselves.

    Attributes:
        free_saved: whether ``backward`` drops what each module kept as soon as it has gone through
            it. Then there can be one ``backward`` after each ``forward``, which is all training
            needs.
    """

    def __init__(
        self, source: Sequential, modules: Sequence[Module], positions: Sequence[int | None]
    ) -> None:
        super().__init__()
        self.children = {str(index): module for index, module in enumerate(modules)}
        self.free_saved = False
        self._source = source
        self._modules = list(modules)
        self._positions = list(positions)
        trained = (index for index, module in enumerate(modules) if module.param())
        self._first_trained = next(trained, len(modules))

    def forward(self, x: Tensor) -> Tensor:
        """Apply the modules in order."""
        return self._forward(x, len(self._modules))[0]

    def forward_adding(self, x: Tensor, addition: Addition) -> tuple[Tensor, bool]:
        """A convolution at the end does the addition."""
        return self._forward(x, len(self._modules), addition)

    def deferred_forward(self, x: Tensor) -> Output:
        """Apply them, and let the last be written where it is wanted, if it can do so."""
        last = self._modules[-1] if self._modules else None
        if not isinstance(last, LoweredModule) or not last.defers:
            return super().deferred_forward(x)
        count = len(self._modules) - 1
        x, _ = self._forward(x, count)
        try:
            return last.deferred_forward(x)
        except ShapeError as error:
            raise self._at(count, error) from None

    def _forward(
        self, x: Tensor, count: int, addition: Addition | None = None
    ) -> tuple[Tensor, bool]:
        """Apply the first ``count`` modules, behind which none is fused with one of them.

        Returns:
            The output, and whether the addition is done to it.
        """
        added = False
        owned = False  # whether no other layer holds a reference to x
        index = 0
        while index < count:
            module = self._modules[index]
            transform: InputTransform = identity
            try:
                if isinstance(module, Elementwise) and _packs(self._neighbour(index + 1), x):
                    index, transform = index + 1, module.forward_into
                convolution = self._modules[index]
                if _packs(convolution, x):
                    affine = _affine(convolution, self._neighbour(index + 1))
                    done = index + (affine is not None)  # but messages name the convolution
                    following = self._neighbour(done + 1)
                    epilogue: Epilogue | None = None
                    if _is_activation(following) and convolution.takes_epilogue(x):
                        epilogue = Activation(following.slope or 0)
                    elif done == count - 1 and addition and convolution.can_add(addition, x):
                        epilogue, added = addition, True
                    x = convolution.forward_through(transform, x, epilogue, affine)
                    if _is_activation(following) and epilogue is not None:
                        following.keep_output(x)
                        done += 1
                    index = done
                elif owned and isinstance(module, Elementwise):
                    module.forward_into(x, [x])
                else:
                    x = module.forward(x)
            except ShapeError as error:
                raise self._at(index, error) from None
            last = self._modules[index]
            owned = isinstance(last, LoweredModule) and last.output_reusable
            index += 1
        return x, added

    def backward(self, grad_y: Tensor) -> Tensor:
        """Go back through the modules in reverse order."""
        grad_x, _ = self._backward(grad_y, input_gradient=True)
        assert grad_x is not None
        return grad_x

    def backward_adding(self, grad_y: Tensor, addition: Addition) -> tuple[Tensor, bool]:
        """A convolution at the start does the addition."""
        grad_x, added = self._backward(grad_y, input_gradient=True, addition=addition)
        assert grad_x is not None
        return grad_x, added

    def backward_weights_only(self, grad_y: Tensor) -> None:
        """Go back to the first module with parameters."""
        self._backward(grad_y, input_gradient=False)

    def output_shape(self, input_shape: Sequence[int]) -> tuple[int, ...]:
        """The shape after the last module."""
        return self._source.output_shape(input_shape)

    def _backward(
        self, grad: Tensor | None, input_gradient: bool, addition: Addition | None = None
    ) -> tuple[Tensor | None, bool]:
        """The input's gradient, if asked for, and whether the addition is done to it."""
        added = False
        last = 0 if input_gradient else self._first_trained
        owned = False  # whether no other layer holds a reference to grad
        index = len(self._modules) - 1
        while index >= last and grad is not None:
            module = self._modules[index]
            transform: InputTransform = identity
            used = [module]
            if isinstance(module, Elementwise) and _packs(self._neighbour(index - 1), grad):
                index, transform = index - 1, module.backward_into
                used.append(self._modules[index])
            convolution = used[-1]
            if _packs(convolution, grad):
                needed = input_gradient or index > last
                before = self._neighbour(index - 1) if needed else None
                epilogue: Epilogue | None = None
                if _is_activation(before) and (epilogue := _gradient(before, convolution)):
                    index -= 1
                    used.append(before)
                elif index == 0 and addition and convolution.can_add_to_gradient(addition):
                    epilogue, added = addition, True
                grad = convolution.backward_through(transform, grad, needed, epilogue)
            elif index == last and not input_gradient:
                backward_weights_only(module, grad)
                grad = None
            elif owned and isinstance(module, Elementwise):
                module.backward_into(grad, [grad])
            else:
                grad = module.backward(grad)
            owned = isinstance(used[-1], Elementwise | ConvLayer)
            if self.free_saved:
                for module in used:
                    module.clear_saved()
            index -= 1
        return (grad if input_gradient else None), added

    def _at(self, index: int, error: ShapeError) -> ShapeError:
        """The error of a module, with its position."""
        position = self._positions[index]
        return error if position is None else at_position(position, error)

    def _neighbour(self, index: int) -> Module | None:
        return self._modules[index] if 0 <= index < len(self._modules) else None


def _packs(module: Module | None, images: Tensor) -> TypeGuard[ConvLayer]:
    """Whether a neighbour is a convolution, which packs images (N, C, H, W)."""
    return isinstance(module, ConvLayer) and images.dim() == 4


def _is_activation(module: Module | None) -> TypeGuard[Elementwise]:
    """Whether a neighbour is one that a convolution can compute with its output."""
    return isinstance(module, Elementwise) and module.slope is not None


def _affine(convolution: ConvLayer, module: Module | None) -> tuple[Tensor, Tensor] | None:
    """What the module behind a convolution does, if that can do it with its weights."""
    if convolution.training or not isinstance(module, LoweredModule):
        return None
    affine = module.channel_affine()
    return affine if affine and len(affine[0]) == convolution.out_channels else None


def _gradient(module: Elementwise, convolution: ConvLayer) -> Activation | None:
    """The gradient of a module, for the convolution behind it to compute; None if it cannot."""
    output = module.kept_output()
    if output is None or output.stride(1) != 1 or not convolution.takes_gradients_epilogue():
        return None
    return Activation(module.slope or 0, output)
