"""The machine: system, processor, memory, limits, and what torch can compute on."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from zoo.describe.machine import cpu_name, installed_version, process_limits
from zoo.doctor.report import ABSENT, Finding, problem
from zoo.limits import cores, memory

LITTLE_MEMORY = 2 * 2**30  # bytes; the demo trains in less
LITTLE_SPACE = 2**30


def system() -> Iterator[Finding]:
    """System, processor, memory and limits."""
    yield Finding("system", f"{platform.platform()}, {sys.getfilesystemencoding()}")
    yield Finding("processor", cpu_name())
    usable, there = cores(), os.cpu_count()
    yield Finding("cores", f"{usable:g} of {there} usable", {"usable": usable, "there": there})
    yield _memory()
    free = shutil.disk_usage(Path.cwd()).free
    text = f"{_gib(free)} free where you are"
    if free < LITTLE_SPACE:
        yield problem("disk", text, "Checkpoints and pictures may not fit: make room.")
    else:
        yield Finding("disk", text, free)
    for what, limit in process_limits():
        yield Finding("ulimit", f"{what}: {limit}", {what: limit})


def _memory() -> Finding:
    found = memory()
    sizes = {"total": found.total, "limit": found.limit, "available": found.available}
    total = "unknown" if found.total is None else _gib(found.total)
    limit = "" if found.limit is None else f", of which this process may use {_gib(found.limit)}"
    left = "" if found.available is None else f", {_gib(found.available)} available now"
    if found.available is not None and found.available < LITTLE_MEMORY:
        advice = "Large pictures and training may need more: end other programs."
        return Finding("memory", f"{total}{limit}{left}", sizes, "problem", advice)
    return Finding("memory", f"{total}{limit}{left}", sizes)


def devices() -> Iterator[Finding]:
    """torch, and what it computes on."""
    try:
        import torch
    except Exception as error:  # a missing library of the system, a damaged installation
        lines = str(error).splitlines() or [""]
        text = f"{installed_version('torch')} cannot be imported: {lines[0]}"
        yield problem("torch", text, "Install torch again: pytorch.org says how.", fatal=True)
        return
    yield Finding("torch", str(torch.__version__))
    threads = torch.get_num_threads()
    yield Finding("cpu", f"{threads} threads, {torch.backends.cpu.get_cpu_capability()}", threads)
    if threads > 2 * max(1.0, cores()):
        advice = f"Set OMP_NUM_THREADS={max(1, int(cores()))}."
        text = f"{threads} for {cores():g} usable cores, which slows everything"
        yield problem("threads", text, advice)
    driver = _driver()
    built = torch.version.cuda
    if torch.cuda.is_available():
        yield Finding("cuda", f"{built}, driver {driver or 'unknown'}", [built, driver])
        for index in range(torch.cuda.device_count()):
            yield _gpu(index)
    elif driver:
        what = f"cannot use it (CUDA {built})" if built else "is built without CUDA"
        text = f"there is a GPU (driver {driver}), and torch {torch.__version__} {what}"
        yield problem("cuda", text, "Install torch for that driver: pytorch.org says how.")
    else:
        yield Finding("cuda", "no NVIDIA GPU", None, ABSENT)


def _gpu(index: int) -> Finding:
    import torch

    found = torch.cuda.get_device_properties(index)
    capability = f"{found.major}.{found.minor}"
    text = f"{found.name}, {_gib(found.total_memory)}, compute capability {capability}"
    value = {"name": found.name, "memory": found.total_memory, "capability": capability}
    return Finding(f"cuda:{index}", text, value)


def _driver() -> str:
    """The version of NVIDIA's driver; "" if there is none."""
    command = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
    try:
        result = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    lines = result.stdout.split()
    return lines[0] if result.returncode == 0 and lines else ""


def _gib(count: int) -> str:
    return f"{count / 2**30:.1f} GiB"
