"""How a page of a TIFF stores its samples, and its samples as grey or RGB."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from tifffile import COMPRESSION, EXTRASAMPLE, PHOTOMETRIC, PLANARCONFIG, TiffPage

from zoo.errors import DataError
from zoo.pictures.picture import Array
from zoo.pictures.tiff_check import JPEG, bits_of, check_page, read_depth
from zoo.pictures.values import Depth, convert

ALPHA = (EXTRASAMPLE.ASSOCALPHA, EXTRASAMPLE.UNASSALPHA)
LUMA = (0.299, 0.587, 0.114)  # of red, green and blue, unless tag 529 says others
REFERENCE = (0, 255, 128, 255, 128, 255)  # black and white of Y, Cb, Cr, unless tag 532 says others


@dataclass(frozen=True)
class PageFormat:
    """How a page is stored, by the numbers and names of TIFF 6.0.

    Attributes:
        shape: (H, W).
        channels: colour channels after a palette or YCbCr became RGB.
        extras: what each further sample means (tag ExtraSamples).
        depth: of the values as written: fewer than 8 bits become 8.
    """

    shape: tuple[int, int]
    channels: int
    extras: tuple[int, ...]
    depth: Depth
    photometric: int = PHOTOMETRIC.MINISBLACK
    separate: bool = False
    compression: int = COMPRESSION.NONE
    predictor: int = 1
    tile: tuple[int, int] | None = None
    rows_per_strip: int | None = None
    subfile: int = 0

    @property
    def kind(self) -> tuple[int, int, Depth]:
        """What all pages of a picture have in common."""
        return self.channels, len(self.extras), self.depth


def read_format(where: str, page: TiffPage, grey_palette: bool) -> PageFormat:
    """How a page is stored.

    Args:
        where: the file's name for messages.
        page: the page.
        grey_palette: a palette is a colouring of values that stay grey, as in ImageJ.

    Raises:
        DataError: its colours or values are none that zoo reads.
    """
    check_page(where, page)
    samples = int(page.samplesperpixel)
    rgb = page.photometric in (PHOTOMETRIC.RGB, PHOTOMETRIC.YCBCR)
    stored = 3 if rgb else 1
    palette = page.photometric == PHOTOMETRIC.PALETTE and not grey_palette
    if samples < stored or (palette and samples > 1):
        raise DataError(
            f"{where}: {samples} samples of a pixel are not grey, RGB or a palette's. "
            "Convert it to grey or RGB."
        )
    extras = tuple(int(extra) for extra in page.extrasamples)
    extras += (0,) * (samples - stored - len(extras))
    extras = extras[: samples - stored]
    if not rgb and not any(extra in ALPHA for extra in extras):
        stored, extras = samples, ()  # channels that have no meaning together
    photometric = PHOTOMETRIC.RGB if palette or rgb else page.photometric
    return PageFormat(
        shape=(int(page.imagelength), int(page.imagewidth)),
        channels=3 if palette else stored,
        extras=extras,
        depth=Depth(8) if palette else read_depth(where, page),
        photometric=int(photometric),
        separate=samples > 1 and page.planarconfig == PLANARCONFIG.SEPARATE,
        compression=int(page.compression),
        predictor=int(page.predictor),
        tile=(int(page.tilelength), int(page.tilewidth)) if page.is_tiled else None,
        rows_per_strip=None if page.is_tiled else int(page.rowsperstrip),
        subfile=int(page.subfiletype),
    )


def from_stored(page: TiffPage, form: PageFormat, stored: Array) -> Array:
    """The samples of a page as (H, W, S), colours first, in the depth of ``form``."""
    if stored.ndim == 3 and form.separate:
        stored = np.moveaxis(stored, 0, -1)
    if stored.dtype == np.bool_:
        stored = stored.view(np.uint8)
    samples = stored.reshape(*form.shape, -1)
    if page.photometric == PHOTOMETRIC.PALETTE and form.photometric == PHOTOMETRIC.RGB:
        return _from_palette(page, samples)
    if bits_of(page) < 8:
        samples = convert(samples, Depth(bits_of(page)), form.depth)
    if page.photometric == PHOTOMETRIC.YCBCR and page.compression not in JPEG:
        return _from_ycbcr(page, samples)
    return mirrored(samples, form)


def mirrored(samples: Array, form: PageFormat) -> Array:
    """Samples as they are stored from those with 0 for black, and back."""
    if form.photometric != PHOTOMETRIC.MINISWHITE:
        return samples
    samples = samples.copy()
    colours = samples[..., : form.channels]
    np.subtract(form.depth.dtype.type(form.depth.white), colours, out=colours)
    return samples


def _from_palette(page: TiffPage, samples: Array) -> Array:
    colours = np.asarray(page.colormap)  # 3, 2^bits
    if colours.max(initial=0) > 255:  # some writers forget that a palette has 16 bits
        colours = colours >> 8
    return np.moveaxis(colours.astype(np.uint8)[:, samples[..., 0]], 0, -1)


def _from_ycbcr(page: TiffPage, samples: Array) -> Array:
    """TIFF 6.0, section 21: from the reference black and white, then from luma and differences."""
    red, green, blue = _ratios(page, 529) or LUMA
    reference = _ratios(page, 532) or REFERENCE
    black, white = np.array(reference[::2]), np.array(reference[1::2])
    span = np.array([255, 127, 127])
    result = np.empty_like(samples)
    for top in range(0, len(samples), 256):  # rows at a time: no float copy of the whole
        rows = samples[top : top + 256].astype(np.float64)
        rows[..., :3] = (rows[..., :3] - black) * span / (white - black)
        y, cb, cr = rows[..., 0].copy(), rows[..., 1].copy(), rows[..., 2].copy()
        rows[..., 0] = y + cr * (2 - 2 * red)
        rows[..., 2] = y + cb * (2 - 2 * blue)
        rows[..., 1] = (y - red * rows[..., 0] - blue * rows[..., 2]) / green
        result[top : top + 256] = rows.round().clip(0, 255)
    return result


def _ratios(page: TiffPage, code: int) -> list[float] | None:
    values: Any = page.tags.valueof(code)
    if not values:
        return None
    if isinstance(values[0], float):
        return list(values)
    return [above / max(below, 1) for above, below in zip(values[::2], values[1::2], strict=True)]
