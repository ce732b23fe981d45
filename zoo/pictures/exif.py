"""Directories of tags, as TIFF and EXIF have them: read whole, written whole at another place.

The bytes of a value are kept as they are, in the byte order of the file, so that nothing that is
not understood gets lost. See TIFF 6.0, section 2, and EXIF 2.3, section 4.6.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

Order = Literal["<", ">"]
Read = Callable[[int, int], bytes]  # offset, count of bytes

ITEM_BYTES: Mapping[int, int] = {
    **{1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8},
    **{13: 4, 16: 8, 17: 8, 18: 8},
}
POINTERS = (34665, 34853, 40965)  # to the directories of EXIF, GPS and interoperability
ORIENTATION = 274
RESOLUTION = (282, 283, 296)  # across, down, unit


@dataclass(frozen=True)
class Tag:
    """One tag: its value's bytes as stored, or the tags of the directory that it points to."""

    code: int
    type: int
    count: int
    data: bytes = b""
    children: tuple[Tag, ...] = ()


@dataclass(frozen=True)
class Layout:
    """How numbers stand in a file: byte order, and 8-byte offsets in a BigTIFF."""

    order: Order
    big: bool = False

    @property
    def head(self) -> str:
        """The format of a directory's count of tags."""
        return f"{self.order}Q" if self.big else f"{self.order}H"

    @property
    def entry(self) -> str:
        """The format of a tag: code, type, count, and its value or an offset."""
        return f"{self.order}HHQ8s" if self.big else f"{self.order}HHI4s"

    @property
    def offset(self) -> str:
        """The format of an offset."""
        return f"{self.order}Q" if self.big else f"{self.order}I"


def read_tags(
    read: Read, layout: Layout, offset: int, skipped: Collection[int] = (), deep: int = 2
) -> tuple[Tag, ...]:
    """The tags of the directory at ``offset``, without those of the codes ``skipped``.

    What cannot be read is left out: a tag of unknown type, a value beyond the end of the file. A
    tag that points to a damaged directory has no children.
    """
    head, entry = struct.calcsize(layout.head), struct.calcsize(layout.entry)
    start = read(offset, head)
    if len(start) < head:
        return ()
    (count,) = struct.unpack(layout.head, start)
    table = read(offset + head, min(count, 0xFFFF) * entry)
    tags = []
    for at in range(0, len(table) - entry + 1, entry):
        code, kind, items, field = struct.unpack_from(layout.entry, table, at)
        if code in skipped or kind not in ITEM_BYTES:
            continue
        size = items * ITEM_BYTES[kind]
        target = struct.unpack(layout.offset, field)[0]
        if code in POINTERS and deep:
            tags.append(Tag(code, kind, 1, b"", read_tags(read, layout, target, (), deep - 1)))
            continue
        data = field[:size] if size <= len(field) else read(target, size)
        if len(data) == size:
            tags.append(Tag(code, kind, items, data))
    return tuple(tags)


def find_value(read: Read, layout: Layout, offset: int, code: int) -> int:
    """Where the value of a tag stands, or the offset to it, in the directory at ``offset``.

    Raises:
        KeyError: the directory has no such tag.
    """
    head, entry = struct.calcsize(layout.head), struct.calcsize(layout.entry)
    (count,) = struct.unpack(layout.head, read(offset, head))
    for at in range(offset + head, offset + head + count * entry, entry):
        if struct.unpack(f"{layout.order}H", read(at, 2))[0] == code:
            return at + entry - struct.calcsize(layout.offset)
    raise KeyError(code)


def write_tags(tags: Iterable[Tag], layout: Layout, start: int) -> bytes:
    """The directory of ``tags`` as bytes that stand at ``start`` in a file, values after it."""
    tags = sorted((tag for tag in tags if tag.data or tag.children), key=lambda tag: tag.code)
    field = struct.calcsize(layout.offset)
    table = struct.pack(layout.head, len(tags))
    at = start + len(table) + len(tags) * struct.calcsize(layout.entry) + field
    values = b""
    for tag in tags:
        if tag.children:
            data, kind = write_tags(tag.children, layout, at + len(values)), 4
            value = struct.pack(layout.offset, at + len(values))
            kind = 16 if layout.big else 4
            values += data
        else:
            value, kind = tag.data, tag.type
            if len(value) > field:
                value = struct.pack(layout.offset, at + len(values))
                values += tag.data
        table += struct.pack(layout.entry, tag.code, kind, tag.count, value)
        values += b"\0" * (len(values) % 2)  # values begin at even offsets
    return table + struct.pack(layout.offset, 0) + values


def parse_exif(exif: bytes) -> tuple[Order, tuple[Tag, ...]]:
    """Byte order and tags of an EXIF block; no tags where it is damaged."""
    order: Order = ">" if exif[:2] == b"MM" else "<"
    if exif[:4] not in (b"II*\0", b"MM\0*") or len(exif) < 8:
        return order, ()

    def read(offset: int, count: int) -> bytes:
        return exif[offset : offset + count]

    (offset,) = struct.unpack_from(f"{order}I", exif, 4)
    return order, read_tags(read, Layout(order), offset)


def build_exif(order: Order, tags: Sequence[Tag]) -> bytes:
    """An EXIF block of tags; b"" of none."""
    if not tags:
        return b""
    start = b"II*\0" if order == "<" else b"MM\0*"
    return start + struct.pack(f"{order}I", 8) + write_tags(tags, Layout(order), 8)


def short_value(order: Order, tags: Iterable[Tag], code: int) -> int | None:
    """The first value of a tag of short integers."""
    for tag in tags:
        if tag.code == code and tag.type == 3 and tag.count:
            return int(struct.unpack_from(f"{order}H", tag.data)[0])
    return None


def orientation_of(exif: bytes) -> int:
    """EXIF's orientation, 1 to 8; 1 where there is none."""
    return orientation_in(*parse_exif(exif))


def orientation_in(order: Order, tags: Iterable[Tag]) -> int:
    """The orientation that tags say, 1 to 8; 1 where there is none."""
    found = short_value(order, tags, ORIENTATION) or 1
    return found if found in range(1, 9) else 1
