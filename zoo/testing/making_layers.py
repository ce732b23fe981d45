"""The cases of a layer: on an input that is found, with what its shape rule says."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import product
from typing import Any, Final

import torch

from zoo.architecture import Component
from zoo.architecture.document import literal
from zoo.architecture.infer_shapes import InferredLayer, ShapeInference
from zoo.compiler import Compiler
from zoo.errors import ArchitectureError, ArgumentError, ShapeError
from zoo.nn import Module, Sequential
from zoo.plugins.records import (
    LayerEntry,
)
from zoo.plugins.registry import Registry
from zoo.spec.layer_info import LayerInfo, ShapeRule
from zoo.testing.cases import LayerCase
from zoo.testing.declared import Case
from zoo.testing.files import LOCATION, in_a_file, infer_layer_shapes
from zoo.testing.made import Made
from zoo.testing.values import body, is_body

Shape = tuple[int, ...]

# Inputs that are tried for a layer that declares none: small, higher than wide.
CHANNELS: Final = (6, 4, 3, 9, 8, 16, 1, 2)  # 6 first: splitting it in two is not its own inverse
SIZES: Final = ((6, 5), (6, 4), (6, 3), (9, 6), (8, 8), (16, 16), (32, 32))
BATCH: Final = 2


def make_layer(entry: LayerEntry, case: Case, registry: Registry, named: str) -> Made:
    """The kit's case of a declared one of a layer, on its input or one that is found by trying.

    Raises:
        ArchitectureError: in a file it would be refused.
    """
    if case.input is not None:
        return _make_layer_on(case.input, entry, case, registry, named)
    refusal: ArchitectureError | None = None
    for size, channels in product(SIZES, CHANNELS):
        try:
            return _make_layer_on((channels, *size), entry, case, registry, named)
        except ArchitectureError as error:
            refusal = refusal or error
    assert refusal is not None  # there is at least one shape
    raise refusal


def _make_layer_on(
    shape: Shape, entry: LayerEntry, case: Case, registry: Registry, named: str
) -> Made:
    properties = entry.schema.get("properties", {})
    needed = [name for name in entry.schema.get("required", ()) if is_body(properties[name])]
    bodies = {name: body(shape[0]) for name in needed if name not in case.parameters}
    case = replace(case, input=shape)
    table = {"type": entry.name, **bodies, **case.parameters}
    (inferred,) = infer_layer_shapes([table], shape, registry).layers
    made = LayerCase(
        _builder(inferred, registry),
        (BATCH, *shape),
        named,
        _rule(entry, inferred, registry),
        case.unbatched,
        case.mixes_batch,
        None,
        case.values,
        case.expected_failures,
        case.random,
    )
    return Made(case, table, made, inferred)


def _builder(inferred: InferredLayer, registry: Registry) -> Callable[[torch.Generator], Module]:
    compiler = Compiler(in_a_file("loss", {"type": "mse"}, registry), registry)

    def build(generator: torch.Generator) -> Module:
        return _build(compiler, inferred, generator)

    return build


def _build(compiler: Compiler, inferred: InferredLayer, generator: torch.Generator) -> Module:
    """The layer and those in it; unlike the compiler's own this does not ask the shape rule."""
    bodies = {
        name: Sequential(*(_build(compiler, layer, generator) for layer in inner.layers))
        for name, inner in inferred.bodies.items()
    }
    layer: Module = compiler.build(inferred.component, generator, **bodies)
    return layer


def _rule(entry: LayerEntry, inferred: InferredLayer, registry: Registry) -> ShapeRule:
    """The entry's shape rule with the parameters of one case, which are not given to it again."""
    rule = entry.load_shape_rule()
    bodies = {
        name: partial(_info_of_body, inner.components, registry)
        for name, inner in inferred.bodies.items()
    }
    parameters = {**inferred.component.parameters, **bodies}

    def info(where: str, _: Mapping[str, Any], input_shape: Shape) -> LayerInfo:
        try:
            return rule(where, parameters, input_shape)
        except (ArgumentError, ArchitectureError) as error:  # of a body that does not fit
            raise ShapeError(str(error)) from error

    return info


def _info_of_body(components: Sequence[Component], registry: Registry, shape: Shape) -> LayerInfo:
    inference = ShapeInference(registry, literal([], LOCATION))
    info = inference.chain(components, shape).info
    if inference.problems:
        raise ArchitectureError(inference.problems)
    return info
