"""The chain of a TIFF's pages: each says where the next one stands (TIFF 6.0, section 2)."""

from __future__ import annotations

from struct import calcsize, unpack, unpack_from
from typing import BinaryIO

from zoo.errors import DataError
from zoo.pictures.exif import Layout

BIG = 43  # the version of a BigTIFF
MOST_TAGS = 4096  # of a page; more are damage


def check_chain(where: str, stream: BinaryIO) -> None:
    """Refuse pages that lead back to an earlier one: reading them would never end, or lose some.

    Any other damage is left to who reads the pages.

    Raises:
        DataError: they do.
    """
    stream.seek(0)
    start = stream.read(16)
    layout = Layout("<" if start[:1] == b"I" else ">", big=BIG in start[2:4])
    head, field = calcsize(layout.head), calcsize(layout.offset)
    (offset,) = unpack_from(layout.offset, start, 8 if layout.big else 4)
    numbers: dict[int, int] = {}
    while offset:
        number = len(numbers)
        if offset in numbers:
            raise DataError(
                f"{where}: its pages go round in a circle: page {number} leads back to page "
                f"{numbers[offset]}. Save it again."
            )
        numbers[offset] = number + 1
        stream.seek(offset)
        if len(count := stream.read(head)) < head or unpack(layout.head, count)[0] > MOST_TAGS:
            return
        stream.seek(unpack(layout.head, count)[0] * calcsize(layout.entry), 1)
        if len(following := stream.read(field)) < field:
            return
        (offset,) = unpack(layout.offset, following)
