"""The same network in ``torch.nn``, as the yardstick for results and speed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import torch
from torch import Tensor

from zoo.nn import (
    Conv2d,
    ConvTranspose2d,
    Linear,
    Module,
    NearestUpsampling,
    ReLU,
    Sequential,
    Sigmoid,
    Upsampling,
)
from zoo.testing import twins
from zoo.testing.cases import normal
from zoo.testing.comparisons import require_all_close, require_close
from zoo.testing.gradients import INPUT, backward_gradients
from zoo.testing.twins import TwinOf


def torch_equivalent(model: Sequential) -> torch.nn.Sequential:
    """The network in stock ``torch.nn`` modules, with a copy of its values.

    The names of its state dict are the model's, so ``load_state_dict`` works both ways, strictly.
    An :class:`zoo.nn.Upsampling` becomes ``torch.nn.Sequential(torch.nn.Upsample,
    torch.nn.Conv2d)``. The mode is the model's: training or evaluation.

    Raises:
        TypeError: a layer that torch.nn has not, or that is not known here.
    """
    equivalent = twins.sequential(model, _equivalent)
    for parameter in model.param():
        equivalent.to(parameter.value.device, parameter.value.dtype)
    equivalent.load_state_dict(model.state_dict(), strict=True)
    return equivalent.train(model.training)


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


def _equivalent(layer: Module) -> torch.nn.Module:
    # By the exact type: a subclass of a known layer may compute something else.
    twin = _TWINS.get(type(layer))
    if twin is None:
        known = ", ".join(known.__name__ for known in _TWINS)
        raise TypeError(
            f"torch_equivalent: no equivalent of {type(layer).__name__} is known. Use {known}."
        )
    return twin(layer, _equivalent)


_TWINS: Final[Mapping[type[Module], Callable[[Any, TwinOf], torch.nn.Module]]] = {
    Conv2d: twins.conv2d,
    ConvTranspose2d: twins.conv_transpose2d,
    Linear: twins.linear,
    NearestUpsampling: twins.nearest_upsampling,
    ReLU: twins.relu,
    Sequential: twins.sequential,
    Sigmoid: twins.sigmoid,
    Upsampling: twins.upsampling,
}
