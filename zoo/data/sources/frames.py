"""Frames of a film or a time series: each with the one that follows, as a pair."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

from torch import Tensor

from zoo.data.images import read_images
from zoo.data.sets import ImagePairs
from zoo.errors import DataError
from zoo.pictures.folders import Found, find_pictures
from zoo.pictures.values import ValueRange

NUMBER = re.compile(r"(\d+)")


def Frames(  # noqa: N802 - see the package
    path: str, channels: int, value_range: ValueRange | None = None
) -> ImagePairs:
    """Frames t and t + 1, which show nearly the same with independent noise.

    Args:
        path: a TIFF stack; or a folder, in which each stack is a film, and so are the other
            pictures of each folder in it, in the order of the numbers in their names.
        channels: C of the images.
        value_range: values of black and white; None for those of each file's type.

    Raises:
        DataError: a file cannot be read, a film has one frame, or its frames differ in size.
    """
    root = Path(path)
    found = find_pictures(root) if root.is_dir() else Found((root,), "")
    pictures = sorted(found.pictures, key=_order)
    contents = read_images(pictures, channels, value_range=value_range)
    films: dict[str, list[tuple[str, Tensor]]] = {}
    for file, pages in zip(pictures, contents, strict=True):
        name = file.relative_to(root).as_posix() if file != root else file.name
        film = name if len(pages) > 1 else Path(name).parent.as_posix()
        frames = films.setdefault(film, [])
        frames += [(name if len(pages) == 1 else f"{name}[{i}]", it) for i, it in enumerate(pages)]
    for frames in films.values():
        if len(frames) == 1:
            raise DataError(f"{frames[0][0]}: is a single frame. Frames are two or more of a film.")
    pairs = [
        (film, *first, second)
        for film, frames in films.items()
        for first, (_, second) in pairwise(frames)
    ]
    files, names, first, second = zip(*pairs, strict=True)
    return ImagePairs(
        names,
        first,
        second,
        second_is_clean=False,
        files=files,
        remarks=(found.remark,) if found.remark else (),
    )


def _order(path: Path) -> list[tuple[bool, int, str]]:
    """Numbers in a name by their value: ``frame_9`` comes before ``frame_10``."""
    parts = NUMBER.split(path.as_posix())
    return [(part.isdecimal(), int(part) if part.isdecimal() else 0, part) for part in parts]
