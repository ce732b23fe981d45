"""JPEG XR inside of a TIFF: what its decoder would fill the terminal with is refused before.

libjxr prints a line for each entry of a directory that it does not know, up to 65,535 of them in a
damaged one.
"""

from __future__ import annotations

from struct import unpack_from

from tifffile import COMPRESSION, TiffPage

from zoo.errors import DataError
from zoo.pictures.exif import Read

COMPRESSIONS = (COMPRESSION.JPEGXR, COMPRESSION.JPEGXR_NDPI)
MOST_ENTRIES = 64  # that libjxr knows there are 36
TYPES = range(1, 14)  # of a TIFF's tags
ENTRY = 12  # bytes


def check_jpegxr(where: str, page: TiffPage, read: Read) -> None:
    """Refuse a page of which a part begins with no directory of JPEG XR.

    Args:
        where: the file's name for messages.
        page: any page; of other compressions nothing is looked at.
        read: gives the bytes of the file at an offset.

    Raises:
        DataError: names the first such part.
    """
    if page.compression not in COMPRESSIONS:
        return
    parts = zip(page.dataoffsets, page.databytecounts, strict=True)
    for number, (offset, size) in enumerate(parts):
        if size and not _has_directory(offset, size, read):
            raise DataError(
                f"{where}: is damaged: part {number} of its {len(page.dataoffsets):,} parts is no "
                "JPEG XR. Save it again."
            )


def _has_directory(start: int, size: int, read: Read) -> bool:
    head = read(start, 8)
    if len(head) < 8 or not head.startswith(b"II\xbc"):
        return False
    (place,) = unpack_from("<I", head, 4)
    if place + 2 > size:
        return False
    (count,) = unpack_from("<H", read(start + place, 2).ljust(2, b"\0"))
    entries = read(start + place + 2, count * ENTRY)
    return (
        0 < count <= MOST_ENTRIES
        and len(entries) == count * ENTRY
        and all(unpack_from("<H", entries, n * ENTRY + 2)[0] in TYPES for n in range(count))
    )
