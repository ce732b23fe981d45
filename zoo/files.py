"""Writing files that are either complete or not there."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from errno import EEXIST, ENOTDIR, ENOTEMPTY
from pathlib import Path
from secrets import token_hex
from tempfile import TemporaryDirectory
from typing import Any, BinaryIO

from zoo.errors import WriteError, printable


def write_atomically(
    path: Path, write: Callable[[BinaryIO], object], *, overwrite: bool = True
) -> None:
    """Replace the file at ``path`` by what ``write`` writes, in one step that survives a crash.

    The content goes to a temporary file in the same folder, is flushed to the disk, and takes the
    name in one rename; then the folder is flushed. A failure leaves the old file as it was.

    Args:
        path: the file.
        write: writes its content to a stream.
        overwrite: whether a file that has the name by then is replaced.

    Raises:
        WriteError: the file cannot be written, or is there and not to be replaced.
    """
    try:
        with _temporary(path.parent, write) as temporary:
            if overwrite:
                temporary.replace(path)
            else:
                _rename_to_new(temporary, path)
        flush_folder(path.parent)
    except OSError as error:
        raise _write_error(path, error) from error


def _write_error(path: Path, error: OSError) -> WriteError:
    return WriteError(f"{printable(str(path))}: cannot be written: {error.strerror or error}.")


@contextmanager
def _temporary(folder: Path, write: Callable[[BinaryIO], object]) -> Iterator[Path]:
    """A file with what ``write`` writes, on the disk; gone afterwards.

    Its name is nobody else's, also where two processes write the same file.
    """
    path = folder / f".zoo-{token_hex(8)}.tmp"
    try:
        with path.open("x+b") as stream:
            write(stream)
            stream.flush()
            os.fsync(stream.fileno())
        yield path
    finally:
        path.unlink(missing_ok=True)


def create_text(path: Path, text: str) -> None:
    """Write a text file that is not there yet, in one step that survives a crash.

    Raises:
        FileExistsError: something has that name; it is left as it was.
        WriteError: the file cannot be written.
    """
    try:
        with _temporary(path.parent, lambda stream: stream.write(text.encode())) as temporary:
            _rename_to_new(temporary, path)
        flush_folder(path.parent)
    except FileExistsError:
        raise
    except OSError as error:
        raise _write_error(path, error) from error


def _rename_to_new(temporary: Path, path: Path) -> None:
    """Give a file another name that nothing has; a rename alone would replace what has it."""
    try:
        path.hardlink_to(temporary)
    except FileExistsError:
        raise
    except OSError:  # a file system without links
        path.touch(exist_ok=False)
        temporary.replace(path)


def create_folder(path: Path, texts: Mapping[str, str]) -> None:
    """Make a folder of text files, all of them or none, in the place of nothing or an empty folder.

    They are written in a temporary folder beside it, which takes the name in one rename.

    Args:
        path: the folder; the one that it is in is there.
        texts: the text of each file by its path in the folder.

    Raises:
        FileExistsError: something has that name and is no empty folder; it is left as it was.
        WriteError: a file cannot be written.
    """
    try:
        with TemporaryDirectory(prefix=f".{path.name}.", dir=path.parent) as temporary:
            folder = Path(temporary) / path.name
            for name, text in texts.items():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                (folder / name).write_bytes(text.encode())
            folder.rename(path)
        flush_folder(path.parent)
    except OSError as error:
        if error.errno in (ENOTEMPTY, EEXIST, ENOTDIR) and (path.exists() or path.is_symlink()):
            raise FileExistsError(error.errno, error.strerror, str(path)) from error
        raise _write_error(path, error) from error


def flush_folder(folder: Path) -> None:
    """Flush a folder's list of names to the disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_text(path: Path, text: str) -> None:
    """Write a text file atomically; bytes of a file's name that are no UTF-8 are escaped."""
    content = text.encode("utf-8", "backslashreplace")
    write_atomically(path, lambda stream: stream.write(content))


def to_json(value: Any, indent: int | None = None) -> str:
    """JSON text; numbers that JSON cannot write (nan, inf) become null."""
    return json.dumps(_finite(value), indent=indent, allow_nan=False, ensure_ascii=False)


def _finite(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, Mapping):
        return {key: _finite(element) for key, element in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(element) for element in value]
    return value
