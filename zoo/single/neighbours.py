"""Which of two ways denoises one noisy picture better, with nothing clean to compare with.

Some pixels are replaced by the mean of their four neighbours, the picture is denoised, and what
comes out there is compared with the noisy values that were there. These are not in what is
denoised, and their noise is independent of all others', so that the mean squared error is that to
the clean values plus the noise's variance, which is the same for both ways: the smaller one is
better (Batson and Royer, "Noise2Self", ICML 2019). A network that was trained on the picture has
seen the values before, and is judged a little too well.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from zoo.train.baselines import estimated_sigma, non_local_means

SIDE = 256  # pixels of the picture's centre that are looked at
STRIDE = 4  # between pixels that are replaced at once
OFFSETS = ((0, 0), (1, 2), (2, 1), (3, 3))  # of those; a quarter of all pixels in all
STRENGTHS = (0.2, 0.3, 0.4, 0.6, 0.8, 1.0)  # h of non-local means, as a part of sigma
LEAST_SIGMA = 1e-6  # below it there is no noise
SURE = 1.0  # standard errors that make a difference

Denoise = Callable[[Tensor], Tensor]  # (C, H, W) -> (C, H, W)


@dataclass(frozen=True)
class NeighboursEstimate:
    """The errors of a network and of non-local means on pixels that were replaced.

    Attributes:
        network, non_local_means: mean squared errors, of values between 0 and 1.
        standard_error: of the difference of both.
        h, sigma: the parameters of non-local means; h is the best of some.
    """

    network: float
    non_local_means: float
    standard_error: float
    h: float
    sigma: float

    @property
    def likely_better(self) -> str:
        """``network`` or ``non_local_means``; "" where they are about as good."""
        difference = self.network - self.non_local_means
        if abs(difference) <= SURE * self.standard_error:
            return ""
        return "network" if difference < 0 else "non_local_means"


def neighbours_estimate(denoise: Denoise, picture: Tensor) -> NeighboursEstimate | None:
    """Compare a denoiser with non-local means on a noisy picture.

    Args:
        denoise: the network's.
        picture: (C, H, W), values about 0 to 1, on the CPU.

    Returns:
        What was found; None for a picture without noise or too small to look at, and where what
        comes out is not finite.
    """
    centre = _centre(picture)
    sigma = estimated_sigma(centre.numpy())
    if sigma < LEAST_SIGMA or min(centre.shape[1:]) < 2 * STRIDE + 2:
        return None
    h = min((part * sigma for part in STRENGTHS), key=lambda it: _error_of(it, sigma, centre))
    own, other = (_errors(it, centre, OFFSETS) for it in (denoise, _non_local_means(h, sigma)))
    difference = own - other
    if not difference.isfinite().all():
        return None
    return NeighboursEstimate(
        network=float(own.mean()),
        non_local_means=float(other.mean()),
        standard_error=float(difference.std()) / len(difference) ** 0.5,
        h=h,
        sigma=sigma,
    )


def _centre(picture: Tensor) -> Tensor:
    top, left = (max(0, side - SIDE) // 2 for side in picture.shape[1:])
    return picture[:, top : top + SIDE, left : left + SIDE]


def _non_local_means(h: float, sigma: float) -> Denoise:
    return lambda noisy: torch.from_numpy(non_local_means(noisy.numpy(), h, sigma))


def _error_of(h: float, sigma: float, noisy: Tensor) -> float:
    """The mean squared error of non-local means on some of the pixels, to choose its h by."""
    return float(_errors(_non_local_means(h, sigma), noisy, OFFSETS[:1]).mean())


def _errors(denoise: Denoise, noisy: Tensor, offsets: Sequence[tuple[int, int]]) -> Tensor:
    """The mean squared error over the channels at each pixel that is replaced once."""
    inner = noisy[:, 1:-1, 1:-1]
    neighbours = (
        noisy[:, :-2, 1:-1] + noisy[:, 2:, 1:-1] + noisy[:, 1:-1, :-2] + noisy[:, 1:-1, 2:]
    ) / 4
    errors = []
    for down, across in offsets:
        replaced = noisy.clone()
        at = (slice(None), slice(down, None, STRIDE), slice(across, None, STRIDE))
        replaced[:, 1:-1, 1:-1][at] = neighbours[at]
        output = denoise(replaced)[:, 1:-1, 1:-1]
        errors.append((output[at] - inner[at]).square().mean(dim=0).flatten())
    return torch.cat(errors)
