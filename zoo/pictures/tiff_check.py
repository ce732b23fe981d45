"""What a page of a TIFF must say of itself to be read, and one line for what is not read.

The numbers and names are those of TIFF 6.0 and its supplements.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import prod

from tifffile import COMPRESSION, PHOTOMETRIC, PLANARCONFIG, TIFF, TiffPage

from zoo.errors import DataError
from zoo.pictures.values import Depth

PHOTOMETRIC_TAG = 262
COLOURS = (
    *(PHOTOMETRIC.MINISWHITE, PHOTOMETRIC.MINISBLACK, PHOTOMETRIC.RGB),
    *(PHOTOMETRIC.PALETTE, PHOTOMETRIC.YCBCR),
)
NAMES: Mapping[int, str] = {  # of colours that are not read
    **{PHOTOMETRIC.SEPARATED: "CMYK", PHOTOMETRIC.CIELAB: "CIELab"},
    **{PHOTOMETRIC.ICCLAB: "ICCLab", PHOTOMETRIC.ITULAB: "ITULab"},
    **{PHOTOMETRIC.CFA: "the mosaic of a camera's sensor (CFA)"},
    **{
        34892: "a camera's own (linear raw)",
        PHOTOMETRIC.LOGL: "LogL",
        PHOTOMETRIC.LOGLUV: "LogLuv",
    },
    **{51177: "a depth map"},
}
JPEG = (COMPRESSION.OJPEG, COMPRESSION.JPEG)
PREDICTED = (  # compressions that a predictor belongs to
    *(COMPRESSION.LZW, COMPRESSION.ADOBE_DEFLATE, COMPRESSION.DEFLATE, COMPRESSION.LZMA),
    *(COMPRESSION.ZSTD, COMPRESSION.ZSTD_DEPRECATED, COMPRESSION.LERC),
)
NUMBERS: Mapping[str, str] = {"u": "unsigned integers", "b": "unsigned integers"} | {
    **{"i": "signed integers", "f": "floats", "c": "complex numbers"}
}
SIMPLER = "Save it without compression, or with LZW or Deflate."


def check_page(where: str, page: TiffPage) -> None:
    """Refuse a page whose colours, or whose way of storing them, zoo does not read.

    Raises:
        DataError: says what it is, and what to make of it.
    """
    if PHOTOMETRIC_TAG not in page.tags:
        raise DataError(
            f"{where}: does not say what its values mean (no PhotometricInterpretation). "
            "Save it as grey or RGB."
        )
    if page.photometric not in COLOURS:
        name = NAMES.get(page.photometric, f"of number {int(page.photometric)}")
        raise DataError(f"{where}: its colours are {name}. Convert it to grey or RGB.")
    if page.imagedepth > 1:
        raise DataError(
            f"{where}: a page is a volume of {page.imagedepth} planes. A page is one plane."
        )
    parts = prod(page.chunked)  # strips or tiles
    if len(page.dataoffsets) < parts:  # the others would be read as black
        raise DataError(
            f"{where}: is damaged: {len(page.dataoffsets):,} of its {parts:,} parts are stored."
        )
    _check_compression(where, page)
    if page.photometric == PHOTOMETRIC.YCBCR:
        _check_ycbcr(where, page)


def _check_compression(where: str, page: TiffPage) -> None:
    """Refuse compressions that cannot be undone, and differences that nobody defines."""
    try:
        TIFF.DECOMPRESSORS[page.compression]
    except KeyError:
        names = {value.value: value.name for value in COMPRESSION}
        name = names.get(page.compression, f"of number {int(page.compression)}")
        raise DataError(f"{where}: its compression is {name}. {SIMPLER}") from None
    if page.predictor == 1 or page.compression == COMPRESSION.NONE:
        return
    if page.compression == COMPRESSION.PACKBITS:  # tifffile applies it, libtiff does not
        raise DataError(
            f"{where}: has a predictor with PackBits, which is read in two ways. "
            "Save it without a predictor."
        )
    if page.compression in PREDICTED and bits_of(page) % 8:
        raise DataError(
            f"{where}: has a predictor with values of {bits_of(page)} bits, which is read in two "
            "ways. Save it without a predictor."
        )


def _check_ycbcr(where: str, page: TiffPage) -> None:
    if page.compression in JPEG:
        if page.planarconfig == PLANARCONFIG.SEPARATE or page.samplesperpixel != 3:
            raise DataError(
                f"{where}: its colours are YCbCr as JPEG with planes or further channels of their "
                "own. Convert it to RGB."
            )
    elif page.compression in TIFF.IMAGE_COMPRESSIONS:
        name = COMPRESSION(page.compression).name
        raise DataError(f"{where}: its colours are YCbCr inside of {name}. Convert it to RGB.")
    elif (sampling := tuple(page.subsampling or (2, 2))) != (1, 1):
        raise DataError(
            f"{where}: its colours are YCbCr, subsampled {sampling[0]} x {sampling[1]}. "
            "Convert it to RGB; YCbCr is read without subsampling, or compressed as JPEG."
        )
    elif page.bitspersample not in (8, (8, 8, 8)):
        raise DataError(
            f"{where}: its colours are YCbCr of {bits_of(page)} bits. Convert it to RGB; YCbCr "
            "is read with 8 bits."
        )


def bits_of(page: TiffPage) -> int:
    """Bits of a value, of the first channel."""
    bits = page.bitspersample
    return int(bits if isinstance(bits, int) else bits[0])


def read_depth(where: str, page: TiffPage) -> Depth:
    """The depth of a page's values once they are read: fewer than 8 bits become 8.

    Raises:
        DataError: they are no unsigned integers of up to 16 bits, and no floats.
    """
    if isinstance(page.bitspersample, tuple) and len(set(page.bitspersample)) > 1:
        raise DataError(
            f"{where}: its channels have {page.bitspersample} bits. Save it with the same for all."
        )
    bits, dtype = bits_of(page), page.dtype
    if dtype is not None and dtype.kind == "f":
        return Depth(dtype.itemsize * 8, floating=True)
    if dtype is None or dtype.kind not in "bu" or bits > 16:
        kind = "of a type that TIFF does not define" if dtype is None else NUMBERS[dtype.kind]
        raise DataError(
            f"{where}: its values are {kind} of {bits} bits. "
            "Save it with unsigned integers of up to 16 bits, or floats."
        )
    return Depth(max(bits, 8))
