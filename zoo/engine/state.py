"""Torch's settings of a thread, as the engine plans its operations for them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

import torch

from zoo.nn.module import Module


def engine_state(model: Module) -> AbstractContextManager[object]:
    """Within it operations are the planned ones, and their results are ordinary tensors.

    No gradients are recorded, autocast changes no dtype, and memory can be used again outside of
    ``torch.inference_mode``; but a model whose own tensors are of that mode stays in it.
    """
    ordinary = not torch.is_inference_mode_enabled()
    if ordinary and not torch.is_autocast_enabled("cpu") and not torch.is_autocast_enabled("cuda"):
        return torch.no_grad()
    return _all_of_it(not ordinary and any(value.is_inference() for value, _ in model.param()))


@contextmanager
def _all_of_it(inference: bool) -> Iterator[None]:
    with (
        torch.inference_mode(inference),
        torch.no_grad(),
        torch.autocast("cpu", enabled=False),
        torch.autocast("cuda", enabled=False),
    ):
        yield
