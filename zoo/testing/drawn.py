"""Values for parameters and buffers with which a mistake shows.

Where a weight starts at 1 a backward pass that leaves it out is right, and where a bias starts at 0
so is a forward pass that does. So the checks are run with drawn values.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import sqrt
from typing import Final

import torch
from torch import Tensor

from zoo.nn import Module

SMALLEST, LARGEST = 0.5, 1.5  # magnitudes: no value is near 0, where gradients vanish, or always 1
WAYS: Final = ("any", "positive", "kept")


def draw_values(module: Module, ways: Mapping[str, str], generator: torch.Generator) -> None:
    """Draw all parameters and floating-point buffers of a module anew.

    Magnitudes are uniform in [0.5, 1.5], divided by the root of a weight's fan-in. Parameters get
    signs of their own; buffers keep the signs they have, so that a variance stays one.

    Args:
        module: its values are changed in place.
        ways: how to draw what is drawn otherwise, by names of the state dict: ``any`` sign,
            ``positive``, or ``kept`` as they are.
        generator: a CPU's.

    Raises:
        ValueError: a name is not in the state dict, or there is no such way.
    """
    state, parameters = module.state_dict(), dict(module.named_parameters())
    for name, way in ways.items():
        if name not in state or way not in WAYS:
            raise ValueError(
                f"values has {name!r}: {way!r}. Use names of the state dict, "
                f"{', '.join(state) or 'which is empty'}, and one of {', '.join(WAYS)}."
            )
    for name, value in state.items():
        way = ways.get(name, "any" if name in parameters else "signs")
        if value.is_floating_point() and way != "kept":
            _draw(value, way, generator)


@torch.no_grad()
def _draw(value: Tensor, way: str, generator: torch.Generator) -> None:
    scale = 1 / sqrt(max(1, value[:1].numel())) if value.dim() > 1 else 1.0
    drawn = torch.empty(value.shape, dtype=torch.float64)
    drawn.uniform_(SMALLEST * scale, LARGEST * scale, generator=generator)
    signs = torch.randint(2, value.shape, generator=generator).double() * 2 - 1
    if way == "positive":
        signs = torch.ones_like(signs)
    elif way == "signs":
        signs = value.double().sign().where(value != 0, signs)
    value.copy_(drawn * signs)
