"""What trains a run whose ``train.backend`` is ``torch``."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

from torch import Tensor

from zoo.compiler import Compiler
from zoo.distributed.world import World
from zoo.inference.any_size import any_size
from zoo.nn import Sequential
from zoo.testing.torch_equivalent import takes_mask
from zoo.torch_backend.network import TorchNetwork, share_gradients, tie
from zoo.torch_backend.optimizer import TorchOptimizer
from zoo.torch_backend.references import References
from zoo.torch_backend.step import convolutions_in, training_step


class TorchBackend:
    """The torch references of a run's network, loss and optimizer, on the network's own tensors.

    Args:
        compiler: of the architecture.
        model: the network; its weights are changed in place, and never moved or lowered.

    Attributes:
        reference: the network in torch.nn.
        parameters: its parameters, in the order of ``model.param()``.
        loss: the loss in torch.
        optimizer: torch's, with the state of zoo's.
        precision: of training steps.

    Raises:
        PluginError: a layer, the loss or the optimizer has no torch reference, or a wrong one.
    """

    name = "torch"

    def __init__(self, compiler: Compiler, model: Sequential) -> None:
        references = References(compiler)
        self.model = model
        self.precision = compiler.architecture.train.precision
        self.reference = references.model(model)
        self.parameters = tie(model, self.reference)
        self.loss = references.loss()
        component = compiler.architecture.optimizer
        self.optimizer = TorchOptimizer(
            compiler.optimizer(model.param()),
            lambda parameters: references.optimizer(model, parameters),
            self.parameters,
            references.name_of(component),
        )

    @property
    def takes_mask(self) -> bool:
        """Whether the loss can leave out pixels of the target."""
        return takes_mask(self.loss)

    @cached_property
    def network(self) -> TorchNetwork:
        """The network for inference, with its latest weights."""
        return TorchNetwork(self.model, self.reference)

    def step(self, loss: object, warn: Callable[[str], object], world: World) -> TorchStep:
        """What takes the run's steps, with the reference of its loss; by one process only."""
        if self.precision == "fast":
            warn('precision "fast" is float32 here: torch.nn has no such thing')
        return TorchStep(self)


class TorchStep:
    """Forward, loss, backward and update, by torch.nn, autograd and torch.optim.

    Args:
        backend: what it is a step of.
    """

    def __init__(self, backend: TorchBackend) -> None:
        self._backend = backend
        device = backend.parameters[0].device
        self._train = training_step(
            backend.reference, backend.loss, backend.optimizer, backend.precision, device
        )

    def __call__(
        self, x: Tensor, target: Tensor, mask: Tensor | None = None, *, divided: bool = False
    ) -> Tensor:
        """Train on one batch; arguments and result are those of :class:`zoo.train.TrainStep`."""
        backend = self._backend
        backend.reference.train()
        with convolutions_in(backend.precision):
            loss = self._train(x, target, mask)
        share_gradients(backend.model, backend.parameters)
        return loss

    def predict(self, x: Tensor) -> Tensor:
        """The output of the network in evaluation mode, for images of any size, (N, C, H, W)."""
        with convolutions_in(self._backend.precision):
            return any_size(self._backend.network, x)
