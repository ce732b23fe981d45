"""Several processes fill one cache, and one is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.data.cache.making import entries, values, write

THREADS = """
import sys
from pathlib import Path
from zoo.data.cache.cache import PictureCache
from zoo.pictures.folders import find_pictures
PictureCache(Path(sys.argv[2])).read(find_pictures(Path(sys.argv[1])).pictures, 3)
import torch
print(torch.get_num_threads())
"""


def test_torch_computes_on_as_many_threads_as_before(folder: Path, tmp_path: Path) -> None:
    counts = []
    for code in ("import torch\nprint(torch.get_num_threads())", THREADS):
        command = [sys.executable, "-c", code, str(folder), str(tmp_path / "cache")]
        environment = {**os.environ, "OMP_NUM_THREADS": "2"}
        counts.append(subprocess.check_output(command, env=environment, text=True, timeout=200))
    assert counts[0] == counts[1]


FILLER = """
import sys, time
from pathlib import Path
from zoo.data.cache import cache
from zoo.pictures.folders import find_pictures
pages, decoded = cache.read_pages, []
def read_pages(*arguments):
    decoded.append(1)
    time.sleep(float(sys.argv[3]))
    return pages(*arguments)
cache.read_pages = read_pages
made = cache.PictureCache(Path(sys.argv[2]), lambda done, total: print(done, flush=True))
print("begun", flush=True)
images = made.read(find_pictures(Path(sys.argv[1])).pictures, 3)
print("whole", all(cache.is_whole(pages) for pages in images), len(decoded))
"""


def filler(folder: Path, cache: Path, seconds: float) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", FILLER, str(folder), str(cache), str(seconds)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


@pytest.fixture
def many(tmp_path: Path) -> Path:
    for index in range(60):
        write(tmp_path / "many" / f"{index}.png", values(20, 30, 3))
    return tmp_path / "many"


def test_two_processes_fill_a_cache_together(many: Path, tmp_path: Path) -> None:
    """Both have all, and they share the work."""
    processes = [filler(many, tmp_path / "cache", 0.05) for _ in range(2)]
    counts = []
    for process in processes:
        out, _ = process.communicate(timeout=300)
        said = out.splitlines()[-1].split()
        assert (process.returncode, said[:2]) == (0, ["whole", "True"])
        counts.append(int(said[2]))
    assert len(entries(tmp_path / "cache")) == 60
    assert sum(counts) >= 60
    assert list((tmp_path / "cache").rglob(".zoo*")) == []


def test_a_process_that_is_killed_leaves_what_is_whole(many: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    process = filler(many, cache, 0.02)
    deadline = time.monotonic() + 200
    while len(entries(cache)) < 15 and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=60)
    there = len(entries(cache))
    assert 15 <= there < 60
    again = filler(many, cache, 0)
    out, _ = again.communicate(timeout=300)
    assert out.splitlines()[-1] == f"whole True {60 - there}"
