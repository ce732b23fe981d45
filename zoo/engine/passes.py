"""A step of training: forward, loss and backward, captured and sharded, and then the update.

Of several processes each computes its shard of the batch; between backward and update they average
what they have found (:mod:`zoo.distributed`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import deepcopy
from functools import partial
from typing import Protocol

import torch
from torch import Tensor

from zoo.distributed.world import ALONE, World
from zoo.engine.capture.graphed import GraphedCallable
from zoo.engine.capture.private import script_problem
from zoo.engine.capture.recorder import Milestone, Recorder, recorder_for
from zoo.engine.compiled.build import problem as compiled_problem
from zoo.engine.conv.selftest import problem as kernel_problem
from zoo.engine.network import AnyNetwork, Network
from zoo.engine.parallel.division import division
from zoo.engine.parallel.overlap import Overlap
from zoo.engine.parallel.sharded import ShardedBatch
from zoo.engine.parallel.thread_group import Rank, ThreadGroup
from zoo.engine.parallel.threads import num_threads
from zoo.engine.precision import Bfloat16Network
from zoo.engine.state import engine_state
from zoo.nn.module import Module

MAX_TRAINING_BYTES = 2**30  # of memory up to which a pass is recorded on a CPU

Shard = tuple[Tensor, list[Tensor]]  # a rank's part of the loss, and of the gradients


class Loss(Protocol):
    """What is minimised.

    Attributes:
        mean_of_images: whether the loss of a batch without a mask is the mean of those of its
            images; where it is missing the loss is computed of whole batches.
    """

    mean_of_images: bool

    def forward(self, y: Tensor, target: Tensor, mask: Tensor | None = None) -> Tensor:
        """The loss of output ``y``, a tensor without axes."""

    def backward(self) -> Tensor:
        """The gradient of the latest ``forward``'s loss with respect to y."""


class TrainingPass:
    """Computes the loss of batches, fills the gradients of the parameters, and updates them.

    Passes are captured for each batch shape and replayed, with the same results
    (:mod:`zoo.engine.capture`); where that cannot be they are ordinary ones. On a CPU a batch is
    computed a few images at a time where the network allows it (:mod:`zoo.engine.parallel`).

    Args:
        network: what computes.
        loss: what is minimised.
        update: updates the parameters once from their gradients.
        precision: ``bfloat16``, ``fast`` for convolutions that may round more, or anything else for
            the network as it is.
        capture: False for ordinary passes only.
        warn: called once with each reason for which passes are not captured, or do not use a
            GPU's kernels.
        world: the processes that each compute a shard of a batch.
    """

    def __init__(
        self,
        network: Network,
        loss: Loss,
        update: Callable[[], object],
        precision: str,
        capture: bool,
        warn: Callable[[str], object],
        world: World = ALONE,
    ) -> None:
        model, fast = network.model, precision == "fast"
        self._network = network = Network(model, warn, fast=True) if fast else network
        self._fast = fast
        self._loss = loss
        self._update = update
        self._warn = warn
        self._world = world
        devices = {parameter.value.device for parameter in model.param()}
        self._device = devices.pop() if len(devices) == 1 else None
        self._capture = capture
        reduced = precision == "bfloat16"
        used: AnyNetwork = Bfloat16Network(model) if reduced else network
        passes = _Passes(used, loss)
        recorder = self._recorder()
        how = division(model, loss)
        self._overlap = Overlap(world, model, world.size > 1 and how == "any")
        self._whole: Callable[..., Tensor] = passes.of_batch
        if recorder is not None:
            milestones = partial(self._overlap.milestones, model)
            self._whole = GraphedCallable(
                passes.of_batch, used, recorder, loss, warn=warn, milestones=milestones
            )
        self._of_shard = self._whole
        if world.size > 1 and how == "equal":
            self._of_shard = self._with_collectives(passes, used)
        if self._device is not None and self._device.type == "cuda":
            dtype = torch.bfloat16 if reduced else torch.float32
            if problem := kernel_problem(self._device, dtype):
                warn(
                    f"convolutions on {self._device} are matrix products, not Triton kernels: "
                    f"{problem}"
                )
        if fast and (problem := compiled_problem()):
            warn(f'precision "fast" is float32 here: {problem}')
        if recorder is not None and not recorder.expected and (problem := script_problem()):
            warn(f"recorded steps are run by Python, which is slower: {problem}")
        self._sharded: ShardedBatch[Shard] | None = None
        in_parts = getattr(loss, "mean_of_images", False) and not reduced
        if in_parts and self._device == torch.device("cpu"):
            self._sharded = ShardedBatch(model, self._worker, passes.of_batch, world=world)

    def __call__(self, x: Tensor, target: Tensor, *mask: Tensor, divided: bool = False) -> Tensor:
        """The loss before the update, a tensor without axes on the model's device.

        Nothing is copied to the host.

        Args:
            x: (N, C, H, W), what the network is given.
            target: (N, C, H, W), what its output is compared with.
            mask: which of the target's pixels count, for losses that take one.
            divided: whether these are this process's shard of a batch, perhaps without an image;
                else they are the batch.
        """
        model = self._network.model
        with engine_state(model):
            count = mask[0].sum() if mask else len(x)
            self._overlap.start(count)
            parts = []
            if self._sharded is not None and not mask and model.training and len(x):
                parts = self._sharded.run(x, target, divided=divided)
            with num_threads(1 if parts else torch.get_num_threads()):
                if parts:
                    loss = _sum(parts)
                elif len(x):
                    loss = (self._of_shard if divided else self._whole)(x, target, *mask)
                else:
                    model.zero_grad()
                    loss = x.new_zeros(())
                if self._world.size > 1:
                    gradients = [gradient for _, gradient in model.param()]
                    loss = self._world.average(loss, gradients, count)
                self._update()
            return loss

    def _recorder(self) -> Recorder | None:
        return recorder_for(self._device, MAX_TRAINING_BYTES) if self._capture else None

    def _with_collectives(self, passes: _Passes, network: AnyNetwork) -> Callable[..., Tensor]:
        """A pass in which layers ask those of the other processes; a GPU's is not captured."""
        (rank,) = ThreadGroup(1, self._world).ranks
        work = rank.with_collectives(passes.of_batch)
        recorder = self._recorder()
        if recorder is None or self._device != torch.device("cpu"):
            return work
        rank.host_callback = recorder.host_callback
        return GraphedCallable(
            work, network, recorder, self._loss, warn=self._warn, all_agree=rank.all_agree
        )

    def _worker(self, model: Module, rank: Rank) -> _ShardWorker:
        network = self._network
        if model is not network.model:
            network = Network(model, self._warn, owns_weights=False, fast=self._fast)
        milestones = partial(self._overlap.milestones, model, rank.index, rank.size)
        return _ShardWorker(network, deepcopy(self._loss), self._recorder(), rank, milestones)


class _Passes:
    """Forward, loss and backward of a batch, or of a microbatch with its weight in the batch."""

    def __init__(self, network: AnyNetwork, loss: Loss) -> None:
        self._network = network
        self._loss = loss

    def of_batch(self, x: Tensor, target: Tensor, *mask: Tensor) -> Tensor:
        """Fill the gradients; returns the loss."""
        return self._back(self._forward(x, target, *mask), zero_grad=True)

    def of_first_microbatch(self, x: Tensor, target: Tensor, weight: Tensor) -> Tensor:
        """Fill the gradients with the microbatch's part; returns its part of the loss.

        Args:
            x, target: some images of the batch.
            weight: how much of the batch they are, a tensor without axes.
        """
        return self._back(self._forward(x, target), zero_grad=True, weight=weight)

    def of_next_microbatch(self, x: Tensor, target: Tensor, weight: Tensor) -> Tensor:
        """The same, added to the gradients."""
        return self._back(self._forward(x, target), zero_grad=False, weight=weight)

    def _forward(self, x: Tensor, target: Tensor, *mask: Tensor) -> Tensor:
        return self._loss.forward(self._network.forward(x), target, *mask)

    def _back(self, loss: Tensor, zero_grad: bool, weight: Tensor | None = None) -> Tensor:
        gradient = self._loss.backward()
        if zero_grad:
            self._network.model.zero_grad()
        self._network.backward_weights_only(gradient if weight is None else gradient * weight)
        return loss if weight is None else loss * weight


class _ShardWorker:
    """Goes through microbatches with a network and gradients of its own."""

    def __init__(
        self,
        network: Network,
        loss: Loss,
        recorder: Recorder | None,
        rank: Rank,
        milestones: Callable[[], Sequence[Milestone]],
    ) -> None:
        self._model = network.model
        self._rank = rank
        self._milestones = milestones
        self._in_last = False  # microbatch, which makes gradients what they will be
        passes = _Passes(network, loss)
        self._first = rank.with_collectives(passes.of_first_microbatch)
        self._next = rank.with_collectives(passes.of_next_microbatch)
        if recorder is not None:
            rank.host_callback = recorder.host_callback
            self._first = GraphedCallable(
                self._first,
                network,
                recorder,
                loss,
                all_agree=rank.all_agree,
                milestones=self._of_last,
            )
            self._next = GraphedCallable(
                self._next, network, recorder, loss, milestones=self._of_last
            )

    @torch.no_grad()
    def __call__(self, microbatches: Sequence[slice], *inputs: Tensor) -> Shard:
        """The part of the loss of those images of a batch, and of its gradients."""
        losses: list[Tensor] = []
        try:
            for number, images in enumerate(microbatches, 1):
                self._in_last = number == len(microbatches)
                parts = [tensor[images] for tensor in inputs]
                weight = torch.tensor(len(parts[0]) / len(inputs[0]), dtype=inputs[0].dtype)
                losses.append((self._next if losses else self._first)(*parts, weight))
        except BaseException:
            self._rank.abort()
            raise
        return torch.stack(losses).sum(), [gradient for _, gradient in self._model.param()]

    def _of_last(self) -> list[Milestone]:
        """The milestones, which count in the last microbatch."""
        return [
            Milestone(written, partial(self._reach, call)) for written, call in self._milestones()
        ]

    def _reach(self, milestone: Callable[[], object]) -> None:
        if self._in_last:
            milestone()


def _sum(parts: Sequence[Shard]) -> Tensor:
    """The loss; the gradients are added to those of the first, which are the network's own."""
    losses, (total, *others) = zip(*parts, strict=True)
    for gradients in others:
        torch._foreach_add_(total, gradients)
    return torch.stack(losses).sum()
