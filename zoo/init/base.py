"""What an initializer is, and the fans that it scales its values by."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Protocol

import torch
from torch import Tensor

from zoo.errors import ShapeError


class Initializer(Protocol):
    """Fills a parameter with its initial values."""

    def __call__(
        self,
        value: Tensor,
        *,
        fan_in: int,
        fan_out: int,
        generator: torch.Generator | None = None,
    ) -> None:
        """Overwrite every element of ``value``.

        Args:
            value: a weight or a bias, of any shape, changed in place.
            fan_in, fan_out: those of the layer's weight, also when ``value`` is its bias.
            generator: source of the random numbers; torch's global one if None.
        """


class Unfilled(torch.Generator):
    """Given to layers in place of a generator, it leaves their parameters as memory was.

    For a network whose values are loaded next: ``compiler.model(Unfilled())`` draws nothing. A
    layer that draws by itself, not in ``Parameter.initialized``, draws from it as from any other.
    """


def fans(shape: Sequence[int]) -> tuple[int, int]:
    """(fan_in, fan_out) of a weight, computed as ``torch.nn.init`` does.

    For a matrix (out, in) they are (in, out). For a kernel (O, I/groups, kh, kw) they are
    (I/groups kh kw, O kh kw): the inputs that one output sees, and, but for stride and groups,
    the outputs that one input reaches.

    Raises:
        ShapeError: fewer than two dimensions.
    """
    if len(shape) < 2:
        raise ShapeError(
            f"fans: the weight has shape {tuple(shape)}. Use at least two dimensions, "
            "(out, in, ...)."
        )
    fan_out, fan_in, *window = shape
    return fan_in * prod(window), fan_out * prod(window)
