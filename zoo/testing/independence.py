"""Whether a target's noise is independent of the input's, by many batches of a grey picture."""

from __future__ import annotations

from collections.abc import Iterable
from math import sqrt
from typing import Final

import torch
from torch import Tensor

from zoo.data.batch import Batch
from zoo.testing.comparisons import require

GREY, SIGMA = 0.5, 0.1
STANDARD_ERRORS: Final = 6  # by which a mean may miss; beyond is one in 10^8
FEWEST: Final = 20  # images in which a place must count to be looked at by itself


def require_independent_noise(where: str, batches: Iterable[Batch]) -> None:
    """The target's mean is the clean picture, and its noise has nothing of the input's.

    Over the pixels that count: over whole images, and at each place, corners too.

    Args:
        where: how a message begins.
        batches: of a picture of :data:`GREY` with independent noise of deviation :data:`SIGMA`.
    """
    drawn = list(batches)
    masks = [torch.ones_like(b.x[:, :1]) if b.mask is None else b.mask for b in drawn]
    mask = torch.cat(masks).double()  # N, 1, H, W, with N over all batches
    require(
        bool(mask.any()),
        f"{where}: the mask is 0 everywhere in {len(drawn)} batches. It should keep some pixels.",
    )
    noise = torch.cat([b.target for b in drawn]).double() - GREY
    products = noise * (torch.cat([b.x for b in drawn]).double() - GREY)
    _require_mean(where, *_mean(_of_images(noise, mask)))
    _require_no_covariance(where, *_mean(_of_images(products, mask)))
    for row, column in (mask.sum((0, 1)) >= FEWEST).nonzero().tolist():
        there = f"{where}, row {row}, column {column}"
        kept = mask[:, 0, row, column] > 0
        mean, error = _mean(noise[kept, :, row, column].flatten())
        _require_mean(there, mean, max(error, SIGMA / 4 / STANDARD_ERRORS))
        covariance, error = _mean(products[kept, :, row, column].flatten())
        _require_no_covariance(there, covariance, max(error, SIGMA**2 / 4 / STANDARD_ERRORS))


def _require_mean(where: str, mean: float, error: float) -> None:
    require(
        abs(mean) <= STANDARD_ERRORS * error + 1e-6,
        f"{where}: the mean of the target is {GREY + mean:.4f} where the clean picture is {GREY}.",
    )


def _require_no_covariance(where: str, covariance: float, error: float) -> None:
    require(
        abs(covariance) <= STANDARD_ERRORS * error + 1e-9,
        f"{where}: noise of variance {SIGMA**2:.2g} in the input has the covariance "
        f"{covariance:.2g} with the target's, so that a network learns to keep it. It should be 0: "
        "the target's noise must be independent of the input.",
    )


def _of_images(values: Tensor, mask: Tensor) -> Tensor:
    """The mean of each image over its pixels that count, of the images that have some."""
    counts = mask.sum((1, 2, 3))
    means = (values * mask).sum((1, 2, 3)) / (counts * values.shape[1])
    return means[counts > 0]


def _mean(values: Tensor) -> tuple[float, float]:
    """The mean and its standard error, 0 of a single value."""
    spread = values.std().item() if len(values) > 1 else 0.0
    return values.mean().item(), spread / sqrt(len(values))
