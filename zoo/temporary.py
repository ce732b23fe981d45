"""Temporary files and folders beside what they will become; those of killed processes are removed.

Each is locked while its process lives. So the next one that writes the same name can tell which are
left over. On a file system without locks they stay, and the next writer uses another name.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from errno import EEXIST
from hashlib import sha256
from pathlib import Path

from zoo.locks import is_at, try_lock

MOST = 1000  # that can be there at once
PATTERN = ".zoo-*.tmp"


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
            lock = try_lock(temporary)
            if temporary.exists():
                _remove_others(path, number + 1)
                return temporary, lock
            if lock is not None:
                os.close(lock)
    raise FileExistsError(EEXIST, "too many temporary files are there", str(path))


def remove_left_overs(folder: Path) -> None:
    """Remove the temporary files in a folder that killed processes have left there."""
    with suppress(OSError):
        for temporary in list(folder.glob(PATTERN)):
            _remove_left_over(temporary)


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
        lock = try_lock(temporary)
    except BlockingIOError:  # it is in use
        return
    if lock is None:
        return
    try:
        if is_at(lock, temporary):
            _remove(temporary)
    finally:
        os.close(lock)


def _remove(temporary: Path) -> None:
    with suppress(OSError):  # taken by its new name, or by a cleaner
        if temporary.is_dir():
            shutil.rmtree(temporary)
        else:
            temporary.unlink()
