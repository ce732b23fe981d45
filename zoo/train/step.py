"""One step of training."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from copy import deepcopy
from typing import Protocol

import torch
from torch import Tensor

from zoo.nn.fast.trial import problem as kernel_problem
from zoo.nn.module import Module
from zoo.nn.sequential import Sequential
from zoo.train.cuda_graphs import CudaGraphs
from zoo.train.graph import Captured, Recorder
from zoo.train.meeting import Seat
from zoo.train.precision import InBfloat16
from zoo.train.slices import Slices
from zoo.train.tape import Tapes
from zoo.train.workers import threads


class Loss(Protocol):
    """What is minimised.

    Attributes:
        mean_of_images: whether the loss of a batch without a mask is the mean of those of its
            images; a loss that lacks it counts as one that is not.
    """

    mean_of_images: bool

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


class _Passes:
    """Forward, loss and backward.

    Args:
        network: what computes.
        loss: what is minimised.
        zero_grad: fills the gradients with zeros.
    """

    def __init__(self, network: Network, loss: Loss, zero_grad: Callable[[], None]) -> None:
        self._network = network
        self._loss = loss
        self._zero_grad = zero_grad

    def of_batch(self, x: Tensor, target: Tensor, *mask: Tensor) -> Tensor:
        """Fill the gradients; returns the loss."""
        return self._back(self._forward(x, target, *mask), zero_grad=True)

    def of_first_slice(self, x: Tensor, target: Tensor, share: Tensor) -> Tensor:
        """Fill the gradients with those of a part of a batch; returns its part of the loss.

        Args:
            x, target: some images of the batch.
            share: how much of the batch they are, a tensor without axes.
        """
        return self._back(self._forward(x, target), zero_grad=True, share=share)

    def of_next_slice(self, x: Tensor, target: Tensor, share: Tensor) -> Tensor:
        """The same, added to the gradients."""
        return self._back(self._forward(x, target), zero_grad=False, share=share)

    def _forward(self, x: Tensor, target: Tensor, *mask: Tensor) -> Tensor:
        return self._loss.forward(self._network.forward(x), target, *mask)

    def _back(self, loss: Tensor, zero_grad: bool, share: Tensor | None = None) -> Tensor:
        gradient = self._loss.backward()
        if zero_grad:
            self._zero_grad()
        with _frees_memory(self._network.modules()):
            self._network.backward_parameters(gradient if share is None else gradient * share)
        return loss if share is None else loss * share


class _Worker:
    """Goes through slices of batches with a network and gradients of its own."""

    def __init__(self, model: Module, loss: Loss, recorder: Recorder | None, seat: Seat) -> None:
        self._model = model
        self._seat = seat
        passes = _Passes(model, loss, model.zero_grad)
        self._first = seat.taken(passes.of_first_slice)
        self._next = seat.taken(passes.of_next_slice)
        if recorder is not None:
            seat.recorder = recorder.aside
            objects = (*model.modules(), loss)
            self._first = Captured(self._first, model, objects, recorder, agree=seat.agree)
            self._next = Captured(self._next, model, objects, recorder)

    @torch.no_grad()
    def __call__(self, slices: Sequence[slice], *inputs: Tensor) -> tuple[Tensor, list[Tensor]]:
        """The part of the loss of those images of a batch, and of its gradients."""
        losses: list[Tensor] = []
        try:
            for part in slices:
                images = [tensor[part] for tensor in inputs]
                share = torch.tensor(len(images[0]) / len(inputs[0]), dtype=inputs[0].dtype)
                losses.append((self._next if losses else self._first)(*images, share))
        except BaseException:
            self._seat.leave()
            raise
        return torch.stack(losses).sum(), [gradient for _, gradient in self._model.param()]


class TrainStep:
    """Forward, loss, backward and update.

    The passes are captured for each batch shape and replayed, with the same results: on a GPU as a
    CUDA graph (:mod:`zoo.train.graph`), on a CPU as a list of operations (:mod:`zoo.train.tape`).
    Where that cannot be, steps are ordinary ones. On a CPU a batch is computed a few images at a
    time where the network allows it (:mod:`zoo.train.slices`).

    Args:
        model: the network, in training mode, on the device where it is trained.
        loss: what is minimised.
        optimizer: made with the model's ``param()``.
        precision: ``float32`` or ``tf32``, between which :func:`zoo.train.precision.products_in`
            decides, or ``bfloat16``.
        graph: False for ordinary steps only.
        warn: is told once if and why steps are not captured, or do not use a GPU's kernels.
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
        network: Network = InBfloat16(model) if precision == "bfloat16" else model
        passes = _Passes(network, loss, optimizer.zero_grad)
        self._passes: Callable[..., Tensor] = passes.of_batch
        devices = {parameter.value.device for parameter in model.param()}
        device = devices.pop() if len(devices) == 1 else None

        def new_recorder() -> Recorder | None:
            return recorder_for(device) if graph and device is not None else None

        recorder = new_recorder()
        if recorder is not None:
            objects = (*network.modules(), loss)
            self._passes = Captured(passes.of_batch, model, objects, recorder, warn)
        if device is not None and device.type == "cuda":
            dtype = torch.bfloat16 if precision == "bfloat16" else torch.float32
            if problem := kernel_problem(device, dtype):
                warn(f"convolutions on {device} are matrix products, not Triton kernels: {problem}")
        self._slices: Slices[tuple[Tensor, list[Tensor]]] | None = None
        in_parts = getattr(loss, "mean_of_images", False) and network is model
        if in_parts and device == torch.device("cpu"):
            self._slices = Slices(
                model,
                lambda its, seat: _Worker(its, deepcopy(loss), new_recorder(), seat),
                passes.of_batch,
            )

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
        inputs = (x, target) if mask is None else (x, target, mask)  # a loss need not take one
        parts = []
        if self._slices is not None and mask is None and self.model.training:
            parts = self._slices.run(x, target)
        with threads(1 if parts else torch.get_num_threads()):
            loss = _sum(parts) if parts else self._passes(*inputs)
            self.optimizer.step()
        return loss


def _sum(parts: Sequence[tuple[Tensor, list[Tensor]]]) -> Tensor:
    """The loss; the gradients are added to those of the first, which are the network's own."""
    losses, (total, *others) = zip(*parts, strict=True)
    for gradients in others:
        torch._foreach_add_(total, gradients)
    return torch.stack(losses).sum()


@contextmanager
def _frees_memory(modules: Iterable[Module]) -> Iterator[None]:
    """Go back through chains once, and let them drop what forward kept on the way."""
    chains = [module for module in modules if isinstance(module, Sequential)]
    for chain in chains:
        chain.frees = True
    try:
        yield
    finally:
        for chain in chains:
            chain.frees = False
