"""One step of training."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Protocol

import torch
from torch import Tensor

from zoo.nn.module import Module
from zoo.train.graph import Captured, CudaGraphs, Recorder
from zoo.train.precision import InBfloat16
from zoo.train.tape import Tapes


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


class Network(Protocol):
    """What a training step needs of a network."""

    def modules(self) -> Iterator[Module]:
        """Its layers."""

    def forward(self, x: Tensor) -> Tensor:
        """The output for ``x``."""

    def backward_parameters(self, grad_y: Tensor) -> None:
        """Add the gradients of the latest ``forward``'s parameters."""


def recorder_for(device: torch.device) -> Recorder | None:
    """What captures work on ``device``; None for a device that has nothing of the kind."""
    if device.type == "cuda":
        return CudaGraphs(device)
    return Tapes() if device.type == "cpu" else None


class TrainStep:
    """Forward, loss, backward and update.

    The passes are captured for each batch shape and replayed, with the same results: on a GPU as a
    CUDA graph (:mod:`zoo.train.graph`), on a CPU as a list of operations (:mod:`zoo.train.tape`).
    Where that cannot be, steps are ordinary ones.

    Args:
        model: the network, in training mode, on the device where it is trained.
        loss: what is minimised.
        optimizer: made with the model's ``param()``.
        precision: ``float32`` or ``tf32``, between which :func:`zoo.train.precision.products_in`
            decides, or ``bfloat16``.
        graph: False for ordinary steps only.
        warn: is told once if and why steps are not captured.
        recorder_for: what captures work on a device.
    """

    def __init__(
        self,
        model: Module,
        loss: Loss,
        optimizer: StepOptimizer,
        *,
        precision: str = "float32",
        graph: bool = True,
        warn: Callable[[str], object] = lambda message: None,
        recorder_for: Callable[[torch.device], Recorder | None] = recorder_for,
    ) -> None:
        self.model = model
        self.loss = loss
        self.optimizer = optimizer
        self._network: Network = InBfloat16(model) if precision == "bfloat16" else model
        self._passes: Callable[..., Tensor] = self._run_passes
        devices = {parameter.value.device for parameter in model.param()}
        recorder = recorder_for(devices.pop()) if graph and len(devices) == 1 else None
        if recorder is not None:
            objects = (*self._network.modules(), loss)
            self._passes = Captured(self._run_passes, model, objects, recorder, warn)

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
        masked = () if mask is None else (mask,)  # a loss need not take one
        loss = self._passes(x, target, *masked)
        self.optimizer.step()
        return loss

    def _run_passes(self, x: Tensor, target: Tensor, *mask: Tensor) -> Tensor:
        """Fill the gradients; returns the loss."""
        y = self._network.forward(x)
        loss = self.loss.forward(y, target, *mask)
        self.optimizer.zero_grad()
        self._network.backward_parameters(self.loss.backward())
        return loss
