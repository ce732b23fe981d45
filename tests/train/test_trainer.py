from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

import zoo.train.trainer as trainer_module
from tests.tiny import contents
from zoo.architecture import Architecture
from zoo.errors import DivergenceError
from zoo.train.checkpoint import load_checkpoint
from zoo.train.evaluation import denoised
from zoo.train.run_directory import RunDirectory
from zoo.train.trainer import Trainer

Describe = Callable[..., Architecture]
MakeTrainer = Callable[[Architecture], Trainer]
Train = Callable[..., Any]


def test_a_line_for_each_epoch(finished: tuple[Trainer, Path]) -> None:
    trainer, folder = finished
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    assert lines == trainer.metrics
    for epoch, line in enumerate(lines, start=1):
        assert list(line) == [
            "epoch",
            "step",
            "train_loss",
            "val_loss",
            "val_psnr",
            "lr",
            "seconds",
        ]
        assert (line["epoch"], line["step"]) == (epoch, 3 * epoch)
        assert 0 < line["train_loss"] < 1
        assert 0 < line["seconds"] < 60
        # one image is validated on; clipping changes nothing after a sigmoid
        assert line["val_psnr"] == pytest.approx(-10 * math.log10(line["val_loss"]), abs=1e-3)


def test_the_training_loss_is_the_mean_over_samples(
    tiny: Describe, make_trainer: MakeTrainer, train: Train, tmp_path: Path
) -> None:
    trainer = make_trainer(tiny("optimizer.lr=1e-30", "train.epochs=1"))  # weights stay
    train(trainer, tmp_path, warnings=[])  # that none moves
    losses = []
    for index in range(3):
        batch = trainer.batches.batch(0, index)
        y = trainer.model.forward(batch.x)
        losses += (y - batch.target).square().mean((1, 2, 3)).tolist()
    assert len(losses) == 10
    assert trainer.metrics[0]["train_loss"] == pytest.approx(sum(losses) / 10, rel=1e-5)


def test_the_learning_rate_follows_the_schedule(
    tiny: Describe, make_trainer: MakeTrainer, train: Train, tmp_path: Path
) -> None:
    watcher = train(make_trainer(tiny()), tmp_path)
    expected = [0.01 * (1 + math.cos(math.pi * step / 6)) / 2 for step in range(6)]
    assert watcher.rates == pytest.approx(expected)
    assert [line["lr"] for line in watcher.epochs] == [watcher.rates[2], watcher.rates[5]]


def test_the_best_checkpoint_is_that_of_the_best_validation(
    tiny: Describe,
    make_trainer: MakeTrainer,
    train: Train,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    scores = iter([20.0, 25.0, 25.0, math.nan, 24.0])
    monkeypatch.setattr(trainer_module, "validate_together", lambda *_: (0.1, next(scores)))
    trainer = make_trainer(tiny("train.epochs=5"))
    train(trainer, tmp_path)
    assert (trainer.progress.best_psnr, trainer.progress.best_epoch) == (25.0, 2)
    best = load_checkpoint(tmp_path / "best.pkl")
    assert best["progress"]["epoch"] == 2  # the first of two equal ones
    assert [line["val_psnr"] for line in best["metrics"]] == [20.0, 25.0]
    written = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert [line["val_psnr"] for line in written] == [20.0, 25.0, 25.0, None, 24.0]


def test_the_validation_score_is_that_of_the_saved_weights(finished: tuple[Trainer, Path]) -> None:
    trainer, _ = finished
    (image,) = trainer.validation
    (y,) = denoised(trainer.model, [image], torch.device("cpu"))
    error = float((y.clamp(0, 1) - image.reference).double().square().mean())
    assert trainer.metrics[-1]["val_psnr"] == pytest.approx(-10 * math.log10(error), rel=1e-6)


# Without the sigmoid, which keeps the loss finite however large the weights are.
UNBOUNDED = (
    'layers.3={type="conv2d", out_channels=3, kernel_size=1}',
    'optimizer={type="sgd", lr=1e30}',
    'train.schedule="constant"',
)


def finite(content: dict[str, Any]) -> bool:
    return all(bool(value.isfinite().all()) for value in content["model"].values())


def test_a_diverging_run_ends_without_a_bad_checkpoint(
    tiny: Describe, make_trainer: MakeTrainer, train: Train, tmp_path: Path
) -> None:
    with pytest.raises(DivergenceError) as error:
        train(make_trainer(tiny(*UNBOUNDED)), tmp_path)
    assert str(error.value) == (
        "training diverged at step 2 of 6 (epoch 1, lr 1e+30): layer 2 (upsampling, "
        "tiny.toml:8:5): its output is not finite, the first that is not.\n"
        "  The largest weight has grown to 5.75e+29: steps are too large. "
        "Use a smaller learning rate."
    )
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["diverged.pkl", "statistics.jsonl"]  # there was no good checkpoint yet


def test_the_last_good_checkpoint_is_kept(
    tiny: Describe, make_trainer: MakeTrainer, train: Train, tmp_path: Path
) -> None:
    spec = tiny(*UNBOUNDED, "optimizer.lr=0.01")
    train(make_trainer(spec), tmp_path)
    before = contents(tmp_path)
    trainer = make_trainer(tiny(*UNBOUNDED, "train.epochs=3"))
    trainer.restore(load_checkpoint(tmp_path / "last.pkl"))
    with pytest.raises(DivergenceError, match=r"at step 8 of 9 \(epoch 3, lr 1e\+30\)"):
        train(trainer, tmp_path)
    (tmp_path / "diverged.pkl").unlink()
    assert contents(tmp_path) == before
    assert finite(load_checkpoint(tmp_path / "last.pkl"))


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_weights_that_are_not_finite_never_win(
    value: float,
    tiny: Describe,
    make_trainer: MakeTrainer,
    train: Train,
    tmp_path: Path,
) -> None:
    """An infinite bias makes the sigmoid white, with a loss that is an ordinary number."""
    trainer = make_trainer(tiny("train.epochs=3"))

    def spoil(epoch: Any) -> None:
        trainer.model.param()[-1].value.fill_(value)
        trainer.progress.best_psnr = 0.0  # whatever comes next is better

    with pytest.raises(DivergenceError) as error:
        train(trainer, tmp_path, then=spoil, warnings=[])
    assert str(error.value) == (
        "training diverged after step 3 (epoch 2, lr 0.00883): layer 2 (upsampling, "
        "tiny.toml:8:5): its 1.bias is not finite.\n"
        "  It was changed between two steps, or the weights to start from have it."
    )
    for name in ("last.pkl", "best.pkl"):
        content = load_checkpoint(tmp_path / name)
        assert content["progress"]["epoch"] == 1
        assert finite(content)


def test_divergence_is_noticed_within_an_epoch(
    tiny: Describe,
    make_trainer: MakeTrainer,
    train: Train,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(trainer_module, "STEPS_BETWEEN_CHECKS", 2)
    with pytest.raises(DivergenceError, match="at step 2 of 6 "):
        train(make_trainer(tiny(*UNBOUNDED)), tmp_path)


@pytest.mark.parametrize(
    ("checkpoint_every", "expected"),
    [("{minutes=1e-9}", [1, 2, 3, 3, 3]), ("{steps=2}", [2, 3, 3]), ("{}", [3, 3])],
)
def test_a_long_epoch_is_saved_in_between(
    checkpoint_every: str,
    expected: list[int],
    tiny: Describe,
    make_trainer: MakeTrainer,
    train: Train,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    steps = []
    save = Trainer.save

    def spy(self: Trainer, directory: RunDirectory) -> None:
        steps.append(self.progress.step)
        save(self, directory)

    monkeypatch.setattr(Trainer, "save", spy)
    every = "train.checkpoint_every=" + checkpoint_every
    train(make_trainer(tiny("train.epochs=1", every)), tmp_path)
    assert steps == expected


def test_the_seed_decides(
    tiny: Describe,
    make_trainer: MakeTrainer,
    train: Train,
    finished: tuple[Trainer, Path],
    tmp_path: Path,
) -> None:
    again, other = make_trainer(tiny()), make_trainer(tiny("train.seed=1"))
    train(again, tmp_path / "again")
    train(other, tmp_path / "other")
    expected = finished[0].model.state_dict()
    torch.testing.assert_close(again.model.state_dict(), expected, rtol=0, atol=0)
    for name, value in other.model.state_dict().items():
        assert not torch.equal(value, expected[name])


def test_what_was_trained_is_saved_before_it_is_validated(
    tiny: Describe,
    make_trainer: MakeTrainer,
    train: Train,
    finished: tuple[Trainer, Path],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    def fails(*_: object) -> None:
        raise MemoryError

    with monkeypatch.context() as patch:
        patch.setattr(trainer_module, "validate_together", fails)
        with pytest.raises(MemoryError):
            train(make_trainer(tiny()), tmp_path)
    content = load_checkpoint(tmp_path / "last.pkl")
    assert content["progress"]["step"] == 3  # the whole epoch
    trainer = make_trainer(tiny())
    trainer.restore(content)
    train(trainer, tmp_path)
    expected, found = finished[0].model.state_dict(), trainer.model.state_dict()
    torch.testing.assert_close(found, expected, rtol=0, atol=0)


@pytest.mark.parametrize("value", [math.inf, math.nan])
def test_an_optimizer_that_is_no_longer_finite_is_not_saved(
    value: float, tiny: Describe, make_trainer: MakeTrainer, train: Train, tmp_path: Path
) -> None:
    trainer = make_trainer(tiny())
    train(trainer, tmp_path)
    trainer.optimizer.state[0]["exp_avg_sq"].fill_(value)
    with pytest.raises(DivergenceError, match="the optimizer's state has a value that is no "):
        trainer.save(RunDirectory(tmp_path))
    load_checkpoint(tmp_path / "last.pkl")
