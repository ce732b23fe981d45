"""``zoo run`` by several processes that torchrun has started: how they begin alike."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import tomli
import torch

from zoo.architecture import Architecture
from zoo.cli.console import count_of
from zoo.cli.streams import say
from zoo.distributed.launch import Launch
from zoo.distributed.world import ALONE, World
from zoo.errors import RankError, UsageError
from zoo.limits import cores
from zoo.plugins.registry import Registry
from zoo.train.device import choose_device
from zoo.train.environment import versions
from zoo.train.providers import providers
from zoo.train.run_directory import RunDirectory, open_run

FOLDER = "folder"  # what the launcher remembers of an earlier start


def device_of(option: str, launch: Launch | None) -> torch.device:
    """The device that ``--device`` names, for a rank the GPU of its number on its machine.

    Raises:
        UsageError: there is no such device, or not one for each rank.
    """
    device = choose_device(option)
    if launch is None or device.type == "cpu":
        return device
    if device.index is not None and launch.local_size > 1:
        raise UsageError(
            f"--device {option}: {launch.local_size} processes of this machine would share it. "
            "Use cuda, of which each takes another, or cpu."
        )
    if device.index is None:
        count = torch.cuda.device_count()
        if launch.local_size > count:
            raise UsageError(
                f"--device {option}: {launch.local_size} processes, and this machine has "
                f"{count_of('GPU', count)}. Start as many processes as GPUs, or use --device cpu."
            )
        device = torch.device("cuda", launch.local_rank)
    torch.cuda.set_device(device)
    return device


@contextmanager
def world_of(launch: Launch | None, device: torch.device, timeout: float) -> Iterator[World]:
    """Those that train together, within ``with``; torch's threads are shared out among them.

    Args:
        launch: what the launcher says; None for a process by itself.
        device: where this one computes.
        timeout: seconds that one is waited for which does not answer.

    Raises:
        RankError: not all have come.
    """
    if launch is None:
        yield ALONE
        return
    from zoo.distributed.group import group_of  # imports torch.distributed

    with group_of(launch, device, timeout) as world:
        if os.environ.get("OMP_NUM_THREADS", "1") == "1":  # torchrun's, who asks for no number
            torch.set_num_threads(max(1, int(cores() // launch.local_size)))
        torch.set_num_threads(min(world.gather(torch.get_num_threads())))
        if world.rank == 0:
            threads = count_of("thread", torch.get_num_threads())
            say(f"ranks: {_processes(world.size)}, {threads} each")
        yield world


def _processes(count: int) -> str:
    return "1 process" if count == 1 else f"{count} processes"


def check_alike(world: World, spec: Architecture, registry: Registry) -> None:
    """Refuse ranks that would not compute the same.

    Raises:
        RankError: one has other versions, plugins or another architecture than rank 0.
    """
    about = versions(), spec.text, providers(spec, registry)
    first, *others = world.gather(about)
    for rank, other in enumerate(others, start=1):
        if differs := _first_difference(other[0], first[0]):
            raise RankError(f"rank {rank}: has {differs}. Install the same on all machines.")
        if other[1] != first[1]:
            what = _first_difference(_values(other[1]), _values(first[1])) or "other words in it"
            raise RankError(
                f"rank {rank}: reads another architecture than rank 0: {what}. Give all the same "
                "file and options."
            )
        if differs := _first_difference(other[2], first[2]):
            raise RankError(f"rank {rank}: has {differs}. Install the same on all machines.")


def _first_difference(its: Mapping[str, object], of_rank_0: Mapping[str, object]) -> str:
    """What is not the same, in words; "" for nothing."""
    for name in {**of_rank_0, **its}:
        here, there = (about.get(name) for about in (its, of_rank_0))
        if here != there:
            return f"{_version(name, its)}, and rank 0 has {_version(name, of_rank_0)}"
    return ""


def _values(text: str) -> dict[str, object]:
    """Each value of an architecture by its keys."""

    def walk(value: object, name: str) -> Iterator[tuple[str, object]]:
        if isinstance(value, dict):
            for key, item in value.items():
                yield from walk(item, f"{name}.{key}" if name else key)
        elif isinstance(value, list):
            for number, item in enumerate(value):
                yield from walk(item, f"{name}.{number}")
        else:
            yield name, value

    return dict(walk(tomli.loads(text), ""))


def _version(name: str, about: Mapping[str, object]) -> str:
    return f"{name} {about[name]}" if name in about else f"no {name}"


@contextmanager
def run_folder(
    world: World, launch: Launch | None, out: Path | None, name: str, now: datetime, resume: bool
) -> Iterator[tuple[RunDirectory, bool]]:
    """The folder of a run, which rank 0 opens, and whether to go on with what is in it.

    After a restart by the launcher that is the folder of the run before it.

    Args:
        world, launch: the ranks.
        out, name, now, resume: as of :func:`zoo.train.run_directory.open_run`.
    """
    if world.rank > 0:
        path, resume = world.broadcast((Path(), False))
        yield RunDirectory(path, writes=False), resume
        return
    if launch is not None and launch.restarts and (before := world.remembered(FOLDER)):
        out, resume = Path(before), True
        say(f"restarted by the launcher, restart {launch.restarts}")
    with open_run(out, name, now, resume) as directory:
        world.remember(FOLDER, str(directory.path))
        world.broadcast((directory.path, resume))
        yield directory, resume
