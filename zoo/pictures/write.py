"""Writing a picture with other pixels and all else as it was."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from math import prod
from pathlib import Path
from tempfile import TemporaryFile
from typing import BinaryIO, Literal, cast

import numpy as np

from zoo.errors import ArgumentError, WriteError, ZooError, format_error
from zoo.files import write_atomically
from zoo.pictures.bmp import encode_bmp
from zoo.pictures.exif import Layout, Tag
from zoo.pictures.holds import check_holds, target_depth, target_format
from zoo.pictures.jpeg import encode_jpeg
from zoo.pictures.picture import Array, Picture
from zoo.pictures.png import PngPicture, encode_png
from zoo.pictures.tiff_page import PageFormat
from zoo.pictures.tiff_read import TiffPicture
from zoo.pictures.tiff_tags import for_depth, tags_of
from zoo.pictures.tiff_write import TiffPart, writable, write_tiff
from zoo.pictures.values import Depth, convert
from zoo.pictures.webp import encode_webp

Encoder = Callable[[Picture, Array, "int | None"], "tuple[list[bytes], list[str]]"]
ENCODERS: Mapping[str, Encoder] = {
    **{"PNG": encode_png, "JPEG": encode_jpeg, "WEBP": encode_webp, "BMP": encode_bmp}
}
BIG = 2**32 - 2**26  # bytes from which a TIFF has to be a BigTIFF
RGB, GREY, DEFLATE, HORIZONTAL, UNASSOCIATED = 2, 1, 8, 2, 2


def write_picture(
    target: str | Path | BinaryIO,
    picture: Picture,
    planes: Iterable[Array],
    *,
    format: str | None = None,  # noqa: A002 - the word that users know
    depth: int | Literal["float"] | None = None,
    quality: int | None = None,
    overwrite: bool = True,
) -> list[str]:
    """Write planes with everything else of the picture: alpha, metadata, way of storing.

    Args:
        target: a path, written atomically, or a stream.
        picture: where all but the planes is from; still open.
        planes: as many as the picture has, taken one at a time, each of its shape: of its dtype, or
            floats with white at 1.0.
        format: "PNG", "JPEG", "TIFF", "BMP" or "WEBP"; None for the picture's.
        depth: bits of a value, or "float"; None for the picture's.
        quality: of a JPEG or lossy WebP, 1 to 100; None for the picture's.
        overwrite: whether a file that is there when the new one is whole is replaced.

    Returns:
        Sentences on what could not be written as it was.

    Raises:
        DataError: the format cannot hold the picture, or the picture is damaged.
        WriteError: the target cannot be written; what was there is left as it was.
        ArgumentError: planes, depth or quality that cannot be.
    """
    name, wanted = target_format(format, picture), target_depth(depth, picture)
    if quality is not None and not 1 <= quality <= 100:
        raise ArgumentError(f"quality: {quality}. It is 1 to 100.", "quality")
    check_holds(name, wanted, picture)
    remarks: list[str] = []

    def write(stream: BinaryIO) -> None:
        with _encoding(picture.where, name):
            encode(stream)

    def encode(stream: BinaryIO) -> None:
        parts = _parts(picture, planes, wanted)
        if name == "TIFF":
            remarks.extend(_write_tiff(stream, picture, parts, wanted))
        else:
            (samples,) = parts
            pieces, notes = ENCODERS[name](picture, samples, quality)
            stream.writelines(pieces)
            remarks.extend([*notes, *([] if name == picture.format else _left_out(picture))])

    if isinstance(target, (str, Path)):
        write_atomically(Path(target), write, overwrite=overwrite)
    else:
        _write_stream(target, write)
    return remarks


@contextmanager
def _encoding(where: str, name: str) -> Iterator[None]:
    """One line for what an encoder refuses: tags or sizes that the checks did not foresee."""
    try:
        yield
    except (ZooError, OSError, MemoryError):
        raise
    except Exception as error:
        raise WriteError(f"{where}: cannot be written as {name}: {format_error(error)}.") from error


def _parts(picture: Picture, planes: Iterable[Array], wanted: Depth) -> Iterator[Array]:
    """Each plane with its alpha as (H, W, S) in the wanted depth."""
    count = 0
    for number, plane in enumerate(planes):
        if number >= picture.n_planes:
            raise ArgumentError(f"planes: more than {picture.n_planes}. Give each once.", "planes")
        colours = _colours(picture, number, plane, wanted)
        extras = picture.extras(number)
        if extras is not None:
            colours = np.concatenate([colours, convert(extras, picture.depth, wanted)], axis=2)
        yield colours
        count += 1
    if count < picture.n_planes:
        raise ArgumentError(
            f"planes: {count} of {picture.n_planes} planes. Give each once.", "planes"
        )


def _colours(picture: Picture, number: int, plane: Array, wanted: Depth) -> Array:
    given = picture.depth
    if plane.dtype.kind == "f" and not given.floating:
        given = Depth(plane.dtype.itemsize * 8, floating=True)
    elif plane.dtype.kind == "f":
        plane = plane.astype(given.dtype, copy=False)
    elif plane.dtype != given.dtype:
        raise ArgumentError(
            f"planes: {plane.dtype}. Allowed are {given.dtype}, and floats.", "planes"
        )
    expected = picture.plane_shape(number)
    if plane.shape != expected:
        raise ArgumentError(
            f"planes: shape {plane.shape}. Plane {number + 1} has {expected}.", "planes"
        )
    return convert(plane, given, wanted).reshape(*plane.shape[:2], picture.channels)


def _left_out(picture: Picture) -> list[str]:
    """Remarks on what only the picture's own format holds."""
    if isinstance(picture, PngPicture) and picture.has_text:
        return ["its PNG texts are left out"]
    return []


def _write_tiff(
    stream: BinaryIO, picture: Picture, parts: Iterator[Array], depth: Depth
) -> list[str]:
    size = prod(picture.shape) * depth.dtype.itemsize
    if isinstance(picture, TiffPicture):
        forms = [replace(form, depth=depth) for form in picture.formats]
        layout, in_one_page = picture.layout, picture.in_one_page
    else:
        forms, in_one_page = [_new_format(picture, depth)], False
        layout = Layout(tags_of(picture.metadata)[0])
    nearest, notes = zip(*map(writable, forms), strict=True)
    remarks = list(dict.fromkeys(note for found in notes for note in found))
    if size > BIG and not layout.big and not in_one_page:
        layout = replace(layout, big=True)
        remarks.append("it is written as a BigTIFF: it may get larger than 4 GB")

    def pages() -> Iterator[TiffPart]:
        for number, samples in enumerate(parts):
            page = 0 if in_one_page else number
            yield TiffPart(samples, nearest[page], _tags(picture, page, depth))

    write_tiff(stream, pages(), layout, in_one_page=in_one_page)
    return remarks + ([] if isinstance(picture, TiffPicture) else _left_out(picture))


def _new_format(picture: Picture, depth: Depth) -> PageFormat:
    """How a picture from another format is stored."""
    height, width = picture.shape[:2]
    extras = (UNASSOCIATED,) if picture.has_extras else ()
    colours = RGB if picture.channels == 3 else GREY
    return PageFormat(
        (height, width), picture.channels, extras, depth, colours, False, DEFLATE, HORIZONTAL
    )


def _tags(picture: Picture, page: int, depth: Depth) -> Sequence[Tag]:
    if not isinstance(picture, TiffPicture):
        return tags_of(picture.metadata)[1]
    tags = picture.tags(page)
    return tags if depth == picture.depth else for_depth(tags, depth)


def _write_stream(target: BinaryIO, write: Callable[[BinaryIO], object]) -> None:
    """Write to a stream that may be a pipe, by way of a temporary file."""
    try:
        with TemporaryFile() as file:
            write(cast(BinaryIO, file))
            file.seek(0)
            shutil.copyfileobj(file, target, 2**20)
            target.flush()
    except OSError as error:
        raise WriteError(f"<stdout>: cannot be written: {error.strerror or error}.") from error
