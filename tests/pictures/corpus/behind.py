"""What cameras and other programs append to a picture's file."""

from __future__ import annotations

from collections.abc import Mapping

BEHIND: Mapping[str, bytes] = {
    "zeros": b"\0" * 64,
    "a text": b"appended by a camera",
    "a JPEG's beginning": b"\xff\xd8\xff\xe1\x00\x10Exif",
    "half a chunk": b"EXIF\xff\xff\x00\x00",
    "an odd byte": b"\1",
    "a film": b"\0\0\0\x18ftypmp42" + bytes(100),
}
