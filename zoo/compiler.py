"""From a specification to the objects that train: model, loss, optimizer, schedule, noise, data."""

from __future__ import annotations

import inspect
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import MappingProxyType
from typing import Any

import torch

from zoo.architecture import Architecture, Component
from zoo.architecture.infer_shapes import InferredLayer, InferredShapes
from zoo.data.cache.cache import PictureCache
from zoo.data.noise.base import Noise
from zoo.data.pairings.base import Pairing
from zoo.data.sets import Images
from zoo.errors import ArgumentError, PluginError, ZooError, format_error
from zoo.nn.module import Module
from zoo.nn.parameter import Parameter
from zoo.nn.sequential import Sequential
from zoo.pictures.values import ValueRange
from zoo.plugins.isolation import isolated
from zoo.plugins.registry import Registry
from zoo.spec.shapes import format_shape

# What a factory builds, by kind of entry: derived from a class, or with methods.
CONTRACTS: Mapping[str, type] = MappingProxyType({"noise": Noise, "pairing": Pairing})
METHODS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {"loss": ("forward", "backward"), "schedule": ("__call__",)}
)


class Compiler:
    """Builds what an architecture names.

    Args:
        architecture: the checked specification.
        registry: the registry it was checked with.
        picture_cache: where decoded pictures are kept; None for memory.
    """

    def __init__(
        self,
        architecture: Architecture,
        registry: Registry,
        picture_cache: PictureCache | None = None,
    ) -> None:
        self.architecture = architecture
        self.registry = registry
        self.picture_cache = picture_cache

    def of(self, architecture: Architecture) -> Compiler:
        """That of another architecture, with all else the same."""
        return Compiler(architecture, self.registry, self.picture_cache)

    def model(self, generator: torch.Generator) -> Sequential:
        """The network, with initial values drawn from ``generator``, on the CPU.

        With ``zoo.init.Unfilled()`` nothing is drawn, for values that are all loaded afterwards.

        Raises:
            ArchitectureError: a layer refuses its parameters; names the layer.
            PluginError: a plugin's layer has another output than its shape rule says.
        """
        return self._chain(self.architecture.shapes, generator)

    def loss(self) -> Any:
        """The loss."""
        return self.build(self.architecture.loss)

    def optimizer(self, parameters: list[Parameter]) -> Any:
        """The optimizer of ``parameters``.

        Raises:
            ArchitectureError: its arguments are impossible.
        """
        return self.build(self.architecture.optimizer, None, parameters)

    def pairing(self) -> Pairing:
        """How input and target come from the images."""
        pairing: Pairing = self.build(self.architecture.data.target)
        return pairing

    def schedule(self) -> Any:
        """The learning-rate schedule."""
        return self.build(self.architecture.train.schedule)

    def data(self, source: Component) -> Images:
        """The images of a data source.

        Raises:
            DataError: they are missing, unreadable or unsuitable.
            PluginError: the source gives something else.
        """
        extra = {"channels": self.architecture.input.channels, **self._value_range_of(source)}
        if self.picture_cache is not None and "picture_cache" in self._takes(source):
            extra["picture_cache"] = self.picture_cache
        data = self.build(source, None, **extra)
        if not isinstance(data, Images):
            raise PluginError(
                f"source {source.type!r}: returned a {type(data).__name__}. "
                "Return SingleImages, ImagePairs or Bursts."
            )
        return data

    def check_pictures(self) -> None:
        """Refuse what was read of the cache of pictures, unless that is as it was.

        Raises:
            ChangedError: a file of it was changed in the meantime; names it.
        """
        if self.picture_cache is not None:
            self.picture_cache.check()

    @property
    def value_range(self) -> ValueRange | None:
        """Black and white of picture files by ``data.range``; None for what their types say."""
        given = self.architecture.data.value_range
        return ValueRange(*given) if isinstance(given, tuple) else None

    def _value_range_of(self, source: Component) -> dict[str, ValueRange]:
        """The argument that says a source what black and white are, if anything is said.

        Raises:
            ArchitectureError: the source does not take it.
        """
        if self.value_range is None:
            return {}
        if "value_range" not in self._takes(source):
            raise self.architecture.error(
                ("data", "range"),
                f"the source {source.type} takes none. Leave range out, or use folder, pairs, "
                "pkl, burst or frames.",
            )
        return {"value_range": self.value_range}

    def _takes(self, component: Component) -> Collection[str]:
        """The names of a factory's arguments."""
        factory = self.registry.get(component.kind, component.type).entry.load()
        return inspect.signature(factory).parameters

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
        with self._made_by_a_plugin(component):
            try:
                built = factory(*arguments, **{**parameters, **extra})
            except ArgumentError as error:
                raise self.architecture.error(component.path, str(error)) from error
        self._require_contract(component, built)
        return built

    def _require_contract(self, component: Component, built: object) -> None:
        """Refuse what is not what the rest of zoo asks of things of its kind."""
        kind = component.kind
        provider = self.registry.get(kind, component.type).provider
        where = f"{kind} {component.type!r} of {provider}: a {type(built).__name__}"
        contract = CONTRACTS.get(kind)
        if contract is not None and not isinstance(built, contract):
            raise PluginError(f"{where} is no zoo.{contract.__name__}. Derive it from that.")
        for method in METHODS.get(kind, ()):
            if not callable(getattr(built, method, None)):
                raise PluginError(f"{where} has no {method}. Write it: see zoo.{kind.title()}.")

    @contextmanager
    def _made_by_a_plugin(self, component: Component) -> Iterator[None]:
        """Run the code that makes a component, which may be a plugin's, isolated."""
        provider = self.registry.get(component.kind, component.type).provider
        try:
            with isolated():
                yield
        except (ZooError, MemoryError):
            raise
        except Exception as error:
            if provider.distribution == "zoo":
                raise
            raise PluginError(
                f"{component.kind} {component.type!r} of {provider}: cannot be made: "
                f"{format_error(error)}."
            ) from error

    def _chain(self, shapes: InferredShapes, generator: torch.Generator) -> Sequential:
        """The layers, one after the other."""
        layers: list[Module] = []
        shape = shapes.input_shape
        for inferred in shapes.layers:
            bodies = {name: self._chain(body, generator) for name, body in inferred.bodies.items()}
            layer = self.build(inferred.component, generator, **bodies)
            with self._made_by_a_plugin(inferred.component):
                self._compare(inferred, layer, shape)
            shape = inferred.info.output_shape
            layers.append(layer)
        return Sequential(*layers)

    def _compare(self, inferred: InferredLayer, layer: Module, shape: tuple[int, ...]) -> None:
        """Refuse a layer that is not what its shape rule says."""
        count = sum(parameter.value.numel() for parameter in layer.param())
        found = (tuple(layer.output_shape(shape)), count)
        said = (inferred.info.output_shape, inferred.info.parameters)
        if found != said:
            registered = self.registry.get("layer", inferred.component.type)
            raise PluginError(
                f"layer {inferred.component.type!r} of {registered.provider}: its shape rule says "
                f"{_format_layer(*said)} for an input of {format_shape(shape)}; the layer has "
                f"{_format_layer(*found)}."
            )


def _format_layer(shape: Sequence[int], parameters: int) -> str:
    return f"an output of {format_shape(shape)} and {parameters:,} parameters"
