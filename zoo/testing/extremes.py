"""The clauses of a layer's contract on inputs unlike the small normal one: zeros, large, many."""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor

from zoo.errors import ShapeError
from zoo.nn import Module
from zoo.testing.cases import LayerCase, normal
from zoo.testing.comparisons import NotApplicable, require, require_all_close
from zoo.testing.gradients import autograd_gradients, backward_gradients

OUTPUT: Final = "the output"
LARGE: Final = 50.0  # the largest magnitude in float64
HUGE: Final = 300.0  # and in float32, where exp overflows beyond 88
BATCH: Final = 6  # of more inputs
SIDE: Final = 32  # the least of larger ones


def check_zeros(case: LayerCase) -> None:
    """Of an input that is exactly 0 in places, or everywhere, output and gradients are finite."""
    x = case.input()
    some = x.where(x > 0, 0.0)
    for where, zeros in (("is 0 in places", some), ("is all 0", torch.zeros_like(x))):
        module = case.module()
        for name, tensor in _pass(module, zeros).items():
            require(
                bool(tensor.isfinite().all()),
                f"{case.id}: where the input {where}, {name} is not finite.",
            )


def check_large_values(case: LayerCase) -> None:
    """Of large inputs nothing is nan, and ``backward`` gives autograd's gradients.

    What is mathematically beyond float32, such as exp of 300, may be inf; of that the gradients are
    not looked at.
    """
    x = case.input()
    where = f"{case.id}: for values up to {LARGE:g}"
    _compare_with_autograd(where, case, x * (LARGE / x.abs().amax()))
    where = f"{case.id}: for values up to {HUGE:g} in float32"
    module = case.module(dtype=torch.float32)
    for huge in (HUGE, -HUGE):
        results = _pass(module, (x * (huge / x.abs().amax())).float())
        y = results[OUTPUT]
        watched = results if y.isfinite().all() else {OUTPUT: y}
        for name, tensor in watched.items():
            require(not bool(tensor.isnan().any()), f"{where} {name} has nan.")


def check_larger_input(case: LayerCase) -> None:
    """The gradients of more inputs, and of larger ones if the layer takes them, are autograd's."""
    batch, *item = case.shape
    for shape in ((BATCH, *item), (batch, *_larger(case))):
        where = f"{case.id}: for an input of shape {shape}"
        _compare_with_autograd(where, case, normal(shape, seed=1))


def _larger(case: LayerCase) -> tuple[int, ...]:
    """The shape of an item with whole multiples of height, width or both, if the layer takes it."""
    item = case.shape[1:]
    if len(item) != 3:
        return item
    channels, height, width = item
    high, wide = (size * -(-SIDE // size) for size in (height, width))
    for larger in ((channels, high, wide), (channels, high, width), (channels, height, wide)):
        try:
            case.module().output_shape(larger)
        except ShapeError:
            continue
        return larger
    return item


def _compare_with_autograd(where: str, case: LayerCase, x: Tensor) -> None:
    """Where autograd can go through ``forward`` and finds finite gradients."""
    module = case.module()
    y = module.forward(x)
    grad_y = normal(tuple(y.shape), seed=2)
    found = backward_gradients(module, x, grad_y)
    try:
        expected = autograd_gradients(module, x, grad_y)
    except RuntimeError:  # an operation that autograd cannot go through
        raise NotApplicable("autograd cannot go through forward") from None
    known = {name: value.isfinite() for name, value in expected.items()}
    require_all_close(
        f"{where}, backward against autograd",
        {name: value.where(known[name], 0.0) for name, value in found.items()},
        {name: value.where(known[name], 0.0) for name, value in expected.items()},
        1e-8,
    )


def _pass(module: Module, x: Tensor) -> dict[str, Tensor]:
    """The output and all gradients, of an upstream gradient of normal values."""
    y = module.forward(x)
    grad_y = normal(tuple(y.shape), seed=2, dtype=x.dtype)
    gradients = backward_gradients(module, x, grad_y)
    return {OUTPUT: y, **{f"the gradient of {name}": g for name, g in gradients.items()}}
