"""Locks on files and folders that the end of a process frees, however it comes."""

from __future__ import annotations

import json
import os
import socket
import stat
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

OF_RUN = "run.lock"  # the lock of a run's folder, in it
MOST = 4096  # bytes of a lock's file that are read


def try_lock(path: Path, *, create: bool = False) -> int | None:
    """A descriptor that locks a file or folder while it is open; None where that cannot be.

    It cannot on some network drives, and on Windows.

    Args:
        path: the file or folder; a link is not followed.
        create: make an empty file if there is nothing.

    Raises:
        BlockingIOError: another process has locked it.
    """
    try:
        import fcntl
    except ImportError:  # Windows
        return None
    descriptor = None
    try:
        if create:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o666)
        else:
            mode = path.lstat().st_mode
            if stat.S_ISDIR(mode) or stat.S_ISREG(mode):
                way = os.O_RDONLY if stat.S_ISDIR(mode) else os.O_RDWR
                descriptor = os.open(path, way | os.O_NOFOLLOW)
        if descriptor is not None:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if descriptor is not None:
            os.close(descriptor)
        if isinstance(error, BlockingIOError):
            raise
        return None
    return descriptor


@dataclass(frozen=True)
class Claim:
    """A lock file of this process, which is gone when it is released.

    Attributes:
        path: the file.
        descriptor: of it; None where the file system has no locks, and nothing is claimed.
    """

    path: Path
    descriptor: int | None

    def release(self) -> None:
        """Let another process have it."""
        if self.descriptor is not None:
            with suppress(OSError):
                self.path.unlink()
            os.close(self.descriptor)


def claim(path: Path) -> Claim | None:
    """Claim what a lock file stands for; None where another process has it."""
    try:
        descriptor = try_lock(path, create=True)
    except BlockingIOError:
        return None
    if descriptor is not None and not is_at(descriptor, path):  # released meanwhile
        os.close(descriptor)
        return None
    return Claim(path, descriptor)


def is_locked(path: Path) -> bool:
    """Whether another process has locked a file, as far as the file system has locks."""
    try:
        descriptor = try_lock(path)
    except BlockingIOError:
        return True
    if descriptor is not None:
        os.close(descriptor)
    return False


def is_at(descriptor: int, path: Path) -> bool:
    """Whether an open file or folder is still the one of that name."""
    with suppress(OSError):
        return os.path.samestat(os.fstat(descriptor), path.lstat())
    return False


def holder(path: Path) -> tuple[int | None, str]:
    """The process and host that a lock's file names; None and "" where they cannot be told."""
    with suppress(OSError, ValueError, RecursionError), path.open("rb") as stream:
        content = json.loads(stream.read(MOST))
        if isinstance(content, dict):
            process, host = content.get("process"), content.get("host")
            if type(process) is int and process > 0 and isinstance(host, str):
                return process, host
    return None, ""


def holder_lives(path: Path) -> bool:
    """Whether the process that a lock's file names may be at work: of another host, or there."""
    process, host = holder(path)
    if process is None or host != socket.gethostname() or os.name != "posix":
        return True
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:  # it is another user's
        return True
    return process != os.getpid()
