"""The same network, loss and optimizer in torch, from the references that the entries name."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise

import torch
from torch import Tensor

from zoo.architecture import Component
from zoo.architecture.infer_shapes import InferredShapes
from zoo.compiler import Compiler
from zoo.errors import PluginError
from zoo.nn import Module, Sequential
from zoo.plugins.registry import Registered
from zoo.testing.torch_equivalent import (
    WITHOUT_TORCH,
    TorchReferences,
    UnknownClassError,
    entry_name,
    torch_reference,
)

Loss = Callable[..., Tensor]  # (output, target), and a mask where it takes one

# Their backward passes do not look at their outputs, so what follows may overwrite them.
OVERWRITABLE = (
    torch.nn.Conv2d,
    torch.nn.ConvTranspose2d,
    torch.nn.Linear,
    torch.nn.BatchNorm2d,
)
ACTIVATIONS = (torch.nn.ReLU, torch.nn.LeakyReLU)


class References:
    """Builds the torch references of what an architecture names.

    Args:
        compiler: of the architecture.

    Raises:
        PluginError: (all methods) an entry has no torch reference, or one that does not fit; names
            the entry and its distribution.
    """

    def __init__(self, compiler: Compiler) -> None:
        self.compiler = compiler
        registry = compiler.registry
        used = {layer.type: registry.get("layer", layer.type) for layer in _layers(compiler)}
        built_in = {name: registry.get("layer", f"zoo:{name}") for name in _built_in(compiler)}
        self._layers = TorchReferences({**built_in, **used}.values())

    def model(self, model: Sequential) -> torch.nn.Sequential:
        """The reference of a network, with a copy of its values, on its device and in its mode.

        An activation right after a convolution, a linear layer or a batch normalisation overwrites
        its input, as a careful user of ``torch.nn`` writes it.
        """
        try:
            reference = self._layers.model(model)
        except UnknownClassError as error:
            raise PluginError(
                f"layer {error}: is built by no entry of the architecture, so no torch reference "
                f"is known. {WITHOUT_TORCH}"
            ) from None
        _overwrite(reference)
        return reference

    def loss(self) -> Loss:
        """The reference of the loss."""
        make = torch_reference(self._of(self.compiler.architecture.loss))
        reference: Loss = make(self.compiler.loss())
        return reference

    def optimizer(self, model: Module, parameters: Iterable[Tensor]) -> torch.optim.Optimizer:
        """The reference of the optimizer of ``model``, for ``parameters``."""
        make = torch_reference(self._of(self.compiler.architecture.optimizer))
        optimizer = self.compiler.optimizer(model.param())
        reference: torch.optim.Optimizer = make(optimizer, list(parameters))
        return reference

    def name_of(self, component: Component) -> str:
        """``optimizer 'adam' of zoo 0.1.0``, for messages."""
        return entry_name(self._of(component))

    def _of(self, component: Component) -> Registered:
        return self.compiler.registry.get(component.kind, component.type)


def _layers(compiler: Compiler) -> Iterator[Component]:
    """All layers of the architecture, those inside others too."""

    def of(shapes: InferredShapes) -> Iterator[Component]:
        for layer in shapes.layers:
            yield layer.component
            for body in layer.bodies.values():
                yield from of(body)

    return of(compiler.architecture.shapes)


def _built_in(compiler: Compiler) -> Iterator[str]:
    """The layers of zoo itself, which a plugin's layer may be made of."""
    for registered in compiler.registry:
        if (registered.entry.kind, registered.provider.distribution) == ("layer", "zoo"):
            yield registered.entry.name


def _overwrite(model: torch.nn.Module) -> None:
    """Let activations overwrite their input where nothing else needs it."""
    for module in model.modules():
        if type(module) is torch.nn.Sequential:
            for before, after in pairwise(module):
                if isinstance(_last(before), OVERWRITABLE) and isinstance(after, ACTIVATIONS):
                    # torch cannot go back from an overwritten input where the slope is negative
                    after.inplace = getattr(after, "negative_slope", 0) >= 0


def _last(module: torch.nn.Module) -> torch.nn.Module:
    """The module whose output a chain gives back."""
    while type(module) is torch.nn.Sequential and len(module):
        module = module[-1]
    return module
