"""Writing files that are either complete or not there."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from zoo.errors import WriteError


def write_atomically(path: Path, write: Callable[[BinaryIO], object]) -> None:
    """Replace the file at ``path`` by what ``write`` writes, in one step that survives a crash.

    The content goes to a temporary file in the same folder, is flushed to the disk, and takes the
    name in one rename; then the folder is flushed. A failure leaves the old file as it was.

    Raises:
        WriteError: the file cannot be written.
    """
    try:
        _replace(path, write)
    except OSError as error:
        raise WriteError(f"{path}: cannot be written: {error.strerror or error}.") from error


def _replace(path: Path, write: Callable[[BinaryIO], object]) -> None:
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        with temporary.open("wb") as stream:
            write(stream)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    flush_folder(path.parent)


def flush_folder(folder: Path) -> None:
    """Flush a folder's list of names to the disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_text(path: Path, text: str) -> None:
    """Write a text file atomically."""
    write_atomically(path, lambda stream: stream.write(text.encode()))


def to_json(value: Mapping[str, Any], indent: int | None = None) -> str:
    """JSON text; numbers that JSON cannot write (nan, inf) become null."""
    return json.dumps(_finite(value), indent=indent, allow_nan=False, ensure_ascii=False)


def _finite(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, Mapping):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    return value
