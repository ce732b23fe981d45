"""Photographs and pairs, noise, augmentation and batches.

:mod:`~zoo.data.sources` read a :class:`~zoo.data.sets.CleanImages` or
:class:`~zoo.data.sets.ImagePairs` from files, :mod:`~zoo.data.noise` draws noisy copies of crops of
it, and :class:`~zoo.data.batches.Batches` puts both together for training. Importing this package
imports no torch: the tables below are what the registry of built-ins is made from.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

NOISES: Mapping[str, str] = MappingProxyType(
    {
        "bernoulli": "zoo.data.noise.bernoulli:Bernoulli",
        "gaussian": "zoo.data.noise.gaussian:Gaussian",
        "impulse": "zoo.data.noise.impulse:Impulse",
        "pixel_sampling": "zoo.data.noise.pixel_sampling:PixelSampling",
        "poisson": "zoo.data.noise.poisson:Poisson",
    }
)
"""Factory of each built-in noise; its schema and summary are ``schemas/noise/<name>.json``."""

SOURCES: Mapping[str, str] = MappingProxyType(
    {
        "demo": "zoo.data.sources.demo:Demo",
        "folder": "zoo.data.sources.folder:Folder",
        "pairs": "zoo.data.sources.pairs:Pairs",
        "pkl": "zoo.data.sources.pickle_pairs:PicklePairs",
    }
)
"""Factory of each built-in source; its schema and summary are ``schemas/source/<name>.json``."""
