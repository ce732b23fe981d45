"""Impulse noise: pixels of a random colour."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from zoo.data.crops import Crops
from zoo.data.noise.base import Noise, Noisy, uniform


class Impulse(Noise):
    """Each pixel is replaced, with some probability, by a colour uniform in [0, 1]^C.

    Its mean is not the clean image, ``E[y] = (1 - p) x + p/2``, so with noisy targets MSE learns
    a washed-out image; Noise2Noise uses an annealed L0 loss, which estimates the mode instead.

    Args:
        probability: of replacing a pixel, in [0, 1]; or [low, high]. The default is that of
            Noise2Noise (Lehtinen et al., ICML 2018, section 3.2).

    Raises:
        ArgumentError: ``probability`` is not a probability or not a range.
    """

    unbiased = False
    on_device = True

    def __init__(self, probability: float | Sequence[float] = (0, 0.95)) -> None:
        self.probability = uniform("impulse noise", "probability", probability, 0, 1)

    def draw(self, crops: Crops, generator: torch.Generator) -> Noisy:
        """One copy of each crop with replaced pixels."""
        n, _, height, width = crops.clean.shape
        probability = self.probability.draw(n, generator)
        replaced = (
            torch.rand(n, 1, height, width, generator=generator, device=generator.device)
            < probability
        )
        colour = torch.rand(crops.clean.shape, generator=generator, device=generator.device)
        return Noisy(torch.where(replaced, colour, crops.clean))
