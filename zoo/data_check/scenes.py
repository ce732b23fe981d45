"""Scenes with one or more views of each, and windows drawn from them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo.data.sets import Bursts, Images
from zoo.data.stored import Image, window_of

Floats = NDArray[Any]  # of float32 or float64

LEVELS = 255.0  # the unit of all figures: white is 255
WINDOW = 256  # pixels on a side, at most
GRID = 16  # windows begin at multiples of so many pixels: JPEG's blocks stay where they are
MOST_PIXELS = 2**20  # in all windows, of one view and channel: three seconds on two cores
MOST_WINDOWS = 2048  # of small pictures
SEED = 0
LARGE = 1e6  # times white: squares of squares of larger values are too large for float32


@dataclass(frozen=True)
class Scenes:
    """Scenes of a data set.

    Attributes:
        names: one for each scene.
        views: of each scene its pictures, (C, H, W) of one shape, uint8 or float32 with white at 1:
            one where there is a single picture, two of a pair, n of a burst.
        second_is_clean: whether the views after the first are clean.
    """

    names: tuple[str, ...]
    views: tuple[tuple[Image, ...], ...]
    second_is_clean: bool = False

    @property
    def paired(self) -> bool:
        """Whether there are scenes with two views or more."""
        return any(len(views) > 1 for views in self.views)

    @property
    def pixels(self) -> int:
        """Of all scenes together: of one view, and of one channel."""
        return sum(views[0].shape[1] * views[0].shape[2] for views in self.views)


def scenes_of(images: Images) -> Scenes:
    """The scenes of a set that a source has read."""
    views = images.shots if isinstance(images, Bursts) else tuple(zip(*images.sides, strict=True))
    return Scenes(images.names, views, getattr(images, "second_is_clean", False))


@dataclass(frozen=True)
class Window:
    """The same place in the first views of a scene, at most two.

    Attributes:
        scene: its index.
        top, left: the place.
        size: height and width of the whole picture.
        views: one or two (C, h, w), floats in grey levels of 255, not clipped.
    """

    scene: int
    top: int
    left: int
    size: tuple[int, int]
    views: tuple[Floats, ...]

    @property
    def mean(self) -> Floats:
        """The mean of the views, (C, h, w)."""
        return sum(self.views[1:], self.views[0]) / len(self.views)

    @property
    def difference(self) -> Floats:
        """The first view minus the second, (C, h, w)."""
        return self.views[0] - self.views[1]


def draw_windows(scenes: Scenes, most_pixels: int = MOST_PIXELS) -> list[Window]:
    """Windows of many scenes, the same ones each time: of few scenes several of each.

    Of a burst each window has two of the views, the first with another one.
    """
    draws = np.random.default_rng(SEED)
    order = draws.permutation(len(scenes.views))[:MOST_WINDOWS]
    places = {int(index): _places(scenes.views[index][0], draws) for index in order}
    windows: list[Window] = []
    seen = 0
    for turn in range(max(map(len, places.values()))):
        for index, found in places.items():
            if turn >= len(found):
                continue
            if seen >= most_pixels:
                return windows
            window = _window(scenes, index, *found[turn], turn)
            seen += window.views[0][0].size
            windows.append(window)
    return windows


def _places(view: Image, draws: np.random.Generator) -> list[tuple[int, int]]:
    """Tops and lefts of the windows that lie side by side in a picture, in a drawn order."""
    sides = [_starts(length) for length in view.shape[1:]]
    every = [(top, left) for top in sides[0] for left in sides[1]]
    return [every[index] for index in draws.permutation(len(every))]


def _starts(length: int) -> list[int]:
    """Where windows begin along an axis; the last one ends near the end of the picture."""
    last = max(length - WINDOW, 0) // GRID * GRID
    return sorted({*range(0, last + 1, WINDOW), last})


def _window(scenes: Scenes, index: int, top: int, left: int, turn: int) -> Window:
    views = scenes.views[index]
    chosen: Sequence[Image] = views[:1]
    if len(views) > 1:
        chosen = (views[0], views[1 + turn % (len(views) - 1)])
    pixels = tuple(_levels(window_of(view, top, left, WINDOW, WINDOW)) for view in chosen)
    height, width = views[0].shape[1:]
    return Window(index, top, left, (height, width), pixels)


def _levels(window: NDArray[Any]) -> Floats:
    """(h, w, C) -> (C, h, w), in grey levels."""
    pixels = np.ascontiguousarray(window.transpose(2, 0, 1))
    if pixels.dtype == np.uint8:
        return pixels.astype(np.float32)
    if float(np.abs(pixels).max()) > LARGE:
        return pixels.astype(np.float64) * LEVELS
    return pixels * np.float32(LEVELS)
