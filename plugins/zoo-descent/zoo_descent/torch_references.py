"""The same optimizers in ``torch.optim``, to be compared with."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor

from zoo_descent.adamw import AdamW
from zoo_descent.rmsprop import RMSprop


def adamw(optimizer: AdamW, parameters: Iterable[Tensor]) -> torch.optim.Optimizer:
    """``torch.optim.AdamW``, fused into one pass over each tensor: its fastest form."""
    return torch.optim.AdamW(
        parameters,
        lr=optimizer.lr,
        betas=optimizer.betas,
        eps=optimizer.eps,
        weight_decay=optimizer.weight_decay,
        amsgrad=optimizer.amsgrad,
        maximize=optimizer.maximize,
        fused=True,
    )


def rmsprop(optimizer: RMSprop, parameters: Iterable[Tensor]) -> torch.optim.Optimizer:
    """``torch.optim.RMSprop``, for all tensors at once."""
    return torch.optim.RMSprop(
        parameters,
        lr=optimizer.lr,
        alpha=optimizer.alpha,
        eps=optimizer.eps,
        weight_decay=optimizer.weight_decay,
        momentum=optimizer.momentum,
        centered=optimizer.centered,
        maximize=optimizer.maximize,
        foreach=True,
    )
