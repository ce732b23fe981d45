"""A trained network applied again and again to images of one size."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from zoo.nn.module import Module
from zoo.train.graph import Captured, CudaGraphs, Recorder
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

    The first calls of a shape are ordinary ones; results are the same. Weights may change in place
    between calls.

    Args:
        model: the network, in evaluation mode, on the device where it is used.
    """

    def __init__(self, model: Module) -> None:
        self.model = model
        devices = {parameter.value.device for parameter in model.param()}
        recorder = recorder_for(devices.pop()) if len(devices) == 1 else None
        self._forward: Callable[..., Tensor] = model.forward
        if recorder is not None:
            objects = tuple(model.modules())
            self._forward = Captured(model.forward, model, objects, recorder, training=False)

    @torch.no_grad()
    def __call__(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> the network's output."""
        return self._forward(x)
