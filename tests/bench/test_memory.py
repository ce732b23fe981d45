"""The peak memory of a process: what is known of it, and what is said where nothing is."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest
import torch

from zoo.bench import memory
from zoo.bench.memory import Peak, measure, peak_memory
from zoo.bench.variants import NCHW, ZOO, Variant
from zoo.compiler import Compiler

LAYERS = """
    { type = "conv2d", out_channels = 32, kernel_size = 3, padding = 1 },
    { type = "sigmoid" },
    { type = "conv2d", out_channels = 3, kernel_size = 3, padding = 1 },
"""
CPU = torch.device("cpu")
INSIDE = 32 * 64 * 64 * 4  # bytes between two layers, for each image of 64x64


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells the peak from a moment on")
@pytest.mark.parametrize("variant", [ZOO, NCHW], ids=lambda variant: variant.name)
def test_a_step_takes_what_its_layers_keep(
    variant: Variant, compiled: Callable[..., Compiler]
) -> None:
    spec = compiled(LAYERS, size=64).architecture
    peak = peak_memory(spec, variant, training=True, batch=40, device=CPU)
    assert isinstance(peak, Peak)
    # What goes into the second convolution is kept until its backward pass has the gradient of it;
    # of zoo's slices only for some of the images.
    images = 40 if variant == NCHW else 4
    assert 2 * images * INSIDE < peak.later < 60 * 40 * INSIDE
    assert 2 * images * INSIDE < peak.first < 60 * 40 * INSIDE


def test_a_system_that_does_not_tell(
    compiled: Callable[..., Compiler], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(memory, "PROCESS", tmp_path)
    text = compiled(LAYERS).architecture.text
    (found,) = measure(text, '["zoo", false, 1, "cpu", 1, null, 16]')
    assert isinstance(found, str)
    assert found.startswith("this system does not tell (FileNotFoundError: [Errno 2] ")


@pytest.mark.parametrize(
    ("result", "reason"),
    [
        (CompletedProcess([], 0, "a line\nno field\n", ""), "no field"),
        (CompletedProcess([], 0, "12\n", ""), "12"),
        (CompletedProcess([], 1, "", "Traceback\nMemoryError: all\n"), "MemoryError: all"),
        (CompletedProcess([], -9, "", ""), "exit code -9"),
    ],
)
def test_a_process_that_finds_nothing(
    result: CompletedProcess[str],
    reason: str,
    compiled: Callable[..., Compiler],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(memory, "run_python", lambda *_: result)
    found = peak_memory(compiled(LAYERS).architecture, ZOO, training=True, batch=1, device=CPU)
    assert found == f"no memory is measured: {reason}"
