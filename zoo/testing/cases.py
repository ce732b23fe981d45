"""What the checks are run on: a layer, how it is made, and the shape of an input it takes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from inspect import signature

import torch
from torch import Tensor

from zoo.nn import Module


@dataclass(frozen=True)
class LayerCase:
    """One set of arguments of a layer, and an input for it.

    ::

        LayerCase(partial(Conv2d, 3, 4, kernel_size=3, stride=2), (2, 3, 7, 8), "conv2d-strided")

    Attributes:
        build: makes the layer. If it has a parameter ``generator`` (a ``functools.partial`` has
            those of what it wraps) it is given one, as by the compiler.
        shape: that of an input, batch axis first: two axes or more, two items or more. Keep it
            small: central differences take two forward passes for every number in the input and
            the parameters.
        id: the name of the case in reports and messages.
        unbatched: whether the layer also takes one input without the batch axis; if not, it must
            refuse it with a ShapeError.
    """

    build: Callable[..., Module]
    shape: tuple[int, ...]
    id: str
    unbatched: bool = True

    @property
    def takes_generator(self) -> bool:
        """Whether ``build`` has a parameter ``generator``."""
        return "generator" in signature(self.build).parameters

    def module(self, seed: int = 0, dtype: torch.dtype = torch.float64) -> Module:
        """A new layer in training mode, the same for the same seed."""
        if self.takes_generator:
            return self.build(generator=seeded(seed)).to(dtype)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return self.build().to(dtype)

    def input(self, dtype: torch.dtype = torch.float64) -> Tensor:
        """Normal values of the case's shape, always the same."""
        return normal(self.shape, seed=1, dtype=dtype)

    def y_shape(self) -> tuple[int, ...]:
        """The shape of the layer's output for this input."""
        return tuple(self.module().forward(self.input()).shape)

    def grad_y(self) -> Tensor:
        """Normal values of the output's shape, always the same: an upstream gradient."""
        return normal(self.y_shape(), seed=2)


def normal(shape: tuple[int, ...], seed: int, dtype: torch.dtype = torch.float64) -> Tensor:
    """Normal values N(0, 1), the same for the same seed."""
    return torch.randn(shape, dtype=dtype, generator=seeded(seed))


def seeded(seed: int) -> torch.Generator:
    """A new CPU generator."""
    return torch.Generator().manual_seed(seed)
