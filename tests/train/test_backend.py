"""A run by torch.nn is the run by zoo, but for rounding."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from tests.engine import shipped
from tests.train.test_divergence import spoil_batch
from tests.train.test_resume import assert_same_run, resume, stop
from tests.train.test_trainer import UNBOUNDED
from zoo.architecture import Architecture
from zoo.errors import ArgumentError, CheckpointError, DivergenceError
from zoo.plugins.discovery import discover
from zoo.plugins.registry import Registry, load_registry
from zoo.torch_backend import TorchBackend
from zoo.train.bundle import replay
from zoo.train.checkpoint import load_checkpoint
from zoo.train.named_layers import named_layers
from zoo.train.resumable import check_resumable
from zoo.train.session import load_trained
from zoo.train.statistics import read_statistics
from zoo.train.trainer import Trainer

Describe = Callable[..., Architecture]
MakeTrainer = Callable[..., Trainer]
Train = Callable[..., Any]
CPU = torch.device("cpu")
TORCH = "train.backend=torch"
SGD = 'optimizer={type="sgd", lr=0.5, momentum=0.9, weight_decay=1e-4}'
OPTIMIZERS = {
    "momentum": SGD,
    "adam": 'optimizer={type="adam", lr=0.01, amsgrad=true}',
    "adamw": 'optimizer={type="adamw", lr=0.01}',
    "rmsprop": 'optimizer={type="rmsprop", lr=0.001, momentum=0.5, centered=true}',
}


@pytest.fixture(scope="module")
def descent() -> Registry:
    """The built-ins, and the optimizers of zoo-descent where that is installed."""
    return load_registry(discover({"ZOO_PLUGINS": "zoo-descent"}))


def both(
    spec_of: Callable[..., Architecture],
    make_trainer: MakeTrainer,
    train: Train,
    folder: Path,
    *changes: str,
) -> list[Trainer]:
    """The trainers of a finished run by zoo and of one by torch.nn."""
    trainers = [make_trainer(spec_of(*changes, *backend)) for backend in ((), (TORCH,))]
    for trainer, name in zip(trainers, ("zoo", "torch"), strict=True):
        train(trainer, folder / name, warnings=[])
    return trainers


def assert_close(trainers: list[Trainer], *, psnr: float, rtol: float) -> None:
    """The same epochs: losses to ``rtol``, PSNR to ``psnr`` dB."""
    own, other = (trainer.metrics for trainer in trainers)
    assert len(own) == len(other) > 0
    for line, expected in zip(own, other, strict=True):
        assert (line["step"], line["lr"]) == (expected["step"], expected["lr"])
        for key in ("train_loss", "val_loss"):
            assert line[key] == pytest.approx(expected[key], rel=rtol)
        assert line["val_psnr"] == pytest.approx(expected["val_psnr"], abs=psnr)


@pytest.mark.parametrize("name", sorted(path.stem for path in shipped.ARCHITECTURES.glob("*.toml")))
def test_shipped_architectures(
    name: str,
    make_trainer: MakeTrainer,
    train: Train,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "photos").mkdir()
    draws = np.random.default_rng(0)
    for index in range(3):
        coarse = Image.fromarray(draws.integers(256, size=(5, 6, 3), dtype=np.uint8))
        coarse.resize((40, 36)).save(tmp_path / "photos" / f"{index}.png")
    size = 32 if name == "n2n_unet" else 16
    changes = [
        f'data.source="{tmp_path / "photos"}"',
        "data.samples_per_epoch=2",
        "data.noise={type='gaussian', sigma=25}",
        f"input={{channels=3, height={size}, width={size}}}",
        "train.epochs=2",
        "train.batch_size=2",
    ]
    trainers = []
    for backend in ("zoo", "torch"):
        compiler = shipped.compiler(name, monkeypatch, *changes, f"train.backend={backend}")
        trainers.append(make_trainer(compiler.architecture, compiler.registry))
        train(trainers[-1], tmp_path / backend, warnings=[])
    assert_close(trainers, psnr=0.01, rtol=1e-3)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_resumed_bit_for_bit(
    optimizer: str,
    tiny: Describe,
    make_trainer: MakeTrainer,
    train: Train,
    descent: Registry,
    tmp_path: Path,
) -> None:
    """And the checkpoints are those of the run by zoo, but for rounding."""
    if optimizer in ("adamw", "rmsprop"):
        pytest.importorskip("zoo_descent", reason="the plugin zoo-descent is not installed")

    def trainer(*changes: str) -> Trainer:
        return make_trainer(tiny(OPTIMIZERS[optimizer], *changes, registry=descent), descent)

    train(trainer(TORCH), tmp_path / "whole", warnings=[])
    stop(trainer(TORCH), train, tmp_path / "stopped", 2)  # before an epoch's last step, and after
    stop_again = trainer(TORCH)
    stop_again.restore(load_checkpoint(tmp_path / "stopped" / "last.pkl"))
    stop(stop_again, train, tmp_path / "stopped", 4)
    resume(trainer(TORCH), train, tmp_path / "stopped")
    assert_same_run(tmp_path / "stopped", tmp_path / "whole")

    train(trainer(), tmp_path / "zoo", warnings=[])
    here, there = (load_checkpoint(tmp_path / run / "last.pkl") for run in ("whole", "zoo"))
    torch.testing.assert_close(here["model"], there["model"], rtol=1e-3, atol=1e-4)
    states = here["optimizer"].pop("state"), there["optimizer"].pop("state")
    torch.testing.assert_close(*states, rtol=1e-3, atol=1e-5)
    assert here["optimizer"] == there["optimizer"]
    assert here.keys() == there.keys()


def test_the_runs_of_both(
    tiny: Describe, make_trainer: MakeTrainer, train: Train, registry: Registry, tmp_path: Path
) -> None:
    """Weights, losses and figures of layers are equal; a checkpoint of one is any other's."""
    trainers = both(tiny, make_trainer, train, tmp_path, SGD, "train.epochs=3")
    assert_close(trainers, psnr=1e-4, rtol=1e-5)
    own, other = (trainer.model.state_dict() for trainer in trainers)
    torch.testing.assert_close(own, other, rtol=1e-4, atol=1e-6)
    layers = named_layers(trainers[0].architecture, trainers[0].model)
    lines = [
        read_statistics(tmp_path / it / "statistics.jsonl", 9, layers)[0] for it in ("zoo", "torch")
    ]
    assert [len(found) for found in lines] == [4, 4]
    for line, expected in zip(*lines, strict=True):
        for figures, wanted in zip(line["layers"], expected["layers"], strict=True):
            for key, value in wanted.items():
                text = value is None or isinstance(value, str)
                assert figures[key] == (value if text else pytest.approx(value, 1e-3, 1e-6)), key
    _, model = load_trained(tmp_path / "torch" / "best.pkl", registry)
    torch.testing.assert_close(model.state_dict(), other, rtol=0, atol=0)


@pytest.mark.parametrize(
    "changes",
    [
        ["data.noise={type='bernoulli', keep=0.5}"],
        ["data.noise={type='bernoulli', keep=0.5}", 'loss="l1"'],
        ["data.target='blind_spot'"],
        [
            "data.target='neighbors'",
            "input={channels=3, height=8, width=8}",
        ],  # whose target the network's own output corrects
    ],
    ids=["bernoulli", "l1", "blind_spot", "neighbors"],
)
def test_masks_and_corrected_targets(
    changes: list[str], tiny: Describe, make_trainer: MakeTrainer, train: Train, tmp_path: Path
) -> None:
    trainers = both(tiny, make_trainer, train, tmp_path, SGD, *changes)
    assert_close(trainers, psnr=1e-3, rtol=1e-4)


def test_bfloat16(tiny: Describe, make_trainer: MakeTrainer, train: Train, tmp_path: Path) -> None:
    reduced = both(tiny, make_trainer, train, tmp_path, SGD, "train.precision=bfloat16")
    assert_close(reduced, psnr=0.1, rtol=1e-2)
    whole = make_trainer(tiny(SGD, TORCH))
    train(whole, tmp_path / "float32")
    assert whole.metrics[-1]["train_loss"] != reduced[1].metrics[-1]["train_loss"]


def test_a_run_that_diverges(
    tiny: Describe,
    make_trainer: MakeTrainer,
    train: Train,
    registry: Registry,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    trainer = make_trainer(tiny(TORCH))
    spoil_batch(trainer, monkeypatch, 1, 1, float("nan"))
    with pytest.raises(DivergenceError) as error:
        train(trainer, tmp_path)
    assert str(error.value).startswith(
        "training diverged at step 5 of 6 (epoch 2, lr 0.0025): the input of the batch has values "
        "that are not finite."
    )
    assert replay(tmp_path / "diverged.pkl", registry, CPU, pytest.fail).same


def test_a_run_that_goes_back(
    tiny: Describe, make_trainer: MakeTrainer, train: Train, tmp_path: Path
) -> None:
    spec = tiny(TORCH, *UNBOUNDED, "train.on_divergence={returns=2, lr_factor=1e-31}")
    trainer = make_trainer(spec)
    warnings: list[str] = []
    train(trainer, tmp_path, warnings=warnings)
    assert trainer.is_finished
    assert trainer.progress.returns == 1
    assert any("Going back to step 0" in warning for warning in warnings)


def test_another_backend_is_refused(tiny: Describe, finished: tuple[Trainer, Path]) -> None:
    path = finished[1] / "last.pkl"
    content = load_checkpoint(path)
    with pytest.raises(CheckpointError) as error:
        check_resumable(path, content, tiny(TORCH))
    assert str(error.value).startswith(
        f'{path}: another architecture: train.backend was "zoo", is "torch". Only train.epochs, '
    )
    # A checkpoint of before there was a choice is one by zoo.
    content["architecture"] = content["architecture"].replace('backend = "zoo"\n', "")
    assert "backend" not in content["architecture"]
    assert check_resumable(path, content, tiny()) == {}
    with pytest.raises(CheckpointError):
        check_resumable(path, content, tiny(TORCH))


def test_an_optimizer_state_of_something_else_is_refused(
    tiny: Describe, make_trainer: MakeTrainer, train: Train, tmp_path: Path
) -> None:
    trainer = make_trainer(tiny(TORCH))
    train(trainer, tmp_path)
    content = load_checkpoint(tmp_path / "last.pkl")
    content["optimizer"]["state"][0]["exp_avg_sq"] -= 1
    fresh = make_trainer(tiny(TORCH))
    with pytest.raises(CheckpointError) as error:
        fresh.restore(content)
    assert "exp_avg_sq has values below 0" in str(error.value)


def test_a_trainer_by_another_backend_than_the_architectures(
    tiny: Describe, make_trainer: MakeTrainer
) -> None:
    trainer = make_trainer(tiny())
    arguments = (trainer.architecture, trainer.compiler, trainer.model, trainer.batches)
    with pytest.raises(ArgumentError) as error:
        Trainer(*arguments, trainer.validation, CPU, make_backend=TorchBackend)
    assert str(error.value) == (
        "Trainer: the backend is torch, and the architecture's is zoo. Use the same."
    )
