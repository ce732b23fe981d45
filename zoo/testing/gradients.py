"""Hand-written gradients against two independent ones: autograd and central differences.

A function with many outputs is made a number by a random upstream gradient g, L = <g, forward(x)>,
never by a sum: the sum of a softmax or of normalised values is constant, and a wrong backward pass
would go unnoticed.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import product

import torch
from torch import Tensor

from zoo.engine.passes import Loss
from zoo.nn import Module
from zoo.testing.cases import normal
from zoo.testing.comparisons import require_all_close, require_close

INPUT = "the input"  # what gradients with respect to x are called; no parameter has a space

# Central differences with step h err by about h² |L'''| / 6 and by 1e-16 |L| / h.
STEP = 1e-5
DIFFERENCE_TOLERANCE = 1e-7


def check_gradients(module: Module, x: Tensor) -> None:
    """Check ``module.backward``, in float64, for the input and every parameter.

    The module is left in float64 and training mode, its gradients with other values. Where autograd
    cannot go through its forward pass, only central differences are compared with. x must not lie
    within 1e-5 of a kink.

    Args:
        module: a layer or a whole network, whose ``forward`` gives the same for the same x.
        x: an input for it; small, see :class:`zoo.testing.LayerCase`.

    Raises:
        AssertionError: a gradient differs; the message names it and what it was compared with.
    """
    where = type(module).__name__
    module.to(torch.float64).train()
    x = x.detach().to(torch.float64)
    grad_y = normal(tuple(module.forward(x).shape), seed=2)
    gradients = backward_gradients(module, x, grad_y)
    try:
        expected = autograd_gradients(module, x, grad_y)
    except RuntimeError:  # an operation that autograd cannot go through
        expected = gradients
    require_all_close(f"{where}, backward against autograd", gradients, expected)
    expected = difference_gradients(module, x, grad_y)
    require_all_close(
        f"{where}, backward against central differences", gradients, expected, DIFFERENCE_TOLERANCE
    )


def check_loss_gradient(loss: Loss, y: Tensor, target: Tensor, mask: Tensor | None = None) -> None:
    """Check ``loss.backward`` in float64.

    Args:
        loss: the loss; ``forward`` is called without a mask where there is none.
        y, target: a network's output and what it is compared with.
        mask: for losses that take one.

    Raises:
        AssertionError: the gradient differs; the message says from which.
    """

    def forward(y: Tensor) -> Tensor:
        return loss.forward(y, target) if mask is None else loss.forward(y, target, mask)

    where = f"{type(loss).__name__}, backward against"
    y, target = y.detach().double().clone(), target.double()
    forward(y)
    gradient = loss.backward()
    masks = () if mask is None else (mask,)
    require_close(f"{where} autograd", gradient, autograd_loss_gradient(loss, y, target, *masks))
    expected = central_differences(lambda: forward(y), y)
    require_close(f"{where} central differences", gradient, expected, DIFFERENCE_TOLERANCE)


def autograd_loss_gradient(loss: Loss, y: Tensor, *arguments: Tensor) -> Tensor:
    """The gradient with respect to y that autograd finds for ``loss.forward``."""
    with torch.enable_grad():
        leaf = y.clone().requires_grad_()
        (gradient,) = torch.autograd.grad(loss.forward(leaf, *arguments), leaf)
    return gradient


def backward_gradients(module: Module, x: Tensor, grad_y: Tensor) -> dict[str, Tensor]:
    """The gradients that one forward and backward pass give, starting from zero, by name."""
    module.zero_grad()
    module.forward(x)
    grad_x = module.backward(grad_y)
    return {INPUT: grad_x, **{n: p.gradient.clone() for n, p in module.named_parameters()}}


@torch.enable_grad()
def autograd_gradients(module: Module, x: Tensor, grad_y: Tensor) -> dict[str, Tensor]:
    """The gradients that autograd finds for ``module.forward``, by name."""
    parameters = dict(module.named_parameters())
    values = {name: parameter.value for name, parameter in parameters.items()}
    leaves = {INPUT: x, **values}
    leaves = {name: value.clone().requires_grad_() for name, value in leaves.items()}
    try:
        for name, parameter in parameters.items():
            parameter.value = leaves[name]
        y = module.forward(leaves[INPUT])
        gradients = torch.autograd.grad(
            y, list(leaves.values()), grad_y, allow_unused=True, materialize_grads=True
        )
    finally:
        for name, parameter in parameters.items():
            parameter.value = values[name]
    return dict(zip(leaves, gradients, strict=True))


def difference_gradients(module: Module, x: Tensor, grad_y: Tensor) -> dict[str, Tensor]:
    """The gradients of <grad_y, forward(x)> by central differences, by name."""
    x = x.clone()
    values = {name: parameter.value for name, parameter in module.named_parameters()}
    variables = {INPUT: x, **values}
    return {
        name: central_differences(lambda: (module.forward(x) * grad_y).sum(), variable)
        for name, variable in variables.items()
    }


@torch.no_grad()
def central_differences(function: Callable[[], Tensor], variable: Tensor) -> Tensor:
    """(L(v + h) - L(v - h)) / 2h for each element v of a float64 tensor that ``function`` reads.

    The tensor is changed while this runs, and restored.
    """
    gradient = torch.empty(variable.shape, dtype=variable.dtype)
    for index in product(*map(range, variable.shape)):
        before = variable[index].item()
        variable[index] = before + STEP
        above = function().item()
        variable[index] = before - STEP
        below = function().item()
        variable[index] = before
        gradient[index] = (above - below) / (2 * STEP)
    return gradient
