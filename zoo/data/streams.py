"""What the data draws random numbers for: the word after the seed in every generator's key."""

from __future__ import annotations

from enum import IntEnum


class Stream(IntEnum):
    """One member for each purpose, so that no two purposes share random numbers.

    Keys that differ only in trailing zeros give the same generator, so no member is 0 and keys of
    one member always have the same length.
    """

    SPLIT = 11
    ORDER = 12
    BATCH = 13
    EVALUATION = 14
    PIXELS = 15
