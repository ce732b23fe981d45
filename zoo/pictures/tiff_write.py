"""Writing a TIFF page by page, stored as its source was."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from io import SEEK_END
from typing import Any, BinaryIO

import numpy as np
from tifffile import COMPRESSION, PHOTOMETRIC, TiffFile, TiffWriter

from zoo.pictures.exif import RESOLUTION, Layout, Order, Tag, find_value, write_tags
from zoo.pictures.picture import Array
from zoo.pictures.source import as_handle
from zoo.pictures.tiff_pack import packed
from zoo.pictures.tiff_page import PageFormat, mirrored
from zoo.pictures.tiff_tags import ratios_of

LOSSLESS = (
    *(COMPRESSION.NONE, COMPRESSION.LZW, COMPRESSION.ADOBE_DEFLATE, COMPRESSION.DEFLATE),
    *(COMPRESSION.PACKBITS, COMPRESSION.LZMA, COMPRESSION.ZSTD),
)
NO_PREDICTOR = (COMPRESSION.NONE, COMPRESSION.PACKBITS)
DIRECTORIES = {34665: "ExifTag", 34853: "GPSTag"}.items()
HORIZONTAL, FLOATING = 2, 3


@dataclass(frozen=True)
class TiffPart:
    """A page to write: (H, W, S) samples with 0 for black, how to store them, and its tags."""

    samples: Array
    form: PageFormat
    tags: Sequence[Tag]


def writable(form: PageFormat) -> tuple[PageFormat, list[str]]:
    """The nearest way to store that can be written without loss, and remarks where it differs."""
    remarks = []
    compression = form.compression
    if compression not in LOSSLESS:
        names = {value.value: value.name for value in COMPRESSION}
        name = names.get(compression, f"compression {compression}")
        remarks.append(f"it is written with Deflate in place of {name}, without loss")
        compression = int(COMPRESSION.ADOBE_DEFLATE)
    if form.depth.bits not in (8, 16, 32, 64) and compression != COMPRESSION.NONE:
        remarks.append(f"it is written without compression, to keep its {form.depth.words}")
        compression = int(COMPRESSION.NONE)
    predictor = form.predictor
    if predictor > 1:
        predictor = FLOATING if form.depth.floating else HORIZONTAL
        predictor = 1 if compression in NO_PREDICTOR else predictor
    return replace(form, compression=compression, predictor=predictor), remarks


def write_tiff(
    stream: BinaryIO, parts: Iterable[TiffPart], layout: Layout, *, in_one_page: bool
) -> None:
    """Write the parts to an empty stream that can be read and written anywhere.

    Args:
        stream: where to.
        parts: the pages, taken one at a time.
        layout: byte order, and BigTIFF or not.
        in_one_page: only the first part's tags are written, the samples of all behind them.
    """
    directories, order = [], layout.order
    with TiffWriter(
        as_handle(stream), bigtiff=layout.big, byteorder=order, ome=False, shaped=False
    ) as writer:
        remaining = iter(parts)
        for part in remaining:
            _write_page(writer, part, layout)
            directories.append([tag for tag in part.tags if tag.children])
            if in_one_page:
                break
    if in_one_page:
        stream.seek(0, SEEK_END)
        for part in remaining:
            stream.write(_stored(part, order).data)
    elif any(directories):
        _write_directories(stream, directories, layout)


def _write_page(writer: TiffWriter, part: TiffPart, layout: Layout) -> None:
    stored, arguments = _stored(part, layout.order), _arguments(part, layout)
    if part.form.depth.bits % 8:
        arguments |= {"shape": stored.shape, "dtype": stored.dtype}
        writer.write(packed(mirrored(part.samples, part.form), part.form), **arguments)
    else:
        writer.write(stored, **arguments)


def _stored(part: TiffPart, order: Order) -> Array:
    samples = mirrored(part.samples, part.form)
    if samples.shape[2] == 1:
        samples = samples[..., 0]
    elif part.form.separate:
        samples = np.moveaxis(samples, -1, 0)
    return np.ascontiguousarray(samples, samples.dtype.newbyteorder(order))


def _arguments(part: TiffPart, layout: Layout) -> dict[str, Any]:
    """Arguments of TiffWriter.write."""
    form = part.form
    several = form.channels + len(form.extras) > 1
    resolution = ratios_of(layout.order, part.tags)
    extratags: list[Any] = [
        (tag.code, tag.type, tag.count, tag.data, False)
        for tag in part.tags
        if tag.data and tag.code not in RESOLUTION
    ]
    pointer = 16 if layout.big else 4
    there = {tag.code for tag in part.tags if tag.children}
    extratags += [(name, pointer, 1, 0, False) for code, name in DIRECTORIES if code in there]
    bits = form.depth.bits
    return {
        "photometric": form.photometric,
        "planarconfig": ("separate" if form.separate else "contig") if several else None,
        "extrasamples": _extras(form) if several else None,
        "compression": form.compression,
        "predictor": form.predictor if form.predictor > 1 else None,
        "tile": form.tile,
        "rowsperstrip": form.rows_per_strip,
        "bitspersample": bits if bits % 8 else None,
        "subfiletype": form.subfile or None,
        "resolution": resolution and resolution[:2],
        "resolutionunit": resolution and resolution[2],
        "software": False,
        "metadata": None,
        "extratags": extratags,
    }


def _extras(form: PageFormat) -> tuple[int, ...] | None:
    if form.photometric == PHOTOMETRIC.RGB:
        return form.extras or None
    return form.extras or (0,) * (form.channels - 1)


def _write_directories(
    stream: BinaryIO, directories: Sequence[Sequence[Tag]], layout: Layout
) -> None:
    """Write directories such as EXIF's at the end, and their places into the pages' tags."""

    def read(offset: int, count: int) -> bytes:
        stream.seek(offset)
        return stream.read(count)

    stream.seek(0)
    with TiffFile(as_handle(stream)) as tiff:
        offsets = [tiff.pages[number].offset for number in range(len(directories))]
    places = [
        (find_value(read, layout, offset, tag.code), tag)
        for offset, tags in zip(offsets, directories, strict=True)
        for tag in tags
    ]
    for place, tag in places:
        stream.seek(0, SEEK_END)
        stream.write(b"\0" * (stream.tell() % 2))
        start = stream.tell()
        stream.write(write_tags(tag.children, layout, start))
        stream.seek(place)
        stream.write(struct.pack(layout.offset, start))
    stream.seek(0, SEEK_END)
