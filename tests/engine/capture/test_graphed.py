"""Captured steps are ordinary steps: a recorder for the CPU stands in for CUDA's graphs."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.engine.capture.recording import CountingRecorder
from tests.engine.layers import SameShape
from zoo.engine.capture.cpu_recorder import CpuRecorder
from zoo.engine.capture.cuda_graphs import CudaGraphs
from zoo.engine.capture.graphed import MAX_GRAPHS, WARM_UP, GraphedCallable
from zoo.engine.capture.recorder import Milestone, Recorder, recorder_for
from zoo.engine.network import Network
from zoo.engine.precision import Bfloat16Network
from zoo.errors import BackwardError
from zoo.nn import MSE, Conv2d, Module, ReLU, Sequential, Sigmoid
from zoo.optim import Adam


def network(*more: Module) -> Sequential:
    draws = torch.Generator().manual_seed(1)
    return Sequential(
        Conv2d(3, 4, 3, padding=1, generator=draws),
        ReLU(),
        *more,
        Conv2d(4, 3, 3, padding=1, generator=draws),
        Sigmoid(),
    )


class Step:
    """Steps of training, captured by a recorder or, without one, ordinary ones."""

    def __init__(
        self,
        model: Module,
        recorder: Recorder | None = None,
        warn: Callable[[str], object] = pytest.fail,
        loss: Any = None,
        bfloat16: bool = False,
    ) -> None:
        self.network = Bfloat16Network(model) if bfloat16 else Network(model)
        self.loss = loss or MSE()
        self.optimizer = Adam(model.param(), lr=0.01)
        self.passes: Callable[..., Tensor] = self.ordinary_passes
        if recorder is not None:
            self.passes = GraphedCallable(
                self.ordinary_passes, self.network, recorder, self.loss, warn=warn
            )

    def ordinary_passes(self, x: Tensor, *target_and_mask: Tensor) -> Tensor:
        value: Tensor = self.loss.forward(self.network.forward(x), *target_and_mask)
        self.network.model.zero_grad()
        self.network.backward_weights_only(self.loss.backward())
        return value

    @torch.no_grad()
    def __call__(self, *batch: Tensor) -> Tensor:
        value = self.passes(*batch)
        self.optimizer.step()
        return value


class Beside:
    """The same network trained twice: with captured and with ordinary steps."""

    def __init__(
        self,
        *more: Callable[[], Module],
        recorder: Recorder | None = None,
        device: str = "cpu",
        bfloat16: bool = False,
    ) -> None:
        self.recorder = CountingRecorder(recorder)
        self.warnings: list[str] = []
        self.models = [network(*(make() for make in more)).to(device) for _ in range(2)]
        self.captured = Step(self.models[0], self.recorder, self.warnings.append, bfloat16=bfloat16)
        self.ordinary = Step(self.models[1], bfloat16=bfloat16)
        self.device = device
        self.draws = torch.Generator().manual_seed(2)

    def step(self, n: int = 4, size: int = 8, masked: bool = False) -> Tensor:
        """One step of each on a new batch; both must do the same, bit for bit."""
        shape = n, 3, size, size
        x, target = (torch.rand(shape, generator=self.draws) for _ in "xt")
        mask = (torch.rand(n, 1, size, size, generator=self.draws) < 0.5).float()
        batch = [tensor.to(self.device) for tensor in (x, target, mask)[: 2 + masked]]
        losses = [step(*batch) for step in (self.captured, self.ordinary)]
        states = [model.state_dict() for model in self.models]
        limits = {"rtol": 0, "atol": 0} if self.device == "cpu" else {}
        torch.testing.assert_close(losses[0], losses[1], **limits)
        torch.testing.assert_close(states[0], states[1], **limits)
        return losses[0]


def test_steps_are_replayed_with_new_data_and_a_new_learning_rate() -> None:
    both = Beside()
    losses = []
    for index in range(10):
        for step in (both.captured, both.ordinary):
            step.optimizer.lr = 0.01 / (index + 1)
        losses.append(both.step())
    assert both.recorder.warm_ups == WARM_UP + 1  # the last of them beside the capture
    assert both.recorder.recorded == [(4, 3, 8, 8)]
    assert both.recorder.replays == 10 - WARM_UP
    assert both.warnings == []
    assert len({float(loss) for loss in losses}) == 10  # none is overwritten by a later step


def test_milestones_are_passed_in_replays_that_count() -> None:
    """Not in ordinary steps, and not in the replay that is compared with one."""
    step, passed = Step(network()), list[int]()
    recorded = GraphedCallable(
        step.ordinary_passes,
        step.network,
        CpuRecorder(2**30),
        step.loss,
        milestones=lambda: [
            Milestone([gradient], partial(passed.append, number))
            for number, (_, gradient) in enumerate(step.network.model.param())
        ],
    )
    with torch.no_grad():
        for _ in range(WARM_UP + 1):
            recorded(*torch.rand(2, 4, 3, 8, 8))
        assert passed == []
        recorded(*torch.rand(2, 4, 3, 8, 8))
    assert sorted(passed) == [0, 1, 2, 3]
    assert set(passed[:2]) == {2, 3}  # of the last layer


def test_a_smaller_last_batch_has_its_own_graph() -> None:
    both = Beside()
    for _ in range(6):
        both.step(4)
        both.step(4)
        both.step(2)
    assert both.recorder.recorded == [(4, 3, 8, 8), (2, 3, 8, 8)]
    assert both.recorder.replays == 12 - WARM_UP + 6 - WARM_UP
    assert both.warnings == []


def test_a_mask_is_one_of_the_inputs() -> None:
    both = Beside()
    for _ in range(6):
        both.step(masked=True)
        both.step(masked=False)
    assert len(both.recorder.recorded) == 2
    assert both.recorder.replays == 2 * (6 - WARM_UP)


def test_only_so_many_shapes_are_captured() -> None:
    both = Beside()
    for size in range(4, 4 + MAX_GRAPHS + 2):
        for _ in range(WARM_UP + 2):
            both.step(1, size)
    assert len(both.recorder.recorded) == MAX_GRAPHS
    assert both.recorder.replays == 2 * MAX_GRAPHS
    assert both.warnings == []


def test_tensors_that_are_replaced_are_captured_anew() -> None:
    both = Beside()
    for _ in range(WARM_UP + 1):
        both.step()
    for parameter in both.models[0].param():  # as Module.to does
        parameter.value = parameter.value.clone()
    for _ in range(WARM_UP + 2):
        both.step()
    assert len(both.recorder.recorded) == 2
    assert both.warnings == []


def test_buffers_that_are_replaced_are_captured_anew() -> None:
    both = Beside(RunningMean)
    for _ in range(WARM_UP + 2):
        both.step()
    for model in both.models:
        model[2].buffers["mean"] = torch.ones(4)
    for _ in range(2):
        both.step()
    assert len(both.recorder.recorded) == 2
    assert both.warnings == []


def test_each_mode_of_a_layer_has_its_own_graph() -> None:
    both = Beside(RunningMean)
    for training in (True, False, True):
        for model in both.models:
            model[2].train(training)
        for _ in range(WARM_UP + 2):
            both.step()
    assert len(both.recorder.recorded) == 2
    assert both.warnings == []


def test_validation_between_steps_makes_no_difference() -> None:
    both = Beside()
    for _ in range(WARM_UP + 2):
        both.step()
        for model in both.models:
            model.eval().forward(torch.rand(1, 3, 12, 12))
            model.train()
    assert both.recorder.replays == 2


def test_a_step_in_evaluation_mode_is_refused_as_ever() -> None:
    both = Beside()
    for _ in range(WARM_UP + 2):
        both.step()
    both.models[0].eval()
    with pytest.raises(BackwardError):
        both.captured(torch.rand(4, 3, 8, 8), torch.rand(4, 3, 8, 8))


class Changing(SameShape):
    """Passes x through, with one thing that a graph has to see."""

    def forward(self, x: Tensor) -> Tensor:
        self.change(x)
        self.save()
        return x

    def change(self, x: Tensor) -> None:
        raise NotImplementedError

    def backward(self, grad_y: Tensor) -> Tensor:
        return grad_y


class RunningMean(Changing):
    def __init__(self) -> None:
        super().__init__()
        self.buffers["mean"] = torch.zeros(4)

    def change(self, x: Tensor) -> None:
        if self.training:
            self.buffers["mean"].mul_(0.9).add_(x.mean((0, 2, 3)), alpha=0.1)


def test_a_buffer_is_changed_once_in_each_step() -> None:
    both = Beside(RunningMean)
    for _ in range(8):
        both.step()  # compares buffers, too
    assert both.recorder.replays == 8 - WARM_UP
    assert both.warnings == []


class LooksAtItsInput(Changing):
    def change(self, x: Tensor) -> None:
        if x.mean() < -1:
            raise AssertionError


class RefusesToBeCaptured(Changing):
    def change(self, x: Tensor) -> None:
        if torch.utils._python_dispatch._get_current_dispatch_mode() is not None:
            raise KeyError("not while\ncapturing")


class ReplacesItsBuffer(RunningMean):
    def change(self, x: Tensor) -> None:
        self.buffers["mean"] = 0.9 * self.buffers["mean"] + 0.1 * x.mean((0, 2, 3))


class Counts(Changing):
    def __init__(self) -> None:
        super().__init__()
        self.calls = 0

    def change(self, x: Tensor) -> None:
        self.calls += 1


class RemembersItsInput(Changing):
    """Adds the input of the forward pass before this one to the gradient: Python's memory."""

    def __init__(self) -> None:
        super().__init__()
        self.latest = deque([torch.zeros(())])  # where attributes are not looked into

    def change(self, x: Tensor) -> None:
        self.before, self.latest = self.latest, deque([x.mean()])

    def backward(self, grad_y: Tensor) -> Tensor:
        return grad_y + self.before[0]


class CountingLoss(MSE):
    """Weighs its gradient by how often it was called."""

    def __init__(self) -> None:
        super().__init__()
        self.power = 2.0

    def backward(self) -> Tensor:
        self.power *= 0.999
        return super().backward() * self.power


PREFIX = "the step is not captured as a CUDA graph: "


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (LooksAtItsInput, "RuntimeError: the step reads a number from a tensor"),
        (RefusesToBeCaptured, "KeyError: 'not while\\ncapturing'"),
        (
            ReplacesItsBuffer,
            "2.mean is replaced by another tensor. Change it in place.",
        ),
        (
            Counts,
            "Counts.calls changes from step to step, which a recording does not see. "
            "Keep it in a buffer.",
        ),
    ],
)
def test_a_layer_that_a_graph_cannot_hold(layer: Callable[[], Module], message: str) -> None:
    both = Beside(layer)
    for _ in range(8):
        both.step()  # goes on as an ordinary one
    assert both.warnings == [PREFIX + message]
    assert len(both.recorder.recorded) <= 1  # it is tried once, if at all


def test_a_layer_that_remembers_what_python_knows() -> None:
    """Only its results can tell: it has no number, and each of its tensors is left in place."""
    both = Beside(RemembersItsInput)
    for _ in range(8):
        both.captured(torch.rand(4, 3, 8, 8), torch.rand(4, 3, 8, 8))
    assert both.warnings == [
        PREFIX + "its replay and the ordinary step differ in the gradient of 0.weight."
    ]


def test_a_loss_that_keeps_count() -> None:
    warnings: list[str] = []
    step = Step(network(), CountingRecorder(), warnings.append, CountingLoss())
    for _ in range(6):
        step(torch.rand(4, 3, 8, 8), torch.rand(4, 3, 8, 8))
    assert warnings == [
        PREFIX + "CountingLoss.power changes from step to step, which a recording does not see. "
        "Keep it in a buffer."
    ]


def test_what_cannot_be_captured_is_no_warning_where_nobody_expects_it() -> None:
    step = Step(network(LooksAtItsInput()), CpuRecorder(2**30), pytest.fail)
    for _ in range(WARM_UP + 2):
        step(torch.rand(4, 3, 8, 8), torch.rand(4, 3, 8, 8))


def test_a_large_step_stays_ordinary_without_a_word() -> None:
    both = Beside(recorder=CpuRecorder(max_bytes=10_000))
    for _ in range(WARM_UP + 3):
        both.step(size=16)
    assert both.recorder.recorded == [(4, 3, 16, 16)]  # it is tried once
    assert both.recorder.replays == 0
    assert both.warnings == []


@pytest.mark.parametrize(("device", "recorder"), [("cuda", CudaGraphs), ("cpu", CpuRecorder)])
def test_what_captures_on_a_device(device: str, recorder: type) -> None:
    assert type(recorder_for(torch.device(device), 2**20)) is recorder


def test_nothing_captures_on_other_devices() -> None:
    assert recorder_for(torch.device("meta"), 2**20) is None
    assert recorder_for(None, 2**20) is None


def test_bfloat16_is_captured_too() -> None:
    both = Beside(bfloat16=True)
    for _ in range(6):
        both.step()
    assert both.recorder.replays == 6 - WARM_UP
    assert both.warnings == []


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")
@pytest.mark.parametrize("bfloat16", [False, True])
def test_on_a_gpu(bfloat16: bool) -> None:
    both = Beside(recorder=CudaGraphs(torch.device("cuda")), device="cuda", bfloat16=bfloat16)
    for index in range(12):
        both.step(2 if index % 3 == 2 else 4)
    assert both.recorder.replays == 8 - WARM_UP + 4 - WARM_UP
    assert both.warnings == []
