"""What is freed is kept: malloc is told so, where it can be."""

from __future__ import annotations

import ctypes
import sys
from types import SimpleNamespace

import pytest

from zoo.malloc import give_back_freed_memory, keep_freed_memory
from zoo.plugins.python_subprocess import run_python

FREED_AND_FETCHED = """
import resource, sys
import torch
from zoo.malloc import keep_freed_memory

if sys.argv[1] == "kept":
    keep_freed_memory()

def step():
    [torch.ones(4 * 2**20) for _ in range(5)]  # 80 MiB

for _ in range(3):
    step()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(10):
    step()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[tuple[object, int]]:
    """What a C library with ``mallopt`` and ``malloc_trim`` is told."""
    calls: list[tuple[object, int]] = []
    library = SimpleNamespace(
        mallopt=lambda *option: calls.append(option),
        malloc_trim=lambda kept: calls.append(("trim", kept)),
    )
    monkeypatch.setattr(ctypes, "CDLL", lambda name: library)
    return calls


def test_malloc_is_told_to_keep(
    told: list[tuple[object, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    keep_freed_memory()
    # The numbers are those of malloc.h: mmap threshold, trim threshold, top pad.
    assert told == [(-3, 32 * 2**20), (-1, 2**30), (-2, 64 * 2**20)]


def test_malloc_is_told_to_give_back(
    told: list[tuple[object, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    give_back_freed_memory()
    assert told == [("trim", 0)]


def test_other_systems_are_left_alone(
    told: list[tuple[object, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    keep_freed_memory()
    give_back_freed_memory()
    assert told == []


def test_another_c_library_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(ctypes, "CDLL", lambda name: SimpleNamespace())
    keep_freed_memory()
    give_back_freed_memory()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has the GNU C library's malloc")
def test_the_next_step_fetches_no_pages() -> None:
    if not hasattr(ctypes.CDLL(None), "mallopt"):
        pytest.skip("this C library has no mallopt")
    fetched = {}
    for mode in ("kept", "as by default"):
        result = run_python(FREED_AND_FETCHED, mode)
        assert result.returncode == 0, result.stderr
        fetched[mode] = int(result.stdout)
    if fetched["as by default"] < 1000:
        pytest.skip("this system fetches no pages anew in any case")
    assert fetched["kept"] < fetched["as by default"] / 10, fetched
