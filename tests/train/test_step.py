from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

import zoo.train.backend as backend_module
from zoo.errors import Stopped
from zoo.nn import L1, MSE, Conv2d, ReLU, Sequential, Sigmoid
from zoo.optim import SGD
from zoo.testing import torch_equivalent
from zoo.train import TrainStep
from zoo.train.checkpoint import load_checkpoint


@pytest.fixture
def model() -> Sequential:
    draws = torch.Generator().manual_seed(1)
    return Sequential(
        Conv2d(3, 4, 3, padding=1, generator=draws),
        ReLU(),
        Conv2d(4, 3, 3, padding=1, generator=draws),
        Sigmoid(),
    ).to(torch.float64)


def images(*shape: int) -> Tensor:
    return torch.rand(*shape, dtype=torch.float64)


@pytest.mark.parametrize(
    ("loss_class", "loss_of_torch"),
    [(MSE, torch.nn.functional.mse_loss), (L1, torch.nn.functional.l1_loss)],
)
def test_one_step_is_that_of_autograd(
    model: Sequential,
    loss_class: type[MSE] | type[L1],
    loss_of_torch: Callable[[Tensor, Tensor], Tensor],
) -> None:
    reference = torch_equivalent(model)
    optimizer = torch.optim.SGD(reference.parameters(), lr=0.5, momentum=0.9)
    step = TrainStep(model, loss_class(), SGD(model.param(), lr=0.5, momentum=0.9))
    for _ in range(2):  # the second step sees gradients and momentum of the first
        x, target = images(2, 3, 8, 8), images(2, 3, 8, 8)
        loss = step(x, target)
        expected = loss_of_torch(reference(x), target)
        optimizer.zero_grad()
        expected.backward()  # type: ignore[no-untyped-call]  # torch's own
        optimizer.step()
        assert loss.shape == ()
        assert not loss.requires_grad
        torch.testing.assert_close(loss, expected.detach())
        torch.testing.assert_close(model.state_dict(), dict(reference.state_dict()))


def test_the_mask_reaches_the_loss(model: Sequential) -> None:
    reference = torch_equivalent(model)
    x, target = images(2, 3, 8, 8), images(2, 3, 8, 8)
    mask = (torch.rand(2, 1, 8, 8) < 0.5).double()
    loss = TrainStep(model, MSE(), SGD(model.param(), lr=0.5))(x, target, mask)
    kept = mask.expand_as(target).bool()
    expected = (reference(x) - target)[kept].square().mean()
    expected.backward()
    torch.testing.assert_close(loss, expected.detach())
    for (value, _), parameter in zip(model.param(), reference.parameters(), strict=True):
        assert parameter.grad is not None
        torch.testing.assert_close(value, parameter.detach() - 0.5 * parameter.grad)


def test_a_loss_without_a_mask_is_called_without_one(model: Sequential) -> None:
    class Plain:
        def forward(self, y: Tensor, target: Tensor) -> Tensor:
            self.y = y
            return (y - target).abs().sum()

        def backward(self) -> Tensor:
            return torch.zeros_like(self.y)

    loss: Any = Plain()
    step = TrainStep(model, loss, SGD(model.param(), lr=0.5))
    assert step(images(1, 3, 8, 8), images(1, 3, 8, 8)).shape == ()


def test_autograd_is_off_inside() -> None:
    seen = []

    class Spy(ReLU):
        def forward(self, x: Tensor) -> Tensor:
            seen.append(torch.is_grad_enabled() or x.requires_grad)
            return super().forward(x)

        def backward(self, grad_y: Tensor) -> Tensor:
            seen.append(torch.is_grad_enabled() or grad_y.requires_grad)
            return super().backward(grad_y)

    model = Sequential(Conv2d(3, 3, 1), Spy())
    TrainStep(model, MSE(), SGD(model.param(), lr=0.1))(
        torch.rand(1, 3, 4, 4, requires_grad=True), torch.rand(1, 3, 4, 4)
    )
    # x itself requires a gradient, what the first layer makes of it does not
    assert seen == [False, False]
    assert torch.is_grad_enabled()
    assert not any(value.requires_grad for value, _ in model.param())


def test_targets_to_255_give_the_gradient_of_images_in_0_1(model: Sequential) -> None:
    """R5 trains on 0..255, multiplies the output by 255 and divides its gradient by 255.

    Its loss is 255^2 times that of [0, 1]: d/dy of (255 y - 255 t)^2, through the factor 255 of the
    output, is 255^2 times as large. It leaves that factor out of its backward pass and divides by
    255 instead, so the gradient that reaches the sigmoid is the one of [0, 1].
    """
    x, target = images(2, 3, 8, 8), images(2, 3, 8, 8)
    loss = MSE()
    gradients = []
    for scale in (1.0, 255.0):
        model.zero_grad()
        loss.forward(model.forward(x) * scale, target * scale)
        model.backward(loss.backward() / scale)
        gradients.append([gradient.clone() for _, gradient in model.param()])
    torch.testing.assert_close(gradients[1], gradients[0])
    assert all(bool(gradient.any()) for gradient in gradients[0])


def test_a_run_of_recorded_steps_is_the_run_of_ordinary_ones(
    tiny: Callable[..., Any],
    make_trainer: Callable[..., Any],
    train: Callable[..., Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Also with one that was stopped and resumed, whose steps are recorded at other times."""
    spec = tiny("train.epochs=4")  # 12 steps, every third of a smaller batch
    ordinary, recorded, resumed = (make_trainer(spec) for _ in range(3))
    with monkeypatch.context() as patch:
        patch.setattr(backend_module, "TrainStep", partial(TrainStep, capture=False))
        train(ordinary, tmp_path / "ordinary")
    train(recorded, tmp_path / "recorded")
    with pytest.raises(Stopped):
        train(make_trainer(spec), tmp_path / "resumed", stop_after=7)
    resumed.restore(load_checkpoint(tmp_path / "resumed" / "last.pkl"))
    train(resumed, tmp_path / "resumed")
    for trainer in (recorded, resumed):
        states = trainer.model.state_dict(), ordinary.model.state_dict()
        torch.testing.assert_close(*states, rtol=0, atol=0)
        states = trainer.optimizer.state, ordinary.optimizer.state
        torch.testing.assert_close(*states, rtol=0, atol=0)
