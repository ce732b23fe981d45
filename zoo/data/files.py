"""One-line errors for files that cannot be read, and silence for the libraries that read them."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image

from zoo.errors import DataError, ZooError


@contextmanager
def reading(path: Path, allowed: str) -> Iterator[None]:
    """Turn whatever reading ``path`` raises into a DataError that ends with ``allowed``.

    The original exception stays attached as the cause.
    """
    try:
        yield
    except ZooError:
        raise
    except Exception as error:  # decoders raise anything for a damaged file: struct.error, ...
        raise DataError(f"{path}: {_reason(path, error)}. {allowed}") from error


def _reason(path: Path, error: Exception) -> str:
    if isinstance(error, FileNotFoundError):
        return "no such file"
    if isinstance(error, IsADirectoryError):
        return "is a folder"
    if isinstance(error, PermissionError):
        return "permission denied"
    if isinstance(error, MemoryError):
        return "too large for this machine's memory"
    if isinstance(error, Image.DecompressionBombError):
        return "more pixels than Pillow opens safely"
    if path.stat().st_size == 0:
        return "the file is empty"
    return "damaged, or not a file of this kind"


@contextmanager
def quiet() -> Iterator[None]:
    """Keep the warnings and log lines of image libraries from reaching the user.

    They speak of things that are no error here (a large image, damaged metadata) or of files that
    are reported as a DataError anyway. Enter it outside of threads: warning filters are shared.
    """
    log = logging.getLogger("tifffile")
    level = log.level
    log.setLevel(logging.CRITICAL + 1)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        log.setLevel(level)
