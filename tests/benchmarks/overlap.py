"""Measure what summing gradients while backward goes on gains, for docs/scaling.md.

From the repository's root, as root (it limits links by ``tc``), in an environment where zoo and its
plugins are installed::

    python -m tests.benchmarks.overlap [--images 2] [--crop 64] [--links 1 10]

Two ranks of one thread train a U-Net with 14 MiB of gradients, in turn with one all-reduce and with
buckets of several sizes, over loopback and over links of 1 and 10 Gbit/s. It takes some minutes;
nothing else should run meanwhile. No test: pytest does not collect it.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from math import inf
from statistics import median

import torch
import torch.distributed as dist
from torch import Tensor

from tests.benchmarks.links import LOOPBACK, ROOT, Link, link, output_of_two
from tests.benchmarks.scaling import CPU, GIGABITS
from zoo.architecture import read_architecture
from zoo.architecture.overrides import parse_overrides
from zoo.compiler import Compiler
from zoo.distributed import buckets
from zoo.distributed.buckets import Buckets
from zoo.distributed.group import group_of
from zoo.distributed.launch import launched
from zoo.distributed.world import Alone
from zoo.malloc import keep_freed_memory
from zoo.plugins.registry import load_registry
from zoo.train.session import initial_model
from zoo.train.step import TrainStep

WIDE = ("vars.channels=96", "vars.wide=192")
MEBIBYTES = (0.5, 1.0, 2.0, 4.0)  # of a bucket
LINKS = (LOOPBACK.name, *map(str, GIGABITS))


class Averaging(Alone):
    """A world of two ranks whose buckets have a given size.

    Attributes:
        waited: seconds of each step in which it waits for all-reduces after backward.
        before: seconds of each step from the first bucket to the end of backward.
    """

    size = 2

    def __init__(self, rank: int, gradients: Sequence[Tensor], bucket_bytes: float) -> None:
        self.rank = rank
        self.waited: list[float] = []
        self.before: list[float] = []
        self._first = inf
        buckets.OVERLAPPED_BYTES = 0 if bucket_bytes else 2**40
        buckets.MESSAGE_BYTES = int(bucket_bytes) // self.size
        self._buckets = Buckets(gradients, gradients[0], self._begin, self.size)

    def buckets(self, gradients: Sequence[Tensor]) -> Buckets | None:
        """Always the same."""
        return self._buckets if len(self._buckets.members) > 1 else None

    def average(self, loss: Tensor, gradients: Sequence[Tensor], count: float | Tensor) -> Tensor:
        """By the buckets."""
        began = time.perf_counter()
        self.before.append(max(0.0, began - self._first))
        self._first = inf
        self._buckets.begin_all(loss, gradients, count, ())
        began = time.perf_counter()
        self._buckets.wait()
        self.waited.append(time.perf_counter() - began)
        self._first = inf
        return self._buckets.result(gradients)[0]

    def _begin(self, tensor: Tensor) -> buckets.Work:
        self._first = min(self._first, time.perf_counter())
        work: buckets.Work = dist.all_reduce(tensor, async_op=True)
        return work


def step_of(
    changes: Sequence[str], images: int, rank: int, bucket_bytes: float
) -> tuple[Callable[[], object], Averaging]:
    """A step of so many images of each rank, and its world."""
    path, registry = ROOT / "architectures/n2n_unet.toml", load_registry()
    spec = read_architecture(path, registry, parse_overrides(changes, path.parent))
    compiler = Compiler(spec, registry)
    model, loss = initial_model(compiler, 0), compiler.loss()
    world = Averaging(rank, [gradient for _, gradient in model.param()], bucket_bytes)
    step = TrainStep(model, loss, compiler.optimizer(model.param()), world=world)
    x = torch.rand(images, spec.input.channels, spec.input.height, spec.input.width)
    return lambda: step(x, x, divided=True), world


def rank_of(options: argparse.Namespace) -> None:
    """One of the two processes; the first prints its medians in milliseconds, as JSON."""
    torch.set_num_threads(1)
    keep_freed_memory()
    launch = launched(os.environ)
    assert launch is not None
    changes = [*WIDE, f"input.height={options.crop}", f"input.width={options.crop}"]
    with torch.no_grad(), group_of(launch, CPU, 120):
        steps = [
            step_of(changes, options.images, launch.rank, size * 2**20)
            for size in (0, *options.sizes)
        ]
        for step, world in steps:
            for _ in range(6):  # recorded in the fourth
                step()
            world.waited.clear()
            world.before.clear()
        times: list[list[float]] = [[] for _ in steps]
        for number in range(options.rounds):
            turns = list(enumerate(steps))
            for index, (step, _) in turns if number % 2 else reversed(turns):
                began = time.perf_counter()
                step()
                times[index].append(time.perf_counter() - began)
    if launch.rank == 0:
        found = [
            [*map(median, (of_steps, world.waited, world.before))]
            for of_steps, (_, world) in zip(times, steps, strict=True)
        ]
        ratios = [median(a / b for a, b in zip(each, times[0], strict=True)) for each in times]
        print(json.dumps([found, ratios]))


def two(over: Link, arguments: Sequence[str]) -> tuple[list[list[float]], list[float]]:
    """Step, wait and what goes before of each size, in seconds; and steps in parts of the first."""
    output = output_of_two(over, ["-m", "tests.benchmarks.overlap", "--rank", *arguments])
    found, ratios = json.loads(output)
    return found, ratios


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--images", type=int, default=2, help="of each rank")
    parser.add_argument("--crop", type=int, default=64, help="height and width")
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument("--sizes", type=float, nargs="*", default=MEBIBYTES, help="MiB of a bucket")
    parser.add_argument("--links", nargs="*", default=LINKS, help="loopback, or Gbit/s")
    parser.add_argument("--rank", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.rank:
        rank_of(options)
        return
    heads = ["one all-reduce", *(f"{size:g} MiB" for size in options.sizes)]
    print(f"| link | {' | '.join(heads)} |\n|---|{'--:|' * len(heads)}")
    for name in options.links:
        with nullcontext(LOOPBACK) if name == LOOPBACK.name else link(float(name)) as entered:
            found, ratios = two(entered, sys.argv[1:])
        cells = [
            f"{1e3 * step:.0f} ({1e3 * waited:.0f} of {1e3 * before:.0f}), {ratio:.2f}"
            for (step, waited, before), ratio in zip(found, ratios, strict=True)
        ]
        print(f"| {entered.name} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
