"""No noise to add: the pictures are noisy already."""

from __future__ import annotations

import torch

from zoo.data.crops import Crops
from zoo.data.noise.base import Noise, Noisy


class NoNoise(Noise):
    """The pictures as they are: each has noise of its own, and there is no clean one."""

    on_device = True
    simulated = False

    def __init__(self) -> None:
        """There is nothing to choose."""

    def draw(self, crops: Crops, generator: torch.Generator) -> Noisy:
        """The crops."""
        return Noisy(crops.clean)
