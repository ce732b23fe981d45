"""A TIFF of any tags, written by the letter of TIFF 6.0 in plain Python."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from tests.pictures.corpus.case import Array

TYPES = {"H": 3, "I": 4, "r": 5}  # short, long, and a ratio, which is a pair of integers
OFFSETS, COUNTS, SUB_IFDS = 273, 279, 330

Tags = Mapping[int, tuple[str, Any]]
Page = tuple[dict[int, tuple[str, Any]], Sequence[bytes]]  # its tags, and its strips or tiles


def tiff(*pages: Page, order: str = "<", sub_pages: Mapping[int, int] | None = None) -> bytes:
    """A TIFF of pages, each its tags and its strips or tiles.

    Args:
        pages: the tags as ``code: (type, value)``, of a type of ``TYPES``.
        order: of the bytes.
        sub_pages: which page is a SubIFD of which, by their numbers.
    """
    data = bytearray((b"II" if order == "<" else b"MM") + struct.pack(f"{order}HI", 42, 0))
    starts = []
    for tags, segments in pages:
        offsets = []
        for segment in segments:
            offsets.append(len(data))
            data += segment + b"\0" * (len(segment) % 2)
        entries = {OFFSETS: ("I", offsets), COUNTS: ("I", [len(part) for part in segments]), **tags}
        if len(starts) in (sub_pages or {}).values():
            entries[SUB_IFDS] = ("I", 0)
        starts.append(len(data))
        data += _directory(entries, len(data), order)
    _chain(data, starts, order, sub_pages or {})
    return bytes(data)


def _directory(entries: Tags, start: int, order: str) -> bytes:
    """The tags, then what does not fit into them."""
    behind = start + 2 + 12 * len(entries) + 4
    body, more = b"", b""
    for code, (kind, value) in sorted(entries.items()):
        values = value if isinstance(value, (list, tuple)) else [value]
        flat = [part for pair in values for part in pair] if kind == "r" else values
        packed = struct.pack(f"{order}{len(flat)}{kind.replace('r', 'I')}", *flat)
        if len(packed) > 4:
            place = struct.pack(f"{order}I", behind + len(more))
            more += packed + b"\0" * (len(packed) % 2)
            packed = place
        head = struct.pack(f"{order}HHI", code, TYPES[kind], len(values))
        body += head + packed.ljust(4, b"\0")
    return struct.pack(f"{order}H", len(entries)) + body + bytes(4) + more


def _chain(data: bytearray, starts: list[int], order: str, sub_pages: Mapping[int, int]) -> None:
    """Write where the next page is, and the SubIFD of each."""
    main = [number for number in range(len(starts)) if number not in sub_pages]
    places = {main[0]: 4}
    for before, number in pairwise(main):
        (count,) = struct.unpack_from(f"{order}H", data, starts[before])
        places[number] = starts[before] + 2 + 12 * count
    for number, parent in sub_pages.items():
        entry = struct.pack(f"{order}HH", SUB_IFDS, 4)
        places[number] = data.index(entry, starts[parent]) + 8
    for number, place in places.items():
        data[place : place + 4] = struct.pack(f"{order}I", starts[number])


def pack(values: Array, bits: int, order: str = "<", fill_order: int = 1) -> bytes:
    """(H, W) or (H, W, S) integers as rows of bits, each beginning with a byte.

    Of 16 bits and more they are whole bytes in the order of the file.
    """
    if bits in (16, 32, 64):
        return values.astype(f"{order}u{bits // 8}").tobytes()
    rows = b""
    for row in values.reshape(len(values), -1):
        text = "".join(format(int(value), f"0{bits}b") for value in row)
        text += "0" * (-len(text) % 8)
        rows += bytes(int(text[at : at + 8], 2) for at in range(0, len(text), 8))
    if fill_order == 2:
        rows = bytes(int(format(byte, "08b")[::-1], 2) for byte in rows)
    return rows


def tags_of(values: Array, bits: int, photometric: int, **more: Any) -> dict[int, tuple[str, Any]]:
    """The tags of one strip of (H, W) or (H, W, S) values, all that TIFF 6.0 asks for."""
    samples = 1 if values.ndim == 2 else values.shape[2]
    tags: dict[int, tuple[str, Any]] = {
        **{256: ("I", values.shape[1]), 257: ("I", values.shape[0])},
        **{258: ("H", [bits] * samples), 259: ("H", 1), 262: ("H", photometric)},
        **{277: ("H", samples), 278: ("I", values.shape[0])},
        **{282: ("r", [(72, 1)]), 283: ("r", [(72, 1)]), 296: ("H", 2)},
    }
    return {**tags, **{int(code.removeprefix("t")): value for code, value in more.items()}}
