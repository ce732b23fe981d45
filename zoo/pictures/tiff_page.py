"""How a page of a TIFF stores its samples, and its samples as grey or RGB."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from tifffile import COMPRESSION, EXTRASAMPLE, PHOTOMETRIC, PLANARCONFIG, TiffPage

from zoo.errors import DataError
from zoo.pictures.picture import Array
from zoo.pictures.values import Depth, convert

ALPHA = (EXTRASAMPLE.ASSOCALPHA, EXTRASAMPLE.UNASSALPHA)
COLOURS = (
    *(PHOTOMETRIC.MINISWHITE, PHOTOMETRIC.MINISBLACK, PHOTOMETRIC.RGB),
    *(PHOTOMETRIC.PALETTE, PHOTOMETRIC.YCBCR),
)
JPEG = (COMPRESSION.OJPEG, COMPRESSION.JPEG)  # decoded to RGB
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
    _check_colours(where, page)
    samples = int(page.samplesperpixel)
    rgb = page.photometric in (PHOTOMETRIC.RGB, PHOTOMETRIC.YCBCR)
    stored = 3 if rgb else 1
    palette = page.photometric == PHOTOMETRIC.PALETTE and not grey_palette
    if samples < stored or (palette and samples > 1):
        raise DataError(f"{where}: {samples} samples of a pixel are not grey, RGB or a palette's.")
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
        depth=Depth(8) if palette else _depth(where, page),
        photometric=int(photometric),
        separate=samples > 1 and page.planarconfig == PLANARCONFIG.SEPARATE,
        compression=int(page.compression),
        predictor=int(page.predictor),
        tile=(int(page.tilelength), int(page.tilewidth)) if page.is_tiled else None,
        rows_per_strip=None if page.is_tiled else int(page.rowsperstrip),
        subfile=int(page.subfiletype),
    )


def _check_colours(where: str, page: TiffPage) -> None:
    if page.photometric not in COLOURS:
        name = getattr(page.photometric, "name", page.photometric)
        name = "CMYK" if page.photometric == PHOTOMETRIC.SEPARATED else name
        raise DataError(f"{where}: its colours are {name}. A TIFF is grey, RGB or has a palette.")
    if page.imagedepth > 1:
        raise DataError(
            f"{where}: a page is a volume of {page.imagedepth} planes. A page is one plane."
        )
    if page.photometric == PHOTOMETRIC.YCBCR and page.compression not in JPEG:
        sampling = tuple(page.subsampling or (2, 2))
        if sampling != (1, 1) or page.bitspersample not in (8, (8, 8, 8)):
            raise DataError(
                f"{where}: its colours are YCbCr, subsampled {sampling[0]} x {sampling[1]}. "
                "YCbCr is of 8 bits, and compressed as JPEG or not subsampled."
            )


def _depth(where: str, page: TiffPage) -> Depth:
    bits = page.bitspersample
    if isinstance(bits, tuple):
        if len(set(bits)) > 1:
            raise DataError(f"{where}: its channels have {bits} bits. All have as many.")
        bits = bits[0]
    dtype = page.dtype
    if dtype is not None and dtype.kind == "f":
        return Depth(dtype.itemsize * 8, floating=True)
    if dtype is None or dtype.kind not in "bu" or bits > 16:
        raise DataError(
            f"{where}: its values are {dtype or 'of a type that TIFF does not define'}. "
            "Allowed are unsigned integers of up to 16 bits, and floats."
        )
    return Depth(max(int(bits), 8))


def from_stored(page: TiffPage, form: PageFormat, stored: Array) -> Array:
    """The samples of a page as (H, W, S), colours first, in the depth of ``form``."""
    if stored.ndim == 3 and form.separate:
        stored = np.moveaxis(stored, 0, -1)
    samples = stored.reshape(*form.shape, -1)
    if page.photometric == PHOTOMETRIC.PALETTE and form.photometric == PHOTOMETRIC.RGB:
        return _from_palette(page, samples)
    bits = page.bitspersample if isinstance(page.bitspersample, int) else page.bitspersample[0]
    if bits < 8:
        samples = convert(samples.astype(np.uint8), Depth(bits), form.depth)
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
