"""Every architecture in ``architectures/`` trains, and is the torch.nn network of its layers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from zoo.architecture import Architecture, read_architecture
from zoo.architecture.overrides import parse_overrides
from zoo.plugins.registry import Registry
from zoo.testing import torch_equivalent
from zoo.train.checkpoint import load_checkpoint
from zoo.train.session import load_trained
from zoo.train.trainer import Trainer

ARCHITECTURES = [
    path
    for path in sorted((Path(__file__).parents[2] / "architectures").glob("*.toml"))
    if "plugins = " not in path.read_text("utf-8")  # those are the plugins' to test
]


def test_there_are_some() -> None:
    assert {"n2n_small", "r1", "r2", "r3", "r4", "r5"} <= {path.stem for path in ARCHITECTURES}


@pytest.mark.parametrize("path", ARCHITECTURES, ids=lambda path: path.stem)
def test_trains(
    path: Path,
    registry: Registry,
    base: Path,
    make_trainer: Callable[[Architecture], Trainer],
    train: Callable[..., object],
    tmp_path: Path,
) -> None:
    changes = [
        f'data.source="{base / "photos"}"',
        "data.samples_per_epoch=4",
        "data.noise={type='gaussian', sigma=25}",
        "input={channels=3, height=16, width=16}",  # the images have 20 x 26 pixels
        "train.epochs=1",
        "train.batch_size=2",
    ]
    spec = read_architecture(path, registry, parse_overrides(changes, path.parent))
    trainer = make_trainer(spec)
    before = {name: value.clone() for name, value in trainer.model.state_dict().items()}
    train(trainer, tmp_path)
    assert trainer.progress.step == 2
    for name, value in trainer.model.state_dict().items():
        assert not torch.equal(value, before[name]), name

    _, model = load_trained(tmp_path / "last.pkl", registry)
    reference = torch_equivalent(make_trainer(spec).model)  # still with its initial values
    reference.load_state_dict(load_checkpoint(tmp_path / "last.pkl")["model"], strict=True)
    x = torch.rand(2, 3, 32, 32)
    with torch.no_grad():
        torch.testing.assert_close(model.forward(x), reference(x))
