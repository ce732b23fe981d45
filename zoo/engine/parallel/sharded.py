"""A batch computed in microbatches, on each core by itself; on a CPU.

An operation on a whole batch leaves more behind than the caches of a core hold, and the next one
fetches it again from further away. A few images at a time stay in the cache from the first layer to
the last and back, and need the memory of a few. Cores that go through images of their own do not
wait for each other after each operation either.

Each rank has a replica of the network with gradients of its own, and goes through its shard of the
batch microbatch by microbatch: the batch's loss is the sum of their losses, weighted by the images,
and so are its gradients. The order of the sum depends on the batch and the number of threads, never
on which of them is faster.

That is right for networks that treat each image by itself (``Module.batch_independent``). In
training also for layers that ask the other ranks for what they need of the batch
(``Module.uses_batch_statistics``), such as batch normalisation: then a rank's shard is one
microbatch, and all shards have one size.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import deepcopy
from functools import partial
from operator import is_
from typing import Generic, Protocol, TypeVar

import torch
from torch import Tensor

from zoo.distributed.shards import even_slices
from zoo.distributed.world import ALONE, World
from zoo.engine.capture.trace import memory_of
from zoo.engine.parallel.thread_group import Rank, ThreadGroup
from zoo.engine.parallel.threads import ThreadPool
from zoo.nn.module import Module

# Memory of a microbatch: about that of a core's own cache, measured with 2 MiB a core.
MICROBATCH_BYTES = 4 * 2**20
# Memory of a batch below which it is not worth the threads' time to wake up.
MIN_SHARDED_BYTES = 2**19
LARGE_IMAGE = 2**19  # bytes of an image, that would take long to measure and is one microbatch
MAX_RANKS = 8  # beyond it each has more than one of torch's threads

R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)


class Worker(Protocol[R_co]):
    """What computes a shard with a network of its own."""

    def __call__(self, microbatches: Sequence[slice], *inputs: Tensor) -> R_co:
        """The result for those images of the inputs."""


class ShardedBatch(Generic[R]):
    """Shares batches out.

    Args:
        model: the network.
        worker: given the network or a replica of it and a rank, makes what computes a shard.
        whole: computes a batch with the network; shows how much memory an image needs.
        training: whether batches are trained on: then replicas have gradients of their own, and
            layers may ask the other ranks.
        world: the processes that each compute a part of a batch, of one size where layers ask.
    """

    def __init__(
        self,
        model: Module,
        worker: Callable[[Module, Rank], Worker[R]],
        whole: Callable[..., Tensor],
        training: bool = True,
        world: World = ALONE,
    ) -> None:
        self._model = model
        self._world = world
        self._worker = worker
        self._whole = whole
        self._training = training
        self._modules = list(model.modules())
        # What follows from the modes that the modules are in:
        self._modes: list[bool] = []
        self._allowed = False
        self._has_collectives = False
        self._image_bytes: dict[object, int] = {}
        # By their size, as a last batch may be small, and whether others compute the same batch:
        self._teams: dict[tuple[int, bool], _Team[R]] = {}

    def run(self, *inputs: Tensor, divided: bool = False) -> list[R]:
        """What each rank computed; nothing if the batch should be computed as a whole.

        Args:
            inputs: N images of each; at least one.
            divided: whether these are a part of a batch, of which other processes have the others.
        """
        modes = [module.training for module in self._modules]
        if modes != self._modes:
            self._modes = modes
            self._teams.clear()
            self._image_bytes.clear()
            others = [module for module in self._modules if not module.batch_independent]
            self._has_collectives = bool(others)
            self._allowed = not others or (
                self._training and all(module.uses_batch_statistics for module in others)
            )
        plan = self._plan(inputs) if self._allowed else []
        if not plan:
            return []
        if not all(team.is_current() for team in self._teams.values()):
            self._teams.clear()
        among = divided and self._has_collectives
        if (len(plan), among) not in self._teams:
            others = [replica(self._model, self._training) for _ in plan[1:]]
            group = ThreadGroup(len(plan), self._world if among else ALONE)
            self._teams[len(plan), among] = _Team([self._model, *others], self._worker, group)
        return self._teams[len(plan), among].run(plan, inputs)

    def _plan(self, inputs: Sequence[Tensor]) -> list[list[slice]]:
        """The shards of a batch."""
        images = len(inputs[0])
        if images < 2:
            return []
        image_bytes = self._memory(inputs)
        if not image_bytes or images * image_bytes < MIN_SHARDED_BYTES:
            return []
        least = 1 if image_bytes >= MICROBATCH_BYTES else 2  # images of a rank
        ranks = min(torch.get_num_threads(), MAX_RANKS, images // least)
        if self._has_collectives:
            ranks = next(count for count in range(ranks, 0, -1) if images % count == 0)
            return shards(images, ranks, images) if ranks > 1 else []
        at_once = max(1, MICROBATCH_BYTES // image_bytes)
        return shards(images, ranks, at_once) if ranks > 1 or images > at_once else []

    def _memory(self, inputs: Sequence[Tensor]) -> int:
        """Bytes that each image of the batch adds, 0 if that cannot be told."""
        if inputs[0][0].nbytes >= LARGE_IMAGE:
            return MICROBATCH_BYTES
        shape = tuple((tensor.shape[1:], tensor.dtype) for tensor in inputs)
        if shape not in self._image_bytes and len(inputs[0]) > 1:
            few = [[tensor[:images] for tensor in inputs] for images in (1, 2)]
            buffers = [(module.buffers, dict(module.buffers)) for module in self._modules]
            one, two = (memory_of(partial(self._whole, *images)) for images in few)
            self._image_bytes[shape] = max(0, two - one)
            self._model.clear_saved()
            for present, before in buffers:  # of a layer that replaces what it could change
                present.update(before)
        return self._image_bytes.get(shape, 0)


class _Team(Generic[R]):
    """Ranks and their networks, the first of which is the one that is trained."""

    def __init__(
        self,
        models: Sequence[Module],
        worker: Callable[[Module, Rank], Worker[R]],
        group: ThreadGroup,
    ) -> None:
        self._group = group
        self._workers = list(map(worker, models, self._group.ranks))
        self._threads = ThreadPool(len(models))
        self._model, *replicas = models
        self._buffers = [
            (own.buffers, module.buffers)
            for model in replicas
            for own, module in zip(model.modules(), self._model.modules(), strict=True)
            if own.buffers
        ]
        self._tensors = _state(self._model)

    def is_current(self) -> bool:
        """Whether they have the network's tensors, which ``Module.to`` replaces."""
        return all(map(is_, _state(self._model), self._tensors))

    def run(self, plan: Sequence[Sequence[slice]], inputs: Sequence[Tensor]) -> list[R]:
        self._group.reset()
        for buffers, present in self._buffers:  # a user, or the whole batch, may have changed them
            for name, buffer in present.items():
                if buffers[name] is not buffer:
                    buffers[name].copy_(buffer)
        shares = zip(self._workers, plan, strict=True)
        return self._threads.run([partial(worker, shard, *inputs) for worker, shard in shares])


def replica(model: Module, gradients: bool = True) -> Module:
    """A copy with the same tensors, but gradients of its own if asked for.

    Layers that are not batch independent change their buffers, all in the same way: the copy's are
    its own.
    """
    model.clear_saved()
    owned = [
        id(buffer)
        for module in model.modules()
        if not module.batch_independent
        for buffer in module.buffers.values()
    ]
    shared = [tensor for tensor in _state(model) if id(tensor) not in owned]
    if not gradients:
        shared += [gradient for _, gradient in model.param()]
    return deepcopy(model, {id(tensor): tensor for tensor in shared})


def _state(model: Module) -> list[Tensor]:
    """The values of all parameters, and the buffers."""
    buffers = [buffer for module in model.modules() for buffer in module.buffers.values()]
    return [*(parameter.value for parameter in model.param()), *buffers]


def shards(images: int, ranks: int, at_once: int) -> list[list[slice]]:
    """The microbatches of each rank: consecutive images, as even as can be.

    Microbatches of one size are recorded once, so sizes give way a little for that.

    Args:
        images: in the batch, at least one for each rank.
        ranks: how many.
        at_once: about how many images in a microbatch.
    """
    return [
        even_slices(shard.start, shard.stop, _microbatches(shard.stop - shard.start, at_once))
        for shard in even_slices(0, images, ranks)
    ]


def _microbatches(images: int, at_once: int) -> int:
    """How many: about ``at_once`` images each, of one size if that can be."""
    usual = -(-images // at_once)
    fewest = -(-images * 4 // (5 * at_once))  # a quarter larger
    return next((count for count in range(fewest, usual + 2) if images % count == 0), usual)
