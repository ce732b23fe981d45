"""A parameter: a value and the gradient of the loss with respect to it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from zoo.errors import ShapeError
from zoo.init import Initializer, Unfilled, fans


class Parameter:
    """A (value, gradient) pair; ``value, gradient = parameter`` unpacks it.

    Both are plain tensors of one shape, dtype and device. ``Module.to`` replaces them, everything
    else changes them in place, so an optimizer that unpacks the pair at each step sees the latest.

    Zeros are written lazily: the first gradient after ``zero_gradient`` is written over the old one
    instead of added to zeros; only reading the gradient before that fills it with zeros.

    Args:
        value: the initial value, kept without a copy.

    Attributes:
        value: the tensor that the layer computes with.
        gradient: the sum of all gradients added since the last ``zero_gradient``.
    """

    __slots__ = ("_grad_stale", "_gradient", "value")

    def __init__(self, value: Tensor) -> None:
        self.value = value
        self._gradient = torch.empty_like(value)
        self._grad_stale = True  # whether _gradient stands for zeros

    @property
    def gradient(self) -> Tensor:
        """The sum of all gradients added since the last ``zero_gradient``."""
        if self._grad_stale:
            self._gradient.zero_()
            self._grad_stale = False
        return self._gradient

    @gradient.setter
    def gradient(self, gradient: Tensor) -> None:
        self._gradient = gradient
        self._grad_stale = False

    @classmethod
    def initialized(
        cls,
        shape: Sequence[int],
        initializer: Initializer,
        weight_shape: Sequence[int],
        generator: torch.Generator | None,
    ) -> Parameter:
        """A parameter of ``shape``, filled with the fans of the layer's ``weight_shape``."""
        value = torch.empty(tuple(shape))
        if not isinstance(generator, Unfilled):
            fan_in, fan_out = fans(weight_shape)
            initializer(value, fan_in=fan_in, fan_out=fan_out, generator=generator)
        return cls(value)

    def set_value(self, value: Tensor) -> None:
        """Copy ``value`` into the value.

        Raises:
            ShapeError: its shape differs from the parameter's.
        """
        self._require_shape("value", value)
        with torch.no_grad():
            self.value.copy_(value)

    def add_value(self, delta: Tensor) -> None:
        """Add ``delta`` to the value: one step of a hand-written optimizer.

        Raises:
            ShapeError: its shape differs from the parameter's.
        """
        self._require_shape("value", delta)
        self.value.add_(delta)

    def zero_value(self) -> None:
        """Fill the value with zeros."""
        self.value.zero_()

    def add_gradient(self, gradient: Tensor) -> None:
        """Add ``gradient`` to the gradient.

        Raises:
            ShapeError: its shape differs from the parameter's.
        """
        self._require_shape("gradient", gradient)
        total, add = self.grad_out()
        total.add_(gradient) if add else total.copy_(gradient)

    def grad_out(self) -> tuple[Tensor, bool]:
        """The gradient's tensor, and whether to add to it or to write over it.

        For a layer that can do so without a tensor in between; what it writes is then the gradient.
        """
        add, self._grad_stale = not self._grad_stale, False
        return self._gradient, add

    def zero_gradient(self) -> None:
        """Make the gradient zero."""
        self._grad_stale = True

    def __iter__(self) -> Iterator[Tensor]:
        yield self.value
        yield self.gradient

    def __len__(self) -> int:
        return 2

    def __getitem__(self, index: int) -> Tensor:
        return (self.value, self.gradient)[index]

    def __repr__(self) -> str:
        return f"Parameter(shape={tuple(self.value.shape)}, dtype={self.value.dtype})"

    def _require_shape(self, what: str, tensor: Tensor) -> None:
        if tensor.shape != self.value.shape:
            raise ShapeError(
                f"Parameter: {what} has shape {tuple(tensor.shape)}. "
                f"The parameter's shape is {tuple(self.value.shape)}."
            )
