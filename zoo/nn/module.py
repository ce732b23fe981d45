"""The contract of every layer: ``forward``, ``backward``, ``output_shape`` and its parameters."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from zoo.errors import ArgumentError, BackwardError, ShapeError, StateError, first_of
from zoo.nn.parameter import Parameter

if TYPE_CHECKING:
    from typing_extensions import Self


class Module:
    """Base of all layers and containers; the only base class in :mod:`zoo.nn`.

    A layer implements three methods::

        forward(x) -> y                the output; saves what backward needs with ``self.save``
        backward(grad_y) -> grad_x     the chain rule: the gradient of the loss with respect to x,
                                       from the one with respect to y; adds to its parameters'
                                       gradients with ``self.add_gradients``
        output_shape(shape) -> shape   the shape of y without its batch axis, from that of x

    and puts its :class:`Parameter` objects into ``self.parameters`` and the modules it contains
    into ``self.children``, by name. A tensor that is not trained but belongs to the model's state,
    such as a running mean, goes into ``self.buffers``; ``forward`` may change it in training mode.
    Tensors are logical (N, C, H, W) with any strides and any floating dtype. Inputs are never
    modified. ``backward`` belongs to the latest ``forward``; it may be called several times, and
    adds to the parameters' gradients each time.

    Attributes:
        training: True after ``train()`` (as constructed), False after ``eval()``.
        parameters: the layer's own parameters by name.
        buffers: the layer's own buffers by name: tensors that are saved but not trained.
        children: the modules it contains by name.
        batch_independent: whether each image's output and gradients depend on that image alone,
            and ``forward`` draws no random numbers and changes no buffer; of a container, whether
            that holds for what it adds to its children. Then a batch may be computed in parts.
        uses_batch_statistics: like ``batch_independent``, except that ``forward`` and ``backward``
            may combine parts of the batch with :func:`zoo.nn.all_gather`, and ``forward`` may
            change buffers.

    Both facts are about the mathematics of ``forward``, so a class that has a ``forward`` of its
    own states them itself: they are not inherited, and False unless stated.
    """

    batch_independent: bool = False
    uses_batch_statistics: bool = False

    def __init_subclass__(cls) -> None:
        if "forward" in vars(cls):
            for fact in ("batch_independent", "uses_batch_statistics"):
                if fact not in vars(cls):
                    setattr(cls, fact, False)

    def __init__(self) -> None:
        self.training = True
        self.parameters: dict[str, Parameter] = {}
        self.buffers: dict[str, Tensor] = {}
        self.children: dict[str, Module] = {}
        self._saved: tuple[Any, ...] | None = None

    # What a layer implements.

    def forward(self, x: Tensor) -> Tensor:
        """The output for ``x``."""
        raise NotImplementedError(f"{type(self).__name__}.forward")

    def backward(self, grad_y: Tensor) -> Tensor:
        """The gradient with respect to the latest ``forward``'s x, from the one of its y."""
        raise NotImplementedError(f"{type(self).__name__}.backward")

    def output_shape(self, input_shape: Sequence[int]) -> tuple[int, ...]:
        """The shape of the output without its batch axis, from that of the input.

        Raises:
            ShapeError: the layer cannot take an input of that shape.
        """
        raise NotImplementedError(f"{type(self).__name__}.output_shape")

    # What a layer uses.

    def save(self, *values: Any) -> None:
        """Keep what ``backward`` will need; in evaluation mode nothing is kept."""
        self._saved = values if self.training else None

    def saved(self) -> tuple[Any, ...]:
        """What the latest ``forward`` kept.

        Raises:
            BackwardError: there was no ``forward`` in training mode.
        """
        if self._saved is None:
            raise BackwardError(
                f"{type(self).__name__}: backward has no forward pass to go back through. "
                "Call forward in training mode first."
            )
        return self._saved

    def add_gradients(self, **gradients: Tensor) -> None:
        """Add each gradient to the parameter of that name."""
        for name, gradient in gradients.items():
            self.parameters[name].add_gradient(gradient)

    def output_shape_of(self, x: Tensor) -> tuple[int, ...]:
        """The shape of the output for images (N, C, H, W), or for one without N.

        Raises:
            ShapeError: the layer cannot take them.
        """
        return *x.shape[:-3], *self.output_shape(x.shape[x.dim() == 4 :])

    def require_gradient_shape(self, grad_y: Tensor, shape: Sequence[int]) -> None:
        """Refuse an upstream gradient whose shape is not the output's.

        Raises:
            ShapeError: the shapes differ.
        """
        if tuple(grad_y.shape) != tuple(shape):
            raise ShapeError(
                f"{type(self).__name__}: the gradient given to backward has shape "
                f"{tuple(grad_y.shape)}. The output's shape is {tuple(shape)}."
            )

    # What everybody uses.

    def __call__(self, x: Tensor) -> Tensor:
        """The same as ``forward``."""
        return self.forward(x)

    def param(self) -> list[Parameter]:
        """All parameters, this layer's and those of the modules in it: (value, gradient) pairs.

        One that several layers share is there once.
        """
        return list({id(parameter): parameter for _, parameter in self.named_parameters()}.values())

    def named_parameters(self, prefix: str = "") -> Iterator[tuple[str, Parameter]]:
        """All parameters with their names, ``"0.weight"`` for the weight of child ``"0"``."""
        for name, parameter in self.parameters.items():
            yield prefix + name, parameter
        for name, child in self.children.items():
            yield from child.named_parameters(f"{prefix}{name}.")

    @property
    def weight(self) -> Tensor:
        """The value of the parameter ``weight``, a plain tensor."""
        return self._own("weight").value

    @property
    def bias(self) -> Tensor | None:
        """The value of the parameter ``bias``, a plain tensor; None where it was switched off."""
        return self._own("bias").value if "bias" in self._layer().parameters else None

    def set_weight(self, value: Tensor) -> None:
        """Copy ``value`` into the weight.

        Raises:
            ShapeError: the shapes differ.
        """
        self._own("weight").set_value(value)

    def set_bias(self, value: Tensor) -> None:
        """Copy ``value`` into the bias.

        Raises:
            ShapeError: the shapes differ.
        """
        self._own("bias").set_value(value)

    def zero_grad(self) -> None:
        """Fill the gradients of all parameters with zeros."""
        for parameter in self.param():
            parameter.zero_gradient()

    def to(self, *target: torch.device | torch.dtype | str) -> Self:
        """Move all parameters and buffers to a device, a dtype, or both; returns the module itself.

        Buffers of integers keep their dtype. What an earlier ``forward`` kept is dropped. An
        optimizer's state does not move with it: make the optimizer afterwards.

        Raises:
            ArgumentError: a dtype that is not a floating-point one.
        """
        for item in target:
            if isinstance(item, torch.dtype) and not item.is_floating_point:
                raise ArgumentError(
                    f"{type(self).__name__}: parameters cannot be {item}. "
                    "Use a floating-point dtype."
                )
        for module in self.modules():
            module._saved = None
            for item in target:
                module._move(item)
        return self

    def train(self, mode: bool = True) -> Self:
        """Training mode: ``forward`` keeps what ``backward`` needs. Returns the module itself."""
        for module in self.modules():
            module.training = mode
            if not mode:
                module._saved = None
        return self

    def clear_saved(self) -> None:
        """Drop what the latest ``forward`` kept, in this module and in those in it."""
        for module in self.modules():
            module._saved = None

    def eval(self) -> Self:
        """Evaluation mode: nothing is kept for ``backward``. Returns the module itself."""
        return self.train(False)

    def modules(self) -> Iterator[Module]:
        """This module and all modules in it, depth first."""
        yield self
        for child in self.children.values():
            yield from child.modules()

    def state_dict(self) -> dict[str, Tensor]:
        """The values of all parameters and buffers by name, not copied.

        Names, shapes and order are torch.nn's: a module's parameters, its buffers, its children.
        """
        return dict(self._named_state())

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Copy the values in ``state``, which must have the model's names and shapes exactly.

        Raises:
            StateError: a name is missing or unexpected, or a shape differs; nothing is loaded.
        """
        own = self.state_dict()
        differences = [f"{name} is missing" for name in own if name not in state]
        differences += [f"{name} is unexpected" for name in state if name not in own]
        differences += [
            f"{name} has shape {tuple(state[name].shape)} instead of {tuple(value.shape)}"
            for name, value in own.items()
            if name in state and state[name].shape != value.shape
        ]
        if differences:
            what = first_of(differences, 6, "; ")
            raise StateError(f"{type(self).__name__}: the state differs: {what}.")
        for name, value in own.items():
            value.copy_(state[name].detach())

    def __repr__(self) -> str:
        shapes = ", ".join(
            f"{name}={tuple(parameter.value.shape)}" for name, parameter in self.parameters.items()
        )
        return f"{type(self).__name__}({shapes})"

    def _move(self, target: torch.device | torch.dtype | str) -> None:
        """Move this module's own tensors."""
        for parameter in self.parameters.values():
            parameter.value = parameter.value.to(target)
            parameter.gradient = parameter.gradient.to(target)
        for name, buffer in self.buffers.items():
            if buffer.is_floating_point() or not isinstance(target, torch.dtype):
                self.buffers[name] = buffer.to(target)

    def _named_state(self, prefix: str = "") -> Iterator[tuple[str, Tensor]]:
        for name, parameter in self.parameters.items():
            yield prefix + name, parameter.value
        for name, buffer in self.buffers.items():
            yield prefix + name, buffer
        for name, child in self.children.items():
            yield from child._named_state(f"{prefix}{name}.")

    def _layer(self) -> Module:
        """The module that ``weight`` and ``bias`` belong to: this one, or one inside it."""
        return self

    def _own(self, name: str) -> Parameter:
        try:
            return self._layer().parameters[name]
        except KeyError:
            raise AttributeError(f"{type(self).__name__} has no parameter {name!r}") from None
