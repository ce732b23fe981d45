"""Poisson noise: that of counting photons."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from zoo.data.crops import Crops
from zoo.data.noise.base import Noise, Noisy, split_at_black, uniform


class Poisson(Noise):
    """``y = Poisson(lam * x) / lam``: mean x, variance x/lam.

    Args:
        lam: photons counted at white, > 0; or [low, high]. The default is that of Noise2Noise
            (Lehtinen et al., ICML 2018, section 3.2).

    Raises:
        ArgumentError: ``lam`` is not above 0 or not a range.
    """

    on_device = True

    def __init__(self, lam: float | Sequence[float] = (0.001, 50)) -> None:
        self.lam = uniform("poisson noise", "lam", lam, 0, above_low=True)

    def draw(self, crops: Crops, generator: torch.Generator) -> Noisy:
        """One noisy copy of each crop, values in 0, 1/lam, 2/lam, ..., not clipped at white.

        A float picture's values below 0 have no photons: they stay as they are.
        """
        lam = self.lam.draw(len(crops.clean), generator)
        light, below = split_at_black(crops.clean)
        return Noisy(torch.poisson(light * lam, generator=generator).div_(lam).add_(below))
