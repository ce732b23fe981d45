"""A run that was stopped and resumed is the run that was never stopped."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from zoo.architecture import Architecture
from zoo.errors import CheckpointError, Stopped
from zoo.train import together
from zoo.train.checkpoint import load_checkpoint, save_checkpoint
from zoo.train.evaluation import Validated
from zoo.train.resumable import check_resumable
from zoo.train.run_directory import RunDirectory
from zoo.train.signals import StopRequest
from zoo.train.trainer import Trainer

Describe = Callable[..., Architecture]
MakeTrainer = Callable[[Architecture], Trainer]
Train = Callable[..., Any]


def stop(trainer: Trainer, train: Train, folder: Path, after: int) -> None:
    with pytest.raises(Stopped) as stopped:
        train(trainer, folder, stop_after=after)
    assert str(stopped.value) == f"stopped and saved after step {after} of 6"
    assert stopped.value.signal == 2


def resume(trainer: Trainer, train: Train, folder: Path) -> Any:
    content = load_checkpoint(folder / "last.pkl")
    check_resumable(folder / "last.pkl", content, trainer.architecture)
    trainer.restore(content)
    return train(trainer, folder)


def without_seconds(metrics: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{key: value for key, value in line.items() if key != "seconds"} for line in metrics]


def assert_same_run(folder: Path, expected: Path) -> None:
    """Everything that the two runs have saved is the same bit for bit, but for times."""
    for name in ("last.pkl", "best.pkl"):
        here, there = load_checkpoint(folder / name), load_checkpoint(expected / name)
        torch.testing.assert_close(here["model"], there["model"], rtol=0, atol=0)
        states = here["optimizer"].pop("state"), there["optimizer"].pop("state")
        torch.testing.assert_close(*states, rtol=0, atol=0)
        assert here["optimizer"] == there["optimizer"]
        assert without_seconds(here["metrics"]) == without_seconds(there["metrics"])
        assert here["progress"] | {"seconds": 0} == there["progress"] | {"seconds": 0}
        assert here["architecture"] == there["architecture"]
    lines = [
        [json.loads(line) for line in (path / "metrics.jsonl").read_text().splitlines()]
        for path in (folder, expected)
    ]
    assert without_seconds(lines[0]) == without_seconds(lines[1])
    figures = [(path / "statistics.jsonl").read_text() for path in (folder, expected)]
    assert figures[0] == figures[1]


# Steps 3 and 6 end an epoch: a stop there comes before it is validated.
@pytest.mark.parametrize("after", [1, 2, 3, 4, 5, 6])
def test_stopped_after_any_step(
    after: int,
    tiny: Describe,
    make_trainer: MakeTrainer,
    train: Train,
    finished: tuple[Trainer, Path],
    tmp_path: Path,
) -> None:
    stop(make_trainer(tiny()), train, tmp_path, after)
    assert load_checkpoint(tmp_path / "last.pkl")["progress"]["step"] == after
    assert (tmp_path / "metrics.jsonl").exists() == (after > 3)
    watcher = resume(make_trainer(tiny()), train, tmp_path)
    assert len(watcher.rates) == 6 - after
    assert_same_run(tmp_path, finished[1])


def test_stopped_after_every_step(
    tiny: Describe,
    make_trainer: MakeTrainer,
    train: Train,
    finished: tuple[Trainer, Path],
    tmp_path: Path,
) -> None:
    stop(make_trainer(tiny()), train, tmp_path, 1)
    for after in range(2, 7):
        trainer = make_trainer(tiny())
        trainer.restore(load_checkpoint(tmp_path / "last.pkl"))
        stop(trainer, train, tmp_path, after)
    resume(make_trainer(tiny()), train, tmp_path)
    assert_same_run(tmp_path, finished[1])


def test_from_the_checkpoint_at_the_end_of_an_epoch(
    tiny: Describe,
    make_trainer: MakeTrainer,
    train: Train,
    finished: tuple[Trainer, Path],
    tmp_path: Path,
) -> None:
    stop(make_trainer(tiny()), train, tmp_path, 4)
    (tmp_path / "last.previous.pkl").replace(tmp_path / "last.pkl")
    assert load_checkpoint(tmp_path / "last.pkl")["progress"]["step"] == 3
    resume(make_trainer(tiny()), train, tmp_path)
    assert_same_run(tmp_path, finished[1])


def test_with_momentum_and_pairs_in_a_fresh_order(
    tiny: Describe, make_trainer: MakeTrainer, train: Train, tmp_path: Path
) -> None:
    pairs = tmp_path / "pairs.pkl"
    shape = (9, 3, 16, 16)
    torch.save(tuple(torch.randint(256, shape, dtype=torch.uint8) for _ in range(2)), pairs)
    spec = tiny(
        f'data={{source="{pairs}"}}',
        'optimizer={type="sgd", lr=0.5, momentum=0.9}',
        "train={epochs=2, batch_size=3}",
    )
    train(make_trainer(spec), tmp_path / "whole")
    stop(make_trainer(spec), train, tmp_path / "stopped", 4)
    resume(make_trainer(spec), train, tmp_path / "stopped")
    assert_same_run(tmp_path / "stopped", tmp_path / "whole")


def test_a_layer_that_draws_from_torchs_own_generator(
    tiny: Describe,
    make_trainer: MakeTrainer,
    train: Train,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    from zoo.nn import Sigmoid

    forward = Sigmoid.forward
    monkeypatch.setattr(
        Sigmoid, "forward", lambda self, x: forward(self, x + 0.1 * torch.randn(x.shape))
    )
    torch.manual_seed(5)
    train(make_trainer(tiny()), tmp_path / "whole")
    torch.manual_seed(5)
    stop(make_trainer(tiny()), train, tmp_path / "stopped", 2)
    torch.manual_seed(6)
    resume(make_trainer(tiny()), train, tmp_path / "stopped")
    assert_same_run(tmp_path / "stopped", tmp_path / "whole")


def test_more_epochs_with_a_constant_learning_rate(
    tiny: Describe, make_trainer: MakeTrainer, train: Train, tmp_path: Path
) -> None:
    def spec(epochs: int) -> Architecture:
        return tiny('train.schedule="constant"', f"train.epochs={epochs}")

    train(make_trainer(spec(3)), tmp_path / "whole")
    train(make_trainer(spec(1)), tmp_path / "extended")
    resume(make_trainer(spec(3)), train, tmp_path / "extended")
    assert_same_run(tmp_path / "extended", tmp_path / "whole")


def test_another_architecture_is_refused(finished: tuple[Trainer, Path], tiny: Describe) -> None:
    path = finished[1] / "last.pkl"
    content = load_checkpoint(path)
    spec = tiny("layers.0.out_channels=8", "optimizer.lr=1", "data.target='clean'", "train.seed=3")
    with pytest.raises(CheckpointError) as error:
        check_resumable(path, content, spec)
    assert str(error.value) == (
        f'{path}: another architecture: data.target.type was "noisy", is "clean"; '
        "layers.0.out_channels was 4, is 8; "
        "train.seed was 0, is 3. Only train.epochs, train.schedule, train.checkpoint_every, "
        "train.on_divergence, optimizer.lr and the images' place may change: take "
        f"{path.parent / 'architecture.toml'}, the run's own file, with --epochs, --data or --set."
    )
    with pytest.raises(CheckpointError, match=r": layers\.1\.type was \"relu\", is \"sigmoid\"\. "):
        check_resumable(path, content, tiny("layers.1.type='sigmoid'"))
    with pytest.raises(CheckpointError, match=r": data\.augment\.noise was 0\.0, is 0\.5\. "):
        check_resumable(path, content, tiny("data.augment.noise=0.5"))
    assert check_resumable(path, content, tiny()) == {}
    assert check_resumable(path, content, tiny("train.epochs=9", "optimizer.lr=1")) == {
        "train.epochs": (2, 9),
        "optimizer.lr": (0.01, 1),
    }


def test_a_state_that_does_not_fit(
    finished: tuple[Trainer, Path], tiny: Describe, make_trainer: MakeTrainer, tmp_path: Path
) -> None:
    content = load_checkpoint(finished[1] / "last.pkl")
    trainer = make_trainer(tiny())
    with pytest.raises(CheckpointError) as error:
        trainer.restore({**content, "model": {}})
    assert str(error.value) == (
        "the checkpoint does not fit: Sequential: the state differs: 0.weight is missing; "
        "0.bias is missing; 2.1.weight is missing; 2.1.bias is missing."
    )
    with pytest.raises(CheckpointError) as error:
        trainer.restore({**content, "optimizer": {**content["optimizer"], "type": "SGD"}})
    assert str(error.value) == (
        "the checkpoint does not fit: Adam: the state differs: type is 'SGD' instead of 'Adam'."
    )


def test_a_finished_run_has_nothing_left(
    finished: tuple[Trainer, Path],
    tiny: Describe,
    make_trainer: MakeTrainer,
    train: Train,
    tmp_path: Path,
) -> None:
    save_checkpoint(tmp_path / "last.pkl", load_checkpoint(finished[1] / "last.pkl"))
    trainer = make_trainer(tiny())
    watcher = resume(trainer, train, tmp_path)
    assert (watcher.rates, watcher.epochs, trainer.steps_left) == ([], [], 0)


class Silent:
    """An observer that says nothing."""

    on_step = on_epoch = on_warning = staticmethod(lambda _: None)


def test_a_stop_while_an_epoch_is_validated(
    tiny: Describe,
    make_trainer: MakeTrainer,
    train: Train,
    finished: tuple[Trainer, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The epoch is saved already; the resumed run validates it."""
    stop = StopRequest()

    def validated(*arguments: Any) -> Any:
        stop.signal = signal.SIGTERM
        image = arguments[2][0]
        yield image, image.noisy, Validated(0.0, 0.0, True)
        pytest.fail("the stop comes after the first image")

    with monkeypatch.context() as patch:
        patch.setattr(together, "validated", validated)
        with pytest.raises(Stopped, match="stopped and saved after step 3 of 6") as stopped:
            make_trainer(tiny()).run(RunDirectory(tmp_path), Silent(), stop)
    assert stopped.value.signal == signal.SIGTERM
    resume(make_trainer(tiny()), train, tmp_path)
    assert_same_run(tmp_path, finished[1])
