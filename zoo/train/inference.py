"""A trained network applied again and again to images of one size."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from zoo.nn.module import Module
from zoo.train.cuda_graphs import CudaGraphs
from zoo.train.graph import Captured, Recorder
from zoo.train.meeting import Seat
from zoo.train.slices import Slices, Worker
from zoo.train.tape import Tapes

# Memory up to which a pass is recorded on a CPU, in bytes: images are many and small, or large.
MOST_MEMORY = 2**26


def recorder_for(device: torch.device) -> Recorder | None:
    """What captures a pass on ``device``; None for a device that has nothing of the kind."""
    if device.type == "cuda":
        return CudaGraphs(device)
    return Tapes(MOST_MEMORY) if device.type == "cpu" else None


class Inference:
    """``forward`` in evaluation mode, captured for each shape of input as a training step is.

    On a CPU a batch is computed a few images at a time where the network allows it
    (:mod:`zoo.train.slices`). The first calls of a shape are ordinary ones; results are the same.
    Weights may change in place between calls.

    Args:
        model: the network, in evaluation mode, on the device where it is used.
    """

    def __init__(self, model: Module) -> None:
        self.model = model
        devices = {parameter.value.device for parameter in model.param()}
        device = devices.pop() if len(devices) == 1 else None
        self._device = device
        self._forward = self._captured(model)
        self._slices: Slices[list[Tensor]] | None = None

    @torch.no_grad()
    def __call__(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> the network's output."""
        if self.model.training or x.dim() != 4 or self._device != torch.device("cpu"):
            return self._forward(x)
        if self._slices is None:
            self._slices = Slices(self.model, self._worker, self.model.forward, gradients=False)
        parts = self._slices.run(x)
        return torch.cat([y for part in parts for y in part]) if parts else self._forward(x)

    def _worker(self, model: Module, seat: Seat) -> Worker[list[Tensor]]:
        forward = self._captured(model)

        @torch.no_grad()
        def outputs(slices: Sequence[slice], *inputs: Tensor) -> list[Tensor]:
            return [forward(inputs[0][part]) for part in slices]

        return outputs

    def _captured(self, model: Module) -> Callable[..., Tensor]:
        recorder = None if self._device is None else recorder_for(self._device)
        if recorder is None:
            return model.forward
        return Captured(model.forward, model, tuple(model.modules()), recorder, training=False)
