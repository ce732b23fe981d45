"""One step of training."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor

from zoo.nn.module import Module


class Loss(Protocol):
    """A loss: ``forward`` compares, ``backward`` gives the gradient with respect to the output."""

    def forward(self, y: Tensor, target: Tensor, mask: Tensor | None = None) -> Tensor: ...

    def backward(self) -> Tensor: ...


class StepOptimizer(Protocol):
    """What a training step needs of an optimizer."""

    def zero_grad(self) -> None: ...

    def step(self) -> None: ...


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
        if mask is None:
            loss = self.loss.forward(y, target)
        else:
            loss = self.loss.forward(y, target, mask)
        self.optimizer.zero_grad()
        self.model.backward(self.loss.backward())
        self.optimizer.step()
        return loss
