"""What is warned of before a run has failed, and what is not."""

from __future__ import annotations

import json
import math
import os
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

import zoo.nn
from tests.train.test_resume import resume, stop
from zoo.architecture import Architecture
from zoo.describe.signs import signs_of_layers, signs_of_losses, signs_of_rate, signs_of_swings
from zoo.nn import Sigmoid
from zoo.train.checkpoint import load_checkpoint
from zoo.train.layer_statistics import DISTRIBUTIONS, FIGURES, LayerStatistics
from zoo.train.named_layers import NamedLayer, named_layers
from zoo.train.snapshot import Snapshot
from zoo.train.statistics import measure, read_statistics
from zoo.train.trainer import Trainer

Describe = Callable[..., Architecture]
MakeTrainer = Callable[[Architecture], Trainer]
Train = Callable[..., Any]


def losses(*values: float, key: str = "val_loss") -> list[dict[str, float]]:
    return [{"train_loss": 1.0, "val_loss": 1.0, key: value} for value in values]


@pytest.mark.parametrize(
    ("values", "warned"),
    [
        ((1.0, 1.1, 1.2, 1.3), True),
        ((9.0, 1.0, 1.1, 1.2, 1.3), True),
        ((1.0, 1.1, 1.2), False),  # three epochs rise twice
        ((1.0, 1.1, 1.05, 1.3), False),
        ((1.0, 1.01, 1.02, 1.03), False),  # as at the end of a run that is done
        ((1.0, math.nan, 1.2, 1.3), False),
    ],
)
@pytest.mark.parametrize("key", ["train_loss", "val_loss"])
def test_a_loss_that_rises(key: str, values: tuple[float, ...], warned: bool) -> None:
    found = [name for name, _ in signs_of_losses(losses(*values, key=key))]
    assert found == ([f"rising {key}"] if warned else [])


LAYERS = [
    NamedLayer("0", "conv2d", "net.toml", 3, 1),
    NamedLayer("1", "relu", "net.toml", 8, 1),
    NamedLayer("2", "conv2d", "net.toml", 11, 1),
    NamedLayer("3", "sigmoid", "net.toml", 16, 1),
]


def figures(layer: NamedLayer, **changes: float) -> LayerStatistics:
    numbers = dict.fromkeys(FIGURES, math.nan) | {"gradient": 1.0, "dead": 0.0} | changes
    return LayerStatistics(layer.name, layer.type, layer.file, layer.line, layer.column, **numbers)


def healthy(**changes: dict[str, float]) -> list[LayerStatistics]:
    """A network of LAYERS with nothing wrong, but for changes: ``_1={"dead": 1.0}``."""
    weights = {"weight": 0.1, "weight_gradient": 1e-3, "update": 1e-3}
    of = {"0": weights, "2": weights, "3": {"saturated": 0.1}}
    for name, change in changes.items():
        of[name[1:]] = of.get(name[1:], {}) | change
    return [figures(layer, **of.get(layer.name, {})) for layer in LAYERS]


def test_a_validation_loss_that_goes_up_and_down() -> None:
    moving = healthy(_2={"update": 0.04})
    steady = losses(1.0, 1.2, 1.0, 1.2)
    assert list(signs_of_swings(steady, moving, LAYERS)) == []
    assert list(signs_of_swings(losses(1.0, 2.0, 3.0, 1.0), moving, LAYERS)) == []
    ((_, message),) = signs_of_swings(losses(1.0, 1.5, 1.0, 1.5), moving, LAYERS)
    assert message == (
        "the validation loss goes up and down, 1, 1.5, 1, 1.5: steps are too large, most in layer "
        "2 (conv2d, net.toml:11:1): 4 % of its weights a step. Use a smaller learning rate, a "
        "schedule that lowers it such as cosine, or adam."
    )
    ((_, unmeasured),) = signs_of_swings(losses(1.0, 1.5, 1.0, 1.5), (), LAYERS)  # on resuming
    assert ": steps are too large. Use " in unmeasured


def test_dead_saturated_and_unreached_layers() -> None:
    assert list(signs_of_layers(healthy(), LAYERS)) == []
    bad = healthy(_1={"dead": 0.75}, _3={"saturated": 0.95}, _0={"gradient": 1e-9})
    assert [message for _, message in signs_of_layers(bad, LAYERS)] == [
        "layer 1 (relu, net.toml:8:1): 75 % of its channels are 0 for every pixel of every image "
        "(dead ReLUs, which no gradient gets through). Use a smaller learning rate, an initializer "
        "such as he_normal, or leaky_relu.",
        "layer 3 (sigmoid, net.toml:16:1): 95 % of its values are at its bounds (saturated: no "
        "gradient gets through). Use a smaller learning rate, or smaller initial weights.",
        "layer 0 (conv2d, net.toml:3:1): the gradient vanishes, 1e-09 beside 1 at the network's "
        "output, so that it does not learn. Look at what follows it for dead or saturated layers, "
        "and at the initializer.",
    ]


def test_a_rate_that_moves_nothing() -> None:
    slow = healthy(_0={"update": 1e-8}, _2={"update": 3e-8})
    assert list(signs_of_rate(slow, 1e-9, 10**6)) == []  # that many steps move something
    ((_, message),) = signs_of_rate(slow, 1e-9, 1000)
    assert message == (
        "the learning rate 1e-09 is too small: if all 1,000 steps went the same way, no layer's "
        "weights would change by more than 0.003 %. Use a larger one."
    )
    assert list(signs_of_rate(healthy(_0={"update": math.inf}), 1e-9, 1000)) == []
    ((_, message),) = signs_of_rate(healthy(_0={"update": 0.0}, _2={"update": 0.0}), 1e-40, 10**9)
    assert message == (
        "the learning rate 1e-40 is too small: the first step moves no weight at all. "
        "Use a larger one."
    )
    still = {"update": 0.0, "weight_gradient": 0.0}
    assert list(signs_of_rate(healthy(_0=still, _2=still), 0.1, 1000)) == []  # not the rate's fault
    for other in ({"_3": {"saturated": 0.9}}, {"_1": {"dead": 0.75}}):  # it is these
        stuck = healthy(_0={"update": 1e-8}, _2={"update": 3e-8}, **other)
        assert list(signs_of_rate(stuck, 0.1, 1000)) == []
        assert len(list(signs_of_rate(stuck, 0.0, 1000))) > 0
    assert list(signs_of_rate(healthy(), 1e-9, 2)) == []  # few steps are no fault of the rate


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (('optimizer={type="sgd", lr=1e6}',), ["layer 3 (sigmoid, tiny.toml:9:5): 100 % of its"]),
        (
            ('layers.0.bias_init={type="constant", value=-9.0}',),
            ["layer 1 (relu, tiny.toml:7:5): 100 % of its channels", "layer 0 (conv2d, tiny"],
        ),
        (("optimizer.lr=1e-9",), ["the learning rate 1e-09 is too small: if all 6 steps"]),
        (('optimizer={type="sgd", lr=1e-300}',), ["the learning rate 1e-300 is too small: the f"]),
        (('optimizer={type="sgd", lr=1e-40}',), ["the learning rate 1e-40 is too small: "]),
        (('optimizer={type="adam", lr=1e-12}',), ["the learning rate 1e-12 is too small: "]),
        (('optimizer={type="adam", lr=0.0}',), ["the learning rate 0 is too small: the first"]),
        ((), []),
        (('layers.0.init="he_normal"', 'layers.2.init="zeros"'), []),
    ],
)
def test_signs_of_real_runs(
    changes: tuple[str, ...],
    expected: list[str],
    tiny: Describe,
    make_trainer: MakeTrainer,
    train: Train,
    tmp_path: Path,
) -> None:
    """Each is told once, though it is there after each of the epochs."""
    warnings: list[str] = []
    train(make_trainer(tiny(*changes)), tmp_path, warnings=warnings)
    assert sum(message.startswith(tuple(expected)) for message in warnings) == len(expected)
    if not expected:
        assert warnings == []
    assert len(warnings) == len(set(warnings))


def test_what_was_told_is_not_told_again_when_resumed(
    tiny: Describe, make_trainer: MakeTrainer, train: Train, tmp_path: Path
) -> None:
    spec = tiny('layers.0.bias_init={type="constant", value=-9.0}')
    first: list[str] = []
    from zoo.errors import Stopped

    with pytest.raises(Stopped):
        train(make_trainer(spec), tmp_path, warnings=first, stop_after=4)
    assert len(first) == 2
    resume(make_trainer(spec), train, tmp_path)  # a warning would be an error


def test_measuring_changes_nothing(
    tiny: Describe,
    make_trainer: MakeTrainer,
    train: Train,
    finished: tuple[Trainer, Path],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """The weights of a run without any figures are the same bit for bit."""

    def unmeasured(*_: object) -> None:
        raise RuntimeError("not here")

    monkeypatch.setattr("zoo.train.signs.measure", unmeasured)
    trainer = make_trainer(tiny())
    train(trainer, tmp_path, warnings=[])
    assert not (tmp_path / "statistics.jsonl").exists()
    expected = finished[0]
    torch.testing.assert_close(
        trainer.model.state_dict(), expected.model.state_dict(), rtol=0, atol=0
    )
    states = trainer.optimizer.state_dict(), expected.optimizer.state_dict()
    torch.testing.assert_close(states[0]["state"], states[1]["state"], rtol=0, atol=0)


def test_the_figures_are_right(tiny: Describe, make_trainer: MakeTrainer) -> None:
    """Compared with a plain pass, in which the network's own layers are called."""
    trainer = make_trainer(tiny())
    layers = named_layers(trainer.architecture, trainer.model)
    before = Snapshot.of(
        trainer.model, trainer.optimizer, trainer.device, trainer.progress, torch.zeros(())
    )
    found, images = measure(trainer, layers, 0)
    assert images == 1  # of an epoch of ten crops
    torch.testing.assert_close(trainer.model.state_dict(), dict(before.model), rtol=0, atol=0)
    assert torch.get_rng_state().equal(before.random["torch"])

    batch = trainer.batches.batch(0, 0).rows(0, 1)
    outputs = [batch.x]
    for module in trainer.model:
        outputs.append(module.forward(outputs[-1]))
    trainer.loss.forward(outputs[-1], batch.target)
    gradients = [trainer.loss.backward()]
    trainer.model.zero_grad()
    for module in reversed(list(trainer.model)):
        gradients.insert(0, module.backward(gradients[0]))
    for figure, y, grad_y in zip(found, outputs[1:], gradients[1:], strict=True):
        assert figure.mean == pytest.approx(float(y.mean()), rel=1e-4)
        assert figure.std == pytest.approx(float(y.std(correction=0)), rel=1e-4)
        assert (figure.min, figure.max) == pytest.approx((float(y.min()), float(y.max())), rel=1e-5)
        assert figure.zeros == pytest.approx(float((y == 0).float().mean()))
        assert figure.gradient == pytest.approx(float(grad_y.square().mean().sqrt()), rel=1e-4)
    (weight, grad), (bias, grad_bias) = trainer.model.param()[:2]
    values, of_weights = torch.cat([weight.flatten(), bias]), torch.cat([grad.flatten(), grad_bias])
    assert found[0].weight == pytest.approx(float(values.square().mean().sqrt()), rel=1e-5)
    assert found[0].weight_gradient == pytest.approx(
        float(of_weights.square().mean().sqrt()), rel=1e-4
    )
    # Adam's first step moves each weight that has a gradient by the rate, up to its eps
    moved = float((of_weights != 0).float().mean().sqrt()) * 0.01
    assert found[0].update * found[0].weight == pytest.approx(moved, rel=1e-2)
    assert math.isnan(found[1].weight)
    shares = torch.tensor([0.025, 0.16, 0.5, 0.84, 0.975], dtype=torch.float64)
    for known, all_of_them in (
        (found[0].weight_quantiles, values),
        (found[0].gradient_quantiles, of_weights),
    ):
        expected = torch.quantile(all_of_them.double(), shares).tolist()
        assert known == pytest.approx(expected, rel=1e-4, abs=1e-9)
    assert (found[1].weight_quantiles, found[1].gradient_quantiles) == ((), ())


def test_the_file(finished: tuple[Trainer, Path]) -> None:
    lines = [
        json.loads(line) for line in (finished[1] / "statistics.jsonl").read_text().split("\n")[:-1]
    ]
    assert [(line["version"], line["epoch"], line["step"]) for line in lines] == [
        (2, 0, 0),
        (2, 1, 3),
        (2, 2, 6),
    ]
    first = lines[0]["layers"][0]
    assert list(first) == ["name", "type", "file", "line", "column", *FIGURES, *DISTRIBUTIONS]
    assert (first["name"], first["type"], first["line"]) == ("0", "conv2d", 6)
    assert lines[0]["layers"][1]["weight"] is None
    path, layers = finished[1] / "statistics.jsonl", layers_of(finished[0])
    assert read_statistics(path, 6, layers) == (lines, "")
    assert read_statistics(path, 5, layers) == (lines[:2], "")
    assert read_statistics(path.with_name("none"), 5, layers) == ([], "")
    assert read_statistics(path, 6, LAYERS) == ([], "line 1 is none of this run")
    assert read_statistics(path.parent, 6, layers) == ([], "cannot be read: Is a directory")


def layers_of(trainer: Trainer) -> list[NamedLayer]:
    return named_layers(trainer.architecture, trainer.model)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("{", "["),
        ("{", "\x00"),
        ("{", "[" * 100_000),
        ('"version": 2', '"version": 1'),
        ('"version": 2', '"version": true'),
        ('"epoch": 0', '"epoch": null'),
        ('"epoch": 0', '"era": 0'),
        ('"step": 0', '"step": "0"'),
        ('"step": 0', f'"step": 1{"0" * 400}'),
        ('"step": 0', f'"step": 1{"0" * 5000}'),
        ('"lr": 0.01', '"lr": NaN'),
        ('"lr": 0.01', f'"lr": 1{"0" * 400}'),
        ('"lr": 0.01', '"lr": null'),
        ('"type": "relu"', '"type": "tanh"'),
        ('"zeros": 0.0', '"zeros": 1e999'),
        ('"zeros": 0.0', '"zeros": true'),
        ('"zeros": 0.0', '"zeros": "many"'),
        ('"line": 6', '"line": [6]'),
        ('"layers": [', '"layers": [7, '),
        ('"weight_quantiles": [', '"weight_quantiles": [7, '),
        ('"weight_quantiles": [', '"weight_quantiles": [1e999], "no": ['),
        ('"weight_quantiles": [', '"weight_quantiles": "", "no": ['),
        ('"gradient_quantiles": [', '"gradient_quantiles": [0, 0, null, 0, 0], "no": ['),
        ('"gradient_quantiles": [', '"gradient_quantiles": [0, 0, 1, 0, 0], "no": ['),
    ],
)
def test_what_is_no_line_of_the_run_stops_nothing(
    old: str, new: str, finished: tuple[Trainer, Path], tmp_path: Path
) -> None:
    text = (finished[1] / "statistics.jsonl").read_text()
    assert old in text
    path = tmp_path / "statistics.jsonl"
    path.write_text(text.replace(old, new, 1))
    read = read_statistics(path, 9, layers_of(finished[0]))
    assert read == ([], "line 1 is none of this run")


def test_a_file_that_has_no_end(finished: tuple[Trainer, Path], tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "zeros").symlink_to("/dev/zero")
    for name in ("pipe", "zeros"):
        read = read_statistics(tmp_path / name, 9, layers_of(finished[0]))
        assert read == ([], "cannot be read: a pipe or device, no regular file")


def test_a_run_whose_file_is_another_ones_is_resumed(
    tiny: Describe, make_trainer: MakeTrainer, train: Train, tmp_path: Path
) -> None:
    stop(make_trainer(tiny()), train, tmp_path, 4)
    path = tmp_path / "statistics.jsonl"
    path.write_text(path.read_text().replace('"conv2d"', '"linear"'))
    trainer = make_trainer(tiny())
    trainer.restore(load_checkpoint(tmp_path / "last.pkl"))
    warnings: list[str] = []
    train(trainer, tmp_path, warnings=warnings)
    assert warnings == [f"{path}: line 1 is none of this run: it is written anew from there on"]
    assert [json.loads(line)["step"] for line in path.read_text().splitlines()] == [6]


def test_a_file_that_cannot_be_written_stops_nothing(
    tiny: Describe, make_trainer: MakeTrainer, train: Train, tmp_path: Path
) -> None:
    path = tmp_path / "statistics.jsonl"
    path.mkdir()
    warnings: list[str] = []
    train(make_trainer(tiny()), tmp_path, warnings=warnings)
    assert warnings == [
        f"{path}: cannot be written: Is a directory. Training goes on without the layers' figures."
    ]
    assert load_checkpoint(tmp_path / "last.pkl")["progress"]["step"] == 6
    assert not list(tmp_path.glob("*.tmp"))


class DrawsElsewhere(Sigmoid):
    """As a layer of a plugin may, from generators that zoo does not keep."""

    def forward(self, x: Tensor) -> Tensor:
        random.random()
        np.random.rand()
        return super().forward(x)


def test_measuring_leaves_other_generators_as_they_are(
    tiny: Describe, make_trainer: MakeTrainer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(zoo.nn, "Sigmoid", DrawsElsewhere)
    trainer = make_trainer(tiny())
    state = random.getstate()
    random.seed(3)
    np.random.seed(3)
    expected = random.random(), np.random.rand()
    random.seed(3)
    np.random.seed(3)
    measure(trainer, layers_of(trainer), 0)
    drawn = random.random(), np.random.rand()
    random.setstate(state)
    assert drawn == expected


def test_a_run_that_was_stopped_when_the_epoch_was_saved(
    tiny: Describe, make_trainer: MakeTrainer, train: Train, tmp_path: Path
) -> None:
    """Its figures, which are written last, are measured when it is resumed."""
    train(make_trainer(tiny()), tmp_path / "whole")
    stop(make_trainer(tiny()), train, tmp_path / "stopped", 4)
    path = tmp_path / "stopped" / "statistics.jsonl"
    path.write_text(path.read_text().split("\n")[0] + "\n")
    resume(make_trainer(tiny()), train, tmp_path / "stopped")
    steps = [json.loads(line)["step"] for line in path.read_text().splitlines()]
    assert steps == [0, 6]  # step 3's was lost, and the weights of then are gone
