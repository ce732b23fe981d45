"""A folder of pictures, or one picture file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from zoo.data.cache.cache import PictureCache
from zoo.data.fingerprint import find_alike
from zoo.data.images import read_images
from zoo.data.pages import page_names
from zoo.data.sets import SingleImages
from zoo.data.stored import Image
from zoo.errors import printable
from zoo.pictures.folders import Found, find_pictures, format_of
from zoo.pictures.values import ValueRange

LOOKED_AT = 16  # folders


def Folder(  # noqa: N802 - see the package
    path: str,
    channels: int,
    value_range: ValueRange | None = None,
    picture_cache: PictureCache | None = None,
) -> SingleImages:
    """All images under the folder ``path``, or in the file; each page of a TIFF stack is one.

    Args:
        path: the folder, or a file.
        channels: C of the images.
        value_range: values of black and white; None for those of each file's type.
        picture_cache: where decoded pictures are kept; None for memory.

    Raises:
        DataError: the folder or one of its images cannot be read.
    """
    folder = Path(path)
    is_file = folder.is_file() and format_of(folder.name) is not None
    found = Found((folder,), "") if is_file else find_pictures(folder)
    root = folder.parent if is_file else folder
    names: list[str] = []
    files: list[str] = []
    contents = read_images(
        found.pictures, channels, value_range=value_range, picture_cache=picture_cache
    )
    for file, pages in zip(found.pictures, contents, strict=True):
        name = file.relative_to(root).as_posix()
        names += page_names(name, len(pages))
        files += [name] * len(pages)
    images = tuple(image for pages in contents for image in pages)
    remarks = tuple(filter(None, (found.remark, _like_bursts(root, found.pictures, contents))))
    return SingleImages(tuple(names), images, files=tuple(files), remarks=remarks)


def _like_bursts(root: Path, files: Sequence[Path], contents: Sequence[Sequence[Image]]) -> str:
    """A remark about folders that each have pictures of one scene; "" where not all of some do."""
    folders: dict[Path, list[Image]] = {}
    for file, pages in zip(files, contents, strict=True):
        folders.setdefault(file.parent, []).extend(pages)
    if root in folders or not all(_one_scene(it) for it in list(folders.values())[:LOOKED_AT]):
        return ""
    first, shots = next(iter(folders.items()))
    name = printable(first.relative_to(root).as_posix())
    return (
        f"{printable(str(root))}: the pictures of each folder in it show one scene ({len(shots)} "
        f"in {name}), and are taken for scenes of their own. For noisy shots of each scene write "
        "burst: before its name"
    )


def _one_scene(pictures: Sequence[Image]) -> bool:
    """Whether the first two of some pictures have one size and show the same."""
    first, second = (*pictures[:2], None, None)[:2]
    same_size = first is not None and second is not None and first.shape == second.shape
    return same_size and bool(find_alike(pictures[:2]))
