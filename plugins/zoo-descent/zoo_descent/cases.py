"""What ``zoo plugin check zoo-descent`` tries, beside what it makes up from the schemas."""

from __future__ import annotations

from functools import partial
from math import sqrt
from typing import Final

import torch

from zoo.testing import Case

Shape = tuple[int, ...]


def _orthogonal_std(gain: float, shape: Shape) -> float:
    """Each of the longer sides' vectors has the mean square gain² / its length."""
    rows, columns = shape[0], torch.Size(shape[1:]).numel()
    return gain / sqrt(max(rows, columns))


ADAMW: Final = (
    Case(),
    Case({"lr": 0.01, "betas": [0.5, 0.9], "eps": 1e-3, "weight_decay": 0.3}),
    Case({"amsgrad": True, "maximize": True}),
)
RMSPROP: Final = (
    Case(),
    Case({"lr": 0.001, "alpha": 0.9, "eps": 1e-3, "weight_decay": 0.1}),
    Case({"momentum": 0.9, "centered": True, "maximize": True}),
)
ORTHOGONAL: Final = tuple(
    Case({"gain": gain}, mean=0, std=partial(_orthogonal_std, gain), biases=False)
    for gain in (1.0, 0.5)
)
TRUNCATED_NORMAL: Final = (
    Case(mean=0, std=lambda _: 0.8796256610342397),  # the closed form, limits at two deviations
    Case({"mean": 1.0, "std": 0.1, "low": -1.0, "high": 3.0}, mean=1, std=lambda _: 0.1),
)
