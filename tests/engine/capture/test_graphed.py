"""Captured steps are ordinary steps: a recorder for the CPU stands in for CUDA's graphs."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.train.recording import TapeRecorder
from torch import Tensor
from zoo.train.cuda_graphs import CudaGraphs
from zoo.train.graph import MOST_GRAPHS, WARM_UP
from zoo.train.tape import Tapes

import zoo.train.trainer as trainer_module
from zoo.errors import BackwardError, Stopped
from zoo.nn import MSE, Conv2d, Module, ReLU, Sequential, Sigmoid
from zoo.optim import Adam
from zoo.train import TrainStep
from zoo.train.checkpoint import load_checkpoint
from zoo.train.step import recorder_for


def network(*more: Module) -> Sequential:
    draws = torch.Generator().manual_seed(1)
    return Sequential(
        Conv2d(3, 4, 3, padding=1, generator=draws),
        ReLU(),
        *more,
        Conv2d(4, 3, 3, padding=1, generator=draws),
        Sigmoid(),
    )


class Beside:
    """The same network trained twice: with captured and with ordinary steps."""

    def __init__(self, *more: Callable[[], Module], loss: Callable[[], Any] = MSE) -> None:
        self.recorder = TapeRecorder()
        self.warnings: list[str] = []
        self.models = [network(*(make() for make in more)) for _ in range(2)]
        captured, ordinary = self.models
        self.optimizers = [Adam(model.param(), lr=0.01) for model in self.models]
        self.captured = TrainStep(
            captured,
            loss(),
            self.optimizers[0],
            warn=self.warnings.append,
            recorder_for=lambda device: self.recorder,
        )
        self.ordinary = TrainStep(ordinary, loss(), self.optimizers[1], graph=False)
        self.draws = torch.Generator().manual_seed(2)

    def step(self, n: int = 4, size: int = 8, masked: bool = False) -> Tensor:
        """One step of each on a new batch; both must do the same, bit for bit."""
        shape = n, 3, size, size
        x, target = (torch.rand(shape, generator=self.draws) for _ in "xt")
        mask = (torch.rand(n, 1, size, size, generator=self.draws) < 0.5).float()
        batch = (x, target, mask) if masked else (x, target)
        losses = [step(*batch) for step in (self.captured, self.ordinary)]
        states = [model.state_dict() for model in self.models]
        torch.testing.assert_close(losses[0], losses[1], rtol=0, atol=0)
        torch.testing.assert_close(states[0], states[1], rtol=0, atol=0)
        return losses[0]


def test_steps_are_replayed_with_new_data_and_a_new_learning_rate() -> None:
    both = Beside()
    losses = []
    for index in range(10):
        for optimizer in both.optimizers:
            optimizer.lr = 0.01 / (index + 1)
        losses.append(both.step())
    assert both.recorder.warm_ups == WARM_UP + 1  # the last of them beside the capture
    assert both.recorder.recorded == [(4, 3, 8, 8)]
    assert both.recorder.replays == 10 - WARM_UP
    assert both.warnings == []
    assert len({float(loss) for loss in losses}) == 10  # none is overwritten by a later step


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
    for size in range(4, 4 + MOST_GRAPHS + 2):
        for _ in range(WARM_UP + 2):
            both.step(1, size)
    assert len(both.recorder.recorded) == MOST_GRAPHS
    assert both.recorder.replays == 2 * MOST_GRAPHS
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


class Changing(Module):
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
        self.latest = [torch.zeros(())]

    def change(self, x: Tensor) -> None:
        self.before, self.latest = self.latest, [x.mean()]

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
            "Counts.calls changes from step to step, which a graph does not see. "
            "Keep it in a tensor.",
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
    recorder, warnings = TapeRecorder(), list[str]()
    model = network()
    step = TrainStep(
        model,
        CountingLoss(),
        Adam(model.param()),
        warn=warnings.append,
        recorder_for=lambda device: recorder,
    )
    for _ in range(6):
        step(torch.rand(4, 3, 8, 8), torch.rand(4, 3, 8, 8))
    assert warnings == [
        PREFIX + "CountingLoss.power changes from step to step, which a graph does not see. "
        "Keep it in a tensor."
    ]


def test_it_can_be_switched_off() -> None:
    recorder, model = TapeRecorder(), network()
    step = TrainStep(
        model, MSE(), Adam(model.param()), graph=False, recorder_for=lambda device: recorder
    )
    for _ in range(6):
        step(torch.rand(4, 3, 8, 8), torch.rand(4, 3, 8, 8))
    assert (recorder.warm_ups, recorder.recorded) == (0, [])


@pytest.mark.parametrize(("device", "recorder"), [("cuda", CudaGraphs), ("cpu", Tapes)])
def test_what_captures_on_a_device(device: str, recorder: type) -> None:
    assert type(recorder_for(torch.device(device))) is recorder


def test_nothing_captures_on_other_devices() -> None:
    assert recorder_for(torch.device("meta")) is None


def test_bfloat16_is_captured_too() -> None:
    recorder, warnings = TapeRecorder(), list[str]()
    models = [network(), network()]
    captured, ordinary = (
        TrainStep(
            model,
            MSE(),
            Adam(model.param()),
            precision="bfloat16",
            graph=graph,
            warn=warnings.append,
            recorder_for=lambda device: recorder,
        )
        for model, graph in zip(models, (True, False), strict=True)
    )
    for _ in range(6):
        x, target = torch.rand(4, 3, 8, 8), torch.rand(4, 3, 8, 8)
        torch.testing.assert_close(captured(x, target), ordinary(x, target), rtol=0, atol=0)
    states = [model.state_dict() for model in models]
    torch.testing.assert_close(*states, rtol=0, atol=0)
    assert recorder.replays == 6 - WARM_UP
    assert warnings == []


def test_a_run_of_captured_steps_is_the_run_of_ordinary_ones(
    tiny: Callable[..., Any],
    make_trainer: Callable[..., Any],
    train: Callable[..., Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Also with one that was stopped and resumed, whose steps are captured at other times."""
    spec = tiny("train.epochs=4")  # 12 steps, every third of a smaller batch
    ordinary, captured, resumed = (make_trainer(spec) for _ in range(3))
    train(ordinary, tmp_path / "ordinary")
    recorders: list[TapeRecorder] = []

    def record_anywhere(device: torch.device) -> TapeRecorder:
        recorders.append(TapeRecorder())
        return recorders[-1]

    anywhere = partial(TrainStep, recorder_for=record_anywhere)
    monkeypatch.setattr(trainer_module, "TrainStep", anywhere)
    train(captured, tmp_path / "captured")
    with pytest.raises(Stopped):
        train(make_trainer(spec), tmp_path / "resumed", stop_after=7)
    resumed.restore(load_checkpoint(tmp_path / "resumed" / "last.pkl"))
    train(resumed, tmp_path / "resumed")
    for trainer in (captured, resumed):
        states = trainer.model.state_dict(), ordinary.model.state_dict()
        torch.testing.assert_close(*states, rtol=0, atol=0)
        states = trainer.optimizer.state, ordinary.optimizer.state
        torch.testing.assert_close(*states, rtol=0, atol=0)
    assert [recorder.replays for recorder in recorders] == [5 + 1, 2, 0]


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_on_a_gpu(precision: str) -> None:
    device = torch.device("cuda")
    warnings: list[str] = []
    models = [network().to(device) for _ in range(2)]
    captured, ordinary = (
        TrainStep(
            model,
            MSE(),
            Adam(model.param()),
            precision=precision,
            graph=graph,
            warn=warnings.append,
        )
        for model, graph in zip(models, (True, False), strict=True)
    )
    for index in range(12):
        shape = (2 if index % 3 == 2 else 4, 3, 8, 8)
        x, target = torch.rand(shape, device=device), torch.rand(shape, device=device)
        torch.testing.assert_close(captured(x, target), ordinary(x, target))
    torch.testing.assert_close(models[0].state_dict(), models[1].state_dict())
    assert warnings == []
    assert captured._passes._graphs  # type: ignore[attr-defined]  # it is a Captured on a GPU
