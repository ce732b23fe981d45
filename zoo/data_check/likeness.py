"""Whether the two views of a pair show the same scene at all."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from zoo.data_check.intensity import PATCH, patch_means
from zoo.data_check.scenes import Floats, Window

FEWEST = 64  # patches: the correlation of so many has a standard error of 0.125
SHOWS = 0.8  # of the variance of the patches' means: so much must be of the scene, not of noise
UNLIKE = 0.3  # four standard errors below the 0.8 of a scene that just shows


def unlike_scenes(windows: Sequence[Window], sigma: float) -> list[int]:
    """The scenes whose views have no more in common than pictures of different scenes.

    Told by the means of 8 x 8 pixels, of which noise leaves an eighth; a scene that shows little is
    not judged.

    Args:
        windows: of pairs that are not shifted by many pixels.
        sigma: of the noise, in grey levels of 255.
    """
    by_scene: dict[int, list[Floats]] = {}
    for window in windows:
        means = [patch_means(view.mean(0, keepdims=True)).ravel() for view in window.views]
        by_scene.setdefault(window.scene, []).append(np.stack(means))
    noise = (sigma / PATCH) ** 2  # at most: that of channels is averaged too
    joined = {scene: np.concatenate(parts, 1) for scene, parts in by_scene.items()}
    return sorted(scene for scene, means in joined.items() if _is_unlike(means, noise))


def _is_unlike(means: Floats, noise: float) -> bool:
    if means.shape[1] < FEWEST:
        return False
    first, second = means - means.mean(1, keepdims=True)
    variances = (first @ first / first.size, second @ second / second.size)
    if noise > (1 - SHOWS) * min(variances) or not min(variances):
        return False
    correlation = first @ second / first.size / np.sqrt(variances[0] * variances[1])
    return bool(correlation < UNLIKE)
