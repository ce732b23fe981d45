"""How many pixels a picture may have: more than any camera, less than the memory."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from zoo.errors import DataError

AT_LEAST = 300_000_000  # pixels; phones have cameras of 200 million
BYTES_PER_PIXEL = 16  # RGB of 16 bits, as decoded and as kept
CGROUPS = ("memory.max", "memory/memory.limit_in_bytes")  # version 2, version 1


def default_max_pixels() -> int:
    """As many pixels as fit in half of the memory, and at least 300 million."""
    return max(AT_LEAST, (memory() or 0) // 2 // BYTES_PER_PIXEL)


def memory() -> int | None:
    """Bytes of memory: the machine's, or a container's if that is less; None for unknown."""
    sizes = []
    with suppress(AttributeError, ValueError, OSError):  # Windows has no sysconf
        sizes.append(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    for name in CGROUPS:
        with suppress(OSError, ValueError):  # no such file, or "max"
            sizes.append(int(Path("/sys/fs/cgroup", name).read_text()))
    return min(sizes, default=None)


def check_pixels(where: str, height: int, width: int, limit: int) -> None:
    """Refuse a header that says too many pixels, before anything is decoded.

    Raises:
        DataError: more pixels than ``limit``, or none.
    """
    if height * width > limit:
        raise DataError(
            f"{where}: {width} x {height} pixels are more than the {limit} allowed here. "
            "Allow more where the file can be trusted."
        )
    if height < 1 or width < 1:
        raise DataError(f"{where}: {width} x {height} pixels. A picture has at least one.")
