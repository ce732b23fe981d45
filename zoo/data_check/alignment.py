"""Whether the two views of a pair lie on each other: shift, scale and rotation left over.

A shift of d pixels turns the phase of each frequency f by 2 pi f d. The most likely motion of all
blocks together is looked for, so that much noise does no harm: a shift, or a shift that depends on
the place (scale and rotation). Its error is told from how much the blocks disagree with it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo.data_check.scenes import Floats, Window
from zoo.data_check.spectra import (
    ENOUGH,
    Blocks,
    Complex,
    best_weights,
    block_size,
    coherence,
    first_weights,
    frequencies,
    make_blocks,
)

STEPS = 8  # of Gauss and Newton, at most
CONVERGED = 1e-4  # pixels of a step
COARSE = 128  # pixels on a side of a window that alone tells a shift of many pixels
# A shift d of one view, learnt in both directions, multiplies a frequency f by cos(pi f d): at 0.1
# pixels the finest detail loses 5 %.
HARMLESS = 0.1
# So many standard errors: 6e-7 of right pairs are beyond, and 2e-4 where 16 blocks tell the error.
SURE = 5.0
PEAK = 8.0  # standard deviations above the mean: the highest of 65,536 values of noise has 4.5


@dataclass(frozen=True)
class Motion:
    """How far the second view is from the first.

    Attributes:
        down, across: the shift in pixels.
        error: its standard error, the larger of both.
        scale: what a length grows by, 0.001 for 0.1 %.
        rotation: in radians.
        scale_error, rotation_error: standard errors; those of an unknown one are infinite.
        reach: from the middle of a picture to its corner, in pixels.
    """

    down: float
    across: float
    error: float
    scale: float = 0.0
    scale_error: float = float("inf")
    rotation: float = 0.0
    rotation_error: float = float("inf")
    reach: float = 0.0

    @property
    def shift(self) -> float:
        """Its length."""
        return float(np.hypot(self.down, self.across))

    @property
    def is_shifted(self) -> bool:
        """Whether by more than is harmless, for sure."""
        return self.shift > max(HARMLESS, SURE * self.error)

    @property
    def is_scaled(self) -> bool:
        """Whether the corners are shifted by more than is harmless by the scale, for sure."""
        return self._counts(self.scale, self.scale_error)

    @property
    def is_rotated(self) -> bool:
        """The same of the rotation."""
        return self._counts(self.rotation, self.rotation_error)

    def _counts(self, value: float, error: float) -> bool:
        return abs(value) > max(HARMLESS / self.reach if self.reach else np.inf, SURE * error)


@dataclass(frozen=True)
class Alignment:
    """What was found of pairs.

    Attributes:
        common: the motion of all pairs together, but of those that are off by many pixels more.
        scenes: of each pair that is large enough its own, by the scene's index.
    """

    common: Motion
    scenes: dict[int, Motion]

    @property
    def shifted(self) -> list[int]:
        """The scenes whose pairs are shifted, the worst first."""
        found = [index for index, motion in self.scenes.items() if motion.is_shifted]
        return sorted(found, key=lambda index: -self.scenes[index].shift)

    @property
    def is_right(self) -> bool:
        """Whether nothing is off by more than is harmless."""
        common = self.common
        return not (common.is_shifted or common.is_scaled or common.is_rotated or self.shifted)


def find_motion(windows: Sequence[Window]) -> Alignment | None:
    """The motion between the views of pairs; None where the pictures are too small or show nothing.

    Args:
        windows: of pairs.
    """
    size = block_size(windows)
    if size is None:
        return None
    starts = _starts(windows)
    blocks = make_blocks(windows, size, starts)
    if blocks is None:
        return None
    start_of = {window.scene: start for window, start in zip(windows, starts, strict=True)}
    weights = _weights(blocks, _commonest(blocks, start_of))
    if not weights[-1].any():
        return None
    by_scene = {}
    for scene in np.unique(blocks.scenes):
        chosen = blocks.scenes == scene
        if chosen.sum() >= ENOUGH:
            by_scene[int(scene)] = _fit(blocks, chosen, weights, start_of[scene])
    chosen = _commonest(blocks, start_of)
    start = start_of[int(blocks.scenes[chosen][0])]
    return Alignment(_fit(blocks, chosen, weights, start), _with_usual_errors(by_scene))


def _commonest(blocks: Blocks, start_of: dict[int, tuple[int, int]]) -> NDArray[np.bool_]:
    """The blocks whose pairs are shifted by the same whole pixels as most."""
    starts = [start_of[int(scene)] for scene in blocks.scenes]
    most = Counter(starts).most_common(1)[0][0]
    return np.array([start == most for start in starts])


def _with_usual_errors(by_scene: dict[int, Motion]) -> dict[int, Motion]:
    """Motions whose errors are no smaller than is usual: one of few blocks may be so by chance."""
    if not by_scene:
        return {}
    usual = float(np.median([motion.error for motion in by_scene.values()]))
    return {
        scene: Motion(**{**vars(motion), "error": max(motion.error, usual)})
        for scene, motion in by_scene.items()
    }


def _weights(blocks: Blocks, chosen: NDArray[np.bool_]) -> list[Floats]:
    """The weight of each frequency: those of long waves, and by what is in common."""
    size = blocks.size
    first = first_weights(blocks.power, size)
    motion, _ = _solve(blocks, chosen, [first], affine=False)
    down, across = frequencies(size)
    turned = blocks.cross[chosen].mean(0) * np.exp(
        -1j * (motion[0, 0] * down + motion[1, 0] * across)
    )
    common = coherence(turned, blocks.power, size)
    return [first, best_weights(common, blocks.power, size, int(chosen.sum()))]


def _fit(
    blocks: Blocks, chosen: NDArray[np.bool_], weights: Sequence[Floats], start: tuple[int, int]
) -> Motion:
    """The motion of some blocks, with scale and rotation where they lie far enough apart."""
    shift, cov = _solve(blocks, chosen, weights, affine=False)
    down, across = shift[0, 0] + start[0], shift[1, 0] + start[1]
    error = float(np.sqrt(max(cov[0, 0], cov[3, 3])))
    reach = float(blocks.half_diagonals[chosen].max())
    if chosen.sum() < ENOUGH or np.ptp(blocks.places[chosen], 0).min() < blocks.size:
        return Motion(float(down), float(across), error, reach=reach)
    full, cov = _solve(blocks, chosen, weights, affine=True)
    scale, rotation = (full[0, 1] + full[1, 2]) / 2, (full[0, 2] - full[1, 1]) / 2
    of_scale, of_rotation = np.zeros((2, 6))
    of_scale[[1, 5]] = 0.5
    of_rotation[2], of_rotation[4] = 0.5, -0.5
    return Motion(
        *(float(down), float(across), error, float(scale)),
        float(np.sqrt(of_scale @ cov @ of_scale)),
        float(rotation),
        float(np.sqrt(of_rotation @ cov @ of_rotation)),
        reach,
    )


def _solve(
    blocks: Blocks, chosen: NDArray[np.bool_], stages: Sequence[Floats], *, affine: bool
) -> tuple[Floats, Floats]:
    """The most likely motion, (2, 3): per row what is constant, grows down and grows across.

    And the covariance of its six figures, from how much the blocks disagree (the jackknife).

    Args:
        blocks: all of them.
        chosen: which of them to use.
        stages: weights of the frequencies, one after the other: long waves first, whose phase does
            not turn around.
        affine: whether scale and rotation are looked for.
    """
    places = blocks.places[chosen]
    cross = blocks.cross[chosen]
    basis = np.stack([np.ones(len(places)), *(places.T if affine else 0 * places.T)], 1)  # B, 3
    motion, cov = np.zeros((2, 3)), np.zeros((6, 6))
    for weights in stages:
        motion, cov = _refine(motion, cross, basis, weights)
    return motion, cov


def _refine(
    motion: Floats, cross: Complex, basis: Floats, weights: Floats
) -> tuple[Floats, Floats]:
    """The most likely motion near ``motion``, by steps of Gauss and Newton, and its covariance."""
    kept = weights > 0
    waves = np.stack([w[kept] for w in frequencies(cross.shape[1])])  # 2, K
    twice = np.where((waves[1] == 0) | (waves[1] == np.pi), 1, 2)  # half of a spectrum is kept
    weighted = cross[:, kept] * (weights[kept] * twice)  # B, K
    for _ in range(STEPS):
        turned = weighted * np.exp(-1j * ((basis @ motion.T) @ waves))
        score = turned.imag @ waves.T  # B, 2
        scores = np.einsum("bi,bk->bik", score, basis).reshape(-1, 6)
        dd, da, aa = (turned.real @ (waves[i] * waves[j]) for i, j in ((0, 0), (0, 1), (1, 1)))
        curvature = np.stack([np.stack([dd, da], 1), np.stack([da, aa], 1)], 1)  # B, 2, 2
        parts = np.einsum("bij,bk,bl->bikjl", curvature, basis, basis).reshape(-1, 6, 6)
        inverse = np.linalg.pinv(parts.sum(0), rcond=1e-12, hermitian=True)
        step = (inverse @ scores.sum(0)).reshape(2, 3)
        longest = np.abs(basis @ step.T).max()
        motion = motion + step * min(1, 1 / max(longest, 1e-12))  # a pixel at most in one step
        if longest < CONVERGED:
            break
    # How far the motion is without each block, which is what their disagreement is seen by.
    without = np.linalg.pinv(np.eye(6) - parts @ inverse) @ scores[:, :, None]
    moved = without[:, :, 0] @ inverse  # B, 6
    return motion, moved.T @ moved


def _starts(windows: Sequence[Window]) -> list[tuple[int, int]]:
    """Of each window by how many whole pixels its second view is shifted.

    By the peak of the correlation: of all windows of a scene where they are large, else of all.
    """
    groups: dict[Any, list[int]] = {}
    for index, window in enumerate(windows):
        large = min(window.views[0].shape[1:]) >= COARSE
        groups.setdefault(window.scene if large else "small", []).append(index)
    starts = [(0, 0)] * len(windows)
    for members in groups.values():
        shapes = Counter(windows[index].views[0].shape for index in members)
        shape = shapes.most_common(1)[0][0]
        same = [windows[index] for index in members if windows[index].views[0].shape == shape]
        peak = _peak(same)
        for index in members:
            starts[index] = peak
    return starts


def _peak(windows: Sequence[Window]) -> tuple[int, int]:
    """The shift at which long waves of windows of one shape fit best; (0, 0) where none stands out.

    One of two pixels or less is left to the fit.
    """
    height, width = windows[0].views[0].shape[1:]
    taper = np.hanning(height + 1)[:height, None] * np.hanning(width + 1)[:width]
    cross: Any = 0
    for window in windows:
        a, b = (np.fft.rfft2((v.mean(0) - v.mean()) * taper) for v in window.views)
        cross = cross + a * b.conj()
    down = np.fft.fftfreq(height)[:, None]
    across = np.fft.rfftfreq(width)
    radius = np.hypot(down, across)
    whitened = cross / np.maximum(np.abs(cross), 1e-12)
    whitened = whitened * ((radius > 2 / min(height, width)) & (radius < 1 / 8))
    values = np.fft.irfft2(whitened.conj(), (height, width))
    at = np.unravel_index(int(values.argmax()), values.shape)
    y, x = (int(it if it <= n // 2 else it - n) for it, n in zip(at, values.shape, strict=True))
    stands_out = values.max() > PEAK * values.std()
    far = max(abs(y), abs(x)) > 2
    inside = abs(y) <= height // 4 and abs(x) <= width // 4
    return (y, x) if stands_out and far and inside else (0, 0)
