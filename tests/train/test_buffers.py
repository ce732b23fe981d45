"""A layer's buffers are kept by everything that keeps weights."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

import zoo.nn
from tests.train.test_resume import assert_same_run, resume, stop
from zoo.architecture import Architecture
from zoo.errors import CheckpointError, DivergenceError
from zoo.nn import Sigmoid
from zoo.plugins.registry import Registry
from zoo.train.checkpoint import load_checkpoint, save_checkpoint
from zoo.train.evaluation import denoised
from zoo.train.session import load_trained
from zoo.train.trainer import Trainer

Describe = Callable[..., Architecture]
MakeTrainer = Callable[[Architecture], Trainer]
Train = Callable[..., Any]


class Tracking(Sigmoid):
    """Keeps a running mean of its input and counts batches; evaluation takes the mean away."""

    def __init__(self) -> None:
        super().__init__()
        self.buffers["mean"] = torch.zeros(())
        self.buffers["batches"] = torch.tensor(0)

    def forward(self, x: Tensor) -> Tensor:
        if self.training:
            self.buffers["mean"].lerp_(x.mean(), 0.1)
            self.buffers["batches"] += 1
        return super().forward(x if self.training else x - self.buffers["mean"])


@pytest.fixture(autouse=True)
def in_the_place_of_the_sigmoid(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zoo.nn, "Sigmoid", Tracking)


def test_checkpoints_have_them_and_models_get_them(
    tiny: Describe, make_trainer: MakeTrainer, train: Train, registry: Registry, tmp_path: Path
) -> None:
    trainer = make_trainer(tiny())
    train(trainer, tmp_path)
    content = load_checkpoint(tmp_path / "last.pkl")
    assert list(content["model"])[-2:] == ["3.mean", "3.batches"]
    assert content["model"]["3.batches"].equal(torch.tensor(6))  # validation counts none
    assert content["model"]["3.mean"] != 0

    _, model = load_trained(tmp_path / "last.pkl", registry)
    torch.testing.assert_close(model.state_dict(), content["model"], rtol=0, atol=0)
    (image,) = trainer.validation
    (y,) = denoised(model, [image], torch.device("cpu"))
    error = float((y.clamp(0, 1) - image.reference).double().square().mean())
    assert trainer.metrics[-1]["val_psnr"] == pytest.approx(-10 * math.log10(error), rel=1e-6)


def test_the_best_are_those_of_the_best_epoch(
    tiny: Describe,
    make_trainer: MakeTrainer,
    train: Train,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    scores = iter([20.0, 25.0, 24.0])
    monkeypatch.setattr("zoo.train.trainer.validate_together", lambda *_: (0.1, next(scores)))
    train(make_trainer(tiny("train.epochs=3")), tmp_path)
    for name, batches in (("best", 6), ("last", 9)):
        content = load_checkpoint(tmp_path / f"{name}.pkl")
        assert content["model"]["3.batches"].equal(torch.tensor(batches))


@pytest.mark.parametrize("after", [1, 3, 5])
def test_a_resumed_run_has_the_same(
    after: int, tiny: Describe, make_trainer: MakeTrainer, train: Train, tmp_path: Path
) -> None:
    train(make_trainer(tiny()), tmp_path / "whole")
    stop(make_trainer(tiny()), train, tmp_path / "stopped", after)
    resume(make_trainer(tiny()), train, tmp_path / "stopped")
    assert_same_run(tmp_path / "stopped", tmp_path / "whole")


def test_a_checkpoint_without_one_is_refused(
    tiny: Describe, make_trainer: MakeTrainer, train: Train, registry: Registry, tmp_path: Path
) -> None:
    path = tmp_path / "last.pkl"
    train(make_trainer(tiny("train.epochs=1")), tmp_path)
    content = load_checkpoint(path)
    del content["model"]["3.mean"]
    save_checkpoint(path, content)
    with pytest.raises(CheckpointError) as error:
        load_trained(path, registry)
    assert str(error.value) == f"{path}: Sequential: the state differs: 3.mean is missing."


def test_one_that_is_no_finite_number_ends_the_run(
    tiny: Describe,
    make_trainer: MakeTrainer,
    train: Train,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    forward = Tracking.forward

    def overflow(self: Tracking, x: Tensor) -> Tensor:
        y = forward(self, x)
        self.buffers["mean"].fill_(math.inf)
        return y

    monkeypatch.setattr(Tracking, "forward", overflow)
    with pytest.raises(DivergenceError) as error:
        train(make_trainer(tiny()), tmp_path)
    assert str(error.value) == (
        "training diverged at step 1 of 6 (epoch 1, lr 0.01): layer 3 (sigmoid, tiny.toml:9:5): "
        "its buffer mean is not finite, though all outputs are.\n"
        "  Its own forward makes it: what it is given is at most 1.31, and weights are at most "
        "0.191. Check the layer: zoo plugin check."
    )
