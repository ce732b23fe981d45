"""What trains a run: zoo's own layers and optimizer, or something else in their place.

Names, shapes and state are those of zoo's with each: checkpoints, statistics and divergence do not
depend on it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from torch import Tensor

from zoo.architecture import Architecture
from zoo.compiler import Compiler
from zoo.distributed.world import World
from zoo.engine.passes import Loss
from zoo.errors import ArgumentError
from zoo.nn.module import Module
from zoo.nn.sequential import Sequential
from zoo.train.step import TrainStep


class RunStep(Protocol):
    """What takes the steps of a run; see :class:`.step.TrainStep`."""

    def __call__(
        self, x: Tensor, target: Tensor, mask: Tensor | None = None, *, divided: bool = False
    ) -> Tensor:
        """Train on one batch; the loss before the update, on the device."""

    def predict(self, x: Tensor) -> Tensor:
        """The output of the network in evaluation mode."""


class RunOptimizer(Protocol):
    """What a run needs of its optimizer; see :class:`zoo.optim.Optimizer`."""

    lr: float

    def state_dict(self) -> dict[str, Any]:
        """What a resumed run needs."""

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue from that."""


class Backend(Protocol):
    """What trains a network; made of a compiler and the network, where that is trained.

    Attributes:
        name: as in ``train.backend``.
    """

    name: str

    @property
    def optimizer(self) -> RunOptimizer:
        """Of the network's parameters."""

    @property
    def takes_mask(self) -> bool:
        """Whether its loss takes a mask where the architecture's does."""

    @property
    def network(self) -> Module:
        """The network with its latest weights, for inference in evaluation mode."""

    def step(self, loss: Loss, warn: Callable[[str], object], world: World) -> RunStep:
        """What takes steps, with those of the ``world``.

        ``warn`` is called once with each reason for which it is slower.
        """


MakeBackend = Callable[[Compiler, Sequential], Backend]


def check_backend(backend: Backend, architecture: Architecture) -> None:
    """Refuse to train with another backend than the architecture says.

    Raises:
        ArgumentError: it is another.
    """
    wanted = architecture.train.backend
    if backend.name != wanted:
        raise ArgumentError(
            f"Trainer: the backend is {backend.name}, and the architecture's is {wanted}. "
            "Use the same."
        )


class ZooBackend:
    """zoo's own layers, lowered by the engine, and zoo's optimizer.

    Args:
        compiler: of the architecture.
        model: the network.
    """

    name = "zoo"
    takes_mask = True

    def __init__(self, compiler: Compiler, model: Sequential) -> None:
        self.network = model
        self.optimizer = compiler.optimizer(model.param())
        self._precision = compiler.architecture.train.precision

    def step(self, loss: Loss, warn: Callable[[str], object], world: World) -> TrainStep:
        """Captured and sharded by the engine."""
        return TrainStep(
            self.network, loss, self.optimizer, precision=self._precision, warn=warn, world=world
        )
