"""What tells the other processes of gradients that are done, while backward computes the others.

Replays of recorded passes tell it: a trace knows which operation is the last that writes to a
gradient, whatever the layers are, and however many of them share it.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from torch import Tensor

from zoo.distributed.buckets import Buckets
from zoo.distributed.world import World
from zoo.engine.capture.recorder import Milestone
from zoo.nn.module import Module


class Overlap:
    """Which gradients of a step are done.

    Args:
        world: the processes.
        model: the network that is trained.
        wanted: False where all gradients are averaged after backward.
    """

    def __init__(self, world: World, model: Module, wanted: bool) -> None:
        self._world = world
        self._model = model
        self._wanted = wanted
        self._wanted = self._buckets(_gradients(model)) is not None

    def start(self, count: float | Tensor) -> None:
        """Begin a step of so many images, or pixels that count, of this process."""
        if self._wanted and (buckets := self._buckets(_gradients(self._model))):
            buckets.start(count)

    def milestones(self, model: Module, part: int = 0, parts: int = 1) -> list[Milestone]:
        """Those of a pass.

        Args:
            model: the network, or a replica of it.
            part, parts: which of those that compute a shard side by side, each with a replica.
        """
        gradients = _gradients(model)
        buckets = self._buckets(gradients)
        milestones: list[Milestone] = []
        if buckets is not None:
            for bucket, members in enumerate(buckets.members[:-1]):
                done = [gradients[number] for number in members]
                tell = partial(buckets.done, bucket, done, part, parts)
                milestones.append(Milestone(done, tell))
        return milestones

    def _buckets(self, gradients: Sequence[Tensor]) -> Buckets | None:
        return self._world.buckets(gradients) if self._wanted else None


def _gradients(model: Module) -> list[Tensor]:
    return [gradient for _, gradient in model.param()]
