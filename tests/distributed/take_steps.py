"""What the ranks of test_equality.py run: steps of networks, in float64.

``python -m tests.distributed.take_steps FOLDER NETWORK...``: rank 0 writes, for each network,
``FOLDER/NUMBER.pt`` with its state and its losses. A network is ``FILE:CHANGE;...``, changes as of
``--set``.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import torch

from zoo.architecture import read_architecture
from zoo.architecture.overrides import parse_overrides
from zoo.compiler import Compiler
from zoo.distributed.group import group_of
from zoo.distributed.launch import launched
from zoo.distributed.shards import Shards
from zoo.distributed.world import ALONE, World
from zoo.engine.parallel.division import division
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


def main(folder: Path, networks: list[str]) -> None:
    """Train each network by all ranks."""
    launch = launched(os.environ)
    assert launch is not None
    torch.set_num_threads(int(os.environ.get("THREADS", "1")))
    with torch.no_grad(), group_of(launch, CPU, 120) as world:
        for number, network in enumerate(networks):
            state = train(network, world)
            if world.rank == 0:
                torch.save(state, folder / f"{number}.pt")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
