"""A run that begins with trained weights."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from zoo.architecture import Architecture
from zoo.compiler import Compiler
from zoo.errors import CheckpointError
from zoo.plugins.registry import Registry
from zoo.train.checkpoint import load_checkpoint
from zoo.train.find_model import find_model
from zoo.train.session import unfilled_model
from zoo.train.starting_weights import start_from
from zoo.train.trainer import Trainer

Describe = Callable[..., Architecture]


def test_the_weights_are_those_of_the_model(
    finished: tuple[Trainer, Path], tiny: Describe, registry: Registry
) -> None:
    model = unfilled_model(Compiler(tiny("train.seed=5"), registry))
    path = finished[1] / "best.pkl"
    recorded = start_from(model, find_model(finished[1], registry))
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    assert recorded == {"name": str(finished[1]), "sha256": digest}
    torch.testing.assert_close(model.state_dict(), load_checkpoint(path)["model"], rtol=0, atol=0)


def test_all_that_differs_is_named(
    finished: tuple[Trainer, Path], tiny: Describe, registry: Registry
) -> None:
    layers = '[{type = "conv2d", out_channels = 5, kernel_size = 3, padding = 1},'
    layers += '{type = "conv2d", out_channels = 3, kernel_size = 3, padding = 1}]'
    model = unfilled_model(Compiler(tiny(f"layers={layers}"), registry))
    with pytest.raises(CheckpointError) as caught:
        start_from(model, find_model(finished[1], registry))
    assert str(caught.value) == (
        f"--weights {finished[1]}: Sequential: the state differs: 1.weight is missing; "
        "1.bias is missing; 2.1.weight is unexpected; 2.1.bias is unexpected; "
        "0.weight has shape (4, 3, 3, 3) instead of (5, 3, 3, 3); "
        "0.bias has shape (4,) instead of (5,). Use an architecture with that model's layers."
    )


def test_a_run_and_its_resumption_keep_what_it_started_from(
    tiny: Describe,
    make_trainer: Callable[[Architecture], Trainer],
    train: Callable[..., Any],
    tmp_path: Path,
) -> None:
    origin = {"name": "photo", "sha256": "0" * 64}
    trainer = make_trainer(tiny("train.epochs=1"))
    trainer.started_from = origin
    train(trainer, tmp_path / "run")
    content = load_checkpoint(tmp_path / "run" / "last.pkl")
    assert content["started_from"] == origin
    resumed = make_trainer(tiny("train.epochs=1"))
    resumed.restore(content)
    assert resumed.checkpoint()["started_from"] == origin
