"""Reading a data source for itself, without an architecture to read it for."""

from __future__ import annotations

import inspect
import re
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from zoo.architecture.component import Component
from zoo.data.cache.cache import PictureCache
from zoo.data.sets import IdenticalPairsError, Images, all_images
from zoo.data.stored import is_grey
from zoo.errors import ArgumentError, DataError, UsageError
from zoo.pictures.folders import find_pictures
from zoo.pictures.read import open_picture
from zoo.pictures.values import ValueRange
from zoo.plugins.isolation import isolated
from zoo.plugins.registry import Registry

COLOUR = 3  # channels, which grey pictures have too if asked for
OTHER_CHANNELS = re.compile(r"has (\d+) channels?, and the architecture takes")


def read_images(
    registry: Registry,
    source: Component,
    value_range: ValueRange | None = None,
    *,
    second_is_clean: bool = False,
    picture_cache: PictureCache | None = None,
) -> Images:
    """The images of a source; grey ones with one channel.

    Pairs of which some have the same picture twice are given like others.

    Args:
        registry: what is installed.
        source: the checked source.
        value_range: black and white; None for those of each file's type.
        second_is_clean: whether the second pictures of pairs are clean, if there are any.
        picture_cache: where decoded pictures are kept; None for memory.

    Raises:
        UsageError: the source refuses its parameters, or takes no range.
        DataError: they are missing, unreadable or unsuitable.
    """
    factory = registry.get(source.kind, source.type).entry.load()
    arguments, takes = dict(source.parameters), inspect.signature(factory).parameters
    if second_is_clean and "second_is_clean" in takes:
        arguments["second_is_clean"] = True
    if value_range is not None:
        if "value_range" not in takes:
            raise UsageError(f"--range: the source {source.type} takes none. Leave it out.")
        arguments["value_range"] = value_range
    if picture_cache is not None and "picture_cache" in takes:
        arguments["picture_cache"] = picture_cache
    images = _of_own_channels(factory, arguments, COLOUR)
    if images.sides[0][0].shape[0] > 1 and _is_grey(images):
        with suppress(DataError):  # such as a file of pairs, which is taken as it is
            return _read(factory, arguments, 1)
    return images


def value_types(source: Component) -> Mapping[str, int]:
    """The types of values in the picture files of a source, and how many files have each.

    Nothing where it names no picture files or folders.
    """
    types: Counter[str] = Counter()
    named = (Path(value) for value in source.parameters.values() if isinstance(value, str))
    for path in (path for path in named if path.exists()):
        with suppress(DataError):  # such as a file of pairs
            for file in find_pictures(path).pictures if path.is_dir() else (path,):
                with open_picture(file) as picture:
                    types[picture.dtype.name] += 1
    return types


def _of_own_channels(factory: Any, arguments: dict[str, Any], channels: int) -> Images:
    """The images with as many channels as they have, if those are not so many."""
    try:
        return _read(factory, arguments, channels)
    except DataError as error:
        match = OTHER_CHANNELS.search(str(error.args[0]))
        if match is None or int(match[1]) == channels:
            raise
        return _read(factory, arguments, int(match[1]))


def _read(factory: Any, arguments: dict[str, Any], channels: int) -> Images:
    try:
        with isolated():
            images: Images = factory(channels=channels, **arguments)
    except IdenticalPairsError as error:
        return error.images
    except ArgumentError as error:
        raise UsageError(str(error)) from error
    return images


def _is_grey(images: Images) -> bool:
    """Whether all channels of all images are the same."""
    return all(map(is_grey, all_images(images)))
