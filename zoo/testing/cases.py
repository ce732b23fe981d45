"""What the checks are run on: a layer, how it is made, and the shape of an input it takes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from inspect import signature
from types import MethodType
from typing import Any

import torch
from torch import Tensor

from zoo.nn import Module
from zoo.spec.layer_info import ShapeRule
from zoo.testing.drawn import draw_values


@dataclass(frozen=True)
class LayerCase:
    """One set of arguments of a layer, and an input for it.

    ::

        LayerCase(partial(MaxPooling, size=2), (2, 3, 7, 8), "two", max_pooling)

    Attributes:
        build: the layer's class, or a ``functools.partial`` of it with its arguments. If it has a
            parameter ``generator`` it is given one, as by the compiler.
        shape: that of an input, batch axis first: two axes or more, two items or more. Keep it
            small: central differences take two forward passes for every number in the input and
            the parameters.
        id: the name of the case in reports and messages.
        rule: the layer's shape rule.
        unbatched: whether the layer also takes one input without the batch axis; if not, it must
            refuse it with a ShapeError.
        mixes_batch: whether an item's output depends on the other items of the batch, as in batch
            normalisation; if not, every item must be treated as it is on its own.
        random: whether ``forward`` draws random numbers in training mode, from torch's global
            generator, as in dropout. Then each ``forward`` of the checks begins with the generator
            in the same state, but for those of ``random``.
        torch_reference: makes the same of torch, as a record's ``torch_reference`` does; what the
            installed entry of the layer's class names, if None.
        values: how parameters and buffers are drawn, by their names in the state dict:
            ``positive``, ``any`` sign, or ``kept`` as the layer makes them. Of what is not named,
            parameters have any sign, and buffers the signs that they start with.
        expected_failures: names of checks that are known to fail, each with the reason.
    """

    build: Callable[..., Module]
    shape: tuple[int, ...]
    id: str
    rule: ShapeRule
    unbatched: bool = True
    mixes_batch: bool = False
    torch_reference: Callable[..., torch.nn.Module] | None = None
    values: Mapping[str, str] = field(default_factory=dict)
    expected_failures: Mapping[str, str] = field(default_factory=dict)
    random: bool = False

    @property
    def takes_generator(self) -> bool:
        """Whether ``build`` has a parameter ``generator``."""
        return "generator" in signature(self.build).parameters

    @property
    def parameters(self) -> dict[str, Any]:
        """The layer's arguments and their defaults, as an architecture file has them."""
        build = self.build if isinstance(self.build, partial) else partial(self.build)
        bound = signature(build.func).bind_partial(*build.args, **build.keywords)
        bound.apply_defaults()
        return {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in bound.arguments.items()
            if name != "generator" and value is not None  # TOML has no null
        }

    def module(self, seed: int = 0, dtype: torch.dtype = torch.float64) -> Module:
        """A new layer in training mode with drawn values, the same for the same seed."""
        module = self.fresh(seed)
        draw_values(module, self.values, seeded(100 + seed))
        return module.to(dtype)

    def fresh(self, seed: int = 0, dtype: torch.dtype = torch.float64) -> Module:
        """A new layer as it is made, in training mode, the same for the same seed."""
        module = self.drawing(seed, dtype)
        return same_draws(module) if self.random else module

    def drawing(self, seed: int = 0, dtype: torch.dtype = torch.float64) -> Module:
        """The same, where one that is ``random`` draws anew in each ``forward``."""
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


def same_draws(module: Module) -> Module:
    """The module, each of whose passes in training mode draws the same random numbers.

    Torch's global generator is left as it is.
    """

    def forward(self: Module, x: Tensor) -> Tensor:
        if not self.training:
            return type(self).forward(self, x)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(4711)  # nobody else's
            return type(self).forward(self, x)

    vars(module)["forward"] = MethodType(forward, module)
    return module


def normal(shape: tuple[int, ...], seed: int, dtype: torch.dtype = torch.float64) -> Tensor:
    """Normal values N(0, 1), the same for the same seed."""
    return torch.randn(shape, dtype=dtype, generator=seeded(seed))


def seeded(seed: int) -> torch.Generator:
    """A new CPU generator."""
    return torch.Generator().manual_seed(seed)
