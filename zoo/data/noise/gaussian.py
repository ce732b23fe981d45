"""Additive gaussian noise."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from zoo.data.crops import Crops
from zoo.data.noise.base import Noise, Noisy, uniform


class Gaussian(Noise):
    """Independent gaussian noise on every value: ``y = x + sigma/255 * n``, n ~ N(0, 1).

    Args:
        sigma: standard deviation in grey levels (of 255), >= 0; or [low, high]. The default is
            that of Noise2Noise (Lehtinen et al., ICML 2018, section 3.1).

    Raises:
        ArgumentError: ``sigma`` is negative or not a range.
    """

    on_device = True

    def __init__(self, sigma: float | Sequence[float] = (0, 50)) -> None:
        self.sigma = uniform("gaussian noise", "sigma", sigma, 0)

    def draw(self, crops: Crops, generator: torch.Generator) -> Noisy:
        """One noisy copy of each crop, std sigma/255, unclipped."""
        noise = torch.randn(crops.clean.shape, generator=generator, device=generator.device)
        sigma = self.sigma.draw(len(noise), generator) / 255
        return Noisy(noise.mul_(sigma).add_(crops.clean))
