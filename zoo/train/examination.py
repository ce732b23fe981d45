"""One step of training looked at layer by layer: the first thing in it that is no finite number."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from zoo.compiler import Compiler
from zoo.data.batch import Batch
from zoo.nn.module import Module
from zoo.nn.sequential import Sequential
from zoo.train.layer_statistics import (
    LayerStatistics,
    ObservedPass,
    copied,
    layer_statistics,
    same_random_numbers,
)
from zoo.train.named_layers import NamedLayer, layer_of
from zoo.train.snapshot import first_not_finite


@dataclass(frozen=True)
class Bad:
    """The first thing of a step that is not finite.

    Attributes:
        what: ``input``, ``target``, ``weight``, ``buffer``, ``output``, ``loss``, ``gradient``
            (that a layer's backward gives), ``weight gradient``, ``optimizer state``.
        when: ``before`` the step, in its ``forward`` pass, in its ``backward`` pass, or in its
            ``update``.
        layer: the layer's name; "" where it is of none.
        name: of the tensor, as in the state dict; "" for outputs and gradients.
    """

    what: str
    when: str
    layer: str = ""
    name: str = ""


@dataclass(frozen=True)
class Examination:
    """A step, looked at.

    Attributes:
        loss: of the batch, before the update.
        bad: the first thing that is not finite; None where all is.
        layers: each layer's figures.
        most_input: the largest magnitude in the batch's input.
        most_weight: the largest magnitude among the parameters before the step.
    """

    loss: float
    bad: Bad | None
    layers: tuple[LayerStatistics, ...]
    most_input: float
    most_weight: float


@dataclass(frozen=True)
class Trial:
    """A step taken with copies; all tensors are on the device.

    Attributes:
        observed: the pass, whose buffers are those after it.
        outputs: how many of what passed are outputs; gradients follow.
        loss: of the batch.
        loss_gradient: the loss's, with respect to the network's output.
        before, after: the parameters by name, before and after the optimizer's step.
        gradients: their gradients.
        optimizer: the optimizer after it, with its state in the parameters' order.
    """

    observed: ObservedPass
    outputs: int
    loss: Tensor
    loss_gradient: Tensor
    before: Mapping[str, Tensor]
    after: Mapping[str, Tensor]
    gradients: Mapping[str, Tensor]
    optimizer: Any

    def statistics(self) -> list[LayerStatistics]:
        """Each layer's figures."""
        return layer_statistics(self.observed, self.before, self.after, self.gradients)


@torch.no_grad()
def try_step(
    compiler: Compiler,
    model: Sequential,
    optimizer_state: Mapping[str, Any],
    lr: float,
    batch: Batch,
    layers: Sequence[NamedLayer],
    precision: str = "float32",
    *,
    exact: bool = True,
) -> Trial:
    """Take a step with copies, layer by layer; nothing that is given changes.

    Args:
        compiler: of the architecture.
        model: the network as it is before the step.
        optimizer_state: the optimizer's state dict before the step.
        lr: the learning rate of the step.
        batch: what the step is on, its target corrected already.
        layers: the network's layers.
        precision: ``bfloat16``, or anything else for the network as it is.
        exact: as of :class:`ObservedPass`.
    """
    reduced = precision == "bfloat16"
    with same_random_numbers(batch.x.device):
        observed = ObservedPass(model, layers, torch.bfloat16 if reduced else None, exact=exact)
        own = copied(model) if reduced else observed.model
        optimizer = compiler.optimizer(own.param())
        optimizer.load_state_dict(optimizer_state)
        optimizer.lr = lr
        loss = compiler.loss()
        mask = () if batch.mask is None else (batch.mask,)
        dtype = torch.bfloat16 if reduced else batch.x.dtype
        y = observed.model.forward(batch.x.to(dtype)).to(batch.x.dtype)
        value = loss.forward(y, batch.target, *mask)
        outputs = len(observed.passed)
        loss_gradient = loss.backward()
        observed.model.zero_grad()
        observed.model.backward(loss_gradient.to(dtype))
        gradients = _gradients(observed.model, batch.x.dtype)
        before = {name: parameter.value for name, parameter in model.named_parameters()}
        for name, parameter in own.named_parameters():
            parameter.gradient = gradients[name]
        optimizer.step()
        after = {name: parameter.value for name, parameter in own.named_parameters()}
    return Trial(observed, outputs, value, loss_gradient, before, after, gradients, optimizer)


@torch.no_grad()
def examine(
    compiler: Compiler,
    model: Sequential,
    optimizer_state: Mapping[str, Any],
    lr: float,
    batch: Batch,
    layers: Sequence[NamedLayer],
) -> Examination:
    """Find the first thing in a step that is not finite; the arguments are :func:`try_step`'s."""
    precision = compiler.architecture.train.precision
    first = _before(batch, model, optimizer_state, layers)
    trial = try_step(compiler, model, optimizer_state, lr, batch, layers, precision)
    names = _state_names(model)
    first = first or _forward(trial, layers) or _backward(trial, layers)
    first = first or _update(trial, names, layers)
    weights = [value.abs().max() for value in trial.before.values() if value.numel()]
    return Examination(
        loss=float(trial.loss),
        bad=first,
        layers=tuple(trial.statistics()),
        most_input=float(batch.x.abs().max()),
        most_weight=float(torch.stack(weights).max()) if weights else 0.0,
    )


def not_finite_now(
    model: Sequential, optimizer_state: Mapping[str, Any], layers: Sequence[NamedLayer]
) -> Bad | None:
    """The first weight, buffer or state of the optimizer that is not finite as it is."""
    parameters = {name: parameter.value for name, parameter in model.named_parameters()}
    for what, tensors in (("weight", parameters), ("buffer", _buffers(model))):
        if name := first_not_finite(tensors):
            return _of_tensor(what, "before", name, layers)
    return _of_optimizer("before", optimizer_state, _state_names(model), layers)


def _gradients(model: Module, dtype: torch.dtype) -> dict[str, Tensor]:
    return {name: parameter.gradient.to(dtype) for name, parameter in model.named_parameters()}


def _state_names(model: Module) -> list[str]:
    """The name of each parameter that an optimizer has a state of, in its order."""
    names = {id(parameter): name for name, parameter in reversed(list(model.named_parameters()))}
    return [names[id(parameter)] for parameter in model.param()]


def _before(
    batch: Batch,
    model: Sequential,
    optimizer_state: Mapping[str, Any],
    layers: Sequence[NamedLayer],
) -> Bad | None:
    """What is bad before anything is computed."""
    for what, tensor in (("input", batch.x), ("target", batch.target)):
        if not bool(tensor.isfinite().all()):
            return Bad(what, "before")
    return not_finite_now(model, optimizer_state, layers)


def _forward(trial: Trial, layers: Sequence[NamedLayer]) -> Bad | None:
    """What is bad in the forward pass."""
    for passed in trial.observed.passed[: trial.outputs]:
        if not bool(passed.finite):
            return Bad("output", "forward", passed.layer.name)
    if name := first_not_finite(_buffers(trial.observed.model)):
        return _of_tensor("buffer", "forward", name, layers)
    return None if bool(trial.loss.isfinite()) else Bad("loss", "forward")


def _backward(trial: Trial, layers: Sequence[NamedLayer]) -> Bad | None:
    """What is bad in the backward pass; the gradient of the network's input counts for nobody."""
    if not bool(trial.loss_gradient.isfinite().all()):
        return Bad("loss gradient", "backward")
    owners = {name: owner.name for name in trial.gradients if (owner := layer_of(name, layers))}
    bad = {
        owners[name]: name
        for name, value in trial.gradients.items()
        if name in owners and not bool(value.isfinite().all())
    }
    passed = trial.observed.passed[trial.outputs :]
    for position, item in enumerate(passed):
        if item.layer.name in bad:
            return Bad("weight gradient", "backward", item.layer.name, bad[item.layer.name])
        needed = any(later.layer.name in owners.values() for later in passed[position + 1 :])
        if needed and not bool(item.finite):
            return Bad("gradient", "backward", item.layer.name)
    return None


def _update(trial: Trial, names: Sequence[str], layers: Sequence[NamedLayer]) -> Bad | None:
    """What the optimizer's step has made bad."""
    if name := first_not_finite(trial.after):
        return _of_tensor("weight", "update", name, layers)
    return _of_optimizer("update", trial.optimizer.state_dict(), names, layers)


def _of_optimizer(
    when: str, state: Mapping[str, Any], names: Sequence[str], layers: Sequence[NamedLayer]
) -> Bad | None:
    for name, tensors in zip(names, state["state"], strict=True):
        if first_not_finite(tensors):
            return _of_tensor("optimizer state", when, name, layers)
    return None


def _of_tensor(what: str, when: str, name: str, layers: Sequence[NamedLayer]) -> Bad:
    owner = layer_of(name, layers)
    return Bad(what, when, owner.name if owner else "", name)


def _buffers(model: Module) -> dict[str, Tensor]:
    parameters = {name for name, _ in model.named_parameters()}
    return {name: value for name, value in model.state_dict().items() if name not in parameters}
