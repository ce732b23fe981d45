"""Stand-in for zoo.inference.tiles."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from zoo.engine import Lowered
from zoo.inference.any_size import any_size


def tiled(
    network: Lowered, read: Any, write: Any, shape: tuple[int, int, int], *, tile: int | None = None
) -> None:
    """The whole picture as one tile."""
    write(0, 0, any_size(network, read(0, shape[1], 0, shape[2])))


def tiled_tensor(network: Lowered, images: Tensor, *, tile: int | None = None) -> Tensor:
    """The whole picture as one tile."""
    return any_size(network, images)
