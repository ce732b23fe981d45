"""Frames of a film or a time series: each with the one that follows, as a pair."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

from zoo.data.cache.cache import PictureCache
from zoo.data.films import film_remarks, find_films, natural
from zoo.data.images import read_images
from zoo.data.pages import page_names
from zoo.data.sets import ImagePairs
from zoo.data.stored import Image
from zoo.pictures.folders import Found, find_pictures
from zoo.pictures.values import ValueRange


def Frames(  # noqa: N802 - see the package
    path: str,
    channels: int,
    value_range: ValueRange | None = None,
    picture_cache: PictureCache | None = None,
) -> ImagePairs:
    """Frames t and t + 1, which show nearly the same with independent noise.

    Args:
        path: a TIFF stack; or a folder, in which each stack is a film, and so are other pictures
            whose names differ in one number only, in the order of that number. Numbers that do not
            follow each other are no pair.
        channels: C of the images.
        value_range: values of black and white; None for those of each file's type.
        picture_cache: where decoded pictures are kept; None for memory.

    Raises:
        DataError: a file cannot be read, a film has no two frames that follow each other, or the
            frames of a film differ in size.
    """
    root = Path(path)
    found = find_pictures(root) if root.is_dir() else Found((root,), "")
    contents = read_images(
        found.pictures, channels, value_range=value_range, picture_cache=picture_cache
    )
    names = [it.relative_to(root).as_posix() if it != root else it.name for it in found.pictures]
    frames: dict[str, Image] = {}
    stacks, singles = [], []
    for name, pages in zip(names, contents, strict=True):
        names_of_pages = page_names(name, len(pages))
        frames.update(zip(names_of_pages, pages, strict=True))
        if len(pages) > 1:
            stacks += [(name, *pair) for pair in pairwise(names_of_pages)]
        else:
            singles.append(name)
    films = find_films(singles)
    pairs = [*stacks, *((film.name, *pair) for film in films for pair in film.pairs)]
    pairs.sort(key=lambda pair: (natural(pair[0]), natural(pair[1])))
    remarks = [f"{root}: {remark}" for remark in film_remarks(films)]
    return ImagePairs(
        tuple(first for _, first, _ in pairs),
        tuple(frames[first] for _, first, _ in pairs),
        tuple(frames[second] for _, _, second in pairs),
        second_is_clean=False,
        files=tuple(film for film, _, _ in pairs),
        remarks=(*([found.remark] if found.remark else []), *remarks),
    )
