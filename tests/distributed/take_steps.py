"""What the ranks of test_equality.py run: steps of networks, in float64.

``python -m tests.distributed.take_steps FOLDER NETWORK...``: rank 0 writes, for each network,
``FOLDER/NUMBER.pt`` with its state, its losses, and how often threads told of gradients before the
end of backward. A network is ``FILE:CHANGE;...``, changes as of ``--set``.

In the environment: THREADS of each rank; TIMEOUT in seconds; MESSAGE_BYTES, of networks of any
size; MICROBATCH_BYTES; END, how a rank ends when it tells of gradients for the tenth time:
``raise``, or a signal's number.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import torch

from zoo.architecture import read_architecture
from zoo.architecture.overrides import parse_overrides
from zoo.compiler import Compiler
from zoo.distributed import buckets
from zoo.distributed.group import group_of
from zoo.distributed.launch import launched
from zoo.distributed.shards import Shards
from zoo.distributed.world import ALONE, World
from zoo.engine.parallel import sharded
from zoo.engine.parallel.division import division
from zoo.errors import ZooError
from zoo.plugins.registry import load_registry
from zoo.train.session import initial_model, load_run_data
from zoo.train.step import TrainStep

CPU = torch.device("cpu")
STEPS = 20


def train(network: str, world: World = ALONE) -> dict[str, torch.Tensor]:
    """The state after 20 steps, and the losses."""
    file, _, changes = network.partition(":")
    path, registry = Path(file), load_registry()
    spec = read_architecture(path, registry, parse_overrides(changes.split(";"), path.parent))
    compiler = Compiler(spec, registry)
    batches = load_run_data(compiler, CPU).batches
    model, loss = initial_model(compiler, 0).to(torch.float64), compiler.loss()
    pairing = compiler.pairing()
    step = TrainStep(model, loss, compiler.optimizer(model.param()), world=world)
    batches.shards = Shards(world.rank, world.size, division(model, loss))
    losses = []
    for number in range(STEPS):
        epoch, index = divmod(number, len(batches))
        batch = batches.shard(epoch, index)
        if len(batch.x):
            batch = pairing.correct(batch, lambda x: step.predict(x.double()), number / STEPS)
        divided = batches.shards.divides(batches.images_in(index))
        losses.append(step(batch.x.double(), batch.target.double(), batch.mask, divided=divided))
    return {**model.state_dict(), "losses": torch.stack(losses)}


class Told:
    """Counts, and ends the process after ``TENTH`` times if it is to end."""

    TENTH = 10

    def __init__(self) -> None:
        self.count = 0
        self._done = buckets.Buckets.done

    def __call__(self, *arguments: Any) -> None:
        self.count += 1
        if self.count == self.TENTH and (how := os.environ.get("END")):
            if how == "raise":
                raise ZooError("no more")
            os.kill(os.getpid(), int(how))
        self._done(*arguments)


def main(folder: Path, networks: list[str]) -> None:
    """Train each network by all ranks."""
    launch = launched(os.environ)
    assert launch is not None
    torch.set_num_threads(int(os.environ.get("THREADS", "1")))
    if "MESSAGE_BYTES" in os.environ:
        buckets.OVERLAPPED_BYTES, buckets.MESSAGE_BYTES = 0, int(os.environ["MESSAGE_BYTES"])
    sharded.MICROBATCH_BYTES = int(os.environ.get("MICROBATCH_BYTES", sharded.MICROBATCH_BYTES))
    timeout = float(os.environ.get("TIMEOUT", "120"))
    with torch.no_grad(), group_of(launch, CPU, timeout) as world:
        for number, network in enumerate(networks):
            told = Told()
            buckets.Buckets.done = lambda *arguments, told=told: told(*arguments)  # type: ignore
            state = train(network, world)
            buckets.Buckets.done = told._done  # type: ignore[method-assign]
            if world.rank == 0:
                torch.save({**state, "told": torch.tensor(told.count)}, folder / f"{number}.pt")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
