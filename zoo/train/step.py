"""One step of training."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor

from zoo.nn.module import Module


class Loss(Protocol):
    """What is minimised."""

    def forward(self, y: Tensor, target: Tensor, mask: Tensor | None = None) -> Tensor:
        """The loss of output ``y``, a tensor without axes."""

    def backward(self) -> Tensor:
        """The gradient of the latest ``forward``'s loss with respect to y."""


class StepOptimizer(Protocol):
    """What a training step needs of an optimizer."""

    def zero_grad(self) -> None:
        """Fill all gradients with zeros."""

    def step(self) -> None:
        """Update all parameters once."""


class TrainStep:
    """Forward, loss, backward and update.

    Args:
        model: the network, in training mode.
        loss: what is minimised.
        optimizer: made with the model's ``param()``.
    """

    def __init__(self, model: Module, loss: Loss, optimizer: StepOptimizer) -> None:
        self.model = model
        self.loss = loss
        self.optimizer = optimizer

    @torch.no_grad()
    def __call__(self, x: Tensor, target: Tensor, mask: Tensor | None = None) -> Tensor:
        """Train on one batch.

        Args:
            x: (N, C, H, W), what the network is given.
            target: (N, C, H, W), what its output is compared with.
            mask: which of the target's pixels count, for losses that take one.

        Returns:
            The loss before the update, a tensor without axes on the model's device; nothing is
            copied to the host.
        """
        y = self.model.forward(x)
        masked = () if mask is None else (mask,)  # a loss need not take one
        loss = self.loss.forward(y, target, *masked)
        self.optimizer.zero_grad()
        self.model.backward(self.loss.backward())
        self.optimizer.step()
        return loss
