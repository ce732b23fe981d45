"""What ``lower`` gives: a model on the same parameters that computes the same, faster."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from threading import RLock

import torch
from torch import Tensor

from zoo.distributed.world import ALONE, World
from zoo.engine.capture.graphed import GraphedCallable
from zoo.engine.capture.recorder import recorder_for
from zoo.engine.network import Network
from zoo.engine.parallel.sharded import ShardedBatch, Worker
from zoo.engine.parallel.thread_group import Rank
from zoo.engine.parts import Parts
from zoo.engine.passes import Loss, TrainingPass
from zoo.engine.state import engine_state
from zoo.errors import ArgumentError
from zoo.nn.module import Module

# Inference on a CPU is recorded up to this much memory, in bytes: recording saves Python's time,
# which counts for small images and not for large ones, and what is recorded keeps its memory.
MAX_INFERENCE_BYTES = 2**26

LARGEST_RECORDED = 2**20  # bytes of an input of which inference on a CPU is recorded

ON_A_GPU = 4  # images computed side by side, so that there is work for all of it


class Lowered(Module):
    """A network that computes what ``model`` does, on the same Parameter objects.

    In training mode ``forward`` and ``backward`` are those of the model with neighbouring layers
    fused; a :meth:`training_step` does a whole step, captured and sharded. In evaluation mode
    ``forward`` is captured for each shape of input, and on a CPU a batch is computed a few images
    at a time. The first calls of a shape are ordinary ones; results are the same.

    The model stays usable: its weights may change in place, ``train``, ``eval`` and ``to`` of
    either change both, and the state dict is the model's.

    Args:
        model: any module.
        warn: called once with each reason for which something falls back to a slower way.
        fast: see :func:`zoo.engine.lower`.

    Attributes:
        parts: what has to be known to give it an image in parts.
    """

    def __init__(
        self,
        model: Module,
        warn: Callable[[str], object] = lambda message: None,
        fast: bool = False,
    ) -> None:
        super().__init__()
        if not isinstance(model, Module):
            raise ArgumentError(
                f"lower: the model is a {type(model).__name__}. Use a module of zoo.nn."
            )
        self.model = model
        self.parameters = model.parameters
        self.buffers = model.buffers
        self.children = model.children
        self._warn = each_once(warn)
        self._fast = fast
        with engine_state(model):  # new memory of the weights is ordinary memory
            self._network = Network(model, self._warn, fast=fast)
            self._device = device_of(model)
            self._infer = self._captured(self._network)
        self.parts = Parts(self._network)
        self._sharded: ShardedBatch[list[Tensor]] | None = None
        self._lock = RLock()  # recordings have one memory for all threads of the caller

    @property
    def training(self) -> bool:
        """The model's mode."""
        return self.model.training

    @training.setter
    def training(self, mode: bool) -> None:
        if "model" in vars(self):
            self.model.training = mode

    @property
    def images_at_once(self) -> int:
        """How many images of a batch are computed side by side, in evaluation mode.

        On a CPU each core has images of its own, where all layers treat each image alone.
        """
        if not all(module.batch_independent for module in self.model.modules()):
            return 1
        if self._device is None or self._device.type == "cpu":
            return torch.get_num_threads()
        return ON_A_GPU

    def forward(self, x: Tensor) -> Tensor:
        """The model's output for x."""
        with self._lock, engine_state(self.model):
            if self.training:
                return self._network.forward(x)
            if x.device != self._device:  # the model has moved: another kind of recording
                self._device, self._infer = x.device, self._captured(self._network)
            if x.dim() != 4 or len(x) < 2 or x.device.type != "cpu":
                return self._infer(x)
            if self._sharded is None:
                whole = self._network.forward
                self._sharded = ShardedBatch(self.model, self._worker, whole, training=False)
            parts = self._sharded.run(x)
            return torch.cat([y for part in parts for y in part]) if parts else self._infer(x)

    def backward(self, grad_y: Tensor) -> Tensor:
        """The gradient of the latest ``forward``'s x; adds the parameters' gradients."""
        with engine_state(self.model):
            return self._network.backward(grad_y)

    def output_shape(self, input_shape: Sequence[int]) -> tuple[int, ...]:
        """The model's."""
        return self.model.output_shape(input_shape)

    def __reduce__(self) -> tuple[Callable[..., Lowered], tuple[object, ...]]:
        return partial(Lowered, fast=self._fast), (self.model,)  # a copy records by itself

    def __repr__(self) -> str:
        return f"Lowered({self.model!r})"

    def clear_saved(self) -> None:
        """Drop what the latest ``forward`` kept."""
        self._network.clear_saved()

    def training_step(
        self,
        loss: Loss,
        update: Callable[[], object],
        *,
        precision: str = "float32",
        capture: bool = True,
        world: World = ALONE,
    ) -> TrainingPass:
        """What trains on a batch: computes its loss, fills the gradients, calls ``update``.

        Args:
            loss: what is minimised.
            update: updates the parameters once from their gradients: an optimizer's ``step``.
            precision: ``float32``, in the products that torch is set to, ``fast`` or ``bfloat16``.
            capture: False for ordinary passes only.
            world: the processes that each compute a shard of a batch.
        """
        return TrainingPass(self._network, loss, update, precision, capture, self._warn, world)

    def _layer(self) -> Module:
        return self.model._layer()

    def _worker(self, model: Module, rank: Rank) -> Worker[list[Tensor]]:
        network = self._network
        if model is not self.model:
            network = Network(model, self._warn, owns_weights=False, fast=self._fast)
        infer = self._captured(network)

        @torch.no_grad()
        def outputs(microbatches: Sequence[slice], *inputs: Tensor) -> list[Tensor]:
            return [infer(inputs[0][images]) for images in microbatches]

        return outputs

    def _captured(self, network: Network) -> Callable[..., Tensor]:
        device = device_of(network.model)
        recorder = recorder_for(device, MAX_INFERENCE_BYTES)
        if device is None or recorder is None:
            return network.forward
        captured = GraphedCallable(network.forward, network, recorder, training=False)
        if device.type != "cpu":
            return captured
        return lambda x: captured(x) if x.nbytes <= LARGEST_RECORDED else network.forward(x)


def each_once(warn: Callable[[str], object]) -> Callable[[str], object]:
    """``warn``, called once for each message: replicas of a network find the same things."""
    told: set[str] = set()

    def warn_once(message: str) -> None:
        if message not in told:
            told.add(message)
            warn(message)

    return warn_once


def device_of(model: Module) -> torch.device | None:
    """Where the parameters are; None if there are none, or on several devices."""
    devices = {parameter.value.device for parameter in model.param()}
    return devices.pop() if len(devices) == 1 else None
