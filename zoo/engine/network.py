"""A model's layers lowered: each replaced by a faster module on the same parameters."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import copy
from operator import is_
from typing import Any, Protocol

from torch import Tensor

from zoo.engine.chain import Chain
from zoo.engine.conv_layer import ConvLayer
from zoo.engine.elementwise import Elementwise, relu, relu_backward, sigmoid, sigmoid_backward
from zoo.engine.lowerings import Lower, Lowering, lowered_by_plugin
from zoo.engine.module import LoweredModule, backward_weights_only
from zoo.engine.upsampling import LoweredUpsampling
from zoo.errors import ShapeError
from zoo.nn.conv2d import Conv2d
from zoo.nn.conv_transpose2d import ConvTranspose2d
from zoo.nn.module import Module
from zoo.nn.nearest_upsampling import NearestUpsampling
from zoo.nn.relu import ReLU
from zoo.nn.sequential import Sequential, at_position
from zoo.nn.sigmoid import Sigmoid
from zoo.nn.upsampling import Upsampling


class AnyNetwork(Protocol):
    """A runnable form of a model.

    Attributes:
        model: the model, whose parameters it uses.
    """

    model: Module

    def modules(self) -> Iterator[Module]:
        """Its layers."""

    def forward(self, x: Tensor) -> Tensor:
        """The output for ``x``."""

    def backward_weights_only(self, grad_y: Tensor) -> None:
        """Add the gradients of the latest ``forward``'s parameters."""

    def clear_saved(self) -> None:
        """Drop what the latest ``forward`` kept."""


class Network:
    """A runnable form of a model, with its layers lowered.

    Layers that the engine does not know run their own ``forward`` and ``backward``; containers are
    copied, with their children lowered. Only two things of the model change: the order of its
    weights in memory, and what its layers keep for ``backward``.

    Args:
        model: any module.
        warn: called with a message for each plugin's lowering that cannot be used.
        owns_weights: False for a replica, whose weights are another model's: they stay as they are.
        fast: whether convolutions may round more where they then take less time.
    """

    def __init__(
        self,
        model: Module,
        warn: Callable[[str], object] = lambda message: None,
        owns_weights: bool = True,
        fast: bool = False,
    ) -> None:
        self.model = model
        self._warn = warn
        model.clear_saved()
        self._sources: list[tuple[Module, Module]] = []  # (lowered layer, original layer)
        self._root = self._lower(model)
        for module in self._root.modules():
            if isinstance(module, ConvLayer):  # of a fused pair too: the convolution's mode
                self._sources.append((module, module.conv))
                module.fast = fast
                if owns_weights:
                    module.set_memory_format()
        self._chains = [module for module in self._root.modules() if isinstance(module, Chain)]

    @property
    def output_reusable(self) -> bool:
        """Whether what ``forward`` returns may be overwritten before ``backward``."""
        return isinstance(self._root, LoweredModule) and self._root.output_reusable

    def modules(self) -> Iterator[Module]:
        """The model's layers, and the lowered ones in their place."""
        yield from {id(module): module for module in self._all_modules()}.values()

    def forward(self, x: Tensor) -> Tensor:
        """The output for x, in the mode that each layer of the model is in."""
        for lowered, source in self._sources:
            lowered.training = source.training
        return self._root.forward(x)

    def backward(self, grad_y: Tensor) -> Tensor:
        """The gradient of the latest ``forward``'s x; adds the parameters' gradients."""
        return self._root.backward(grad_y)

    def backward_weights_only(self, grad_y: Tensor) -> None:
        """Add the parameters' gradients, dropping on the way what forward kept."""
        for chain in self._chains:
            chain.free_saved = True
        try:
            backward_weights_only(self._root, grad_y)
        finally:
            for chain in self._chains:
                chain.free_saved = False

    def clear_saved(self) -> None:
        """Drop what the latest ``forward`` kept."""
        for module in self._all_modules():
            module._saved = None

    def _all_modules(self) -> Iterator[Module]:
        yield from self.model.modules()
        yield from self._root.modules()

    def _lower(self, module: Module) -> Module:
        """The lowered form of a module; the module itself where there is nothing faster."""
        lowered: Module | None = None
        if "forward" in vars(module) or "backward" in vars(module):
            lowered = module  # its own, of this one object
        elif type(module) in BUILT_IN:
            lowered = BUILT_IN[type(module)](module, self._lower)
        else:
            lowered = lowered_by_plugin(module, self._lower, self._warn)
        if lowered is None:
            lowered = copy_with_children(module, self._lower) if module.children else module
        if lowered is not module:
            self._sources.append((lowered, module))
        return lowered


def copy_with_children(module: Module, lower: Lower) -> Module:
    """A container with the same attributes, but lowered children in place of the children."""
    lowered = {id(child): lower(child) for child in module.children.values()}

    def replaced(value: Any) -> Any:
        if isinstance(value, Module):
            return lowered.get(id(value), value)
        if type(value) not in (list, tuple, dict):
            return value
        items = list(value.values() if type(value) is dict else value)
        results = list(map(replaced, items))
        if all(map(is_, results, items)):
            return value  # what changes there changes for both
        return type(value)(zip(value, results, strict=True) if type(value) is dict else results)

    result = copy(module)
    for name, value in list(vars(module).items()):
        if name not in ("parameters", "buffers"):  # what changes there changes for both
            setattr(result, name, replaced(value))
    return result


def _sequential(module: Module, lower: Lower) -> Module:
    """Neighbours fused: upsampling and the convolution behind it are one layer."""
    assert isinstance(module, Sequential)
    sources = list(module)
    modules: list[Module] = []
    positions: list[int | None] = []
    for position, source in enumerate(sources):
        before = sources[position - 1] if position else None
        if type(before) is NearestUpsampling and type(source) is Conv2d and _fits(before, source):
            pair = _Pair(position - 1, before, source)
            modules[-1] = ConvLayer(pair, source, before.scale_factor)
            positions[-1] = None
        else:
            modules.append(lower(source))
            positions.append(position)
    return Chain(module, modules, positions)


class _Pair(Sequential):
    """Two modules of a chain; messages name their positions there, of which the first is given."""

    def __init__(self, position: int, *modules: Module) -> None:
        super().__init__(*modules)
        self._position = position

    def output_shape(self, input_shape: Sequence[int]) -> tuple[int, ...]:
        """The shape after both."""
        shape = tuple(input_shape)
        for position, module in enumerate(self, self._position):
            try:
                shape = module.output_shape(shape)
            except ShapeError as error:
                raise at_position(position, error) from None
        return shape


def _upsampling(module: Module, lower: Lower) -> Module:
    assert isinstance(module, Upsampling)
    if _fits(module.upsample, module.convolution):
        return ConvLayer(module, module.convolution, module.upsample.scale_factor)
    return copy_with_children(module, lower)


def _nearest(module: Module, lower: Lower) -> Module:
    assert isinstance(module, NearestUpsampling)
    return LoweredUpsampling(module)


def _fits(upsample: NearestUpsampling, conv: Conv2d) -> bool:
    """Whether the two can be one layer."""
    unit_stride = conv.stride == conv.dilation == (1, 1) and conv.groups == 1
    return unit_stride and upsample.scale_factor != (1, 1)


def _convolution(module: Module, lower: Lower) -> Module:
    assert isinstance(module, Conv2d | ConvTranspose2d)
    return ConvLayer(module, module)


BUILT_IN: Mapping[type[Module], Lowering] = {
    Sequential: _sequential,
    Conv2d: _convolution,
    ConvTranspose2d: _convolution,
    Upsampling: _upsampling,
    NearestUpsampling: _nearest,
    ReLU: lambda module, lower: Elementwise(module, relu, relu_backward, slope=0),
    Sigmoid: lambda module, lower: Elementwise(module, sigmoid, sigmoid_backward),
}
