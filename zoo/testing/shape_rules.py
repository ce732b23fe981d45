"""The clause of a layer's contract on its shape rule: what it foretells is what happens."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch

from zoo.errors import ShapeError
from zoo.layer_info import LayerInfo
from zoo.nn import Module
from zoo.testing.cases import LayerCase, normal
from zoo.testing.comparisons import require

Shape = tuple[int, ...]


def check_shape_rule(case: LayerCase) -> None:
    """The shape rule gives the layer's output shape, parameters and reach, and refuses the same."""
    module = case.module()
    info = case.rule(case.id, case.parameters, case.shape[1:])
    require(
        isinstance(info, LayerInfo),
        f"{case.id}: the shape rule gives {info!r}. Return a LayerInfo.",
    )
    numbers = sum(parameter.value.numel() for parameter in module.param())
    require(
        info.parameters == numbers,
        f"{case.id}: the shape rule counts {info.parameters} parameters. The layer has {numbers}.",
    )
    for shape in _shapes(case.shape[1:]):
        _check_shape(case, module, shape)
    if len(case.shape) == len(case.y_shape()) == 4:
        _check_reach(case, module, info)


def _shapes(shape: Shape) -> Iterator[Shape]:
    """The shape, shapes near it, and shapes with other axes."""
    yield shape
    for axis, size in enumerate(shape):
        for other in (1, size + 1, size + 2):
            yield (*shape[:axis], other, *shape[axis + 1 :])
    yield (*shape, 2)
    yield shape[1:]


def _check_shape(case: LayerCase, module: Module, shape: Shape) -> None:
    expected = _outcome(lambda: module.output_shape(shape))
    foretold = _outcome(lambda: case.rule(case.id, case.parameters, shape).output_shape)
    require(
        foretold == expected,
        f"{case.id}: for an input of {shape} the shape rule gives {foretold}, "
        f"output_shape gives {expected}.",
    )


def _outcome(shape: Callable[[], Shape]) -> Shape | str:
    try:
        return tuple(shape())
    except ShapeError:
        return "a ShapeError"


def _check_reach(case: LayerCase, module: Module, info: LayerInfo) -> None:
    """No output pixel depends on an input pixel outside the rule's reach."""
    x = case.input()
    grad_y = normal(tuple(module.forward(x).shape), seed=2)
    for axis, name in enumerate(("rows", "columns")):
        for position in range(grad_y.shape[2 + axis]):
            one = torch.zeros_like(grad_y)
            one.narrow(2 + axis, position, 1).copy_(grad_y.narrow(2 + axis, position, 1))
            reached = module.backward(one).ne(0).sum((0, 1, 3 - axis)).nonzero().flatten().tolist()
            first, last = info.reach[axis]((position, position))
            beyond = [pixel for pixel in reached if not first <= pixel <= last]
            require(
                not beyond,
                f"{case.id}: {name[:-1]} {position} of the output depends on {name} {beyond} of "
                f"the input. By the shape rule's reach it depends on {first} to {last}.",
            )
