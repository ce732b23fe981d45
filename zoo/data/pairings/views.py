"""The pairings of data that have both sides: two noisy views, or a noisy and a clean one."""

from __future__ import annotations

from zoo.data.pairings.base import Needs, Pairing


class NoisyTarget(Pairing):
    """The target is another noisy view of the same crop: Noise2Noise.

    For noise of mean 0 that is independent in the two, the network that minimises the mean squared
    error returns the mean of all targets, which is the clean image.

    Source: Lehtinen et al., "Noise2Noise: Learning Image Restoration without Clean Data", ICML
    2018.
    """

    needs: Needs = "noisy"


class CleanTarget(Pairing):
    """The target is the clean crop: ordinary, supervised training."""

    needs: Needs = "clean"
