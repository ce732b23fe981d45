"""What this process may use of the machine: memory and cores, a container's limits counted."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

ROOT = Path("/")
UNLIMITED = 2**60  # bytes; version 1 of cgroups writes a number of about 2**63 for no limit


@dataclass(frozen=True)
class Memory:
    """Bytes of memory; None for what the system does not tell.

    Attributes:
        total: the machine's.
        limit: the least that a cgroup of this process, such as a container's, may take; None for no
            limit.
        available: what can be taken now without swapping, within the limit.
    """

    total: int | None
    limit: int | None
    available: int | None

    @property
    def usable(self) -> int | None:
        """All that this process could ever take: the limit where there is a lower one."""
        known = [size for size in (self.total, self.limit) if size is not None]
        return min(known, default=None)


def memory(root: Path = ROOT) -> Memory:
    """The memory that this process may use.

    Args:
        root: of the file system, for tests.
    """
    limits, left = [], []
    for folder, limit_name, used_name in _memory_groups(root):
        limit, used = _number(folder / limit_name), _number(folder / used_name)
        if limit is not None and limit < UNLIMITED:
            limits.append(limit)
            if used is not None:  # files that are cached can be given up
                left.append(max(0, limit - used + _field(folder / "memory.stat", "inactive_file")))
    free = _field(root / "proc/meminfo", "MemAvailable:") * 1024
    total = _field(root / "proc/meminfo", "MemTotal:") * 1024 or _physical_memory()
    available = min([*left, *([free] if free else [])], default=None)
    return Memory(total, min(limits, default=None), available)


def cores(root: Path = ROOT) -> float:
    """The cores that this process may use at once, a fraction where a cgroup allows that much."""
    try:
        allowed: float = len(os.sched_getaffinity(0))
    except AttributeError:  # not on macOS and Windows
        allowed = os.cpu_count() or 1
    for folder in _cgroups(root, "cpu"):
        with suppress(OSError, ValueError, ZeroDivisionError):
            if (folder / "cpu.max").exists():
                quota, period = (folder / "cpu.max").read_text().split()
            else:
                quota, period = (
                    (folder / f"cpu.cfs_{name}_us").read_text() for name in ("quota", "period")
                )
            if float(quota) > 0:  # "max" is no number, version 1 has -1
                allowed = min(allowed, float(quota) / float(period))
    return allowed


def _memory_groups(root: Path) -> Iterator[tuple[Path, str, str]]:
    """Each folder of limits, with the names of the files of the limit and of what is used."""
    for folder in _cgroups(root, "memory"):
        if (folder / "memory.max").exists():
            yield folder, "memory.max", "memory.current"
        else:
            yield folder, "memory.limit_in_bytes", "memory.usage_in_bytes"


def _cgroups(root: Path, controller: str) -> Iterator[Path]:
    """The folders of this process's cgroups of both versions, each followed by its parents.

    A container may see its own cgroup as the topmost one, whatever path is written in
    ``/proc/self/cgroup``.
    """
    top = root / "sys/fs/cgroup"
    try:
        lines = (root / "proc/self/cgroup").read_text().splitlines()
    except OSError:  # not Linux
        return
    for line in lines:
        number, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        version_1 = controller in controllers.split(",")
        if not version_1 and (number, controllers) != ("0", ""):
            continue
        mounted = top / controller if version_1 else top
        folder = mounted / path.lstrip("/")
        yield from (each for each in (folder, *folder.parents) if each.is_relative_to(mounted))


def _physical_memory() -> int | None:
    with suppress(AttributeError, ValueError, OSError):  # Windows has no sysconf
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return None


def _number(path: Path) -> int | None:
    with suppress(OSError, ValueError):  # no such file, or "max"
        return int(path.read_text())
    return None


def _field(path: Path, name: str) -> int:
    """The number beside a name in a file of such lines; 0 for none."""
    with suppress(OSError, ValueError, IndexError):
        for line in path.read_text().splitlines():
            if line.split()[0] == name:
                return int(line.split()[1])
    return 0
