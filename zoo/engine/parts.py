"""What has to be known of a network to give it an image in parts; measured when it is asked."""

from __future__ import annotations

from functools import partial

import torch

from zoo.engine.capture.trace import memory_of
from zoo.engine.network import Network
from zoo.engine.reach import Reach, reach
from zoo.spec.shapes import Pair


class Parts:
    """Answers that hold for all weights, so that each is measured once.

    Args:
        network: in evaluation mode.
    """

    def __init__(self, network: Network) -> None:
        self._network = network
        self._reaches: dict[tuple[int, Pair, int], Reach | None] = {}
        self._bytes: dict[tuple[int, Pair], int] = {}

    def reach(self, channels: int, size: Pair, axis: int) -> Reach | None:
        """:func:`zoo.engine.reach.reach`."""
        key = channels, size, axis
        if key not in self._reaches:
            self._reaches[key] = reach(self._network.model, channels, size, axis)
        return self._reaches[key]

    @torch.no_grad()
    def bytes_of(self, channels: int, size: Pair) -> int:
        """Memory that the layers take for an image of ``size``, beside the image."""
        key = channels, size
        if key not in self._bytes:
            weights = (parameter.value for parameter in self._network.model.param())
            image = next(weights, torch.empty(())).new_zeros(1, channels, *size)
            self._bytes[key] = memory_of(partial(self._network.forward, image))
        return self._bytes[key]
