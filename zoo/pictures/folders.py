"""Picture files in folders, and the endings that they are known by."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from zoo.errors import DataError, printable

# The first of each format is the one that new files get.
FORMAT_OF_ENDING: Mapping[str, str] = {
    ".png": "PNG",
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".jpe": "JPEG",
    ".jfif": "JPEG",
    ".tif": "TIFF",
    ".tiff": "TIFF",
    ".bmp": "BMP",
    ".webp": "WEBP",
}


def format_of(name: str) -> str | None:
    """The format that a file's ending stands for, None for other files."""
    return FORMAT_OF_ENDING.get(Path(name).suffix.lower())


def ending_of(file_format: str) -> str:
    """The usual ending of a format's files."""
    return next(ending for ending, known in FORMAT_OF_ENDING.items() if known == file_format)


def split_ending(name: str) -> tuple[str, str]:
    """A name without its ending, and the ending, of which OME stacks have two: ``.ome.tif``."""
    ending = Path(name).suffix
    stem = name.removesuffix(ending)
    if stem.lower().endswith(".ome"):
        stem, ending = stem[:-4], stem[-4:] + ending
    return stem, ending


def find_pictures(folder: Path, out: Path | None, suffix: str) -> list[Path]:
    """The picture files in a folder and below it, in order.

    Args:
        folder: where to look.
        out: a folder that is left out.
        suffix: files whose names end so, before the ending, are left out, as are hidden ones.

    Raises:
        DataError: there are none, or a folder cannot be read.
    """
    found = list(_walk(folder, out, suffix))
    if not found:
        endings = ", ".join(FORMAT_OF_ENDING)
        raise DataError(
            f"{printable(str(folder))}: has no picture files. Their names end in {endings}."
        )
    return found


def _walk(folder: Path, out: Path | None, suffix: str) -> Iterator[Path]:
    left_out = None if out is None else os.path.realpath(out)
    for here, folders, files in os.walk(folder, onerror=_refuse):
        folders[:] = sorted(
            name
            for name in folders
            if not name.startswith(".") and os.path.realpath(Path(here, name)) != left_out
        )
        for name in sorted(files):
            ours = split_ending(name)[0].endswith(suffix)
            if format_of(name) and not name.startswith(".") and not ours:
                yield Path(here, name)


def _refuse(error: OSError) -> None:
    name = printable(str(error.filename))
    raise DataError(f"{name}: cannot be read: {error.strerror}.") from error
