"""Bernoulli noise: pixels that are missing."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from zoo.data.crops import Crops
from zoo.data.noise.base import Noise, Noisy, uniform


class Bernoulli(Noise):
    """``y = m * x``: a pixel, all its channels together, is kept (m = 1) or black (m = 0).

    A missing pixel says nothing, so copies carry m as their mask and the loss is taken over the
    target's kept pixels only; without it the network would learn ``keep * x``.

    Args:
        keep: probability to keep a pixel, > 0 and <= 1; or [low, high]. The default is that of
            Noise2Noise (Lehtinen et al., ICML 2018, section 3.2), which removes pixels with a
            probability p drawn from [0, 0.95].

    Raises:
        ArgumentError: ``keep`` is not a probability above 0 or not a range.
    """

    masks = True
    on_device = True

    def __init__(self, keep: float | Sequence[float] = (0.05, 1.0)) -> None:
        self.keep = uniform("bernoulli noise", "keep", keep, 0, 1, above_low=True)

    def draw(self, crops: Crops, generator: torch.Generator) -> Noisy:
        """One copy of each crop with missing pixels, and the mask of the kept ones."""
        n, _, height, width = crops.clean.shape
        keep = self.keep.draw(n, generator)
        mask = (
            torch.rand(n, 1, height, width, generator=generator, device=generator.device) < keep
        ).float()
        return Noisy(crops.clean * mask, mask)
