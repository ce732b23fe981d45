"""All that is measured of a data set."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from zoo.data.brightness import brightness_remarks
from zoo.data.sets import Images
from zoo.data.stored import low_and_high
from zoo.data_check.alignment import Alignment, find_motion
from zoo.data_check.clipping import Clipping, find_clipping
from zoo.data_check.copies import Copies, find_copies, identical_pairs
from zoo.data_check.correlation import NoiseCorrelation, pair_correlation, single_correlation
from zoo.data_check.intensity import Brightness, compare_brightness
from zoo.data_check.likeness import unlike_scenes
from zoo.data_check.noise import Noise, pair_noise, single_noise
from zoo.data_check.scenes import Scenes, Window, draw_windows, scenes_of

# Grey levels. Measured without noise: sets of photographs have 0.7 to 1.5, 95 of 100 single ones
# less than 2.8, and of the most textured test photographs 9 of 10 less than 4.
CLEAN = 2.0
SURELY_NOISY = 4.0
CLEANER = 0.5  # of the first views' sigma: that of second views which is none of the same camera
NEAR = 2.0  # pixels, a quarter of a patch; beyond, the views have other things at their edges
SHARED = 0.5  # of the noise's variance; what two independent views have in common is 0


@dataclass(frozen=True)
class Pictures:
    """What the pictures are.

    Attributes:
        scenes: how many there are.
        views: of each, the most there are.
        megapixels: of all scenes, of one view.
        channels: C.
        sizes: width and height, and how many there are of each, the commonest first.
        types: of values in files, such as ``uint16``, and how many there are of each; ``uint8`` or
            ``float32`` where no file tells.
        lowest, highest: values of all pictures, as a part of white.
    """

    scenes: int
    views: int
    megapixels: float
    channels: int
    sizes: tuple[tuple[int, int, int], ...]
    types: tuple[tuple[str, int], ...]
    lowest: float
    highest: float


@dataclass(frozen=True)
class Measured:
    """What was measured; None where it does not apply or nothing could be seen.

    Attributes:
        pictures: their number, sizes and values.
        paired: whether there are two views or more.
        second_is_clean: whether it is said that the second has no noise.
        range_remarks: of :func:`~zoo.data.brightness.brightness_remarks`.
        copies: None where they were not looked for.
        identical: names of pairs whose pictures are the same.
        unlike: names of pairs whose pictures show different scenes.
        alignment, brightness: of pairs.
        noise: that between the views of pairs, if these lie on each other, else of single pictures;
            where the second are clean, or look so, all of it is the first's.
        alone: sigma of the first and of the second views, each seen as single pictures.
        correlation: of the noise.
        clipping: of what is noisy.
        names: of the scenes that were measured.
    """

    pictures: Pictures
    paired: bool
    second_is_clean: bool
    range_remarks: tuple[str, ...]
    copies: Copies | None
    identical: tuple[str, ...]
    unlike: tuple[str, ...]
    alignment: Alignment | None
    brightness: Brightness | None
    noise: Noise | None
    alone: tuple[float | None, ...]
    correlation: NoiseCorrelation | None
    clipping: Clipping
    names: tuple[str, ...]

    @property
    def aligned(self) -> bool:
        """Whether nothing says that the views do not lie on each other."""
        return self.alignment is None or self.alignment.is_right

    @property
    def sigma(self) -> float:
        """Of the noise, in grey levels of 255; 0 where none is seen.

        Noise that is correlated has few of the finest details that tell how strong that of single
        pictures is: where they are flattest, they vary more.
        """
        if self.noise is None or self.noise.from_pairs:
            return 0.0 if self.noise is None else self.noise.sigma
        return max(self.noise.sigma, self.correlation.sigma if self.correlation else 0.0)

    @property
    def noisy(self) -> bool:
        """Whether there is noise to be learnt from."""
        return self.sigma >= CLEAN

    @property
    def model_is_known(self) -> bool:
        """Whether gain and read noise are those of the noise, and not of its finest details."""
        correlated = self.correlation is not None and bool(self.correlation.correlated)
        return self.noise is not None and (self.noise.from_pairs or not correlated)

    @property
    def second_looks_clean(self) -> bool:
        """Whether the second views have far less noise than the first."""
        return look_clean(self.alone)

    @cached_property
    def shared(self) -> float:
        """What part of the noise's variance both views have in common, as far as is seen."""
        first = self.alone[0] if self.alone else None
        measured = self.paired and not self.second_is_clean and not self.second_looks_clean
        if not measured or first is None or self.noise is None or not self.noise.from_pairs:
            return 0.0
        if first < SURELY_NOISY:  # what is seen of a single picture may be its texture
            return 0.0
        return max(0.0, 1 - (self.noise.sigma / first) ** 2)


def look_clean(alone: Sequence[float | None]) -> bool:
    """Whether of two views, of the sigmas ``alone``, the second has far less noise."""
    first, second = alone
    return first is not None and second is not None and first >= CLEAN and second < CLEANER * first


def measure(
    images: Images, *, copies: bool = True, types: Mapping[str, int] | None = None
) -> Measured:
    """Measure a data set.

    Args:
        images: as a source has read them.
        copies: whether copies are looked for, which takes longer the more pictures there are.
        types: of values in the files, and how many have each; None for those of the images.
    """
    scenes = scenes_of(images)
    identical = identical_pairs(images)
    looked_at = _looked_at(scenes, identical)
    windows = draw_windows(looked_at)
    ends = _ends(windows)
    paired = scenes.paired
    first = single_noise(windows, ends)
    second = single_noise(windows, ends, 1) if paired else None
    alone = tuple(None if it is None else it.sigma for it in (first, second))
    clean = scenes.second_is_clean or look_clean(alone)
    alignment = find_motion(windows) if paired else None
    from_pairs = alignment is not None and alignment.is_right
    near = alignment is not None and alignment.common.shift < NEAR
    noise = pair_noise(windows, ends, clean) if from_pairs else None
    unlike = _unlike(windows, alignment, first) if paired else []
    noise = noise or first
    modelled = None if noise is None or noise.follows_texture else noise
    return Measured(
        pictures=_pictures(scenes, types),
        paired=scenes.paired,
        second_is_clean=scenes.second_is_clean,
        range_remarks=tuple(brightness_remarks(v for views in scenes.views for v in views)),
        copies=find_copies(images) if copies else None,
        identical=identical,
        unlike=tuple(looked_at.names[scene] for scene in unlike),
        alignment=alignment,
        brightness=compare_brightness(windows) if near else None,
        noise=noise,
        alone=alone,
        correlation=pair_correlation(windows) if from_pairs else single_correlation(windows, ends),
        clipping=find_clipping(windows, ends, modelled, 1 if clean else 2),
        names=looked_at.names,
    )


def _unlike(
    windows: Sequence[Window], alignment: Alignment | None, alone: Noise | None
) -> list[int]:
    """The scenes whose views show different things, of those that are not far shifted."""
    moved = {} if alignment is None else alignment.scenes
    if alignment is not None and alignment.common.shift >= NEAR:
        return []
    near = [w for w in windows if w.scene not in moved or moved[w.scene].shift < NEAR]
    return unlike_scenes(near, 0.0 if alone is None else alone.sigma)


def _looked_at(scenes: Scenes, left_out: Sequence[str]) -> Scenes:
    """The scenes to measure: of pairs those with two views, without some; all if none is left."""
    names, paired = set(left_out), scenes.paired
    kept = [
        index
        for index, (name, views) in enumerate(zip(scenes.names, scenes.views, strict=True))
        if name not in names and (len(views) > 1 or not paired)
    ]
    kept = kept or list(range(len(scenes.names)))
    return Scenes(
        tuple(scenes.names[index] for index in kept),
        tuple(scenes.views[index] for index in kept),
        scenes.second_is_clean,
    )


def _ends(windows: Sequence[Window]) -> tuple[float, float]:
    """The lowest and the highest value: where noise is cut off, if it is."""
    views = [view for window in windows for view in window.views]
    return float(min(view.min() for view in views)), float(max(view.max() for view in views))


def _pictures(scenes: Scenes, of_files: Mapping[str, int] | None) -> Pictures:
    every = [view for views in scenes.views for view in views]
    sizes = Counter((view.shape[2], view.shape[1]) for view in every)
    types = Counter(of_files or (str(view.dtype).removeprefix("torch.") for view in every))
    ends = [low_and_high(view) for view in every]
    return Pictures(
        scenes=len(scenes.views),
        views=max(map(len, scenes.views)),
        megapixels=scenes.pixels / 1e6,
        channels=int(every[0].shape[0]),
        sizes=tuple((*size, count) for size, count in sizes.most_common()),
        types=tuple(types.most_common()),
        lowest=min(low for low, _ in ends),
        highest=max(high for _, high in ends),
    )
