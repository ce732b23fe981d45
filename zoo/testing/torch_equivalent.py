"""The same network in ``torch.nn``, as the yardstick for results and speed."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache
from inspect import signature
from typing import Any

import torch
from torch import Tensor

from zoo.errors import PluginError, format_error
from zoo.nn import Module, Sequential
from zoo.plugins.discovery import discover
from zoo.plugins.isolation import isolated
from zoo.plugins.records import ReferencedEntry
from zoo.plugins.registry import Registered, load_registry
from zoo.testing.cases import normal
from zoo.testing.comparisons import require_all_close, require_close
from zoo.testing.gradients import INPUT, backward_gradients
from zoo.testing.torch_references import sequential

WITHOUT_TORCH = "Without torch.nn: zoo bench --no-torch, zoo run --backend zoo."


class UnknownClassError(Exception):
    """No entry builds objects of this class, so nothing names their torch reference."""


class TorchReferences:
    """What is the same in torch, as the entries name it.

    Args:
        items: the entries, of layers and others.

    Raises:
        PluginError: (all methods) an entry names no torch reference, or one that does not fit;
            names the entry and its distribution.
        UnknownClassError: (all methods) no entry builds such objects.
    """

    def __init__(self, items: Iterable[Registered]) -> None:
        # By the exact type: a subclass of a known layer may compute something else.
        self.entries = {item.entry.load(): item for item in items}

    def of(self, built: object) -> Callable[..., Any]:
        """The function that makes the reference of what an entry has built."""
        item = self.entries.get(type(built))
        if item is None:
            raise UnknownClassError(type(built).__name__)
        return torch_reference(item)

    def layer(self, layer: Module) -> torch.nn.Module:
        """The reference of a layer, with values of its own."""
        if type(layer) is Sequential:
            return sequential(layer, self.layer)
        reference = self.of(layer)(layer, self.layer)
        name = entry_name(self.entries[type(layer)])
        if not isinstance(reference, torch.nn.Module):
            raise PluginError(
                f"{name}: its torch reference is {reference!r}, no torch.nn.Module. Return one."
            )
        if _state(reference) != _state(layer):
            raise PluginError(
                f"{name}: its torch reference has {_words(reference)}; the layer has "
                f"{_words(layer)}. Give it the same names and shapes."
            )
        return reference

    def model(self, model: Sequential) -> torch.nn.Sequential:
        """The reference of a network, with a copy of its values, on its device and in its mode."""
        reference = sequential(model, self.layer)
        for parameter in model.param()[:1]:
            reference.to(parameter.value.device, parameter.value.dtype)
        reference.load_state_dict(model.state_dict(), strict=True)
        return reference.train(model.training)


def installed_references(kind: str) -> TorchReferences:
    """The torch references that the installed entries of a kind name; without those that fail."""

    def usable(item: Registered) -> bool:
        try:
            item.entry.load()
        except PluginError:
            return False
        return isinstance(item.entry, ReferencedEntry) and item.entry.torch_reference != ""

    registry = load_registry(discover({}))
    return TorchReferences(item for item in registry if item.entry.kind == kind and usable(item))


def torch_reference(item: Registered) -> Callable[..., Any]:
    """The function that an entry names as its torch reference, its errors told as the plugin's.

    Raises:
        PluginError: it names none.
    """
    make = item.entry.load_torch_reference() if isinstance(item.entry, ReferencedEntry) else None
    if make is None:
        raise PluginError(
            f"{entry_name(item)}: has no torch reference. Name one as its entry's "
            f"torch_reference. {WITHOUT_TORCH}"
        )

    def reference(*arguments: Any) -> Any:
        try:
            with isolated():
                return make(*arguments)
        except (PluginError, UnknownClassError):
            raise
        except Exception as error:  # whatever a plugin's function raises
            raise PluginError(
                f"{entry_name(item)}: its torch reference failed: {format_error(error)}."
            ) from error

    return reference


def takes_mask(loss: Callable[..., Tensor]) -> bool:
    """Whether the torch reference of a loss can be called as ``loss(y, target, mask)``."""
    return "mask" in signature(getattr(loss, "forward", loss)).parameters


def torch_equivalent(model: Sequential) -> torch.nn.Sequential:
    """A network of zoo's own layers in stock ``torch.nn`` modules, with a copy of its values.

    The names of its state dict are the model's, so ``load_state_dict`` works both ways, strictly.
    An :class:`zoo.nn.Upsampling` becomes ``torch.nn.Sequential(torch.nn.Upsample,
    torch.nn.Conv2d)``. The mode is the model's: training or evaluation.

    Raises:
        TypeError: a layer that torch.nn has not, or that is not zoo's own.
    """
    references = _built_in()
    try:
        return references.model(model)
    except UnknownClassError as error:
        known = ", ".join(sorted(kind.__name__ for kind in (*references.entries, Sequential)))
        raise TypeError(
            f"torch_equivalent: no equivalent of {error} is known. Use {known}."
        ) from None


@lru_cache(maxsize=1)
def _built_in() -> TorchReferences:
    registry = load_registry(discover({"ZOO_PLUGINS": ""}))
    return TorchReferences(item for item in registry if item.entry.kind == "layer")


def _state(module: Module | torch.nn.Module) -> dict[str, torch.Size]:
    return {name: value.shape for name, value in module.state_dict().items()}


def entry_name(item: Registered) -> str:
    """``layer 'conv2d' of zoo 0.1.0``, for messages."""
    return f"{item.entry.kind} {item.entry.name!r} of {item.provider}"


def _words(module: Module | torch.nn.Module) -> str:
    """``the state weight 4x3x3x3, bias 4``."""
    state = [
        f"{name} {'x'.join(map(str, shape)) or 'scalar'}" for name, shape in _state(module).items()
    ]
    return f"the state {', '.join(state)}" if state else "no state"


def check_against_torch(
    module: Module, reference: torch.nn.Module, x: Tensor, tolerance: float = 1e-10
) -> None:
    """Check the output, the input's gradient and the parameters' gradients against autograd's.

    Args:
        module: a layer or network, in training mode.
        reference: the same in torch.nn, of the dtype of x; it is given the module's values.
        x: an input that both take.
        tolerance: allowed is a difference of tolerance (1 + |expected|).

    Raises:
        AssertionError: something differs; the message names it.
    """
    where = f"{type(module).__name__} against torch.nn"
    reference.load_state_dict(module.state_dict(), strict=True)
    reference.zero_grad()
    leaf = x.detach().clone().requires_grad_()
    expected_y = reference(leaf)
    y = module.forward(x)
    require_close(f"{where}, the output", y, expected_y.detach(), tolerance)

    grad_y = normal(tuple(y.shape), seed=2, dtype=y.dtype).to(y.device)
    expected_y.backward(grad_y)
    expected = {INPUT: leaf, **dict(reference.named_parameters())}
    gradients = {name: tensor.grad for name, tensor in expected.items() if tensor.grad is not None}
    require_all_close(where, backward_gradients(module, x, grad_y), gradients, tolerance)
