"""The segments of a JPEG: which are kept, what they say, and those of other files' metadata.

Markers are those of ITU-T T.81, annex B; JFIF, EXIF, XMP and ICC profiles stand in APP segments.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Sequence
from typing import NamedTuple

from zoo.pictures.picture import Metadata

EOI, SOS, COM, APP0, APP14 = 0xD9, 0xDA, 0xFE, 0xE0, 0xEE
FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # SOF: all but DHT, JPG, DAC
OTHER_CODINGS = (0xC3, *range(0xC5, 0xC8), 0xCB, *range(0xCD, 0xD0))  # lossless, hierarchical
JPEG_LS = 0xF7
AFTER_A_SCAN = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")  # a marker that is no restart
EXIF, XMP, ICC = b"Exif\0\0", b"http://ns.adobe.com/xap/1.0/\0", b"ICC_PROFILE\0"
ICC_HEAD = len(ICC) + 2  # then the number of the part and how many there are
MORE_PICTURES = b"MPF\0"
LARGEST = 65533  # bytes of a segment's content
MOST_PARTS = 255  # of an ICC profile


class Segment(NamedTuple):
    """A marker and the bytes that belong to it."""

    marker: int
    data: bytes

    @property
    def written(self) -> bytes:
        """The segment in a file."""
        return struct.pack(">BBH", 0xFF, self.marker, len(self.data) + 2) + self.data


def split(data: bytes) -> tuple[list[Segment], int]:
    """The segments before the first scan, and where that scan's segment begins."""
    segments, at = list[Segment](), 2
    while True:
        at = data.index(b"\xff", at)
        while data[at] == 0xFF:  # fill bytes
            at += 1
        marker = data[at]
        if marker == SOS:
            return segments, at - 1
        if marker == EOI:
            raise ValueError("no scan")
        (length,) = struct.unpack_from(">H", data, at + 1)
        segments.append(Segment(marker, data[at + 3 : at + 1 + length]))
        at += 1 + length


def end_of(data: bytes, at: int) -> int:
    """The position after the picture's last byte."""
    while found := AFTER_A_SCAN.search(data, at):
        at = found.end()
        if data[at - 1] == EOI:
            return at
        if at + 2 <= len(data):
            at += struct.unpack_from(">H", data, at)[0]
    return len(data)


def decodable(segments: Sequence[Segment], scans: bytes) -> bytes:
    """A file without the segments that say nothing of its pixels, damaged or not."""
    needed = [
        item for item in segments if (not is_kept(item) or is_jfif(item)) and not is_cut_off(item)
    ]
    return b"".join([b"\xff\xd8", *(item.written for item in needed), scans])


def is_kept(segment: Segment) -> bool:
    """Whether it is none of the encoder's own; Adobe's APP14 says how the colours are encoded."""
    return (APP0 <= segment.marker < 0xF0 and segment.marker != APP14) or segment.marker == COM


def is_cut_off(segment: Segment) -> bool:
    """Whether it ends before what its kind begins with; decoders refuse the whole file for it."""
    data = segment.data
    if segment.marker == APP14:
        return data.startswith(b"Adobe") and len(data) < 12
    return (is_jfif(segment) and len(data) < 12) or (data.startswith(ICC) and len(data) < ICC_HEAD)


def is_jfif(segment: Segment) -> bool:
    """Whether it is JFIF's, with the resolution."""
    return segment.marker == APP0 and segment.data.startswith(b"JFIF\0")


def metadata_of(segments: Sequence[Segment]) -> Metadata:
    """What other formats can hold of the segments."""
    exif, xmp, dpi = b"", b"", None
    profiles = []
    for segment in segments:
        data = segment.data
        if data.startswith(EXIF) and not exif:
            exif = data[len(EXIF) :]
        elif data.startswith(XMP):
            xmp = data[len(XMP) :]
        elif data.startswith(ICC):
            profiles.append((data[len(ICC)], data[ICC_HEAD:]))
        elif is_jfif(segment):
            dpi = _dpi(*struct.unpack_from(">BHH", data, 7))
    return Metadata(exif, b"".join(part for _, part in sorted(profiles)), xmp, dpi)


def _dpi(unit: int, across: int, down: int) -> tuple[float, float] | None:
    inch = {1: 1.0, 2: 2.54}.get(unit)  # 0: only the ratio
    return (across * inch, down * inch) if inch and across and down else None


def make_segments(metadata: Metadata) -> tuple[list[Segment], list[str]]:
    """Segments of what a file of another format holds beside pixels, and remarks on the rest."""
    remarks = []
    if metadata.dpi and max(metadata.dpi) < 65535:
        segments = [
            Segment(
                APP0, b"JFIF\0" + struct.pack(">HBHHBB", 0x101, 1, *map(round, metadata.dpi), 0, 0)
            )
        ]
    else:
        segments = [Segment(APP0, b"JFIF\0\1\1\0\0\1\0\1\0\0")]
    for kind, data in ((EXIF, metadata.exif), (XMP, metadata.xmp)):
        if data and len(kind + data) <= LARGEST:
            segments.append(Segment(0xE1, kind + data))
        elif data:
            remarks.append(f"{len(data)} bytes of metadata are left out: a JPEG holds {LARGEST}")
    size = LARGEST - ICC_HEAD
    parts = [metadata.icc[at : at + size] for at in range(0, len(metadata.icc), size)]
    if len(parts) > MOST_PARTS:
        remarks.append(f"its ICC profile of {len(metadata.icc)} bytes is too large for a JPEG")
        parts = []
    for number, part in enumerate(parts, 1):
        segments.append(Segment(0xE2, ICC + bytes((number, len(parts))) + part))
    return segments, remarks
