"""The clause of a layer's contract on its shape rule: what it foretells is what happens."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from zoo.errors import ShapeError
from zoo.nn import Module
from zoo.spec.layer_info import LayerInfo
from zoo.testing.cases import LayerCase, normal
from zoo.testing.comparisons import require

Shape = tuple[int, ...]

SMALLEST_CHANGE = 1e-9  # of values of about 1; what is less is rounding


def check_shape_rule(case: LayerCase) -> None:
    """The shape rule gives the layer's output shape, parameters, input range, and refusals."""
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
        _check_input_range(case, info)


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


def _check_input_range(case: LayerCase, info: LayerInfo) -> None:
    """No output pixel depends on an input pixel outside the rule's range, in evaluation mode."""
    module, x = case.module().eval(), case.input()
    for axis, name in enumerate(("rows", "columns")):
        changed = _changes(module, x, 2 + axis)
        for position, pixels in enumerate(changed.t()):
            used = pixels.nonzero().flatten().tolist()
            first, last = info.input_range[axis]((position, position))
            beyond = [pixel for pixel in used if not first <= pixel <= last]
            require(
                not beyond,
                f"{case.id}: {name[:-1]} {position} of the output depends on {name} {beyond} of "
                f"the input. By the shape rule's input range it depends on {first} to {last}.",
            )


def _changes(module: Module, x: Tensor, axis: int) -> Tensor:
    """(input pixels, output pixels) along an axis: whether the one changes the other."""
    y, others = module.forward(x), normal(tuple(x.shape), seed=3)
    rows = []
    for pixel in range(x.shape[axis]):
        changed = x.clone()
        changed.narrow(axis, pixel, 1).copy_(others.narrow(axis, pixel, 1))
        difference = (module.forward(changed) - y).abs().transpose(0, axis).flatten(1)
        rows.append(difference.amax(1) > SMALLEST_CHANGE)
    return torch.stack(rows)
