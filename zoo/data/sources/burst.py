"""Bursts: a folder for each scene, with two or more noisy shots of it."""

from __future__ import annotations

from pathlib import Path

from zoo.data.cache.cache import PictureCache
from zoo.data.images import read_images
from zoo.data.sets import Bursts
from zoo.data.stored import Image
from zoo.errors import DataError, listed
from zoo.pictures.folders import find_pictures
from zoo.pictures.values import ValueRange


def Burst(  # noqa: N802 - see the package
    path: str,
    channels: int,
    value_range: ValueRange | None = None,
    picture_cache: PictureCache | None = None,
) -> Bursts:
    """The shots of scenes: pictures in one folder, and pages of one TIFF stack, are of one scene.

    Args:
        path: a folder with a folder or a TIFF stack for each scene.
        channels: C of the images.
        value_range: values of black and white; None for those of each file's type.
        picture_cache: where decoded pictures are kept; None for memory.

    Raises:
        DataError: a file cannot be read, a scene has one shot, or its shots differ in size.
    """
    root = Path(path)
    if root.is_file():
        raise DataError(
            f"{root}: is a file. A burst has a folder for each scene, with its shots: name the "
            "folder that has these. For the frames of one film: frames:FILE."
        )
    found = find_pictures(root)
    contents = read_images(
        found.pictures, channels, value_range=value_range, picture_cache=picture_cache
    )
    scenes: dict[str, list[Image]] = {}
    for file, pages in zip(found.pictures, contents, strict=True):
        folder = file.relative_to(root).parent.as_posix()
        scene = file.relative_to(root).as_posix() if len(pages) > 1 else folder
        scenes.setdefault(scene, []).extend(pages)
    if scenes.keys() == {"."}:
        raise DataError(
            f"{root}: its {len(found.pictures)} pictures are in no folders of their own "
            f"({listed(file.name for file in found.pictures)}). A burst has a folder for each "
            "scene, with its shots."
        )
    names = tuple(sorted(scenes))
    return Bursts(
        names,
        tuple(tuple(scenes[name]) for name in names),
        remarks=(found.remark,) if found.remark else (),
    )
