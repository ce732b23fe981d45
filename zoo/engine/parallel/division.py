"""Whether the batches of a network can be divided among processes, and how."""

from __future__ import annotations

from zoo.distributed.shards import Division
from zoo.nn.module import Module


def division(model: Module, loss: object) -> Division:
    """How the batches of a network may be divided.

    Args:
        model: the network, in the mode that it computes in.
        loss: what is minimised.

    Returns:
        ``any``; ``equal`` where layers ask for each other's statistics of the batch, which they
        take for parts of one size; ``none`` where a layer or the loss needs the whole batch, or a
        layer draws random numbers.
    """
    if not getattr(loss, "mean_of_images", False):
        return "none"
    others = [module for module in model.modules() if not module.batch_independent]
    if not others:
        return "any"
    return "equal" if all(module.uses_batch_statistics for module in others) else "none"
