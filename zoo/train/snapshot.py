"""A moment of training kept in memory, and whether a moment has only finite numbers."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from zoo.nn.module import Module
from zoo.train.progress import Progress
from zoo.train.random_state import random_state, set_random_state


@dataclass(frozen=True)
class Snapshot:
    """Weights, buffers, optimizer and torch's global generators as they were, on their devices.

    Attributes:
        progress: how far the run has come, a copy.
        loss_sum: the sum of the losses of the epoch's samples.
        model: the state dict.
        optimizer: the optimizer's.
        random: the states of torch's generators.
    """

    progress: Progress
    loss_sum: Tensor
    model: Mapping[str, Tensor]
    optimizer: Mapping[str, Any]
    random: Mapping[str, Any]

    @classmethod
    def of(
        cls,
        model: Module,
        optimizer: Any,
        device: torch.device,
        progress: Progress,
        loss_sum: Tensor,
    ) -> Snapshot:
        """This moment; nobody waits for the device."""
        state = optimizer.state_dict()
        state["state"] = [_copies(tensors) for tensors in state["state"]]
        weights = _copies(model.state_dict())
        return cls(replace(progress), loss_sum.clone(), weights, state, random_state(device))

    def restore(self, model: Module, optimizer: Any, device: torch.device) -> None:
        """Go back to it."""
        model.load_state_dict(self.model)
        optimizer.load_state_dict(self.optimizer)
        set_random_state(self.random, device)


def what_is_not_finite(mean_loss: float, model: Module, optimizer: Any) -> str:
    """The first of loss, weights and optimizer state that is no finite number; "" for none."""
    if not math.isfinite(mean_loss):
        return f"the mean loss is {mean_loss}"
    # A sigmoid can hide an infinite weight: the loss is then an ordinary number.
    if not all_finite(model.state_dict().values()):
        return "a weight is no finite number"
    states = optimizer.state_dict()["state"]  # what a checkpoint may not have either
    if not all_finite(value for state in states for value in state.values()):
        return "the optimizer's state has a value that is no finite number"
    return ""


def all_finite(tensors: Iterable[Tensor]) -> bool:
    """Whether all values of all tensors are finite; waits for the device once."""
    flags = [tensor.isfinite().all() for tensor in tensors]
    return not flags or bool(torch.stack(flags).all())


def first_not_finite(tensors: Mapping[str, Tensor]) -> str:
    """The name of the first tensor with a value that is not finite; "" for none."""
    for name, tensor in tensors.items():
        if not bool(tensor.isfinite().all()):
            return name
    return ""


def _copies(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in tensors.items()}
