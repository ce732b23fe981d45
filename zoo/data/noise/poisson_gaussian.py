"""Poisson and gaussian noise together: that of a camera's sensor."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from zoo.data.crops import Crops
from zoo.data.noise.base import Noise, Noisy, split_at_black, uniform

LEAST_GAIN = 1e-7  # ten million photons at white: noise below float32's own rounding


class PoissonGaussian(Noise):
    """``y = gain * Poisson(x / gain) + sigma/255 * n``: mean x, variance gain*x + (sigma/255)^2.

    Args:
        gain: of the sensor, the part of white that one photon adds: 1/gain photons are counted at
            white. At least 0 (no Poisson noise); or [low, high].
        sigma: standard deviation of the gaussian part in grey levels (of 255), >= 0; or
            [low, high].

    The model of raw sensor data: Foi, Trimeche, Katkovnik, Egiazarian, "Practical
    Poissonian-Gaussian noise modeling and fitting for single-image raw-data", 2008.

    Raises:
        ArgumentError: ``gain`` or ``sigma`` is negative or not a range.
    """

    on_device = True

    def __init__(
        self, gain: float | Sequence[float] = (0, 0.02), sigma: float | Sequence[float] = (0, 50)
    ) -> None:
        self.gain = uniform("poisson_gaussian noise", "gain", gain, 0)
        self.sigma = uniform("poisson_gaussian noise", "sigma", sigma, 0)

    def draw(self, crops: Crops, generator: torch.Generator) -> Noisy:
        """One noisy copy of each crop, not clipped; gain and sigma are drawn for each."""
        gain = self.gain.draw(len(crops.clean), generator)  # N, 1, 1, 1
        sigma = self.sigma.draw(len(crops.clean), generator) / 255
        step = gain.clamp(min=LEAST_GAIN)
        light, below = split_at_black(crops.clean)  # below 0 there are no photons
        counted = torch.poisson(light / step, generator=generator).mul_(step).add_(below)
        shot = torch.where(gain < LEAST_GAIN, crops.clean, counted)
        noise = torch.randn(shot.shape, generator=generator, device=generator.device)
        return Noisy(noise.mul_(sigma).add_(shot))
