"""A folder of pictures, or one picture file."""

from __future__ import annotations

from pathlib import Path

from zoo.data.images import page_names, read_images
from zoo.data.sets import SingleImages
from zoo.pictures.folders import Found, find_pictures, format_of
from zoo.pictures.values import ValueRange


def Folder(  # noqa: N802 - see the package
    path: str, channels: int, value_range: ValueRange | None = None
) -> SingleImages:
    """All images under the folder ``path``, or in the file; each page of a TIFF stack is one.

    Args:
        path: the folder, or a file.
        channels: C of the images.
        value_range: values of black and white; None for those of each file's type.

    Raises:
        DataError: the folder or one of its images cannot be read.
    """
    folder = Path(path)
    is_file = folder.is_file() and format_of(folder.name) is not None
    found = Found((folder,), "") if is_file else find_pictures(folder)
    root = folder.parent if is_file else folder
    names: list[str] = []
    files: list[str] = []
    contents = read_images(found.pictures, channels, value_range=value_range)
    for file, pages in zip(found.pictures, contents, strict=True):
        name = file.relative_to(root).as_posix()
        names += page_names(name, len(pages))
        files += [name] * len(pages)
    images = tuple(image for pages in contents for image in pages)
    remarks = (found.remark,) if found.remark else ()
    return SingleImages(tuple(names), images, files=tuple(files), remarks=remarks)
