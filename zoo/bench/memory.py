"""The peak memory of a call, measured in a process of its own.

On a CPU no library counts what another one takes, such as the scratch memory of oneDNN and MKL. So
the system is asked: how much more memory than before the step does the process have resident at its
peak? What there is before it is the same for all: the model, its gradients, the optimizer's state
and the libraries, all of them used before by another model. Pages that the allocator keeps count,
as they do for everybody else on the machine; so small steps are measured coarsely, to some
megabytes. The first steps have a peak of their own: zoo records one of them; torch's are as later.
On a GPU torch's allocator counts; there the model and its state are in the figure.
"""

from __future__ import annotations

import ctypes
import gc
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

from zoo.architecture import Architecture, parse_architecture
from zoo.bench.images import images
from zoo.bench.machine import equal_precision
from zoo.bench.variants import VARIANTS, Sides, Variant
from zoo.compiler import Compiler
from zoo.errors import format_error
from zoo.plugins.python_subprocess import run_python
from zoo.plugins.registry import load_registry
from zoo.spec.shapes import Pair

FIRST = 8  # calls in which memory settles and zoo's steps are recorded
LATER = 4
PROCESS = Path("/proc/self")
CHILD = """
import sys
from zoo.bench.memory import measure
print(*measure(*sys.argv[1:]))
"""


@dataclass(frozen=True)
class Peak:
    """Memory in bytes.

    Attributes:
        first: at the peak of the first steps.
        later: at the peak of all others.
    """

    first: int
    later: int


def peak_memory(
    architecture: Architecture,
    variant: Variant,
    training: bool,
    batch: int,
    device: torch.device,
    picture: Pair | None = None,
    depth: int = 16,
) -> Peak | str:
    """The peak memory of a training step or of inference, or why it is not known.

    Args:
        architecture: what is run.
        variant: how.
        training: whether a training step or inference.
        batch: images in a batch.
        device: where.
        picture: (H, W) of one, whose inference it is.
        depth: bits of its channels.
    """
    threads = torch.get_num_threads()
    what = json.dumps([variant.name, training, batch, str(device), threads, picture, depth])
    result = run_python(CHILD, architecture.text, what)
    last = (result.stdout.splitlines() or [""])[-1]
    figures = last.split()
    if result.returncode == 0 and len(figures) == 2 and all(map(str.isdecimal, figures)):
        return Peak(*map(int, figures))
    lines = result.stderr.splitlines() or [f"exit code {result.returncode}"]
    return f"no memory is measured: {last or lines[-1]}"


def measure(text: str, what: str) -> tuple[object, ...]:
    """What the process of ``peak_memory`` prints; ``what`` has the other arguments and threads."""
    name, training, batch, where, threads, picture, depth = json.loads(what)
    torch.set_num_threads(threads)
    device, registry = torch.device(where), load_registry()
    architecture = parse_architecture(text, registry, "architecture", Path())
    sides, variant = Sides(Compiler(architecture, registry), device), VARIANTS[name]
    x, target = images(architecture.input.shape, batch, device, variant.layout)
    if picture:
        sides.forward(variant)(x)  # loads the libraries
        forward, size = sides.picture(variant, (picture[0], picture[1]), depth)
        x, _ = images((x.shape[1], *size), 1, device, variant.layout)
        gc.collect()
        return _peak(device, lambda: forward(x), first=2, later=1)

    def made() -> Callable[[int], object]:
        if training:
            step = sides.step(variant)
            return lambda count: step(x[:count], target[:count])
        forward = sides.forward(variant)
        return lambda count: forward(x[:count])

    with equal_precision(sides.precision if training else "float32"):
        call = made()
        for _ in range(FIRST):  # loads the libraries
            call(1)
        # What is compiled is compiled for one size of a batch, and is not compiled again.
        call = made() if variant.compiled is None else call
        call(1 if variant.compiled is None else batch)
        gc.collect()
        return _peak(device, lambda: call(batch))


def _peak(
    device: torch.device, call: Callable[[], object], first: int = FIRST, later: int = LATER
) -> tuple[object, ...]:
    peak = _peak_on_gpu if device.type == "cuda" else _peak_on_cpu
    return peak(call, (first, later))


def _peak_on_cpu(call: Callable[[], object], counts: Pair) -> tuple[object, ...]:
    try:
        ctypes.CDLL(None).malloc_trim(0)  # gives back what is free, so that it is not used unseen
        before = _resident("VmRSS")
        peaks = []
        for calls in counts:
            (PROCESS / "clear_refs").write_text("5")  # the peak is counted from here
            for _ in range(calls):
                call()
            peaks.append(max(0, _resident("VmHWM") - before))
        return tuple(peaks)
    except (OSError, AttributeError) as error:
        return (f"this system does not tell ({format_error(error)})",)


def _peak_on_gpu(call: Callable[[], object], counts: Pair) -> tuple[int, ...]:
    peaks = []
    for calls in counts:
        torch.cuda.synchronize()
        torch.cuda.reset_peak_memory_stats()
        for _ in range(calls):
            call()
        torch.cuda.synchronize()
        peaks.append(torch.cuda.max_memory_allocated())
    return tuple(peaks)


def _resident(field: str) -> int:
    """A field of the process's status in bytes: VmRSS now, VmHWM at the peak."""
    for line in (PROCESS / "status").read_text("ascii", "replace").splitlines():
        name, _, value = line.partition(":")
        if name == field:
            return int(value.split()[0]) * 1024  # from kB
    raise OSError(f"no {field}")
