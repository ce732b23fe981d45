"""Which values can be black and white: numbers that float32 tells apart. No torch."""

from __future__ import annotations

from typing import Final

LARGEST: Final = 1e30  # of black and white
SMALLEST: Final = 1e-30  # between them
FARTHEST: Final = 1e15  # times as far from black as white: the squares of more overflow
ALLOWED: Final = (
    "Use values up to 1e30, which differ by more than 1e-30 and a millionth of the larger."
)


def fits_float32(black: float, white: float) -> bool:
    """Whether ``white`` is above ``black``, and float32 holds both and values between them."""
    size = max(abs(black), abs(white))
    return size <= LARGEST and white - black > max(SMALLEST, 1e-6 * size)
