"""What is freed is kept: malloc is told so, where it can be."""

from __future__ import annotations

import ctypes
import platform
import subprocess
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
    [torch.ones(size * 2**18) for size in (16, 16, 48, 64)]  # MiB

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
    # The numbers are those of malloc.h: most mappings, trim threshold, top pad, most arenas.
    assert told == [(-4, 0), (-1, 2**30), (-2, 64 * 2**20), (-8, 1)]


ARENAS = """
import threading
import torch
from zoo.malloc import keep_freed_memory

def use():
    blocks = [torch.ones(2**20 * size // 4) for size in (30, 25, 30, 20, 30, 12)]
    for size in (20, 29, 25, 30, 12, 28) * 10:
        blocks.pop(0)
        blocks.append(torch.ones(2**20 * size // 4))

keep_freed_memory()
threads = [threading.Thread(target=use) for _ in range(4)]
for thread in threads: thread.start()
for thread in threads: thread.join()
arenas = [line for line in open("/proc/self/maps") if " 00:00 0" in line]
# A thread's own arena is in heaps of 64 MiB that begin at a multiple of that.
heaps = [line for line in arenas if int(line.split("-")[0], 16) % 2**26 == 0]
print(len(heaps))
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="needs the GNU C library")
def test_threads_share_one_arena() -> None:
    code = [sys.executable, "-c", ARENAS]
    assert int(subprocess.run(code, capture_output=True, text=True, check=True).stdout) <= 1


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


RECORDED = """
import re
import torch
from zoo.engine import lower
from zoo.malloc import give_back_freed_memory
from zoo.nn import MSE, Conv2d, Sequential

def resident():
    with open("/proc/self/status") as status:
        return int(re.search("RssAnon:[ \\t]*([0-9]+)", status.read())[1])  # KiB

torch.set_num_threads(2)
channels = ((3, 256), (256, 256), (256, 3))
model = Sequential(*(Conv2d(*pair, 3, padding=1) for pair in channels))
step = lower(model).training_step(MSE(), lambda: None)
x = torch.zeros(4, 3, 16, 16)
for _ in range(4):  # of which the last is recorded
    step(x, x)
kept = resident()
give_back_freed_memory()
print(kept - resident(), sum(parameter.value.nbytes for parameter in model.param()) >> 10)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="needs the GNU C library")
def test_what_recording_needed_is_given_back() -> None:
    """A recorded step was compared with copies of all gradients, of each thread."""
    result = run_python(RECORDED)
    assert result.returncode == 0, result.stderr
    kept, weights = map(int, result.stdout.split())
    assert kept < weights, (kept, weights)
