"""What a run computes in: bfloat16, TF32 where there is some, and who says so."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

import zoo.nn
from zoo.architecture import Architecture
from zoo.errors import ArchitectureError, CheckpointError
from zoo.nn import Sigmoid
from zoo.train.checkpoint import load_checkpoint
from zoo.train.precision import check_precision, products_in
from zoo.train.resumable import check_resumable
from zoo.train.trainer import Trainer

Describe = Callable[..., Architecture]
MakeTrainer = Callable[[Architecture], Trainer]
Train = Callable[..., Any]


def all_float32(tensors: dict[str, Tensor]) -> bool:
    return all(tensor.dtype == torch.float32 for tensor in tensors.values())


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
        'Use "float32"{} or "bfloat16", or an NVIDIA GPU of compute capability 8.0 or later.'
    )
    with pytest.raises(ArchitectureError) as error:
        check_precision(spec, torch.device("cpu"))
    assert str(error.value) == message.format("cpu", ', "fast"')
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: (7, 5))
    with pytest.raises(ArchitectureError) as error:
        check_precision(spec, torch.device("cuda", 1))
    assert str(error.value) == message.format("cuda:1", "")
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: (9, 0))
    check_precision(spec, torch.device("cuda", 1))
    for precision in ("float32", "bfloat16"):
        check_precision(tiny(f'train.precision="{precision}"'), torch.device("cpu"))


def test_fast_is_refused_on_a_gpu(tiny: Describe) -> None:
    spec = tiny('train.precision="fast"')
    check_precision(spec, torch.device("cpu"))
    with pytest.raises(ArchitectureError) as error:
        check_precision(spec, torch.device("cuda", 1))
    assert str(error.value) == (
        '--set:1:1: train.precision: is "fast", which is for CPUs, and the device is cuda:1. '
        'Use "float32", "tf32" or "bfloat16", or --device cpu.'
    )


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
        "Only train.epochs, train.schedule, train.checkpoint_every, train.on_divergence, "
        "optimizer.lr and the images' "
        f"place may change: take {path.parent / 'architecture.toml'}, the run's own file, with "
        "--epochs, --data or --set."
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

    class Notes(Sigmoid):
        def forward(self, x: Tensor) -> Tensor:
            seen[self.training].add(torch.get_float32_matmul_precision())
            return super().forward(x)

    def unmeasured(*_: object) -> None:
        raise RuntimeError("not here")

    monkeypatch.setattr(zoo.nn, "Sigmoid", Notes)
    monkeypatch.setattr("zoo.train.signs.measure", unmeasured)  # which is in float32
    warnings: list[str] = []
    trainer = make_trainer(tiny('train.precision="tf32"', "train.epochs=1"))
    train(trainer, tmp_path, warnings=warnings)
    assert warnings == ["the layers' figures cannot be measured: RuntimeError: not here"]
    assert seen == {True: {"high"}, False: {"highest"}}
