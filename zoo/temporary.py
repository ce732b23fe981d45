"""Temporary files and folders beside what they will become; those of killed processes are removed.

Each is locked while its process lives. So the next one that writes the same name can tell which are
left over. On a file system without locks they stay, and the next writer uses another name.
"""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from errno import EEXIST
from hashlib import sha256
from pathlib import Path

MOST = 1000  # that can be there at once


def temporary_name(path: Path, mark: int | str) -> Path:
    """A hidden name beside ``path`` that belongs to it, however long its own is."""
    digest = sha256(os.fsencode(path.name)).hexdigest()[:16]
    return path.with_name(f".zoo-{digest}-{mark}.tmp")


@contextmanager
def reserved(path: Path, make: Callable[[Path], object]) -> Iterator[Path]:
    """A temporary file or folder that becomes ``path``; nobody else's, and gone afterwards.

    Args:
        path: what it will become.
        make: makes an empty one under a name, and raises FileExistsError if something has it.

    Raises:
        OSError: it cannot be made.
    """
    temporary, lock = _reserve(path, make)
    try:
        yield temporary
    finally:
        _remove(temporary)
        if lock is not None:
            os.close(lock)


def _reserve(path: Path, make: Callable[[Path], object]) -> tuple[Path, int | None]:
    for number in range(MOST):
        temporary = temporary_name(path, number)
        _remove_left_over(temporary)
        try:
            make(temporary)
        except FileExistsError:  # of a process that lives
            continue
        with suppress(BlockingIOError):  # one that looks for what is left over was faster
            lock = _locked(temporary)
            if temporary.exists():
                _remove_others(path, number + 1)
                return temporary, lock
            if lock is not None:
                os.close(lock)
    raise FileExistsError(EEXIST, "too many temporary files are there", str(path))


def _remove_others(path: Path, number: int) -> None:
    """Remove what is left over from when several processes wrote the same."""
    while os.path.lexists(temporary := temporary_name(path, number)):
        _remove_left_over(temporary)
        number += 1


def _remove_left_over(temporary: Path) -> None:
    """Remove what a process that is gone has left."""
    if not os.path.lexists(temporary):
        return
    try:
        lock = _locked(temporary)
    except BlockingIOError:  # it is in use
        return
    if lock is None:
        return
    try:
        if os.path.samestat(os.fstat(lock), temporary.lstat()):  # still the one that is locked
            _remove(temporary)
    except OSError:  # gone meanwhile
        pass
    finally:
        os.close(lock)


def _locked(temporary: Path) -> int | None:
    """A descriptor that locks a file or folder while it is open; None where that cannot be.

    Raises:
        BlockingIOError: another process has locked it.
    """
    try:
        import fcntl
    except ImportError:  # Windows
        return None
    descriptor = None
    try:
        mode = temporary.lstat().st_mode
        if stat.S_ISDIR(mode) or stat.S_ISREG(mode):
            way = os.O_RDONLY if stat.S_ISDIR(mode) else os.O_RDWR
            descriptor = os.open(temporary, way | os.O_NOFOLLOW)
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if descriptor is not None:
            os.close(descriptor)
        if isinstance(error, BlockingIOError):
            raise
        return None
    return descriptor


def _remove(temporary: Path) -> None:
    with suppress(OSError):  # taken by its new name, or by a cleaner
        if temporary.is_dir():
            shutil.rmtree(temporary)
        else:
            temporary.unlink()
