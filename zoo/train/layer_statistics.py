"""What one pass through a network makes of each layer: outputs, gradients and weights in figures.

The pass is one through a copy, so that nothing that trains is touched: no buffer, no gradient, no
recording of a step, no random number of it.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import copy, deepcopy
from dataclasses import asdict, dataclass
from types import MappingProxyType
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor

from zoo.engine import lower
from zoo.nn.conv2d import Conv2d
from zoo.nn.conv_transpose2d import ConvTranspose2d
from zoo.nn.module import Module
from zoo.nn.upsampling import Upsampling
from zoo.train.named_layers import NamedLayer, own_names, with_modules

M = TypeVar("M", bound=Module)

# The textbook's forms of these take kernel_size^2 times the memory of their input.
CONVOLUTIONS = (Conv2d, ConvTranspose2d, Upsampling)

# Between which values an activation lies, and how near to one of them its slope is next to none.
BOUNDS: Mapping[str, tuple[float, float]] = MappingProxyType(
    {"sigmoid": (0.0, 1.0), "tanh": (-1.0, 1.0)}
)
SATURATED = 1e-3  # of the distance between the bounds

# The numbers of a LayerStatistics, in their order.
FIGURES = (
    *("mean", "std", "min", "max", "zeros", "dead", "saturated"),
    *("gradient", "weight", "weight_gradient", "update"),
)
# Which quantiles are kept of weights and their gradients: the median, and what lies within one and
# two standard deviations where they are normally distributed.
QUANTILES = (0.025, 0.16, 0.5, 0.84, 0.975)
DISTRIBUTIONS = ("weight_quantiles", "gradient_quantiles")
MOST_VALUES = 4096  # of a layer that are sorted, evenly chosen


@dataclass(frozen=True)
class LayerStatistics:
    """The figures of one layer in one pass; NaN where there is nothing to measure.

    Attributes:
        name, type, file, line, column: the layer's; see :class:`NamedLayer`.
        mean, std, min, max: of its output.
        zeros: the share of its output that is exactly 0.
        dead: the share of its output's channels that are 0 for every pixel of every image.
        saturated: the share of its output within a thousandth of a sigmoid's or tanh's bounds.
        gradient: root mean square of the loss's gradient with respect to its output.
        weight: root mean square of its own parameters; of a layer without, NaN.
        weight_gradient: root mean square of their gradients.
        update: root mean square of the optimizer's step, as a multiple of ``weight``.
        weight_quantiles: :data:`QUANTILES` of its own parameters; none of a layer without.
        gradient_quantiles: the same of their gradients.
    """

    name: str
    type: str
    file: str
    line: int
    column: int
    mean: float
    std: float
    min: float
    max: float
    zeros: float
    dead: float
    saturated: float
    gradient: float
    weight: float
    weight_gradient: float
    update: float
    weight_quantiles: tuple[float, ...] = ()
    gradient_quantiles: tuple[float, ...] = ()

    def to_plain(self) -> dict[str, Any]:
        """The figures by name; None for NaN, which JSON has not."""
        plain: dict[str, Any] = {
            name: None if isinstance(value, float) and math.isnan(value) else value
            for name, value in asdict(self).items()
        }
        return plain | {name: list(plain[name]) or None for name in DISTRIBUTIONS}

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> LayerStatistics:
        """What :meth:`to_plain` gave."""
        numbers = (plain[name] for name in FIGURES)
        return cls(
            *(plain[name] for name in ("name", "type", "file", "line", "column")),
            *(math.nan if number is None else float(number) for number in numbers),
            *(tuple(map(float, plain[name] or ())) for name in DISTRIBUTIONS),
        )


@dataclass(frozen=True)
class Passed:
    """What a layer gave in a pass.

    Attributes:
        layer: which.
        what: ``output`` or ``gradient``, the one with respect to its input.
        finite: whether all of it is finite, a tensor without axes on the device.
    """

    layer: NamedLayer
    what: str
    finite: Tensor


class ObservedPass:
    """A copy of a network that notes what its layers give, in training mode.

    Args:
        model: the network, which stays as it is.
        layers: those to note, of :func:`named_layers`.
        dtype: what the copy computes in; unless given what the network does.
        exact: whether to note also what is finite, and to sum in float64, in which no square of a
            float32 overflows. It takes several times as long.

    Attributes:
        model: the copy.
        passed: what each layer gave, in the order of time.
    """

    def __init__(
        self,
        model: Module,
        layers: Sequence[NamedLayer],
        dtype: torch.dtype | None = None,
        *,
        exact: bool = True,
    ) -> None:
        model.clear_saved()
        self.layers = layers
        self.exact = exact
        self.model = copied(model).train()
        if dtype is not None:
            self.model.to(dtype)
        self.passed: list[Passed] = []
        self._outputs: dict[str, Tensor] = {}
        self._gradients: dict[str, Tensor] = {}
        for layer, module in with_modules(layers, self.model):
            self._observe(layer, module)

    def figures(self) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """What is known of the outputs and of the gradients, by the layers' names; on the device.

        Of an output mean, std, min, max, and the shares of zeros, of dead channels and of saturated
        values; of a gradient its root mean square.
        """
        return self._outputs, self._gradients

    def _wide(self, tensor: Tensor) -> Tensor:
        return tensor.double() if self.exact else tensor

    def _note(self, layer: NamedLayer, what: str, tensor: Tensor) -> None:
        if self.exact:
            self.passed.append(Passed(layer, what, tensor.isfinite().all()))

    def _observe(self, layer: NamedLayer, module: Module) -> None:
        forward, backward = module.forward, module.backward
        if type(module) in CONVOLUTIONS:
            fast = lower(copy(module))  # on the same parameters, without what is set below
            forward, backward = fast.forward, fast.backward

        def observed_forward(x: Tensor) -> Tensor:
            y = forward(x)
            self._outputs[layer.name] = _of_output(self._wide(y), BOUNDS.get(layer.type))
            self._note(layer, "output", y)
            return y

        def observed_backward(grad_y: Tensor) -> Tensor:
            self._gradients[layer.name] = rms([self._wide(grad_y)])
            grad_x = backward(grad_y)
            self._note(layer, "gradient", grad_x)
            return grad_x

        module.forward = observed_forward  # type: ignore[method-assign]  # of this one object
        module.backward = observed_backward  # type: ignore[method-assign]


def layer_statistics(
    observed: ObservedPass,
    before: Mapping[str, Tensor],
    after: Mapping[str, Tensor],
    gradients: Mapping[str, Tensor],
) -> list[LayerStatistics]:
    """The figures of each layer; waits for the device once.

    Args:
        observed: the pass.
        before, after: the parameters by name, before and after the optimizer's step.
        gradients: their gradients.
    """
    outputs, of_gradients = observed.figures()
    exact = observed.exact
    first = next(iter(outputs.values()))
    nothing = torch.full((7,), math.nan, dtype=torch.float64, device=first.device)
    own = own_names(observed.layers, before)
    rows, distributions = [], []
    for layer in observed.layers:
        names = own[layer.name]
        steps = [after[name] - before[name] for name in names]
        of_weights = ([before[name] for name in names], [gradients[name] for name in names])
        weight, of_weight = (rms(it, exact) if names else nothing[0] for it in of_weights)
        step = rms(steps, exact=True) if names else nothing[0]  # rates may be absurd
        gradient = of_gradients.get(layer.name, nothing[0])
        numbers = torch.stack([it.double() for it in (gradient, weight, of_weight, step / weight)])
        rows.append(torch.cat([outputs.get(layer.name, nothing).double(), numbers]))
        if names:
            distributions.append(torch.cat([_quantiles(it) for it in of_weights]))
    quantiles = iter(torch.stack(distributions).tolist() if distributions else ())
    count = len(QUANTILES)
    figures = []
    for layer, row in zip(observed.layers, torch.stack(rows).tolist(), strict=True):
        known = next(quantiles) if own[layer.name] else []
        finite = known if all(map(math.isfinite, known)) else []
        spread = [tuple(finite[:count]), tuple(finite[count:])]
        place = (layer.name, layer.type, layer.file, layer.line, layer.column)
        figures.append(LayerStatistics(*place, *row, *spread))
    return figures


def _quantiles(tensors: Sequence[Tensor]) -> Tensor:
    """:data:`QUANTILES` of all values, of many a part that is evenly chosen."""
    stride = -(-sum(tensor.numel() for tensor in tensors) // MOST_VALUES) or 1
    values = torch.cat([tensor.flatten()[::stride] for tensor in tensors]).double()
    if not len(values):
        return values.new_full((len(QUANTILES),), math.nan)
    return torch.quantile(values, values.new_tensor(QUANTILES))


def rms(tensors: Sequence[Tensor], exact: bool = False) -> Tensor:
    """The root mean square of all values, a tensor without axes; ``exact``: in float64."""
    count = max(1, sum(tensor.numel() for tensor in tensors))
    norms = [torch.linalg.vector_norm(it.double() if exact else it) for it in tensors]
    norm: Tensor = torch.linalg.vector_norm(torch.stack(norms))
    return norm / math.sqrt(count)


def copied(model: M) -> M:
    """A copy whose gradients are not filled."""
    gradients = [parameter.gradient for parameter in model.param()]
    return deepcopy(model, {id(gradient): torch.empty_like(gradient) for gradient in gradients})


@contextmanager
def same_random_numbers(device: torch.device) -> Iterator[None]:
    """After it the global generators of torch, numpy and Python are where they were."""
    devices = [device] if device.type == "cuda" else []
    of_python, of_numpy = random.getstate(), np.random.get_state()
    try:
        with torch.random.fork_rng(devices):
            yield
    finally:
        random.setstate(of_python)
        np.random.set_state(of_numpy)


def _of_output(values: Tensor, bounds: tuple[float, float] | None) -> Tensor:
    """mean, std, min, max, zeros, dead, saturated of (N, C, ...) or any other shape."""
    if not values.numel():
        return values.new_full((7,), math.nan)
    low, high = torch.aminmax(values)
    zero = values == 0
    channels = zero.transpose(0, 1).flatten(1).all(1) if values.dim() > 1 else zero
    saturated = values.new_tensor(math.nan)
    if bounds is not None:
        near = SATURATED * (bounds[1] - bounds[0])
        saturated = ((values < bounds[0] + near) | (values > bounds[1] - near)).to(values).mean()
    shares = [zero.to(values).mean(), channels.to(values).mean(), saturated]
    return torch.stack([values.mean(), values.std(correction=0), low, high, *shares])
