"""One process at a time in the folder of a run.

The lock is a file with who has it. Where the file system has locks, the end of the process frees
it, however it comes, and a file that is left over says nothing. On one without, such as some
network drives, the file is the lock: one that is left over is taken over if its process was of this
host and is gone, else somebody has to delete it.
"""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from zoo.errors import UsageError, WriteError, printable
from zoo.locks import OF_RUN, holder, holder_lives, is_at, try_lock


@contextmanager
def run_lock(folder: Path) -> Iterator[None]:
    """Within ``with``, no other process trains in a folder.

    Args:
        folder: that of the run.

    Raises:
        UsageError: another process does.
        WriteError: the folder cannot be written in.
    """
    path = folder / OF_RUN
    try:
        descriptor = _take(path)
    except OSError as error:
        where = printable(str(path))
        raise WriteError(f"{where}: cannot be written: {error.strerror}.") from error
    try:
        yield
    finally:
        with suppress(OSError):
            path.unlink()
        os.close(descriptor)


def _take(path: Path) -> int:
    """A descriptor of the file, which is this process' from here on."""
    while True:
        made = not os.path.lexists(path)
        try:
            locked = try_lock(path, create=True)
        except BlockingIOError:
            raise _in_use(path, "") from None
        if locked is not None:
            if not is_at(locked, path):  # deleted meanwhile by who had it
                os.close(locked)
                continue
            return _signed(locked)
        if not made and holder_lives(path):
            raise _in_use(path, f" If that one is gone, delete {printable(str(path))}.")
        return _signed(os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o666))


def _signed(descriptor: int) -> int:
    os.ftruncate(descriptor, 0)
    holder = {"process": os.getpid(), "host": socket.gethostname()}
    os.write(descriptor, json.dumps(holder).encode())
    return descriptor


def _in_use(path: Path, hint: str) -> UsageError:
    process, host = holder(path)
    who = f"process {process} on {printable(host)}" if process else "another process"
    folder = printable(str(path.parent))
    return UsageError(
        f"{folder}: {who} trains in this folder. Wait for it, stop it, or use another folder with "
        f"--out.{hint}"
    )
