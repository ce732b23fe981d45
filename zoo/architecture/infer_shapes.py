"""The shapes from layer to layer, without building any: do the layers fit together?

Each layer's shape rule says what it makes of its input (:class:`zoo.LayerInfo`). What a layer can
infer, such as ``in_channels``, is filled in on the way.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

from zoo.architecture.component import Component
from zoo.architecture.document import Node, SourceLocation, TomlPath
from zoo.architecture.problems import Problems
from zoo.errors import (
    ArchitectureError,
    ArgumentError,
    PluginError,
    Problem,
    ShapeError,
    format_error,
)
from zoo.plugins.isolation import isolated
from zoo.plugins.records import LayerEntry
from zoo.plugins.registry import Registry
from zoo.spec.input_range import chain, receptive_field
from zoo.spec.layer_info import LayerInfo
from zoo.spec.shapes import format_shape
from zoo.spec.sizes import SizeRule, describe_sizes, size_rule

Shape = tuple[int, ...]

# With its gradients and Adam's moments, a network of so many takes 160 GB; a mistyped number more.
MOST_PARAMETERS = 10**10


@dataclass(frozen=True)
class InferredLayer:
    """A layer, its inferred parameters filled in, and what it makes of its input.

    Attributes:
        bodies: the layers of each parameter that is a body.
    """

    component: Component
    info: LayerInfo
    bodies: Mapping[str, InferredShapes]


@dataclass(frozen=True)
class InferredShapes:
    """A chain of layers and the shape of its input, without the batch axis."""

    input_shape: Shape
    layers: tuple[InferredLayer, ...]

    @property
    def components(self) -> tuple[Component, ...]:
        """The layers, inferred parameters filled in."""
        return tuple(layer.component for layer in self.layers)

    @property
    def info(self) -> LayerInfo:
        """The whole chain as one layer."""
        infos = [layer.info for layer in self.layers]
        return LayerInfo(
            output_shape=infos[-1].output_shape if infos else self.input_shape,
            parameters=sum(info.parameters for info in infos),
            multiply_adds=sum(info.multiply_adds for info in infos),
            input_range=(
                chain(*(info.input_range[0] for info in infos)),
                chain(*(info.input_range[1] for info in infos)),
            ),
        )

    @property
    def receptive_field(self) -> tuple[float, float]:
        """Rows and columns of the input that a pixel of the output depends on; may be inf."""
        vertical, horizontal = self.info.input_range
        return receptive_field(vertical), receptive_field(horizontal)


class ShapeInference:
    """Infers the shapes between the layers of a checked document.

    Args:
        registry: has the layers' shape rules.
        root: the document, for the locations of problems.
    """

    def __init__(self, registry: Registry, root: Node) -> None:
        self.registry = registry
        self.root = root
        self.problems = Problems()

    def network(self, layers: Sequence[Component], input_shape: Shape) -> InferredShapes | None:
        """The shapes in a network; None, and ``problems``, where something does not fit.

        A parameter that could be inferred and is given otherwise is a problem, and inference goes
        on as if it were right; the first layer that is impossible ends it.
        """
        try:
            shapes = self.chain(layers, input_shape)
        except ArchitectureError as error:
            self.problems += error.problems
            return None
        if not self.problems and shapes.info.output_shape != input_shape:
            self.problems.append(self._other_output(shapes))
        if not self.problems:
            self.problems += self._impossible_count(shapes)
        return None if self.problems else shapes

    def chain(
        self, layers: Sequence[Component], input_shape: Shape, outer: str = ""
    ) -> InferredShapes:
        """The shapes between layers that follow each other; ``outer`` says whose body they are.

        Raises:
            ArchitectureError: a layer is impossible, or refuses its input.
            PluginError: the shape rule of a plugin's layer fails.
        """
        shape, before = input_shape, "its input has" if outer else "the input has"
        inferred: list[InferredLayer] = []
        for position, component in enumerate(layers):
            name = f"{outer}layer {position}"
            layer = self._layer(component, shape, f"{name} ({component.type})", before)
            inferred.append(layer)
            shape, before = layer.info.output_shape, f"{name} gives"
        return InferredShapes(input_shape, tuple(inferred))

    def _layer(self, component: Component, shape: Shape, where: str, before: str) -> InferredLayer:
        entry = self.registry.layer(component.type)
        parameters = {**component.parameters, **self._inferred(entry, component, shape)}
        for name in entry.inferred:
            given = component.parameters.get(name)
            if given is not None and given != parameters[name]:
                self._report_given(component, name, parameters[name], where, before)
        component = replace(component, parameters=MappingProxyType(parameters))
        bodies = {
            key: _Body(self, value, f"{where}, {key} ")
            for key, value in parameters.items()
            if isinstance(value, tuple)
        }
        info = self._info(entry, {**parameters, **bodies}, shape, where, component.path)
        inferred = {key: body.shapes(shape) for key, body in bodies.items()}
        filled = {key: shapes.components for key, shapes in inferred.items()}
        component = replace(component, parameters=MappingProxyType({**parameters, **filled}))
        return InferredLayer(component, info, MappingProxyType(inferred))

    def _inferred(self, entry: LayerEntry, component: Component, shape: Shape) -> dict[str, int]:
        return {
            name: shape[axis]
            for name, axis in entry.inferred.items()
            if -len(shape) <= axis < len(shape)
        }

    def _info(
        self,
        entry: LayerEntry,
        parameters: Mapping[str, Any],
        shape: Shape,
        where: str,
        path: TomlPath,
    ) -> LayerInfo:
        """What the layer's shape rule says."""
        try:
            rule = entry.load_shape_rule()
            with isolated():
                info = rule(where, parameters, shape)
        except (ArgumentError, ShapeError) as error:
            parameter = error.parameter if isinstance(error, ArgumentError) else ""
            location = self._at((*path, parameter) if parameter else path)
            raise ArchitectureError([location.problem(str(error), subject="")]) from error
        except (ArchitectureError, PluginError):
            raise
        except Exception as error:  # whatever a plugin's rule raises
            raise PluginError(
                f"layer {entry.name!r}: its shape rule failed: {format_error(error)}."
            ) from error
        if not isinstance(info, LayerInfo):
            raise PluginError(f"layer {entry.name!r}: its shape rule gave {info!r}, no LayerInfo.")
        return info

    def _report_given(
        self, component: Component, name: str, actual: int, where: str, before: str
    ) -> None:
        given = component.parameters[name]
        what = name.removeprefix("in_").removesuffix("s" if given == 1 else "")
        message = (
            f"{where} expects {given} {what}; {before} {actual}. Leave {name} out, or use {actual}."
        )
        self.problems.append(self._at((*component.path, name)).problem(message, subject=""))

    def _impossible_count(self, shapes: InferredShapes) -> Iterator[Problem]:
        """A problem where there is nothing to train, or more than fits into memory."""
        count = shapes.info.parameters
        if not count:
            message = "there is no parameter to train. Use a layer with a weight, such as conv2d."
            yield self._at(("layers",)).problem(message)
        if count > MOST_PARAMETERS:
            message = f"there are {count:,} parameters to train. Use {MOST_PARAMETERS:,} or fewer."
            yield self._at(("layers",)).problem(message)

    def _other_output(self, shapes: InferredShapes) -> Problem:
        """The problem that the output has another shape than the input."""
        output, given = shapes.info.output_shape, shapes.input_shape
        hint = ""
        if output[:1] == given[:1]:
            rules = self.size_rules(shapes)
            output, given = output[1:], given[1:]
            hint = f"The network gives back {describe_sizes(*rules)}." if all(rules) else ""
        return self._at(shapes.layers[-1].component.path).problem(
            f"the output is {format_shape(output)}, the input {format_shape(given)}: the loss "
            "cannot compare them. Use layers that give back the input's shape.",
            hint,
            subject="",
        )

    def size_rules(self, shapes: InferredShapes) -> tuple[SizeRule | None, SizeRule | None]:
        """Which heights, and which widths, the network gives back as they are."""
        silent = ShapeInference(self.registry, self.root)

        def gives_back(axis: int, size: int) -> bool:
            shape = (*shapes.input_shape[:axis], size, *shapes.input_shape[axis + 1 :])
            silent.problems.clear()
            try:
                output = silent.chain(shapes.components, shape).info.output_shape
            except ArchitectureError:
                return False
            return not silent.problems and output[axis : axis + 1] == (size,)

        _, height, width = shapes.input_shape
        return (
            size_rule(lambda size: gives_back(1, size), height),
            size_rule(lambda size: gives_back(2, size), width),
        )

    def _at(self, path: TomlPath) -> SourceLocation:
        return self.root.nearest(path).location


@dataclass
class _Body:
    """The body of a layer, as its shape rule is given it: a function from shape to LayerInfo."""

    inference: ShapeInference
    layers: tuple[Component, ...]
    outer: str
    inferred: InferredShapes | None = field(default=None, init=False)

    def __call__(self, input_shape: Shape) -> LayerInfo:
        self.inferred = self.inference.chain(self.layers, input_shape, self.outer)
        return self.inferred.info

    def shapes(self, shape: Shape) -> InferredShapes:
        """The shapes of the rule's latest call; from the layer's own input where it made none."""
        return self.inferred or self.inference.chain(self.layers, shape, self.outer)
