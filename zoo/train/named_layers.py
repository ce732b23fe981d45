"""The layers of a network by name, each with where its architecture file has it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from zoo.architecture import Architecture, Component
from zoo.describe.named_layer import NamedLayer
from zoo.nn.module import Module
from zoo.nn.sequential import Sequential

__all__ = ["NamedLayer", "layer_of", "named_layers", "own_names", "with_modules"]


def named_layers(architecture: Architecture, model: Sequential) -> list[NamedLayer]:
    """The layers of a network in the order of the file; one that contains others before these.

    Args:
        architecture: what the network was built from.
        model: the network. The layers of a body that it does not keep as a child of the
            parameter's name count as parts of the layer that has the body.
    """
    return [layer for layer, _ in _walk(architecture, architecture.layers, model)]


def with_modules(
    layers: Iterable[NamedLayer], model: Module
) -> Iterator[tuple[NamedLayer, Module]]:
    """Each layer with its module in ``model``, which has the same names."""
    modules = dict(_named_modules(model))
    for layer in layers:
        yield layer, modules[layer.name]


def layer_of(name: str, layers: Sequence[NamedLayer]) -> NamedLayer | None:
    """The innermost layer that a name of the state dict, as ``1.body.0.weight``, belongs to."""
    owners = [layer for layer in layers if name.startswith(f"{layer.name}.")]
    return max(owners, key=lambda layer: len(layer.name), default=None)


def own_names(layers: Sequence[NamedLayer], names: Iterable[str]) -> Mapping[str, tuple[str, ...]]:
    """Which of some names of the state dict belong to each layer, by the layer's name."""
    own: dict[str, tuple[str, ...]] = {layer.name: () for layer in layers}
    for name in names:
        layer = layer_of(name, layers)
        if layer is not None:
            own[layer.name] += (name,)
    return own


def _walk(
    architecture: Architecture, components: Sequence[Component], chain: Module, prefix: str = ""
) -> Iterator[tuple[NamedLayer, Module]]:
    for component, (position, module) in zip(components, chain.children.items(), strict=True):
        location = architecture.root.nearest(component.path).location
        name = f"{prefix}{position}"
        bodies = list(_bodies(component, module))
        yield (
            NamedLayer(
                name,
                component.type,
                location.file.name,
                location.line or 0,
                location.column or 0,
                bool(bodies),
            ),
            module,
        )
        for parameter, body, child in bodies:
            yield from _walk(architecture, body, child, f"{name}.{parameter}.")


def _bodies(
    component: Component, module: Module
) -> Iterator[tuple[str, Sequence[Component], Module]]:
    """The layers inside a layer, as the file and as the module has them."""
    for parameter, layers in component.parameters.items():
        child = module.children.get(parameter)
        if not isinstance(layers, tuple) or not isinstance(child, Sequential):
            continue
        if len(child) == len(layers) and all(isinstance(it, Component) for it in layers):
            yield parameter, layers, child


def _named_modules(module: Module, prefix: str = "") -> Iterator[tuple[str, Module]]:
    for name, child in module.children.items():
        yield f"{prefix}{name}", child
        yield from _named_modules(child, f"{prefix}{name}.")
