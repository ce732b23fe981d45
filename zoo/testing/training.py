"""Training a network beside its equivalent in torch.nn."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import torch
from torch import Tensor

from zoo.nn import MSE, Parameter, Sequential
from zoo.testing.comparisons import require_all_close, require_close
from zoo.testing.torch_equivalent import torch_equivalent
from zoo.train import TrainStep
from zoo.train.step import StepOptimizer


def check_training_against_torch(
    model: Sequential,
    make_optimizer: Callable[[list[Parameter]], StepOptimizer],
    make_reference: Callable[[Iterable[Tensor]], torch.optim.Optimizer],
    x: Tensor,
    target: Tensor,
    steps: int = 20,
    tolerance: float = 1e-10,
) -> None:
    """Check the loss and all values after each of some training steps against torch's.

    Args:
        model: the network, of the dtype of x; it is trained.
        make_optimizer: makes the optimizer from ``model.param()``.
        make_reference: makes the same one of torch.optim.
        x, target: the batch of every step; the loss is the mean squared error.
        steps: how many are taken.
        tolerance: allowed is a difference of tolerance (1 + |expected|).

    Raises:
        AssertionError: something differs; the message names the step.
    """
    reference = torch_equivalent(model)
    reference_optimizer = make_reference(reference.parameters())
    train_step = TrainStep(model, MSE(), make_optimizer(model.param()))
    for step in range(steps):
        loss = train_step(x, target)
        reference_optimizer.zero_grad()
        reference_loss = torch.nn.functional.mse_loss(reference(x), target)
        torch.autograd.backward(reference_loss)
        reference_optimizer.step()
        require_close(f"step {step}, the loss", loss, reference_loss.detach(), tolerance)
        require_all_close(f"step {step}", model.state_dict(), reference.state_dict(), tolerance)
