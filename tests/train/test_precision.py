"""What a step computes in: the copy in bfloat16, TF32 where there is some, and who says so."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from zoo.architecture import Architecture
from zoo.errors import ArchitectureError, CheckpointError
from zoo.nn import MSE, Conv2d, Module, Sequential, Sigmoid
from zoo.optim import Adam
from zoo.train import TrainStep
from zoo.train.checkpoint import load_checkpoint
from zoo.train.precision import InBfloat16, check_precision, products_in
from zoo.train.session import check_resumable
from zoo.train.trainer import Trainer

Describe = Callable[..., Architecture]
MakeTrainer = Callable[[Architecture], Trainer]
Train = Callable[..., Any]


class Spy(Module):
    """Passes x through, and notes the dtypes that it is given."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[torch.dtype] = []
        self.buffers["mean"] = torch.zeros(4)

    def __deepcopy__(self, memo: dict[int, Any]) -> Spy:
        copied = Spy()
        copied.seen = self.seen
        return copied

    def forward(self, x: Tensor) -> Tensor:
        self.seen.append(x.dtype)
        self.buffers["mean"].add_(x.mean((0, 2, 3)))
        return x

    def backward(self, grad_y: Tensor) -> Tensor:
        self.seen.append(grad_y.dtype)
        return grad_y


@pytest.fixture
def model() -> Sequential:
    draws = torch.Generator().manual_seed(1)
    return Sequential(
        Conv2d(3, 4, 3, padding=1, generator=draws),
        Spy(),
        Conv2d(4, 3, 3, padding=1, generator=draws),
        Sigmoid(),
    )


def all_float32(tensors: dict[str, Tensor]) -> bool:
    return all(tensor.dtype == torch.float32 for tensor in tensors.values())


def test_a_step_in_bfloat16(model: Sequential) -> None:
    optimizer = Adam(model.param(), lr=0.01)
    step = TrainStep(model, MSE(), optimizer, precision="bfloat16")
    draws = torch.Generator().manual_seed(2)
    x, target = (torch.rand(4, 3, 8, 8, generator=draws) for _ in "xt")
    losses = [step(x, target) for _ in range(60)]
    assert set(model[1].seen) == {torch.bfloat16}  # type: ignore[attr-defined]  # a Spy
    assert {loss.dtype for loss in losses} == {torch.float32}
    assert float(losses[-1]) < 0.8 * float(losses[0])
    assert all_float32(model.state_dict())
    assert all_float32({str(index): pair.gradient for index, pair in enumerate(model.param())})
    assert all(all_float32(state) for state in optimizer.state)
    assert (model.state_dict()["1.mean"] != 0).any()  # the running statistics are those of the copy


def test_gradients_are_those_of_float32_within_bfloat16s_rounding(model: Sequential) -> None:
    draws = torch.Generator().manual_seed(2)
    x, target = (torch.rand(4, 3, 8, 8, generator=draws) for _ in "xt")
    loss = MSE()
    loss.forward(model.forward(x), target)
    model.backward(loss.backward())
    expected = [parameter.gradient.clone() for parameter in model.param()]
    model.zero_grad()
    network = InBfloat16(model)
    y = network.forward(x)
    assert y.dtype == torch.float32
    loss.forward(y, target)
    network.backward_parameters(loss.backward())
    for parameter, gradient in zip(model.param(), expected, strict=True):
        error = (parameter.gradient - gradient).norm() / gradient.norm()
        assert 0 < error < 0.1  # some roundings of 2^-8 each, in sums that cancel


class ReplacesItsBuffer(Module):
    def __init__(self) -> None:
        super().__init__()
        self.buffers["mean"] = torch.zeros(4)

    def forward(self, x: Tensor) -> Tensor:
        self.buffers["mean"] = 0.5 * self.buffers["mean"] + x.mean((0, 2, 3))
        return x


def test_buffers_that_a_layer_replaces_are_kept_in_float32() -> None:
    model = Sequential(ReplacesItsBuffer(), Conv2d(4, 1, 1))
    network = InBfloat16(model)
    for _ in range(2):
        network.forward(torch.ones(1, 4, 2, 2))
    mean = model.state_dict()["0.mean"]
    assert (mean.tolist(), mean.dtype) == ([1.5] * 4, torch.float32)


def test_updates_too_small_for_bfloat16_are_kept() -> None:
    """A weight of 1 has neighbours at 2^-7 in bfloat16: ten steps of 0.001 would be lost."""
    model = Sequential(Conv2d(1, 1, 1, bias=False))
    model[0].weight.fill_(1.0)
    step = TrainStep(model, MSE(), Adam(model.param(), lr=1e-3), precision="bfloat16")
    for _ in range(10):
        step(torch.ones(1, 1, 2, 2), torch.zeros(1, 1, 2, 2))
    assert float(model[0].weight) == pytest.approx(0.99, abs=1e-4)


@pytest.mark.parametrize(
    ("precision", "within"), [("float32", "highest"), ("bfloat16", "highest"), ("tf32", "high")]
)
def test_products_are_as_before_afterwards(precision: str, within: str) -> None:
    with products_in("tf32"):
        with suppress(ZeroDivisionError), products_in(precision):
            assert torch.get_float32_matmul_precision() == within
            raise ZeroDivisionError
        assert torch.get_float32_matmul_precision() == "high"
    assert torch.get_float32_matmul_precision() == "highest"


def test_tf32_is_refused_where_there_is_none(
    tiny: Describe, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = tiny('train.precision="tf32"')
    message = (
        '--set:1:1: train.precision: is "tf32", and the device {} has no TF32. '
        'Use "float32" or "bfloat16", or an NVIDIA GPU of compute capability 8.0 or later.'
    )
    with pytest.raises(ArchitectureError) as error:
        check_precision(spec, torch.device("cpu"))
    assert str(error.value) == message.format("cpu")
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: (7, 5))
    with pytest.raises(ArchitectureError) as error:
        check_precision(spec, torch.device("cuda", 1))
    assert str(error.value) == message.format("cuda:1")
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: (9, 0))
    check_precision(spec, torch.device("cuda", 1))
    for precision in ("float32", "bfloat16"):
        check_precision(tiny(f'train.precision="{precision}"'), torch.device("cpu"))


def test_a_run_in_bfloat16_is_saved_in_float32_and_resumed(
    tiny: Describe, make_trainer: MakeTrainer, train: Train, tmp_path: Path
) -> None:
    spec = tiny('train.precision="bfloat16"')
    train(make_trainer(spec), tmp_path / "whole")
    with pytest.raises(Exception, match="stopped and saved"):
        train(make_trainer(spec), tmp_path / "stopped", stop_after=4)
    trainer = make_trainer(spec)
    trainer.restore(load_checkpoint(tmp_path / "stopped" / "last.pkl"))
    train(trainer, tmp_path / "stopped")
    whole, resumed = (
        load_checkpoint(tmp_path / name / "last.pkl")["model"] for name in ("whole", "stopped")
    )
    assert all_float32(whole)
    torch.testing.assert_close(resumed, whole, rtol=0, atol=0)


def test_a_run_is_resumed_in_its_own_precision_only(
    tiny: Describe, finished: tuple[Trainer, Path]
) -> None:
    path = finished[1] / "last.pkl"
    with pytest.raises(CheckpointError) as error:
        check_resumable(path, load_checkpoint(path), tiny('train.precision="bfloat16"'))
    assert str(error.value) == (
        f'{path}: another architecture: train.precision was "float32", is "bfloat16". '
        f"Only train.epochs may change; the run's own file is {path.parent / 'architecture.toml'}."
    )


def test_what_training_computes_in(
    tiny: Describe,
    make_trainer: MakeTrainer,
    train: Train,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Products are set for the steps; validation finds what was set before the run."""
    seen: dict[bool, set[str]] = {True: set(), False: set()}

    def note(model: Sequential, x: Tensor) -> Tensor:
        seen[model.training].add(torch.get_float32_matmul_precision())
        return forward(model, x)

    forward = Sequential.forward
    monkeypatch.setattr(Sequential, "forward", note)
    train(make_trainer(tiny('train.precision="tf32"', "train.epochs=1")), tmp_path)
    assert seen == {True: {"high"}, False: {"highest"}}
