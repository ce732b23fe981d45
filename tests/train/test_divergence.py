"""The step in which training stopped being finite is found, named, kept and repeated."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

import zoo.nn
import zoo.train.trainer as trainer_module
from tests.train.test_trainer import UNBOUNDED
from zoo.architecture import Architecture
from zoo.data.batch import Batch
from zoo.errors import CheckpointError, DivergenceError
from zoo.nn import Sigmoid
from zoo.plugins.discovery import discover
from zoo.plugins.registry import Registry, load_registry
from zoo.train.bundle import replay
from zoo.train.checkpoint import load_checkpoint, save_checkpoint
from zoo.train.divergence import lower_rate
from zoo.train.named_layers import named_layers
from zoo.train.return_points import keep_return_point
from zoo.train.run_directory import RunDirectory
from zoo.train.trainer import Trainer

Describe = Callable[..., Architecture]
MakeTrainer = Callable[[Architecture], Trainer]
Train = Callable[..., Any]
CPU = torch.device("cpu")


def no_warning(message: str) -> None:
    raise AssertionError(message)


def spoil_batch(
    trainer: Trainer, monkeypatch: pytest.MonkeyPatch, epoch: int, index: int, value: float
) -> None:
    """Put a value into one pixel of a batch of the run, as a damaged file would."""
    draw = trainer.batches._draw

    def drawn(of_epoch: int, group: int) -> Batch:
        batch = draw(of_epoch, group)
        if (of_epoch, group) != (epoch, index):
            return batch
        x = batch.x.clone()
        x[0, 0, 3, 4] = value
        return replace(batch, x=x)

    monkeypatch.setattr(trainer.batches, "_draw", drawn)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (
            math.nan,
            "the input of the batch has values that are not finite.\n"
            "  The images or their noise are at fault, not the network: see zoo data check.",
        ),
        (
            3e38,
            "the loss is not finite, though the network's output is.\n"
            "  The batch has a value of 3e+38, and pictures lie in [0, 1]: the images or their "
            "noise are at fault. See zoo data check, and data.range.",
        ),
    ],
)
def test_a_bad_batch_is_found_at_its_own_step(
    value: float,
    words: str,
    tiny: Describe,
    make_trainer: MakeTrainer,
    train: Train,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """Step 57 of 100: the seventh of the third epoch's 25, noticed at the end of that."""
    trainer = make_trainer(tiny("data.samples_per_epoch=100", "train.epochs=4", UNBOUNDED[0]))
    spoil_batch(trainer, monkeypatch, 2, 6, value)
    with pytest.raises(DivergenceError) as error:
        train(trainer, tmp_path, warnings=[])
    message = str(error.value)
    assert "at step 57 of 100 (epoch 3, lr 0.00" in message
    assert message.endswith(words)
    assert load_checkpoint(tmp_path / "last.pkl")["progress"]["step"] == 50
    bundle = load_checkpoint(tmp_path / "diverged.pkl")
    assert bundle["progress"]["step"] == 56
    assert bundle["diverged"]["batch"]["x"][0, 0, 3, 4].isnan() == math.isnan(value)


class InfiniteGradient(Sigmoid):
    """From its fifth backward on it gives an infinite gradient."""

    def backward(self, grad_y: Tensor) -> Tensor:
        self.buffers["count"] += 1
        grad_x = super().backward(grad_y)
        return grad_x / 0 if self.buffers["count"] >= 5 else grad_x

    def __init__(self) -> None:
        super().__init__()
        self.buffers["count"] = torch.tensor(0)


def test_a_layer_whose_backward_is_at_fault(
    tiny: Describe,
    make_trainer: MakeTrainer,
    train: Train,
    registry: Registry,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setattr(zoo.nn, "Sigmoid", InfiniteGradient)
    with pytest.raises(DivergenceError) as error:
        train(make_trainer(tiny()), tmp_path)
    lines = str(error.value).splitlines()
    assert lines[0] == (
        "training diverged at step 5 of 6 (epoch 2, lr 0.0025): layer 3 (sigmoid, tiny.toml:9:5): "
        "the gradient that its backward gives is not finite, the first."
    )
    assert lines[1].startswith("  Its own backward makes it: the gradient that it is given is ")
    assert lines[1].endswith(". Check the layer: zoo plugin check.")

    result = replay(tmp_path / "diverged.pkl", registry, CPU, no_warning)
    assert result.same
    assert (result.step, result.found.bad) == (5, result.recorded)
    assert math.isfinite(result.found.loss)


def test_a_layer_inside_of_another_one(
    make_trainer: MakeTrainer,
    train: Train,
    base: Path,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """``1.body.1``, and the line of the body's layer; the residual layer is a plugin's."""
    pytest.importorskip("zoo_residual")
    from zoo.architecture import parse_architecture

    text = """
format = 1
name = "nested"
input = { channels = 3, height = 16, width = 16 }
loss = "mse"

[[layers]]
type = "relu"

[[layers]]
type = "residual"

[[layers.body]]
type = "conv2d"
out_channels = 3
kernel_size = 3
padding = 1

[[layers.body]]
type = "sigmoid"

[optimizer]
type = "sgd"
lr = 0.01

[data]
source = "photos"
noise = { type = "gaussian", sigma = 25 }
samples_per_epoch = 10

[train]
epochs = 2
batch_size = 4
"""
    registry = load_registry(discover({"ZOO_PLUGINS": "zoo-residual"}))
    if not any(item.entry.name == "residual" for item in registry):
        pytest.skip("the plugin zoo-residual is not installed")
    monkeypatch.setattr(zoo.nn, "Sigmoid", InfiniteGradient)
    spec = parse_architecture(text, registry, "nested.toml", base, ())
    from zoo.compiler import Compiler
    from zoo.train.session import initial_model, load_run_data

    compiler = Compiler(spec, registry)
    data = load_run_data(compiler, CPU)
    model = initial_model(compiler, 0)
    trainer = Trainer(spec, compiler, model, data.batches, data.validation, CPU)
    trainer.record = data.record
    with pytest.raises(DivergenceError) as error:
        train(trainer, tmp_path)
    assert str(error.value).startswith(
        "training diverged at step 5 of 6 (epoch 2, lr 0.01): layer 1.body.1 (sigmoid, "
        "nested.toml:19:1): the gradient that its backward gives is not finite"
    )


def test_what_was_not_repeated_is_as_it_was(
    tiny: Describe,
    make_trainer: MakeTrainer,
    train: Train,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """The weights in the bundle are those of a run that was stopped before the bad step."""
    monkeypatch.setattr(zoo.nn, "Sigmoid", InfiniteGradient)
    with pytest.raises(DivergenceError):
        train(make_trainer(tiny()), tmp_path / "diverged")
    from tests.train.test_resume import stop

    stop(make_trainer(tiny()), train, tmp_path / "stopped", 4)
    bundle = load_checkpoint(tmp_path / "diverged" / "diverged.pkl")
    stopped = load_checkpoint(tmp_path / "stopped" / "last.pkl")
    torch.testing.assert_close(bundle["model"], stopped["model"], rtol=0, atol=0)
    states = bundle["optimizer"]["state"], stopped["optimizer"]["state"]
    torch.testing.assert_close(*states, rtol=0, atol=0)
    assert bundle["rng"]["torch"].equal(stopped["rng"]["torch"])
    for name in ("step", "step_in_epoch", "epoch", "samples", "loss_sum"):
        assert bundle["progress"][name] == stopped["progress"][name], name


LOWER = ('optimizer={type="sgd", lr=1e20}', 'train.schedule="constant"', UNBOUNDED[0])


def test_going_back_with_a_lower_rate(
    tiny: Describe,
    make_trainer: MakeTrainer,
    train: Train,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """Back to the start twice, with a rate 1e10 times lower each time, until it is 1."""
    spec = tiny(*LOWER, "train.on_divergence={returns=5, lr_factor=1e-10}")
    warnings: list[str] = []
    trainer = make_trainer(spec)
    watcher = train(trainer, tmp_path, warnings=warnings)
    said = [message for message in warnings if "diverged" in message]
    assert [message.partition(". Going")[2] for message in said] == [
        " back to step 0, with 1e-10 of the learning rate (return 1 of 5)",
        " back to step 0, with 1e-20 of the learning rate (return 2 of 5)",
    ]
    assert [line["lr"] for line in watcher.epochs] == pytest.approx([1.0, 1.0])
    content = load_checkpoint(tmp_path / "last.pkl")
    assert content["progress"]["returns"] == 2
    assert content["progress"]["lr_factor"] == pytest.approx(1e-20)
    lines = (tmp_path / "statistics.jsonl").read_text().splitlines()
    steps = [json.loads(line)["step"] for line in lines]
    assert steps == [0, 3, 6]


def test_a_run_that_went_back_is_resumed_exactly(
    tiny: Describe, make_trainer: MakeTrainer, train: Train, tmp_path: Path
) -> None:
    from tests.train.test_resume import assert_same_run, resume

    spec = tiny(*LOWER, "train.on_divergence={returns=5, lr_factor=1e-10}")
    train(make_trainer(spec), tmp_path / "whole", warnings=[])
    from zoo.errors import Stopped

    with pytest.raises(Stopped):
        train(make_trainer(spec), tmp_path / "stopped", warnings=[], stop_after=4)
    resume(make_trainer(spec), train, tmp_path / "stopped")
    assert_same_run(tmp_path / "stopped", tmp_path / "whole")


def test_it_goes_back_past_weights_that_have_exploded(
    tiny: Describe, make_trainer: MakeTrainer, train: Train, tmp_path: Path
) -> None:
    """Saves after each step change nothing: what it goes back to depends on steps alone."""
    settings = (*LOWER, "train.on_divergence={returns=5, lr_factor=1e-10}")
    often = "train.checkpoint_every={minutes=0.0001, steps=1}"
    texts = []
    for name, more in (("seldom", ()), ("often", (often,))):
        warnings: list[str] = []
        train(make_trainer(tiny(*settings, *more)), tmp_path / name, warnings=warnings)
        texts.append([it.partition(". Going")[2] for it in warnings if "diverged" in it])
    assert texts[0] == texts[1]
    assert len(texts[0]) == 2
    for name in ("last.pkl", "best.pkl", "return.pkl", "start.pkl"):
        here, there = (load_checkpoint(tmp_path / run / name) for run in ("seldom", "often"))
        torch.testing.assert_close(here["model"], there["model"], rtol=0, atol=0)
        assert here["progress"] | {"seconds": 0} == there["progress"] | {"seconds": 0}


def test_a_second_time_it_goes_back_further(
    tiny: Describe,
    make_trainer: MakeTrainer,
    train: Train,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """To the epoch's start, to the best one's, to the run's; what was changed is still known."""
    monkeypatch.setattr(zoo.nn, "Sigmoid", InfiniteGradient)
    spec = tiny("train.epochs=4", "train.on_divergence={returns=3, lr_factor=0.5}")
    trainer = make_trainer(spec)
    change = {"step": 0, "key": "train.epochs", "before": 2, "after": 4}
    trainer.changes.append(change)
    warnings: list[str] = []
    with pytest.raises(DivergenceError):
        train(trainer, tmp_path, warnings=warnings)
    said = [message.partition(". Going")[2] for message in warnings if "diverged" in message]
    assert [text.partition(",")[0] for text in said] == [
        " back to step 3",
        " back to step 0",
        " back to step 0",
    ]
    assert load_checkpoint(tmp_path / "last.pkl")["changes"] == [change]
    progress = load_checkpoint(tmp_path / "last.pkl")["progress"]
    assert (progress["returns"], progress["lr_factor"]) == (3, 0.125)


def test_a_resumed_run_goes_back_to_where_the_whole_one_does(
    tiny: Describe,
    make_trainer: MakeTrainer,
    train: Train,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """To step 3, where its epoch began, and not to step 4, where it was stopped."""
    monkeypatch.setattr(zoo.nn, "Sigmoid", InfiniteGradient)
    from tests.train.test_resume import stop

    spec = tiny("train.on_divergence={returns=1, lr_factor=0.5}")
    stop(make_trainer(spec), train, tmp_path, 4)
    trainer = make_trainer(spec)
    trainer.restore(load_checkpoint(tmp_path / "last.pkl"))
    warnings: list[str] = []
    with pytest.raises(DivergenceError):
        train(trainer, tmp_path, warnings=warnings)
    assert "Going back to step 3, with 0.5 of" in warnings[0]


def test_weights_beyond_sense_are_no_point_to_go_back_to(
    tiny: Describe, make_trainer: MakeTrainer, tmp_path: Path
) -> None:
    trainer = make_trainer(tiny("train.on_divergence={returns=1, lr_factor=0.5}"))
    directory = RunDirectory(tmp_path)
    keep_return_point(trainer, directory)
    trainer.progress.epoch, trainer.progress.step = 1, 3
    trainer.model.param()[0].value.fill_(1.8e19)
    keep_return_point(trainer, directory)
    assert load_checkpoint(directory.returning)["progress"]["step"] == 0
    trainer.model.param()[0].value.fill_(1.8)
    trainer.metrics.append({"epoch": 1})
    keep_return_point(trainer, directory)
    assert load_checkpoint(directory.returning)["progress"]["step"] == 3
    assert load_checkpoint(directory.start)["progress"]["step"] == 0


class NoCopies(InfiniteGradient):
    def __deepcopy__(self, memo: object) -> None:
        raise TypeError("holds an open file")


def test_a_step_that_cannot_be_examined(
    tiny: Describe,
    make_trainer: MakeTrainer,
    train: Train,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setattr(zoo.nn, "Sigmoid", NoCopies)
    with pytest.raises(DivergenceError) as error:
        train(make_trainer(tiny()), tmp_path, warnings=[])
    assert str(error.value) == (
        "training diverged at step 5 of 6 (epoch 2, lr 0.0025): it could not be examined which "
        "layer is at fault.\n"
        "  So there is no diverged.pkl of it: TypeError: holds an open file. A layer that can be "
        "copied (copy.deepcopy) allows that. Or steps are too large: use a smaller learning rate."
    )
    assert not (tmp_path / "diverged.pkl").exists()


def test_it_goes_back_only_as_often_as_it_may(
    tiny: Describe, make_trainer: MakeTrainer, train: Train, tmp_path: Path
) -> None:
    spec = tiny(*LOWER, "train.on_divergence={returns=1, lr_factor=0.5}")
    with pytest.raises(DivergenceError, match=r"at step 2 of 6 \(epoch 1, lr 5e\+19\)"):
        train(make_trainer(spec), tmp_path, warnings=[])
    assert load_checkpoint(tmp_path / "last.pkl")["progress"]["returns"] == 1


def test_a_bundle_that_is_not_as_it_should_be(
    tiny: Describe, make_trainer: MakeTrainer, train: Train, registry: Registry, tmp_path: Path
) -> None:
    with pytest.raises(DivergenceError):
        train(make_trainer(tiny(*UNBOUNDED)), tmp_path)
    path = tmp_path / "diverged.pkl"
    good = load_checkpoint(path)
    batch = good["diverged"]["batch"]

    def refused(**changes: Any) -> str:
        save_checkpoint(path, {**good, "diverged": {**good["diverged"], **changes}})
        with pytest.raises(CheckpointError) as error:
            replay(path, registry, CPU, no_warning)
        return str(error.value).removeprefix(f"{path}: ")

    assert refused(lr=-1.0).startswith("diverged.lr: is -1.0. Use")
    assert refused(batch={"x": batch["x"]}).startswith(
        "diverged.batch.target: is none. Use a dense"
    )
    assert refused(batch={**batch, "x": batch["x"][0]}) == (
        "diverged.batch.x: has the shape (3, 16, 16). Use 4 axes."
    )
    assert refused(batch={**batch, "x": batch["x"][:, :2].clone()}).startswith(
        "does not fit together: "
    )
    assert refused(batch={**batch, "y": batch["x"]}).startswith("diverged.batch.y: is unknown.")
    assert refused(figures=good["diverged"]["figures"][1:].clone()) == (
        "diverged.figures: has 3 rows. Use 4, one a layer."
    )
    layers = [{**layer, "type": "relu"} for layer in good["diverged"]["layers"]]
    assert refused(layers=layers) == "diverged.layers: are not the architecture's layers."
    del good["diverged"]
    save_checkpoint(path, good)
    with pytest.raises(CheckpointError, match="a checkpoint without a step to repeat"):
        replay(path, registry, CPU, no_warning)


def test_steps_that_are_finite_when_repeated(
    tiny: Describe,
    make_trainer: MakeTrainer,
    train: Train,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """As a fault of the memory would have it: a weight that no step has made."""
    monkeypatch.setattr(trainer_module, "STEPS_BETWEEN_CHECKS", 2)
    trainer = make_trainer(tiny())
    seen = trainer_module.what_is_not_finite
    answers = iter(["", "a weight is no finite number"])
    monkeypatch.setattr(
        trainer_module, "what_is_not_finite", lambda *it: next(answers, "") or seen(*it)
    )
    with pytest.raises(DivergenceError) as error:
        train(trainer, tmp_path)
    assert str(error.value) == (
        "training diverged: a weight is no finite number, noticed after step 2 of 6 (epoch 1, "
        "lr 0.00933); the same steps, repeated one by one, are finite. A layer that draws random "
        "numbers of its own may do so, or faulty memory."
    )


@pytest.mark.parametrize(("factor", "expected"), [(1.0, 2e-4), (1e-3, 1e-6), (0.5, 2e-4)])
def test_the_rate_that_is_proposed(
    factor: float, expected: float, finished: tuple[Trainer, Path], tmp_path: Path
) -> None:
    """It is what the first step moves at the rate that this was measured at, not at today's."""
    trainer, folder = finished
    layers = named_layers(trainer.architecture, trainer.model)
    line = json.loads((folder / "statistics.jsonl").read_text().splitlines()[0])
    for layer in line["layers"]:
        layer["update"] = 5.0 if layer["type"] == "conv2d" else None
    path = tmp_path / "statistics.jsonl"
    path.write_text(json.dumps(line | {"lr": 0.1}) + "\n")
    progress = trainer.progress
    try:
        trainer.progress = replace(progress, lr_factor=factor)  # of a rate of 0.01
        assert lower_rate(trainer, path, layers) == pytest.approx(expected)
        path.write_text("[]")
        assert lower_rate(trainer, path, layers) == pytest.approx(0.001 * factor)
    finally:
        trainer.progress = progress
