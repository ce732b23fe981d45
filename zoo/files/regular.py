"""Opening and reading regular files, which have an end, bounded in size."""

from __future__ import annotations

import os
import stat
from errno import EFBIG, EINVAL, EISDIR, ENXIO
from pathlib import Path
from typing import BinaryIO

NO_REGULAR = "a pipe or device, no regular file"
MOST_TEXT = 2**20  # bytes of a file of TOML or JSON; the longest that is shipped has 5,000
LIFTED_BY = "ZOO_MAX_TEXT_BYTES"


def open_regular(path: Path) -> BinaryIO:
    """Open a file to be read that has an end: no pipe, socket or device, which may have none.

    Raises:
        OSError: it is none, or cannot be opened; ``strerror`` says why.
    """
    return os.fdopen(_regular(path, os.O_RDONLY), "rb")


def append_regular(path: Path) -> BinaryIO:
    """Open a file to be written at its end; it is made if there is nothing, not by a link.

    Raises:
        OSError: it is no regular file, or cannot be opened; ``strerror`` says why.
    """
    how = os.O_WRONLY | os.O_APPEND
    try:
        descriptor = _regular(path, how)
    except FileNotFoundError:
        descriptor = _regular(path, how | os.O_CREAT | os.O_EXCL)
    stream = os.fdopen(descriptor, "ab")
    stream.seek(0, os.SEEK_END)
    return stream


def _regular(path: Path, how: int) -> int:
    descriptor = -1
    try:
        descriptor = os.open(path, how | getattr(os, "O_NONBLOCK", 0), 0o666)  # no wait for a pipe
        mode = os.fstat(descriptor).st_mode
        if stat.S_ISDIR(mode):
            raise IsADirectoryError(EISDIR, os.strerror(EISDIR), str(path))
        if not stat.S_ISREG(mode):
            raise OSError(EINVAL, NO_REGULAR, str(path))
    except OSError as error:
        if descriptor >= 0:
            os.close(descriptor)
        elif _is_socket(path):
            raise OSError(EINVAL, "a socket, no regular file", str(path)) from error
        elif error.errno == ENXIO:  # a pipe that nobody reads
            raise OSError(EINVAL, NO_REGULAR, str(path)) from error
        raise
    return descriptor


def read_regular(path: Path, most: int | None = None) -> bytes:
    """All bytes of a regular file.

    Args:
        path: the file.
        most: how many bytes it may have; None for as many as a file of text may have,
            :func:`most_text`.

    Raises:
        OSError: it is no regular file, cannot be read, or is larger; ``strerror`` says why.
    """
    with open_regular(path) as stream:
        size = os.fstat(stream.fileno()).st_size
        allowed = most_text() if most is None else most
        if size > allowed:
            lift = f". {LIFTED_BY}={size} allows it" if most is None else ""
            reason = f"{size:,} bytes are more than the {allowed:,} allowed here{lift}"
            raise OSError(EFBIG, reason, str(path))
        return stream.read(size)  # a file that grows meanwhile does not matter


def most_text() -> int:
    """How many bytes a file of TOML or JSON may have: 1 MiB, or the user's ``LIFTED_BY``."""
    given = os.environ.get(LIFTED_BY, "")
    return int(given) if given.isdecimal() and given.isascii() else MOST_TEXT


def _is_socket(path: Path) -> bool:
    try:
        return path.is_socket()
    except OSError:
        return False
