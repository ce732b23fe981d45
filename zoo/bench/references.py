"""The same network, loss and optimizer in torch, from the twins that the entries name."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor

from zoo.architecture import Component
from zoo.architecture.walk import Walk
from zoo.compiler import Compiler
from zoo.errors import PluginError
from zoo.nn import Module, Sequential
from zoo.plugins.records import TwinEntry
from zoo.plugins.registry import Registered
from zoo.testing.twins import sequential

Loss = Callable[[Tensor, Tensor], Tensor]

# Their backward passes do not look at their outputs, so what follows may overwrite them.
OVERWRITABLE = (
    torch.nn.Conv2d,
    torch.nn.ConvTranspose2d,
    torch.nn.Linear,
    torch.nn.BatchNorm2d,
)
ACTIVATIONS = (torch.nn.ReLU, torch.nn.LeakyReLU)


class Twins:
    """Builds the twins of what an architecture names.

    Args:
        compiler: of the architecture.

    Raises:
        PluginError: (all methods) an entry has no twin, or one that does not fit; names the entry
            and its distribution.
    """

    def __init__(self, compiler: Compiler) -> None:
        self.compiler = compiler
        registry = compiler.registry
        used = {layer.type: registry.get("layer", layer.type) for layer in _layers(compiler)}
        built_in = {name: registry.get("layer", f"zoo:{name}") for name in _built_in(compiler)}
        # By the exact type: a subclass of a known layer may compute something else.
        self._layers = {item.entry.load(): item for item in {**built_in, **used}.values()}

    def model(self, model: Sequential) -> torch.nn.Sequential:
        """The twin of a network, with a copy of its values, on its device and in its mode.

        An activation right after a convolution, a linear layer or a batch normalisation overwrites
        its input, as a careful user of ``torch.nn`` writes it.
        """
        twin = sequential(model, self._layer)
        for parameter in model.param()[:1]:
            twin.to(parameter.value.device, parameter.value.dtype)
        twin.load_state_dict(model.state_dict(), strict=True)
        _overwrite(twin)
        return twin.train(model.training)

    def loss(self) -> Loss:
        """The twin of the loss."""
        make = self._function(self._of(self.compiler.architecture.loss))
        twin: Loss = make(self.compiler.loss())
        return twin

    def optimizer(self, model: Module, parameters: Iterable[Tensor]) -> torch.optim.Optimizer:
        """The twin of the optimizer of ``model``, for ``parameters``."""
        make = self._function(self._of(self.compiler.architecture.optimizer))
        twin: torch.optim.Optimizer = make(self.compiler.optimizer(model.param()), list(parameters))
        return twin

    def _of(self, component: Component) -> Registered:
        return self.compiler.registry.get(component.kind, component.type)

    def _layer(self, layer: Module) -> torch.nn.Module:
        """The twin of a layer, with values of its own."""
        if type(layer) is Sequential:
            return sequential(layer, self._layer)
        item = self._layers.get(type(layer))
        if item is None:
            raise PluginError(
                f"layer {type(layer).__name__}: is built by no entry of the architecture, so no "
                "twin in torch is known. Use --no-torch to time zoo alone."
            )
        twin = self._function(item)(layer, self._layer)
        if not isinstance(twin, torch.nn.Module):
            raise PluginError(
                f"{_name(item)}: its twin is {twin!r}, no torch.nn.Module. Return one."
            )
        if _state(twin) != _state(layer):
            raise PluginError(
                f"{_name(item)}: its twin has {_words(twin)}; the layer has {_words(layer)}. "
                "Give it the same names and shapes."
            )
        return twin

    def _function(self, item: Registered) -> Callable[..., Any]:
        """The function that an entry names as its twin, its errors told as the plugin's."""
        make = item.entry.load_torch_twin() if isinstance(item.entry, TwinEntry) else None
        if make is None:
            raise PluginError(
                f"{_name(item)}: has no twin in torch to compare with. Name one as its entry's "
                "torch_twin, or use --no-torch to time zoo alone."
            )

        def twin(*arguments: Any) -> Any:
            try:
                return make(*arguments)
            except PluginError:
                raise
            except Exception as error:  # whatever a plugin's function raises
                raise PluginError(f"{_name(item)}: its twin failed: {error!r}.") from error

        return twin


def _layers(compiler: Compiler) -> Iterator[Component]:
    """All layers of the architecture, those inside others too."""

    def of(walk: Walk) -> Iterator[Component]:
        for layer in walk.layers:
            yield layer.component
            for body in layer.bodies.values():
                yield from of(body)

    return of(compiler.architecture.walk)


def _built_in(compiler: Compiler) -> Iterator[str]:
    """The layers of zoo itself, which a plugin's layer may be made of."""
    for item in compiler.registry:
        if (item.entry.kind, item.provider.distribution) == ("layer", "zoo"):
            yield item.entry.name


def _overwrite(twin: torch.nn.Module) -> None:
    """Let activations overwrite their input where nothing else needs it."""
    for module in twin.modules():
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


def _state(module: Module | torch.nn.Module) -> dict[str, torch.Size]:
    return {name: value.shape for name, value in module.state_dict().items()}


def _name(item: Registered) -> str:
    return f"{item.entry.kind} {item.entry.name!r} of {item.provider}"


def _words(module: Module | torch.nn.Module) -> str:
    """``the state weight 4x3x3x3, bias 4``."""
    state = [
        f"{name} {'x'.join(map(str, shape)) or 'scalar'}" for name, shape in _state(module).items()
    ]
    return f"the state {', '.join(state)}" if state else "no state"
