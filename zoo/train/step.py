"""One step of training."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from torch import Tensor

from zoo.distributed.world import ALONE, World
from zoo.engine import lower
from zoo.engine.passes import Loss
from zoo.inference.any_size import any_size
from zoo.nn.module import Module


class StepOptimizer(Protocol):
    """What a training step needs of an optimizer."""

    def step(self) -> None:
        """Update all parameters once."""


class TrainStep:
    """Forward, loss, backward and update, as the engine computes them (:mod:`zoo.engine`).

    Args:
        model: the network, in training mode, on the device where it is trained.
        loss: what is minimised.
        optimizer: made with the model's ``param()``.
        precision: ``float32`` or ``tf32``, between which :func:`zoo.train.precision.products_in`
            decides, ``fast`` or ``bfloat16``.
        capture: False for ordinary steps only.
        warn: called once with each reason for which steps are not captured, or do not use a GPU's
            kernels.
        world: the processes that each compute a shard of a batch.
    """

    def __init__(
        self,
        model: Module,
        loss: Loss,
        optimizer: StepOptimizer,
        *,
        precision: str = "float32",
        capture: bool = True,
        warn: Callable[[str], object] = lambda message: None,
        world: World = ALONE,
    ) -> None:
        self.model = model
        self.loss = loss
        self.optimizer = optimizer
        self._lowered = lower(model, warn)
        self._step = self._lowered.training_step(
            loss, optimizer.step, precision=precision, capture=capture, world=world
        )

    def __call__(
        self, x: Tensor, target: Tensor, mask: Tensor | None = None, *, divided: bool = False
    ) -> Tensor:
        """Train on one batch.

        Args:
            x: (N, C, H, W), what the network is given.
            target: (N, C, H, W), what its output is compared with.
            mask: which of the target's pixels count, for losses that take one.
            divided: whether these are this process's shard of the batch, perhaps without an image.

        Returns:
            The loss before the update, a tensor without axes on the model's device; nothing is
            copied to the host.
        """
        masks = () if mask is None else (mask,)
        return self._step(x, target, *masks, divided=divided)

    def predict(self, x: Tensor) -> Tensor:
        """The output of the network as it is, in evaluation mode, for images of any size.

        Args:
            x: (N, C, H, W).
        """
        training = self.model.training
        self.model.eval()
        try:
            return any_size(self._lowered, x)
        finally:
            self.model.train(training)
