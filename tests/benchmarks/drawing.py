"""Measure at what number of ranks drawing batches takes longer than training on them.

Each rank draws the whole batch of all ranks, ahead on a thread of its own, and takes its part.
From the repository's root, in an environment where zoo and its plugins are installed::

    python -m tests.benchmarks.drawing                  three shipped networks
    python -m tests.benchmarks.drawing r1               others

It takes a few seconds for each; nothing else should run meanwhile. No test: pytest does not collect
it.
"""

from __future__ import annotations

import argparse
import time
from itertools import count
from statistics import median

import torch

from tests.benchmarks.scaling import CPU, ROOT, Line, step_of
from zoo.architecture import read_architecture
from zoo.architecture.overrides import parse_overrides
from zoo.compiler import Compiler
from zoo.data.batches import Batches
from zoo.malloc import keep_freed_memory
from zoo.plugins.registry import load_registry
from zoo.train.session import load_run_data

NETWORKS = ("n2n_small", "n2n_unet", "dncnn")
SIZES = (16, 32, 64, 128)  # images of a batch, by which the time of drawing is fitted
ROUNDS = 11


def batches_of(name: str, images: int) -> Batches:
    """The file's batches, of so many images."""
    changes = [f"train.batch_size={images}", f"data.samples_per_epoch={images * (ROUNDS + 3)}"]
    path, registry = ROOT / "architectures" / f"{name}.toml", load_registry()
    spec = read_architecture(path, registry, parse_overrides(changes, path.parent))
    return load_run_data(Compiler(spec, registry), CPU).batches


def measured(name: str) -> tuple[int, Line, float]:
    """The file's batch; seconds of drawing by images; seconds of a step of that batch.

    Both in turn, so that what else runs slows both down.
    """
    _, batch, _ = step_of(name, 1)
    step, _, _ = step_of(name, batch)
    batches = {images: batches_of(name, images) for images in SIZES}
    drawing: dict[int, list[float]] = {images: [] for images in SIZES}
    steps: list[float] = []
    for index in range(ROUNDS + 3):
        for images in SIZES:
            began = time.perf_counter()
            batches[images].batch(0, index)
            drawing[images].append(time.perf_counter() - began)
        for _ in range(2):
            began = time.perf_counter()
            step()
            steps.append(time.perf_counter() - began)
    points = [(images, median(times[3:])) for images, times in drawing.items()]
    return batch, Line.through(points), median(steps[6:])


def ranks_that_wait(batch: int, drawing: Line, step: float) -> int:
    """From how many ranks of so many images each on drawing takes longer than a step."""
    return next(ranks for ranks in count(1) if drawing.at(ranks * batch) > step)


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("names", nargs="*", default=NETWORKS)
    torch.set_num_threads(1)
    keep_freed_memory()
    heads = "drawing: a batch, us | an image, us | step: an image, us | ranks"
    print(f"| network, images of a rank | {heads} |\n|---|--:|--:|--:|--:|")
    with torch.no_grad():
        for name in parser.parse_args().names:
            batch, drawing, step = measured(name)
            ranks = ranks_that_wait(batch, drawing, step)
            cells = [f"{1e6 * each:.0f}" for each in (drawing.fixed, drawing.slope, step / batch)]
            print(f"| `{name}`, {batch} | {' | '.join(cells)} | {ranks} |", flush=True)


if __name__ == "__main__":
    main()
