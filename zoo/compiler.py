"""From a specification to the objects that train: model, loss, optimizer, schedule, noise, data."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

import torch

from zoo.architecture.spec import Architecture, Component
from zoo.data.sets import CleanImages, ImagePairs
from zoo.errors import ArchitectureError, ArgumentError, PluginError, Problem, ShapeError
from zoo.nn.module import Module
from zoo.nn.parameter import Parameter
from zoo.nn.sequential import Sequential
from zoo.registry import Registry


class Compiler:
    """Builds what an architecture names.

    Args:
        architecture: the checked specification.
        registry: the registry it was checked with.
    """

    def __init__(self, architecture: Architecture, registry: Registry) -> None:
        self.architecture = architecture
        self.registry = registry

    def model(self, generator: torch.Generator) -> Sequential:
        """The network, with initial values drawn from ``generator``, on the CPU.

        Raises:
            ArchitectureError: a layer's arguments are impossible, layers do not fit together, or
                the output has another shape than the input; names the layer.
        """
        shape: tuple[int, ...] = self.architecture.input.shape
        layers: list[Module] = []
        for component in self.architecture.layers:
            entry = self.registry.layer(component.type)
            inferred = {
                name: shape[axis]
                for name, axis in entry.inferred.items()
                if name not in component.parameters and -len(shape) <= axis < len(shape)
            }
            try:
                layer = self.build(component, generator, **inferred)
                shape = layer.output_shape(shape)
            except ShapeError as error:
                raise self._problem(component.path, str(error)) from error
            layers.append(layer)
        if shape != self.architecture.input.shape:
            raise self._problem(
                ("layers",),
                f"the output is {_by(shape)}, the input {_by(self.architecture.input.shape)}. "
                "Use layers whose output has the shape of the input: the loss compares the two.",
            )
        return Sequential(*layers)

    def loss(self) -> Any:
        """The loss."""
        return self.build(self.architecture.loss)

    def optimizer(self, parameters: list[Parameter]) -> Any:
        """The optimizer of ``parameters``.

        Raises:
            ArchitectureError: there are none, or its arguments are impossible.
        """
        if not parameters:
            raise self._problem(
                ("layers",),
                "there is no parameter to train. Use a layer with a weight, such as conv2d.",
            )
        return self.build(self.architecture.optimizer, None, parameters)

    def schedule(self) -> Any:
        """The learning-rate schedule."""
        return self.build(self.architecture.train.schedule)

    def data(self, source: Component) -> CleanImages | ImagePairs:
        """The images of a data source.

        Raises:
            DataError: they are missing, unreadable or unsuitable.
            PluginError: the source gives something else.
        """
        data = self.build(source, channels=self.architecture.input.channels)
        if not isinstance(data, CleanImages | ImagePairs):
            raise PluginError(
                f"source {source.type!r}: returned a {type(data).__name__}. "
                "Return CleanImages or ImagePairs."
            )
        return data

    def build(
        self,
        component: Component,
        generator: torch.Generator | None = None,
        *arguments: Any,
        **extra: Any,
    ) -> Any:
        """The object a component names, its nested components built first.

        Raises:
            ArchitectureError: the factory refuses its arguments.
            PluginError: the factory cannot be imported.
        """
        factory = self.registry.get(component.kind, component.type).entry.load()
        parameters = {
            name: self.build(value) if isinstance(value, Component) else value
            for name, value in component.parameters.items()
        }
        if generator is not None and "generator" in inspect.signature(factory).parameters:
            extra["generator"] = generator
        try:
            return factory(*arguments, **parameters, **extra)
        except ArgumentError as error:
            raise self._problem(component.path, str(error)) from error

    def _problem(self, path: Sequence[str | int], message: str) -> ArchitectureError:
        return ArchitectureError([Problem(self.architecture.file, tuple(path), message)])


def _by(shape: Sequence[int]) -> str:
    return "x".join(map(str, shape))
