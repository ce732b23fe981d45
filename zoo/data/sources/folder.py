"""A folder of clean images."""

from __future__ import annotations

from pathlib import Path

from zoo.data.images import find_images, page_names, read_images
from zoo.data.sets import CleanImages
from zoo.pictures.values import ValueRange


def Folder(  # noqa: N802 - see the package
    path: str, channels: int, value_range: ValueRange | None = None
) -> CleanImages:
    """All images under the folder ``path``; each page of a TIFF stack is an image.

    Args:
        path: the folder.
        channels: C of the images.
        value_range: values of black and white; None for those of each file's type.

    Raises:
        DataError: the folder or one of its images cannot be read.
    """
    folder = Path(path)
    paths = find_images(folder)
    names: list[str] = []
    files = read_images(paths, channels, value_range=value_range)
    for file, pages in zip(paths, files, strict=True):
        names += page_names(file.relative_to(folder).as_posix(), len(pages))
    return CleanImages(tuple(names), tuple(image for pages in files for image in pages))
