"""Writing files and folders that are either complete or not there."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from errno import (
    EACCES,
    EBUSY,
    EDQUOT,
    EEXIST,
    EINVAL,
    EIO,
    ENOSPC,
    ENOSYS,
    ENOTDIR,
    ENOTEMPTY,
    ENOTSUP,
    EPERM,
)
from pathlib import Path
from typing import BinaryIO

from zoo.errors import UsageError, WriteError, printable
from zoo.temporary import reserved, temporary_name

NOT_FLUSHED = (EDQUOT, EIO, ENOSPC)  # else the file system cannot flush that, and need not
NO_RENAME_OVER = (EACCES, EBUSY, EEXIST, EINVAL, ENOSYS, ENOTSUP, EPERM)


def require_folder(where: str, path: Path) -> None:
    """Refuse, before the work, a file in whose folder none can be made.

    Args:
        where: what to call the file in the message.
        path: the file.

    Raises:
        UsageError: there is no folder, or a file that was made in it for a try cannot be.
    """
    if not path.parent.is_dir():
        raise UsageError(f"{where}: there is no folder {path.parent}. Make it first.")
    try:
        with reserved(path, lambda temporary: temporary.touch(exist_ok=False)):
            pass
    except OSError as error:
        reason = error.strerror or error
        raise UsageError(
            f"{where}: no file can be made in {path.parent}: {reason}. Use another folder."
        ) from error


def make_folder(folder: Path) -> None:
    """Make a folder and those above it, unless they are there.

    Raises:
        WriteError: it cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        name = printable(str(folder))
        raise WriteError(f"{name}: cannot be made: {error.strerror or error}.") from error


@contextmanager
def removed_if_empty(folder: Path) -> Iterator[None]:
    """Remove a folder, and those above it, at the end where they were made meanwhile and are empty.

    Args:
        folder: is made within ``with``, with those above it.
    """
    missing = [path for path in (folder, *folder.parents) if not os.path.lexists(path)]
    try:
        yield
    finally:
        for path in missing:
            remove_if_empty(path)


def remove_if_empty(folder: Path) -> None:
    """Remove a folder, unless something is in it, as there should be."""
    with suppress(OSError):
        folder.rmdir()


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
        with _temporary(path, write) as temporary:
            if overwrite:
                _replace(temporary, path)
            else:
                _rename_to_new(temporary, path)
        flush_folder(path.parent)
    except OSError as error:
        raise _write_error(path, error) from error


def _write_error(path: Path, error: OSError) -> WriteError:
    return WriteError(f"{printable(str(path))}: cannot be written: {error.strerror or error}.")


@contextmanager
def _temporary(path: Path, write: Callable[[BinaryIO], object]) -> Iterator[Path]:
    """A file beside ``path`` with what ``write`` writes, on the disk; gone afterwards."""
    with reserved(path, lambda name: name.touch(exist_ok=False)) as temporary:
        with temporary.open("r+b") as stream:
            write(stream)
            stream.flush()
            flush(stream.fileno())
        yield temporary


def _replace(temporary: Path, path: Path) -> None:
    """Give a file the name of another, which is gone then; where it cannot be, both stay."""
    try:
        temporary.replace(path)
    except OSError as error:
        if error.errno not in NO_RENAME_OVER or not path.is_file():
            raise
        aside = path.with_name(f"{temporary.name}.old")
        try:
            path.rename(aside)
        except OSError:
            raise error from None
        try:
            temporary.rename(path)
        except OSError:
            aside.rename(path)
            raise
        aside.unlink()


def create_text(path: Path, text: str) -> None:
    """Write a text file that is not there yet, in one step that survives a crash.

    Raises:
        FileExistsError: something has that name; it is left as it was.
        WriteError: the file cannot be written.
    """
    try:
        with _temporary(path, lambda stream: stream.write(_encoded(text))) as temporary:
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
        try:
            temporary.replace(path)
        except OSError:  # and without replacing
            path.unlink()
            temporary.rename(path)


def keep_copy(source: Path, target: Path) -> None:
    """Give a file a second name, which it keeps when another takes the first.

    Raises:
        WriteError: it cannot be written.
    """
    temporary = temporary_name(target, "link")
    try:
        temporary.unlink(missing_ok=True)
        temporary.hardlink_to(source)
    except OSError:  # a file system without links
        with source.open("rb") as stream:
            write_atomically(target, lambda copy: shutil.copyfileobj(stream, copy))
        return
    try:
        _replace(temporary, target)
        flush_folder(target.parent)
    except OSError as error:
        raise _write_error(target, error) from error
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)  # a rename to another name of the file does nothing


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
        with reserved(path, Path.mkdir) as temporary:
            folder = temporary / path.name
            for name, text in texts.items():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                (folder / name).write_bytes(_encoded(text))
            folder.rename(path)
        flush_folder(path.parent)
    except OSError as error:
        if error.errno in (ENOTEMPTY, EEXIST, ENOTDIR) and (path.exists() or path.is_symlink()):
            raise FileExistsError(error.errno, error.strerror, str(path)) from error
        raise _write_error(path, error) from error


def flush(descriptor: int) -> None:
    """Flush an open file or folder to the disk, where its file system can do that."""
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno in NOT_FLUSHED:
            raise


def flush_folder(folder: Path) -> None:
    """Flush a folder's list of names to the disk, where its file system can do that."""
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError:  # Windows, and folders that may be written and not be read
        return
    try:
        flush(descriptor)
    finally:
        os.close(descriptor)


def write_text(path: Path, text: str) -> None:
    """Write a text file atomically, as UTF-8; what this does not have is escaped."""
    write_atomically(path, lambda stream: stream.write(_encoded(text)))


def _encoded(text: str) -> bytes:
    """UTF-8. Names of files may have other bytes, which Python keeps as surrogates: in JSON, what
    they become is the escape for them.
    """
    return text.encode("utf-8", "backslashreplace")
