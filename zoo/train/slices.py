"""A batch computed a few images at a time, on each core by itself; on a CPU.

An operation on a whole batch leaves more behind than the caches of a core hold, and the next one
fetches it again from further away. A few images at a time stay in the cache from the first layer to
the last and back, and need the memory of a few. Cores that go through images of their own do not
wait for each other after each operation either.

Each worker has a replica of the network with gradients of its own, and goes through its share of
the batch slice by slice: the batch's loss is the sum of their losses times their shares of the
images, and so are its gradients. The order of the sum depends on the batch and the number of
threads, never on which of them is faster.

That is right for networks that treat each image by itself (``Module.per_image``). In training also
for layers that ask the other workers for what they need of the batch (``Module.gathers``), such as
batch normalisation: then a worker's share is one slice, and all shares have one size.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import deepcopy
from functools import partial
from itertools import pairwise
from operator import is_
from typing import Generic, Protocol, TypeVar

import torch
from torch import Tensor

from zoo.nn.module import Module
from zoo.train.meeting import Meeting, Seat
from zoo.train.tape import memory_of
from zoo.train.workers import Workers

# Memory of a slice: about that of a core's own cache, measured on a processor with 2 MiB a core.
SLICE = 4 * 2**20
# Memory of a batch below which it is not worth the threads' time to wake up.
LITTLE = 2**20
MOST_WORKERS = 8  # beyond it each has more than one of torch's threads

R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)


class Worker(Protocol[R_co]):
    """What computes with a network of its own."""

    def __call__(self, slices: Sequence[slice], *inputs: Tensor) -> R_co:
        """The result for those images of the inputs."""


def treats_images_alone(module: Module) -> bool:
    """Whether a batch may be computed slice by slice.

    A class that replaces ``forward`` of one that says so has to say it again.
    """
    return module.per_image and _defines(type(module), "per_image", before="forward")


def asks_others(module: Module) -> bool:
    """Whether a batch may be computed in parts at the same time; said again in the same way."""
    return module.gathers and _defines(type(module), "gathers", before="forward")


def _defines(kind: type, name: str, before: str) -> bool:
    """Whether the class has a ``name`` of its own at least as near as its ``before``."""
    depths = [
        next((depth for depth, base in enumerate(kind.__mro__) if wanted in vars(base)), -1)
        for wanted in (name, before)
    ]
    return depths[0] <= depths[1]


def replica(model: Module, gradients: bool = True) -> Module:
    """A copy with the same tensors, but gradients of its own if asked for.

    Layers that gather change their buffers, all in the same way: the copy's are its own.
    """
    model.forget()
    own = [tensor for module in model.modules() if module.gathers for tensor in _buffers(module)]
    shared = [tensor for tensor in _tensors(model) if not any(tensor is other for other in own)]
    if not gradients:
        shared += [gradient for _, gradient in model.param()]
    return deepcopy(model, {id(tensor): tensor for tensor in shared})


def _tensors(model: Module) -> list[Tensor]:
    """The values of all parameters, and the buffers."""
    buffers = [buffer for module in model.modules() for buffer in _buffers(module)]
    return [*(parameter.value for parameter in model.param()), *buffers]


def _buffers(module: Module) -> list[Tensor]:
    """The module's own."""
    return list(module.buffers.values())


def shares(images: int, workers: int, at_once: int) -> list[list[slice]]:
    """The slices of each worker: consecutive images, as even as can be.

    Slices of one size are recorded once, so sizes give way a little for that.

    Args:
        images: in the batch, at least one for each worker.
        workers: how many.
        at_once: about how many images in a slice.
    """
    return [
        _even(part.start, part.stop, _count(part.stop - part.start, at_once))
        for part in _even(0, images, workers)
    ]


def _count(images: int, at_once: int) -> int:
    """How many slices: about ``at_once`` images each, of one size if that can be."""
    usual = -(-images // at_once)
    fewest = -(-images * 4 // (5 * at_once))  # a quarter larger
    return next((count for count in range(fewest, usual + 2) if images % count == 0), usual)


def _even(start: int, stop: int, parts: int) -> list[slice]:
    """A range in ``parts`` that differ by one at most, the larger ones first."""
    size, larger = divmod(stop - start, parts)
    ends = [start + part * size + min(part, larger) for part in range(parts + 1)]
    return [slice(*pair) for pair in pairwise(ends)]


class Slices(Generic[R]):
    """Shares batches out.

    Args:
        model: the network.
        worker: given the network or a replica of it and a seat among the workers, makes what
            computes a share of a batch from the share's slices and the whole batch's tensors.
        whole: computes a batch with the network; shows how much memory an image needs.
        gradients: whether replicas need some.
    """

    def __init__(
        self,
        model: Module,
        worker: Callable[[Module, Seat], Worker[R]],
        whole: Callable[..., Tensor],
        gradients: bool = True,
    ) -> None:
        self._model = model
        self._worker = worker
        self._whole = whole
        self._gradients = gradients
        # In the mode in which the network is used, once that is known:
        self._allowed: bool | None = None
        self._together = False  # whether layers ask the other workers
        self._bytes: dict[object, int] = {}
        self._teams: dict[int, _Team[R]] = {}  # by their size: a last batch may be small

    def run(self, *inputs: Tensor) -> list[R]:
        """What each worker computed; nothing if the batch should be computed as a whole."""
        if self._allowed is None:
            modules = list(self._model.modules())
            self._together = any(map(asks_others, modules))
            self._allowed = all(treats_images_alone(it) or asks_others(it) for it in modules)
        plan = self._plan(inputs) if self._allowed else []
        if not plan:
            return []
        if not all(team.is_current() for team in self._teams.values()):
            self._teams.clear()
        if len(plan) not in self._teams:
            others = [replica(self._model, self._gradients) for _ in plan[1:]]
            self._teams[len(plan)] = _Team([self._model, *others], self._worker)
        return self._teams[len(plan)].run(plan, inputs)

    def _plan(self, inputs: Sequence[Tensor]) -> list[list[slice]]:
        """The shares of a batch."""
        images, each = len(inputs[0]), self._memory(inputs)
        workers = min(torch.get_num_threads(), MOST_WORKERS, images // 2)
        if workers < 1 or not each or images * each < LITTLE:
            return []
        if self._together:
            workers = next(count for count in range(workers, 0, -1) if images % count == 0)
            return shares(images, workers, images) if workers > 1 else []
        at_once = max(1, SLICE // each)
        return shares(images, workers, at_once) if workers > 1 or images > at_once else []

    def _memory(self, inputs: Sequence[Tensor]) -> int:
        """Bytes that each image of the batch adds, 0 if that cannot be told."""
        shape = tuple((tensor.shape[1:], tensor.dtype) for tensor in inputs)
        if shape not in self._bytes and len(inputs[0]) > 1:
            few = [[tensor[:images] for tensor in inputs] for images in (1, 2)]
            one, two = (memory_of(partial(self._whole, *images)) for images in few)
            self._bytes[shape] = max(0, two - one)
            self._model.forget()
        return self._bytes.get(shape, 0)


class _Team(Generic[R]):
    """Workers and their networks, the first of which is the one that is trained."""

    def __init__(
        self, models: Sequence[Module], worker: Callable[[Module, Seat], Worker[R]]
    ) -> None:
        self._meeting = Meeting(len(models))
        self._workers = list(map(worker, models, self._meeting.seats))
        self._threads = Workers(len(models))
        self._model = models[0]
        self._tensors = _tensors(self._model)

    def is_current(self) -> bool:
        """Whether they have the network's tensors, which ``Module.to`` replaces."""
        return all(map(is_, _tensors(self._model), self._tensors))

    def run(self, plan: Sequence[Sequence[slice]], inputs: Sequence[Tensor]) -> list[R]:
        self._meeting.begin()
        shared = zip(self._workers, plan, strict=True)
        return self._threads.run([partial(worker, part, *inputs) for worker, part in shared])
