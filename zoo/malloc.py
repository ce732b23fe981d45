"""How this process keeps freed memory, and when it gives it back."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable

# Names and numbers of malloc.h of the GNU C library.
M_TRIM_THRESHOLD = -1
M_TOP_PAD = -2
M_MMAP_MAX = -4
M_ARENA_MAX = -8

KEPT = 2**30
FETCHED = 64 * 2**20


def keep_freed_memory() -> None:
    """Let malloc keep what is freed, up to 1 GiB, for the next step; only with the GNU C library.

    A step frees what the next one allocates. By its defaults the library gives large blocks back to
    the system each time, and fetching their pages anew took up to half of a step; so no block has a
    mapping of its own, however large. All threads share one arena: in those of single threads
    blocks of some 30 MiB leave gaps, and what was freed stayed beside what was needed (dncnn on 24
    megapixels: up to 2.6 GiB).

    Source: https://man7.org/linux/man-pages/man3/mallopt.3.html
    """
    mallopt = _function("mallopt")
    if mallopt is not None:
        mallopt(M_MMAP_MAX, 0)
        mallopt(M_TRIM_THRESHOLD, KEPT)
        mallopt(M_TOP_PAD, FETCHED)
        mallopt(M_ARENA_MAX, 1)


def give_back_freed_memory() -> None:
    """Give the system all that is free; only with the GNU C library.

    Source: https://man7.org/linux/man-pages/man3/malloc_trim.3.html
    """
    trim = _function("malloc_trim")
    if trim is not None:
        trim(0)


def _function(name: str) -> Callable[..., object] | None:
    """One of the GNU C library; another library need not have it."""
    if not sys.platform.startswith("linux"):
        return None
    function: Callable[..., object] | None = getattr(ctypes.CDLL(None), name, None)
    return function
