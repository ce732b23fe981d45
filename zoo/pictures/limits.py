"""How many pixels a picture may have: more than any camera, less than the memory."""

from __future__ import annotations

from zoo.errors import DataError
from zoo.limits import memory

AT_LEAST = 300_000_000  # pixels; phones have cameras of 200 million
BYTES_PER_PIXEL = 16  # RGB of 16 bits, as decoded and as kept


def default_max_pixels() -> int:
    """As many pixels as fit in half of the memory, and at least 300 million."""
    return max(AT_LEAST, (memory().usable or 0) // 2 // BYTES_PER_PIXEL)


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
