"""The peak memory of a call, measured in a process of its own.

On a CPU no library counts what another one takes, such as the scratch memory of oneDNN and MKL. So
the system is asked: how much more memory than before the step does the process have resident at its
peak? What there is before it is the same for all: the model, its gradients, the optimizer's state
and the libraries, all of them used once. Pages that the allocator keeps count, as they do for
everybody else on the machine; so small steps are measured coarsely, to some megabytes.
On a GPU torch's allocator counts; there the model and its state are in the figure.
"""

from __future__ import annotations

import ctypes
import json
from collections.abc import Callable
from pathlib import Path

import torch

from zoo.architecture import Architecture, parse_architecture
from zoo.bench.images import images
from zoo.bench.machine import equal_precision
from zoo.bench.variants import VARIANTS, Sides, Variant
from zoo.child import run_python
from zoo.compiler import Compiler
from zoo.registry import load_registry

CALLS = 3  # of a step: the second finds what the first has left
PROCESS = Path("/proc/self")
CHILD = """
import sys
from zoo.bench.memory import measure
print(measure(*sys.argv[1:]))
"""


def peak_memory(
    architecture: Architecture, variant: Variant, training: bool, batch: int, device: torch.device
) -> int | str:
    """The peak memory of a training step or of inference in bytes, or why it is not known.

    Args:
        architecture: what is run.
        variant: how.
        training: whether a training step or inference.
        batch: images in a batch.
        device: where.
    """
    what = json.dumps([variant.name, training, batch, str(device), torch.get_num_threads()])
    result = run_python(CHILD, architecture.text, what)
    last = (result.stdout.splitlines() or [""])[-1]
    if result.returncode == 0 and last.isdecimal():
        return int(last)
    lines = result.stderr.splitlines() or [f"exit code {result.returncode}"]
    return f"no memory is measured: {last or lines[-1]}"


def measure(text: str, what: str) -> int | str:
    """What the process of ``peak_memory`` does; ``what`` has the other arguments and threads."""
    name, training, batch, where, threads = json.loads(what)
    torch.set_num_threads(threads)
    device, registry = torch.device(where), load_registry()
    architecture = parse_architecture(text, registry, "architecture", Path())
    sides, variant = Sides(Compiler(architecture, registry), device), VARIANTS[name]
    x, target = images(architecture.input.shape, batch, device, variant.layout)
    step, forward = (sides.step(variant), None) if training else (None, sides.forward(variant))

    def run(count: int) -> None:
        if step is not None:
            step(x[:count], target[:count])
        if forward is not None:
            forward(x[:count])

    # A single image loads the libraries; what is compiled is compiled for one size of a batch.
    with equal_precision(sides.precision if training else "float32"):
        run(1 if variant.compiled is None else batch)
        return (_peak_on_gpu if device.type == "cuda" else _peak_on_cpu)(lambda: run(batch))


def _peak_on_cpu(call: Callable[[], None]) -> int | str:
    try:
        ctypes.CDLL(None).malloc_trim(0)  # gives back what is free, so that it is not used unseen
        before = _resident("VmRSS")
        (PROCESS / "clear_refs").write_text("5")  # the peak is counted from here
        for _ in range(CALLS):
            call()
        return max(0, _resident("VmHWM") - before)
    except (OSError, AttributeError) as error:
        return f"this system does not tell ({error!r})"


def _peak_on_gpu(call: Callable[[], None]) -> int:
    torch.cuda.synchronize()
    torch.cuda.reset_peak_memory_stats()
    for _ in range(CALLS):
        call()
    torch.cuda.synchronize()
    return torch.cuda.max_memory_allocated()


def _resident(field: str) -> int:
    """A field of the process's status in bytes: VmRSS now, VmHWM at the peak."""
    for line in (PROCESS / "status").read_text("ascii", "replace").splitlines():
        name, _, value = line.partition(":")
        if name == field:
            return int(value.split()[0]) * 1024  # from kB
    raise OSError(f"no {field}")
