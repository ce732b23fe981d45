"""A folder of clean images."""

from __future__ import annotations

from pathlib import Path

from zoo.data.images import find_images, page_names, read_images
from zoo.data.sets import CleanImages


def Folder(path: str, channels: int) -> CleanImages:  # noqa: N802 - see the package
    """All images under the folder ``path``; each page of a TIFF stack is an image.

    Raises:
        DataError: the folder or one of its images cannot be read.
    """
    folder = Path(path)
    paths = find_images(folder)
    names: list[str] = []
    files = read_images(paths, channels)
    for file, pages in zip(paths, files, strict=True):
        names += page_names(file.relative_to(folder).as_posix(), len(pages))
    return CleanImages(tuple(names), tuple(image for pages in files for image in pages))
