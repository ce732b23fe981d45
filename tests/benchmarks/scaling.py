"""Measure what training by several processes costs, and write the tables of docs/scaling.md.

From the repository's root, as root (it limits links by ``tc``), in an environment where zoo and its
plugins are installed::

    python -m tests.benchmarks.scaling                  all shipped networks
    python -m tests.benchmarks.scaling r1 n2n_small     some of them

It takes about half a minute for each network; nothing else should run meanwhile. No test: pytest
does not collect it.

The model: a step of N ranks that share a batch of B images takes::

    fixed + of_image B / N  +  2 (N - 1) (latency + bytes / (N bandwidth))

The first part is the step of one process, measured with several batches while another process does
the same; the second a ring all-reduce of all gradients, measured between two processes.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from statistics import median

import torch

from tests.benchmarks.links import LOOPBACK, ROOT, Link, link, output_of_two
from zoo.architecture import read_architecture
from zoo.compiler import Compiler
from zoo.distributed.group import group_of
from zoo.distributed.launch import launched
from zoo.distributed.world import ALONE, World
from zoo.malloc import keep_freed_memory
from zoo.plugins.registry import load_registry
from zoo.train.session import initial_model
from zoo.train.step import TrainStep

CPU = torch.device("cpu")
BATCHES = (2, 4, 8, 16)  # images of a rank, by which a step's time is fitted
SIZES = (2**14, 2**18, 2**20, 2**22, 2**24)  # bytes of all-reduces
GIGABITS = (1.0, 10.0)
RANKS = (2, 4, 8, 16, 32, 64)
# What is assumed of GPUs: how many times as fast as a thread of this machine, and their links.
FASTER, GPU_LINK = 100.0, (3e-5, 100.0)  # seconds, Gbit/s
ROUNDS = 11


@dataclass(frozen=True)
class Line:
    """fixed + slope x."""

    fixed: float
    slope: float

    @classmethod
    def through(cls, points: Sequence[tuple[float, float]]) -> Line:
        """The line with the least relative errors of its y."""
        rows = torch.tensor([[1 / y, x / y] for x, y in points], dtype=torch.float64)
        ones = torch.ones(len(points), 1, dtype=torch.float64)
        fixed, slope = torch.linalg.lstsq(rows, ones).solution[:, 0].tolist()
        return cls(max(fixed, 0.0), slope)

    def at(self, x: float) -> float:
        """Its y."""
        return self.fixed + self.slope * x


@dataclass(frozen=True)
class Network:
    """What is measured of a network.

    Attributes:
        name: of the file.
        batch: of the file.
        gradient_bytes: of one process.
        step: seconds of one process on one thread, by its images.
    """

    name: str
    batch: int
    gradient_bytes: int
    step: Line


def all_reduce(ranks: int, size: float, of_two: Line) -> float:
    """Seconds of a ring, by those between two ranks: latency, and seconds for a byte."""
    return 0.0 if ranks == 1 else 2 * (ranks - 1) * (of_two.fixed / 2 + of_two.slope * size / ranks)


def predicted(network: Network, batch: float, ranks: int, of_two: Line, faster: float = 1) -> float:
    """Seconds of a step.

    Args:
        batch: images of all ranks.
        of_two: the all-reduce of two ranks.
        faster: how many times as fast as this machine's thread a rank computes.
    """
    own = network.step.at(batch / ranks) / faster
    return own + all_reduce(ranks, network.gradient_bytes, of_two)


# What runs in the processes.


def _median(call: Callable[[], object], rounds: int = ROUNDS) -> float:
    for _ in range(6):  # recorded in the fourth
        call()
    times = []
    for _ in range(rounds):
        started = time.perf_counter()
        call()
        times.append(time.perf_counter() - started)
    return median(times)


def step_of(name: str, images: int, world: World = ALONE) -> tuple[Callable[[], object], int, int]:
    """A training step of so many images of a rank; the file's batch, and bytes of the gradients."""
    registry = load_registry()
    spec = read_architecture(ROOT / "architectures" / f"{name}.toml", registry)
    compiler = Compiler(spec, registry)
    model, loss = initial_model(compiler, 0), compiler.loss()
    step = TrainStep(model, loss, compiler.optimizer(model.param()), world=world)
    x = torch.rand(images, spec.input.channels, spec.input.height, spec.input.width)
    numbers = sum(parameter.value.nbytes for parameter in model.param())
    divided = world.size > 1
    return lambda: step(x, x, divided=divided), spec.train.batch_size, numbers


def work(task: str, names: Sequence[str]) -> None:
    """One process: print what it measures, as JSON."""
    torch.set_num_threads(2 if task == "threads" else 1)
    keep_freed_memory()
    found: dict[str, object] = {}
    with torch.no_grad(), ExitStack() as stack:
        launch = launched(os.environ)
        world = stack.enter_context(group_of(launch, CPU, 120)) if launch else ALONE
        for name in names:
            if task == "alone":
                times = [(images, _median(step_of(name, images)[0])) for images in BATCHES]
                _, batch, numbers = step_of(name, 1)
                found[name] = asdict(Network(name, batch, numbers, Line.through(times)))
            else:
                images = BATCHES[-1] * (2 if task == "threads" else 1)
                found[name] = _median(step_of(name, images, world)[0])
        for size in SIZES if task == "two" else ():
            gradient, loss = [torch.ones(size // 4)], torch.zeros(())
            found[str(size)] = _median(lambda g=gradient, z=loss: world.average(z, g, 1.0))  # type: ignore[misc]
    if world.rank == 0:
        print(json.dumps(found))


# What starts them.


def alone(names: Sequence[str]) -> list[Network]:
    """Each network in a process that asks nobody, beside another one that does the same."""
    command = [sys.executable, "-m", "tests.benchmarks.scaling", "--task", "alone", *names]
    both = [
        subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) for _ in range(2)
    ]
    found, _ = (json.loads(process.communicate()[0]) for process in both)
    return [Network(**{**found[name], "step": Line(**found[name]["step"])}) for name in names]


def threads(names: Sequence[str]) -> dict[str, float]:
    """Steps of one process with two threads, of as many images as two ranks have."""
    command = [sys.executable, "-m", "tests.benchmarks.scaling", "--task", "threads", *names]
    result = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)
    found: dict[str, float] = json.loads(result.stdout)
    return found


def two(names: Sequence[str], over: Link) -> dict[str, float]:
    """Steps, and all-reduces by their bytes, of two ranks of one thread each."""
    arguments = ["-m", "tests.benchmarks.scaling", "--task", "two", *names]
    found: dict[str, float] = json.loads(output_of_two(over, arguments))
    return found


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("names", nargs="*", help="architectures; all that are shipped by default")
    parser.add_argument("--task", help=argparse.SUPPRESS)
    options = parser.parse_args()
    names = options.names or sorted(path.stem for path in ROOT.glob("architectures/*.toml"))
    if options.task:
        work(options.task, names)
        return
    networks, of_threads = alone(names), threads(names)
    lines: dict[str, Line] = {}
    steps: dict[str, dict[str, float]] = {}
    with ExitStack() as stack:
        for over in (LOOPBACK, *GIGABITS):
            entered = over if isinstance(over, Link) else stack.enter_context(link(over))
            measured = two(names, entered)
            stack.close()
            lines[entered.name] = Line.through([(size, measured[str(size)]) for size in SIZES])
            steps[entered.name] = {name: measured[name] for name in names}
            reduced = ", ".join(
                f"{size / 2**20:.3g} MiB {1e3 * measured[str(size)]:.2f} ms" for size in SIZES
            )
            print(f"{entered.name}: all-reduce of {reduced}")
    print("\n".join(table_of_two(networks, of_threads, lines, steps)))
    for gigabits in GIGABITS:
        title = f"ranks of one thread, {gigabits:g} Gbit/s as measured"
        print("\n".join(table_of_many(networks, lines[f"{gigabits:g} Gbit/s"], title)))
    latency, gigabits = GPU_LINK
    title = f"ranks {FASTER:g} times as fast, {gigabits:g} Gbit/s, {1e6 * latency:g} us (assumed)"
    print("\n".join(table_of_many(networks, Line(latency, 8e-9 / gigabits), title, FASTER)))


def table_of_two(
    networks: Sequence[Network],
    of_threads: dict[str, float],
    lines: dict[str, Line],
    steps: dict[str, dict[str, float]],
) -> list[str]:
    """Steps of two threads, and of two ranks, measured and predicted; milliseconds."""
    heads = [f"{name}: measured | predicted" for name in lines]
    table = [
        f"\n| network | gradients, MiB | two threads | {' | '.join(heads)} |",
        f"|---|--:|--:|{'--:|--:|' * len(lines)}",
    ]
    images = BATCHES[-1]
    for network in networks:
        cells = [f"`{network.name}`", f"{network.gradient_bytes / 2**20:.2f}"]
        cells.append(f"{1e3 * of_threads[network.name]:.1f}")
        for name, line in lines.items():
            cells.append(f"{1e3 * steps[name][network.name]:.1f}")
            cells.append(f"{1e3 * predicted(network, 2 * images, 2, line):.1f}")
        table.append(f"| {' | '.join(cells)} |")
    return table


def table_of_many(
    networks: Sequence[Network], line: Line, title: str, faster: float = 1
) -> list[str]:
    """How much of N times one rank's speed N ranks reach, each with the file's batch."""
    table = [
        f"\n{title}; % of N times one rank's images per second:",
        f"| network, images of a rank | {' | '.join(map(str, RANKS))} | images for 80 % of 64 |",
        f"|---|{'--:|' * (len(RANKS) + 1)}",
    ]
    for network in networks:
        cells = [f"`{network.name}`, {network.batch}"]
        alone = predicted(network, network.batch, 1, line, faster)
        for ranks in RANKS:
            together = predicted(network, network.batch * ranks, ranks, line, faster)
            cells.append(f"{100 * alone / together:.0f}")
        waiting = all_reduce(64, network.gradient_bytes, line)
        own = 0.8 / 0.2 * waiting * faster  # seconds of a step that make it 80 %
        cells.append(f"{max(1.0, (own - network.step.fixed) / network.step.slope):.0f}")
        table.append(f"| {' | '.join(cells)} |")
    return table


if __name__ == "__main__":
    main()
