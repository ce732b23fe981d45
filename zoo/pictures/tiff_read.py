"""TIFF: single pictures, pages, ImageJ hyperstacks and OME stacks, one plane at a time."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod
from typing import BinaryIO

import numpy as np
from tifffile import COMPRESSION, PHOTOMETRIC, PREDICTOR, TiffFile, TiffPage, TiffPageSeries

from zoo.errors import DataError
from zoo.pictures.channel_pages import ROWS
from zoo.pictures.exif import POINTERS, Layout, Tag, orientation_in, read_tags
from zoo.pictures.jpegxr import check_jpegxr
from zoo.pictures.limits import check_pixels
from zoo.pictures.picture import Array, Picture
from zoo.pictures.source import as_handle, reading
from zoo.pictures.tiff_axes import axes_between_pages, contiguous, pages_in, single_series
from zoo.pictures.tiff_chain import check_chain
from zoo.pictures.tiff_check import JPEG, bits_of
from zoo.pictures.tiff_page import PageFormat, from_stored, read_format
from zoo.pictures.tiff_tags import COLORMAP, STRUCTURE, metadata_of, significant_bits
from zoo.pictures.values import Depth

REDUCED, MASK = 1, 4  # bits of NewSubfileType


class TiffPicture(Picture):
    """A TIFF. Pages that are previews or masks are no planes.

    Attributes:
        layout: byte order, and whether it is a BigTIFF.
        formats: how each page is stored.
        in_one_page: all planes lie behind one page's tags, as ImageJ writes large stacks.
    """

    format = "TIFF"
    _white = 0.0  # by OME-XML; 0 where it says none

    def __init__(self, where: str, stream: BinaryIO, max_pixels: int) -> None:
        super().__init__(where, stream)
        with reading(where):
            check_chain(where, stream)
            stream.seek(0)
            self._tiff = TiffFile(as_handle(stream))
            pages = [self._tiff.pages[n].aspage() for n in range(len(self._tiff.pages))]
            self._pages = [page for page in pages if _is_picture(page)]
            for page in self._pages:
                if page.compression == COMPRESSION.NONE:
                    page.predictor = PREDICTOR.NONE  # tifffile would undo one that is not there
                limit = max_pixels * 4 // max(4, page.samplesperpixel)
                check_pixels(where, page.imagelength, page.imagewidth, limit)
            grey_palette = bool(self._tiff.is_imagej)
            self.formats = [read_format(where, page, grey_palette) for page in self._pages]
            self.layout = Layout(self._tiff.byteorder, self._tiff.is_bigtiff)
        if not self._pages:
            inside = ", and SubIFDs as in a camera's raw file" * any(p.subifds for p in pages)
            raise DataError(
                f"{where}: no page with a picture, only previews or masks{inside}. "
                "Save the picture as a page of its own."
            )
        self._last: tuple[int, Array] | None = None
        self._read_kind()
        with reading(where):
            self._read_axes()
            self._read_white()
            self._add_remarks(len(pages) - len(self._pages))
            tags = self.tags(0)
            if any(tag.code in POINTERS and not tag.children for tag in tags):
                self.remarks.append("its EXIF is damaged and left out")
            self.metadata = metadata_of(self.layout.order, tags)
            self.orientation = orientation_in(self.layout.order, tags)

    def _read_kind(self) -> None:
        first, others = self.formats[0], self.formats[1:]
        for number, other in enumerate(others, 2):
            if other.kind != first.kind:
                raise DataError(
                    f"{self.where}: page 1 has {_words(first)}, page {number} {_words(other)}. "
                    "All pages have the same."
                )
        self.channels, self.depth = first.channels, first.depth

    def _read_axes(self) -> None:
        """Axes and shape by what ImageJ, OME or tifffile wrote of them, if it fits the pages."""
        first, count, series = self.formats[0].shape, len(self._pages), self._series()
        self.in_one_page = series is not None and count == 1 and contiguous(series)
        self.n_planes = pages_in(series) if series and self.in_one_page else count
        count = self.n_planes
        sizes: tuple[int, ...] = (count, *first) if count > 1 else first
        self.axes = "IYX" if count > 1 else "YX"
        if series is not None:
            axes, found = axes_between_pages(self.where, series, self._pages[0])
            fits = axes.endswith("YX") or (axes.endswith(ROWS) and self.channels == 1)
            if fits and found[-2:] == first and prod(found[:-2]) == count:
                self.axes, sizes = axes, found
        self.shape = sizes if self.channels == 1 else (*sizes, self.channels)

    def _read_white(self) -> None:
        """White as OME-XML says it of values that use a part of their type's bits."""
        bits = significant_bits(self._pages[0].description)
        if not self.depth.floating and 0 < bits < self.depth.bits:
            self._white = Depth(bits).white
            self.remarks.append(f"its white is {self._white:g}, by its OME-XML ({bits} bits)")

    @property
    def white(self) -> float:
        """The value of white by the type of a page's values, or less by OME-XML."""
        return self._white or super().white

    def _series(self) -> TiffPageSeries | None:
        try:
            found = self._tiff.series
        except Exception:  # damaged OME-XML and the like: the pages are good without it
            self.remarks.append(
                "its description of axes cannot be read: pages are taken one by one"
            )
            return None
        return single_series(self.where, found, len(self._pages))

    def _add_remarks(self, left_out: int) -> None:
        first = self._pages[0]
        bits = bits_of(first)
        sizes = {form.shape for form in self.formats}
        notes = {
            f"previews and masks are left out: {left_out} of its pages": left_out,
            "its reduced copies (SubIFDs) are left out": any(page.subifds for page in self._pages),
            f"its pages have {len(sizes)} sizes": len(sizes) > 1,
            "its palette is converted to RGB": first.photometric == PHOTOMETRIC.PALETTE
            and self.channels == 3,
            f"its {bits}-bit values are written with 8 bits": bits < 8 and self.channels != 3,
            "its YCbCr is converted to RGB": first.photometric == PHOTOMETRIC.YCBCR
            and first.compression not in JPEG,
            "further channels than RGB are kept as they are": self.channels == 3
            and 0 in self.formats[0].extras,
        }
        self.remarks += [note for note, holds in notes.items() if holds]

    def plane_shape(self, plane: int) -> tuple[int, ...]:
        """The shape of one plane."""
        shape = self.formats[0 if self.in_one_page else plane].shape
        return shape if self.channels == 1 else (*shape, self.channels)

    def planes(self) -> Iterator[Array]:
        """Each plane, one page at a time."""
        for number in range(self.n_planes):
            with reading(self.where):
                samples = self._samples(number)
            self._last = (number, samples[..., self.channels :])
            yield samples[..., 0] if self.channels == 1 else samples[..., : self.channels]

    def extras(self, plane: int) -> Array | None:
        """The samples (H, W, E) beside the colours."""
        if not self.has_extras:
            return None
        if self._last is None or self._last[0] != plane:
            with reading(self.where):
                self._last = (plane, self._samples(plane)[..., self.channels :])
        return self._last[1]

    @property
    def has_extras(self) -> bool:
        """Whether there are samples beside the colours, such as alpha."""
        return bool(self.formats[0].extras)

    def _samples(self, number: int) -> Array:
        if self.in_one_page:
            page, form = self._pages[0], self.formats[0]
            return from_stored(page, form, self._read_behind(page, number))
        page = self._pages[number]
        check_jpegxr(self.where, page, self._read)
        return from_stored(page, self.formats[number], page.asarray())

    def _read_behind(self, page: TiffPage, number: int) -> Array:
        """A plane of those that lie one behind the other after the only page's tags."""
        count = prod(page.shape)
        dtype = np.dtype(page.dtype).newbyteorder(self.layout.order)
        self.stream.seek(page.dataoffsets[0] + number * count * dtype.itemsize)
        data = self.stream.read(count * dtype.itemsize)
        native = np.frombuffer(data, dtype, count).astype(dtype.newbyteorder("="))
        return native.reshape(page.shape)

    def tags(self, number: int) -> tuple[Tag, ...]:
        """The tags of a page that say nothing of how its samples are stored."""
        skipped = STRUCTURE | ({COLORMAP} if self.channels == 3 else set())
        return read_tags(self._read, self.layout, self._pages[number].offset, skipped)

    def _read(self, offset: int, count: int) -> bytes:
        if count > 2**30:  # no tag is as large: a damaged count
            return b""
        self.stream.seek(offset)
        return self.stream.read(count)

    def close(self) -> None:
        """Close the file, and tifffile's view of it."""
        self._tiff.close()
        super().close()


def _is_picture(page: TiffPage) -> bool:
    """Whether a page is neither a preview nor a mask."""
    return not page.subfiletype & (REDUCED | MASK) and page.photometric != PHOTOMETRIC.MASK


def _words(form: PageFormat) -> str:
    return f"{form.channels + len(form.extras)} channels of {form.depth.words}"
