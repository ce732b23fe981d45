"""Denoising a picture with a network that is trained on that picture alone."""

from zoo.single.neighbours import NeighboursEstimate
from zoo.single.train import DEFAULT_NETWORK, Training, denoiser_of, single_architecture

__all__ = [
    "DEFAULT_NETWORK",
    "NeighboursEstimate",
    "Training",
    "denoiser_of",
    "single_architecture",
]
