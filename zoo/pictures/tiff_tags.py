"""Tags of a TIFF that are kept, and what of them other formats can hold."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterable, Sequence
from fractions import Fraction

from zoo.pictures.exif import (
    RESOLUTION,
    Order,
    Tag,
    build_exif,
    parse_exif,
    short_value,
)
from zoo.pictures.picture import Metadata
from zoo.pictures.values import Depth

# Tags of how samples are stored, which the writer writes itself; pointers to reduced copies (330)
STRUCTURE = frozenset(
    (
        *(254, 255, 256, 257, 258, 259, 262, 263, 264, 265, 266, 273, 277, 278, 279, 284, 288, 289),
        *(290, 291, 292, 293, 317, 322, 323, 324, 325, 330, 332, 333, 334, 338, 339, 347, 400),
        *(512, 513, 514, 515, 517, 518, 519, 520, 521, 529, 530, 531, 532, 32997, 32998),
    )
)
DESCRIPTION, XMP, ICC, COLORMAP = 270, 700, 34675, 320
RANGES = (280, 281, 340, 341)  # smallest and largest value
ONLY_IN_TIFF = (XMP, ICC, COLORMAP, 50838, 50839)  # the last two are ImageJ's
LARGEST_RATIO = (2**32 - 1) / 10_000  # that fits into a tag with the denominators that are used
UNITS = NO_UNIT, INCH, CENTIMETRE = 1, 2, 3

Ratios = tuple[tuple[int, int], tuple[int, int], int]


def metadata_of(order: Order, tags: Sequence[Tag]) -> Metadata:
    """What other formats can hold of a page's tags."""
    found = {tag.code: tag.data for tag in tags}
    exif = build_exif(order, [tag for tag in tags if tag.code not in ONLY_IN_TIFF])
    return Metadata(exif, found.get(ICC, b""), found.get(XMP, b""), _dpi(order, tags))


def tags_of(metadata: Metadata) -> tuple[Order, list[Tag]]:
    """Byte order and tags of what a file of another format holds beside pixels."""
    order, tags = parse_exif(metadata.exif)
    kept = [tag for tag in tags if tag.code not in STRUCTURE]
    if metadata.dpi and max(metadata.dpi) <= LARGEST_RATIO:
        kept = [tag for tag in kept if tag.code not in RESOLUTION]
        for code, value in zip(RESOLUTION, metadata.dpi, strict=False):
            ratio = Fraction(value).limit_denominator(10_000)
            kept.append(Tag(code, 5, 1, struct.pack(f"{order}II", *ratio.as_integer_ratio())))
        kept.append(Tag(RESOLUTION[2], 3, 1, struct.pack(f"{order}H", INCH)))
    for code, kind, data in ((ICC, 7, metadata.icc), (XMP, 1, metadata.xmp)):
        if data:
            kept.append(Tag(code, kind, len(data), data))
    return order, kept


def ratios_of(
    order: Order, tags: Iterable[Tag]
) -> tuple[tuple[int, int], tuple[int, int], int] | None:
    """Resolution across and down as stored, and its unit; None where they are no numbers."""
    found = {tag.code: tag for tag in tags if tag.code in RESOLUTION}
    pairs = [
        struct.unpack(f"{order}II", found[code].data)
        for code in RESOLUTION[:2]
        if code in found and found[code].type == 5 and found[code].count == 1
    ]
    if len(pairs) < 2 or not all(below for _, below in pairs):
        return None
    unit = short_value(order, found.values(), RESOLUTION[2])
    unit = INCH if unit is None else unit
    return pairs[0], pairs[1], unit if unit in UNITS else NO_UNIT


def _dpi(order: Order, tags: Sequence[Tag]) -> tuple[float, float] | None:
    found = ratios_of(order, tags)
    if found is None or found[2] not in (INCH, CENTIMETRE):
        return None
    inch = 2.54 if found[2] == CENTIMETRE else 1
    across, down = (above / below * inch for above, below in found[:2])
    return (across, down) if across and down else None


def significant_bits(description: str) -> int:
    """How many bits of a value are used, by the OME-XML of a page's description; 0 for unsaid."""
    found = re.search(r'<(?:\w+:)?Pixels\b[^>]*\sSignificantBits="(\d{1,3})"', description)
    return int(found[1]) if found and "<OME" in description else 0


def for_depth(tags: Iterable[Tag], depth: Depth) -> list[Tag]:
    """Tags of a picture that is written in another depth: OME's type of values follows."""
    changed = []
    for tag in tags:
        if tag.code == DESCRIPTION and b"<OME" in tag.data:
            data = _ome_for_depth(tag.data, depth)
            tag = Tag(tag.code, tag.type, len(data), data)
        if tag.code not in RANGES:
            changed.append(tag)
    return changed


def _ome_for_depth(xml: bytes, depth: Depth) -> bytes:
    floats = {32: b"float", 64: b"double"}
    name = (
        floats.get(depth.bits, b"float")
        if depth.floating
        else b"uint%d" % (depth.dtype.itemsize * 8)
    )

    def change(pixels: re.Match[bytes]) -> bytes:
        element = re.sub(rb'(\sType=")[^"]*', rb"\g<1>" + name, pixels[0])
        return re.sub(rb'\sSignificantBits="\d+"', b"", element)

    return re.sub(rb"<(\w+:)?Pixels\b[^>]*>", change, xml)
