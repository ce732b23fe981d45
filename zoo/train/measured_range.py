"""``data.range = "auto"``: black and white from what the training images span."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tomli

from zoo.architecture import Architecture
from zoo.architecture.read import MEASURED
from zoo.compiler import Compiler
from zoo.data.sets import Images, all_images
from zoo.data.stored import Image, low_and_high, pixels_of
from zoo.errors import CheckpointError, DataError, format_value
from zoo.spec.value_range import fits_float32

BLACK, WHITE = 0.001, 0.999  # quantiles of the values
FAR = 100  # times as bright: 8 bits are 255 times as bright as floats of white 1
LOOKED_AT = 2**22  # values at most
AS_STORED = 0.0, 1.0  # the range in which values stay as files have them


def with_measured_range(compiler: Compiler) -> Compiler:
    """The compiler of the same architecture, with values in the place of ``auto``.

    Raises:
        DataError: the images are missing, unreadable, or all of one value.
    """
    architecture = compiler.architecture
    if architecture.data.value_range != "auto":
        return compiler
    source = architecture.data.source
    images = compiler.of(architecture.with_range(*AS_STORED)).data(source)
    low, high = measured_range(images, f"{source.name}:", "data.range")
    return compiler.of(architecture.with_range(low, high))


def measured_range(images: Images, where: str, setting: str) -> tuple[float, float]:
    """Black and white of images whose values are as their files have them.

    Args:
        images: what is read with the range :data:`AS_STORED`.
        where, setting: for messages: the source, and what is ``auto``.

    Raises:
        DataError: they are all of one value.
    """
    _check_alike(images, where, setting)
    low, high = span(all_images(images))
    if low == high:
        raise DataError(
            f"{where} nearly all values are {low:g}, so that {setting} cannot be 'auto'. "
            "Give the values of black and white, such as [0, 4095]."
        )
    if not fits_float32(low, high):
        raise DataError(
            f"{where} nearly all values are from {low:g} to {high:g}, too close together for "
            f"{setting} to be 'auto'. Save them in another unit, or give the values of black and "
            "white."
        )
    return low, high


def with_recorded_range(
    architecture: Architecture, content: Mapping[str, Any], where: object
) -> Architecture:
    """The same architecture, with the values of a checkpoint in the place of ``auto``.

    Raises:
        CheckpointError: the checkpoint has no values either, or such that cannot be.
    """
    if architecture.data.value_range != "auto":
        return architecture
    try:
        recorded = tomli.loads(content["architecture"])["data"]["range"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return architecture  # another one, and what differs is said of all there is
    try:
        low, high = map(float, recorded)
    except (ValueError, TypeError):
        low = high = 0.0
    if not fits_float32(low, high):
        raise CheckpointError(f"{where}: data.range: is {format_value(recorded)}. {MEASURED}")
    return architecture.with_range(low, high)


def _check_alike(images: Images, where: str, setting: str) -> None:
    """Refuse files of different types of values, which share no black and white."""
    brightest = [low_and_high(image)[1] for image in images.sides[0]]
    dark, light = (brightest.index(it) for it in (min(brightest), max(brightest)))
    if 0 < brightest[dark] < brightest[light] / FAR:
        raise DataError(
            f"{where} the values of {images.names[dark]} go up to {brightest[dark]:g}, those of "
            f"{images.names[light]} to {brightest[light]:g}, so that {setting} cannot be 'auto'. "
            "Save them alike, or leave it out."
        )


def span(images: Sequence[Image]) -> tuple[float, float]:
    """The values that all but a thousandth of the images' values are above, and below."""
    step = max(1, sum(image.numel() for image in images) // LOOKED_AT)
    values = np.concatenate([pixels_of(it).flatten().numpy()[::step].copy() for it in images])
    low, high = np.quantile(values, (BLACK, WHITE))
    return float(low), float(high)
