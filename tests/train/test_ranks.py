"""A run by several ranks, which are threads here: one trains as all, writes alone, ends as all."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.distributed.threads import ThreadWorld, together
from tests.train.test_divergence import LOWER
from zoo.engine.parallel.division import division
from zoo.errors import DivergenceError, RankError, Stopped
from zoo.train.checkpoint import load_checkpoint
from zoo.train.run_directory import RunDirectory
from zoo.train.signals import StopRequest
from zoo.train.trainer import Trainer

Describe = Callable[..., Any]
MakeTrainer = Callable[..., Trainer]


class Listener:
    """Notes epochs and warnings, and does something after a step."""

    def __init__(self, after_step: Callable[[Trainer], object] = lambda trainer: None) -> None:
        self.epochs: list[Any] = []
        self.warnings: list[str] = []
        self.on_step = after_step

    def on_epoch(self, metrics: Any) -> None:
        self.epochs.append({**metrics, "seconds": 0})

    def on_kept(self, metrics: Any) -> None:
        pass

    def on_warning(self, message: str) -> None:
        self.warnings.append(message)


@pytest.fixture
def run(make_trainer: MakeTrainer, tmp_path: Path) -> Callable[..., Any]:
    """``run(spec, world, after_step)``: train it; the trainer, the listener and the error."""

    def run(
        spec: Any, world: Any, after_step: Callable[[Trainer], object] = lambda trainer: None
    ) -> tuple[Trainer, Listener, Exception | None]:
        trainer, listener, stop = make_trainer(spec), Listener(after_step), StopRequest()
        trainer.world = world
        trainer.stop = stop  # type: ignore[attr-defined]  # for after_step
        folder = tmp_path / f"of {world.size}"
        folder.mkdir(exist_ok=True)
        try:
            trainer.run(RunDirectory(folder, writes=world.rank == 0), listener, stop)
        except (DivergenceError, Stopped, RankError) as error:
            return trainer, listener, error
        return trainer, listener, None

    return run


@pytest.mark.parametrize("size", [2, 3])
def test_the_run_is_that_of_one(
    size: int, tiny: Describe, run: Callable[..., Any], tmp_path: Path
) -> None:
    """Batches of 4, 4 and 2: one of three ranks has no image of the last."""
    spec = tiny('data.validation="photos"')
    [(alone, expected, _)] = together(1, lambda world: run(spec, world))
    results = together(size, lambda world: run(spec, world))
    for trainer, listener, error in results:
        assert error is None
        torch.testing.assert_close(trainer.model.state_dict(), alone.model.state_dict())
        for line, other in zip(listener.epochs, expected.epochs, strict=True):
            assert line == pytest.approx(other, rel=1e-4)
    names = [
        sorted(path.name for path in (tmp_path / f"of {count}").iterdir()) for count in (1, size)
    ]
    assert names[0] == names[1]


def test_a_signal_stops_all_at_one_step(tiny: Describe, run: Callable[..., Any]) -> None:
    def stop(world: ThreadWorld) -> Callable[[Trainer], object]:
        def after_step(trainer: Any) -> None:
            if world.rank == 1 and trainer.progress.step == 2:
                trainer.stop.signal = 15

        return after_step

    results = together(3, lambda world: run(tiny(), world, stop(world)))
    for trainer, _, error in results:
        assert isinstance(error, Stopped)
        assert (str(error), error.signal) == ("stopped and saved after step 3 of 6", 15)
        assert trainer.progress.step == 3


def test_weights_that_differ(tiny: Describe, run: Callable[..., Any]) -> None:
    def change(world: ThreadWorld) -> Callable[[Trainer], object]:
        def after_step(trainer: Trainer) -> None:
            if world.rank == 2 and trainer.progress.step == 3:
                trainer.model.param()[0].value[0] += 1e-6

        return after_step

    results = together(3, lambda world: run(tiny(), world, change(world)))
    for _, _, error in results:
        assert isinstance(error, RankError)
        assert str(error) == (
            "rank 2: has other weights than rank 0 after epoch 1. The run is saved as rank 0 has "
            "it; a layer draws random numbers of its own, or memory is faulty."
        )


def test_all_diverge_in_the_same_step(
    tiny: Describe, run: Callable[..., Any], tmp_path: Path
) -> None:
    """Where the one process does; ``diverged.pkl`` has the whole batch."""
    spec = tiny(*LOWER)
    [(_, _, expected)] = together(1, lambda world: run(spec, world))
    results = together(2, lambda world: run(spec, world))
    assert isinstance(expected, DivergenceError)
    for _, _, error in results:
        assert str(error) == str(expected)
    batches = [
        load_checkpoint(tmp_path / f"of {count}" / "diverged.pkl")["diverged"] for count in (1, 2)
    ]
    assert batches[0]["step"] == batches[1]["step"]


def test_all_go_back_together(tiny: Describe, run: Callable[..., Any]) -> None:
    spec = tiny(*LOWER, "train.on_divergence={returns=5, lr_factor=1e-10}")
    results = together(2, lambda world: run(spec, world))
    (first, said, error), (second, _, other) = results
    assert (error, other) == (None, None)
    assert first.progress.returns == second.progress.returns == 2
    torch.testing.assert_close(first.model.state_dict(), second.model.state_dict(), rtol=0, atol=0)
    assert [it for it in said.warnings if "diverged" in it]


def test_how_batches_are_divided(tiny: Describe, make_trainer: MakeTrainer) -> None:
    trainer = make_trainer(tiny())

    class Loss:
        mean_of_images = False

    assert division(trainer.model, trainer.loss) == "any"
    assert division(trainer.model, Loss()) == "none"
    for layer in trainer.model.modules():
        layer.batch_independent = False
    assert division(trainer.model, trainer.loss) == "none"
    for layer in trainer.model.modules():
        layer.uses_batch_statistics = True
    assert division(trainer.model, trainer.loss) == "equal"
