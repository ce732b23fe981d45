"""Opening what is to be read, and one-line errors for what cannot be."""

from __future__ import annotations

import logging
import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import BinaryIO, cast

from tifffile import FileHandle

from zoo.errors import DataError, ZooError, printable
from zoo.pictures.other_formats import other_format

ALLOWED = "Images are PNG, JPEG, TIFF, BMP or WebP files."
IN_MEMORY = 64 * 2**20  # bytes of a pipe that are kept before they go to a temporary file
LFS = (b"version https://git-lfs", b"version https://hawser", b"version http://git-media")
HEAD = 256  # bytes that tell the formats apart, and what stands for a file


@contextmanager
def reading(where: str | Path, allowed: str = ALLOWED) -> Iterator[None]:
    """Turn whatever reading a file raises into a DataError that ends with ``allowed``.

    The original exception stays attached as the cause.
    """
    try:
        yield
    except ZooError:
        raise
    except Exception as error:  # decoders raise anything for a damaged file: struct.error, ...
        raise DataError(f"{where}: {_reason(where, error)}. {allowed}") from error


def _reason(where: str | Path, error: Exception) -> str:
    if isinstance(error, FileNotFoundError):
        return _missing(Path(where))
    if isinstance(error, IsADirectoryError):
        return "is a folder"
    if isinstance(error, PermissionError):
        return "permission denied"
    if isinstance(error, MemoryError):
        return "too large for this machine's memory"
    if isinstance(error, OSError) and error.errno and error.strerror:  # not a decoder's own
        return error.strerror.lower()
    if isinstance(where, Path):
        with where.open("rb") as stream:
            head = stream.read(HEAD)
        if not head:
            return "the file is empty"
        if kind := _pointer(head):
            return f"{kind[0]} pointer, not the file itself: fetch it with {kind[1]}"
    return "damaged, or not a file of this kind"


def _missing(path: Path) -> str:
    if not path.is_symlink():
        return "no such file"
    target = str(path.readlink())
    if kind := _pointer(target.encode("utf-8", "surrogateescape")):
        return f"{kind[0]} link to a file that is not here: fetch it with {kind[1]}"
    return f"a link to {printable(target)}, which is not there"


def _pointer(head: bytes) -> tuple[str, str] | None:
    """Whose text it is that stands for a large file, and the command that fetches that."""
    text = head.lstrip(b"\xef\xbb\xbf \r\n")
    if text.startswith(LFS):
        return "a Git LFS", "git lfs pull"
    path = text.replace(b"\\", b"/").split(b"\n")[0]
    if path.startswith(b"/annex/objects/") or b".git/annex/objects/" in path:
        return "a git-annex", "git annex get"
    return None


def open_source(source: str | Path | BinaryIO) -> tuple[str, BinaryIO, bytes]:
    """Open a path, or take a stream of bytes.

    Returns:
        Its name for messages, a stream that can be read anywhere (the caller closes it; the one
        that was given stays open), and its first bytes.

    Raises:
        DataError: nothing there, a folder, a device, a pipe that has a name, no permission, empty.
    """
    if isinstance(source, (str, Path)):
        where = printable(str(source))
        with reading(where):
            stream = _open_file(where, Path(source))
        head = stream.read(HEAD)
    else:
        where = "<stdin>"
        head, stream = _from_stream(source)
    try:
        _check_head(where, head)
    except DataError:
        stream.close()
        raise
    stream.seek(0)
    return where, stream, head


def _open_file(where: str, path: Path) -> BinaryIO:
    mode = path.stat().st_mode
    if stat.S_ISDIR(mode):
        raise IsADirectoryError
    if not stat.S_ISREG(mode):
        raise DataError(f"{where}: is a pipe or device. {ALLOWED}")
    return path.open("rb")


def _from_stream(source: BinaryIO) -> tuple[bytes, BinaryIO]:
    """The first bytes of a stream, and a copy of all of it where they can be a picture's."""
    head = source.read(HEAD)
    copy = cast(BinaryIO, SpooledTemporaryFile(IN_MEMORY))  # noqa: SIM115 - the caller closes it
    copy.write(head)
    if find_format(head):
        shutil.copyfileobj(source, copy, 2**20)
    return head, copy


def _check_head(where: str, head: bytes) -> None:
    if not head:
        raise DataError(f"{where}: the file is empty. {ALLOWED}")
    if other := other_format(head):
        raise DataError(f"{where}: is {other}, which is not read. Convert it to PNG or TIFF.")
    if not find_format(head):
        if kind := _pointer(head):
            raise DataError(
                f"{where}: {kind[0]} pointer, not the picture itself. Fetch it with {kind[1]}."
            )
        raise DataError(f"{where}: damaged, or not a file of this kind. {ALLOWED}")


def find_format(head: bytes) -> str:
    """The format that a file's first bytes are of; "" for none."""
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "PNG"
    if head.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if head.startswith((b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")):
        return "TIFF"
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return "WEBP"
    return "BMP" if head.startswith(b"BM") else ""


def read_all(stream: BinaryIO) -> bytes:
    """All bytes of a stream from its start."""
    stream.seek(0)
    return stream.read()


def size_of(stream: BinaryIO) -> int:
    """Bytes of a stream that can be read anywhere."""
    stream.seek(0, os.SEEK_END)
    return stream.tell()


def quiet_decoders() -> None:
    """Keep the decoders' log lines off the terminal of a program that has set up no logging.

    They speak of damaged metadata, of an interlaced PNG, or of files that are reported as a
    DataError anyway.
    """
    for name in ("tifffile", "imagecodecs"):
        log = logging.getLogger(name)
        if not log.handlers:
            log.addHandler(logging.NullHandler())


def as_handle(stream: BinaryIO) -> FileHandle:
    """A stream for tifffile, with a name that leads to no other file of a stack in several."""
    return FileHandle(stream, name="stream")
