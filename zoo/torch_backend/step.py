"""One step of training in torch.nn: forward, loss, autograd's backward, update."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

import torch
from torch import Tensor

from zoo.torch_backend.references import Loss

Forward = Callable[[Tensor], Tensor]


class Update(Protocol):
    """What a step needs of an optimizer: torch's, or zoo's around it."""

    def zero_grad(self) -> object:
        """Leave all gradients out."""

    def step(self) -> object:
        """Update all parameters once."""


class Step(Protocol):
    """What trains on a batch."""

    def __call__(self, x: Tensor, target: Tensor, mask: Tensor | None = None) -> Tensor:
        """Train on one batch; the loss before the update, a tensor without axes on the device."""


def training_step(
    model: Forward, loss: Loss, optimizer: Update, precision: str, device: torch.device
) -> Step:
    """What trains a network in torch.nn.

    Args:
        model: the network, in training mode.
        loss: the loss in torch.
        optimizer: of the network's parameters.
        precision: ``bfloat16``, for which the forward pass is autocast, or any other.
        device: the network's.
    """
    run = torch.autocast(device.type, torch.bfloat16)(model) if precision == "bfloat16" else model

    @torch.enable_grad()
    def step(x: Tensor, target: Tensor, mask: Tensor | None = None) -> Tensor:
        optimizer.zero_grad()
        of_mask = () if mask is None else (mask,)
        value = loss(run(x).to(target.dtype), target, *of_mask)
        value.backward()  # type: ignore[no-untyped-call]  # torch's own lack of annotations
        optimizer.step()
        return value.detach()

    return step


@contextmanager
def convolutions_in(precision: str) -> Iterator[None]:
    """Within it cuDNN's convolutions are with TF32, or without, as ``precision`` says.

    cuDNN also tries its algorithms and takes the fastest, unless they have to be deterministic.
    """
    cudnn = torch.backends.cudnn
    before = cudnn.allow_tf32, cudnn.benchmark
    cudnn.allow_tf32 = precision == "tf32"
    cudnn.benchmark = not torch.are_deterministic_algorithms_enabled()
    try:
        yield
    finally:
        cudnn.allow_tf32, cudnn.benchmark = before
