"""How much memory this process may still take: what is free, within the limits of its container."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

PROC = Path("/proc")
CGROUP = Path("/sys/fs/cgroup")
# Of a limit's files in both versions of the kernel's control groups: the limit, what is used, and
# of that (in memory.stat) what the kernel gives up when memory is short.
VERSIONS = (
    ("", "memory.max", "memory.current", "inactive_file"),
    ("memory", "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
)


def total_memory() -> int | None:
    """Bytes of the machine, or of the container's limit if less; None where nobody tells."""
    return min((limit for limit, _ in _limits()), default=None)


def free_memory() -> int | None:
    """Bytes that the process may take beside what all take now; None where nobody tells.

    What other processes free or take in the meantime changes it, so leave some.
    """
    free = (max(0, limit - used) for limit, used in _limits())
    return min(free, default=None)


def _limits() -> Iterator[tuple[int, int]]:
    """(limit, used) in bytes: the machine's, and those of the groups that the process is in."""
    try:
        total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):  # Windows has no sysconf
        return
    available = _field(PROC / "meminfo", "MemAvailable:")
    yield total, 0 if available is None else total - available * 1024  # from kB
    for folder, limit_name, used_name, cached_name in _groups():
        limit, used = _number(folder / limit_name), _number(folder / used_name)
        if limit is not None and used is not None and limit < total:
            yield limit, used - (_field(folder / "memory.stat", cached_name) or 0)


def _groups() -> Iterator[tuple[Path, str, str, str]]:
    """The folder of each group that the process is in, up to the outermost, and its files."""
    for line in _lines(PROC / "self" / "cgroup"):
        _, controllers, path = [*line.split(":", 2), "", ""][:3]
        for mount, *names in VERSIONS:
            if mount in controllers.split(","):
                # Within a container its own group may be mounted as the outermost.
                inner = CGROUP / mount / path.lstrip("/")
                limit, used, cached = names
                for folder in dict.fromkeys([inner, *inner.parents, CGROUP / mount]):
                    if folder.is_relative_to(CGROUP / mount):
                        yield folder, limit, used, cached


def _field(path: Path, name: str) -> int | None:
    """The number behind a name at the start of a line."""
    for line in _lines(path):
        found, *values = line.split()
        if found == name and values and values[0].isdecimal():
            return int(values[0])
    return None


def _number(path: Path) -> int | None:
    """A file's number; None where it has a word, such as ``max``, or cannot be read."""
    text = "".join(_lines(path)).strip()
    return int(text) if text.isdecimal() else None


def _lines(path: Path) -> list[str]:
    try:
        return [line for line in path.read_text("ascii", "replace").splitlines() if line.strip()]
    except OSError:
        return []
