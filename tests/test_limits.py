"""Memory and cores, in folders like those of Linux."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from zoo.limits import Memory, cores, memory

MIB = 2**20
MEMINFO = "MemTotal:       8192000 kB\nMemFree: 1 kB\nMemAvailable:   4096000 kB\n"


def write(root: Path, **texts: str | int) -> None:
    """Files by their paths, ``__`` for a slash."""
    for name, text in texts.items():
        path = root / name.replace("__", "/").replace("_dot_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{text}\n")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    write(tmp_path, proc__meminfo=MEMINFO)
    return tmp_path


def test_no_limit(root: Path) -> None:
    assert memory(root) == Memory(8192000 * 1024, None, 4096000 * 1024)


def test_this_machine() -> None:
    found = memory()
    assert found.total is not None
    assert found.available is not None
    assert 0 < found.available < found.total
    assert 0 < cores() <= (os.cpu_count() or 1)


def test_version_2_counts_every_group_above(root: Path) -> None:
    write(root, proc__self__cgroup="0::/a/b")
    write(root, sys__fs__cgroup__a__b__memory_dot_max="max", sys__fs__cgroup__memory_dot_max="max")
    write(
        root,
        sys__fs__cgroup__a__memory_dot_max=900 * MIB,
        sys__fs__cgroup__a__memory_dot_current=500 * MIB,
        sys__fs__cgroup__a__memory_dot_stat=f"anon 1\ninactive_file {100 * MIB}",
    )
    assert memory(root) == Memory(8192000 * 1024, 900 * MIB, 500 * MIB)


def test_version_1(root: Path) -> None:
    write(root, proc__self__cgroup="4:memory:/box\n1:cpu,cpuacct:/box\n0::/")
    folder = root / "sys/fs/cgroup/memory/box"
    folder.mkdir(parents=True)
    (folder / "memory.limit_in_bytes").write_text(f"{700 * MIB}\n")
    (folder / "memory.usage_in_bytes").write_text(f"{800 * MIB}\n")
    (folder.parent / "memory.limit_in_bytes").write_text("9223372036854771712\n")
    assert memory(root) == Memory(8192000 * 1024, 700 * MIB, 0)


def test_a_container_that_sees_its_own_group_as_the_topmost(root: Path) -> None:
    write(root, proc__self__cgroup="0::/system/docker-1234")
    write(root, sys__fs__cgroup__memory_dot_max=256 * MIB)
    assert memory(root).limit == 256 * MIB


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("cpu.max", "50000 100000", 0.5),
        ("cpu.max", "max 100000", None),
        ("cpu.max", "rubbish", None),
    ],
)
def test_cores_of_version_2(root: Path, name: str, text: str, expected: float | None) -> None:
    write(root, proc__self__cgroup="0::/a")
    folder = root / "sys/fs/cgroup/a"
    folder.mkdir(parents=True)
    (folder / name).write_text(text)
    assert cores(root) == (cores(root / "none") if expected is None else expected)


@pytest.mark.parametrize(("quota", "expected"), [("25000", 0.25), ("-1", None)])
def test_cores_of_version_1(root: Path, quota: str, expected: float | None) -> None:
    write(root, proc__self__cgroup="1:cpu,cpuacct:/")
    folder = root / "sys/fs/cgroup/cpu"
    folder.mkdir(parents=True)
    (folder / "cpu.cfs_quota_us").write_text(quota)
    (folder / "cpu.cfs_period_us").write_text("100000")
    assert cores(root) == (cores(root / "none") if expected is None else expected)
