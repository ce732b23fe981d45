from __future__ import annotations

import os
from pathlib import Path

import pytest

from zoo import memory

GIB = 2**30


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine of 16 GiB, of which 10 are available."""
    numbers = {"SC_PAGE_SIZE": 4096, "SC_PHYS_PAGES": 16 * GIB // 4096}
    monkeypatch.setattr(os, "sysconf", numbers.__getitem__)
    monkeypatch.setattr(memory, "PROC", tmp_path / "proc")
    monkeypatch.setattr(memory, "CGROUP", tmp_path / "cgroup")
    write(tmp_path / "proc" / "meminfo", f"MemTotal: 1 kB\nMemAvailable:  {10 * 2**20} kB\n")
    return tmp_path


def write(path: Path, content: str | int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"{content}\n")


def test_a_machine_without_limits(machine: Path) -> None:
    assert memory.total_memory() == 16 * GIB
    assert memory.free_memory() == 10 * GIB


@pytest.mark.parametrize("group", ["/", "/outer/inner", "/elsewhere/in/the/host"])
def test_a_container_of_version_2(group: str, machine: Path) -> None:
    """Its group is seen at its path, or as the outermost."""
    seen = group.lstrip("/") if group == "/outer/inner" else ""
    write(machine / "proc" / "self" / "cgroup", f"0::{group}")
    write(machine / "cgroup" / seen / "memory.max", 4 * GIB)
    write(machine / "cgroup" / seen / "memory.current", 3 * GIB)
    write(machine / "cgroup" / seen / "memory.stat", f"anon 1\ninactive_file {GIB}")
    assert memory.total_memory() == 4 * GIB
    assert memory.free_memory() == 2 * GIB


def test_the_limit_of_an_outer_group_counts_too(machine: Path) -> None:
    write(machine / "proc" / "self" / "cgroup", "0::/outer/inner")
    write(machine / "cgroup" / "outer" / "inner" / "memory.max", "max")
    write(machine / "cgroup" / "outer" / "inner" / "memory.current", GIB)
    write(machine / "cgroup" / "outer" / "memory.max", 2 * GIB)
    write(machine / "cgroup" / "outer" / "memory.current", 3 * GIB)
    assert memory.total_memory() == 2 * GIB
    assert memory.free_memory() == 0


def test_a_container_of_version_1(machine: Path) -> None:
    write(machine / "proc" / "self" / "cgroup", "3:cpu,cpuacct:/a\n2:memory:/docker/1")
    folder = machine / "cgroup" / "memory"
    write(folder / "memory.limit_in_bytes", 8 * GIB)
    write(folder / "memory.usage_in_bytes", 5 * GIB)
    write(folder / "memory.stat", f"total_inactive_file {GIB}")
    assert memory.total_memory() == 8 * GIB
    assert memory.free_memory() == 4 * GIB


def test_a_limit_beyond_the_machine_is_none(machine: Path) -> None:
    write(machine / "proc" / "self" / "cgroup", "2:memory:/")
    write(machine / "cgroup" / "memory" / "memory.limit_in_bytes", 2**63 - 4096)
    write(machine / "cgroup" / "memory" / "memory.usage_in_bytes", GIB)
    assert memory.total_memory() == 16 * GIB


def test_a_system_that_does_not_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(name: str) -> int:
        raise ValueError(name)

    monkeypatch.setattr(os, "sysconf", unknown)
    assert memory.total_memory() is None
    assert memory.free_memory() is None
