"""The step in which a run stopped being finite: found by repeating the steps since all was well.

While a run trains nobody looks at single steps, which on a GPU would have to be waited for. Every
so many steps it is looked whether all is finite, and the moment is kept in memory. Where it is not,
the steps since the moment before are repeated one by one: batches are a pure function of seed,
epoch and index. Then the first bad step is taken once more, layer by layer.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.data.batch import Batch
from zoo.errors import DivergenceError, format_error
from zoo.train.backend import RunStep
from zoo.train.bundle import bundle_step
from zoo.train.causes import NO_PICTURE, cause_of, described
from zoo.train.device import device_name
from zoo.train.examination import Bad, Examination, examine, not_finite_now
from zoo.train.named_layers import NamedLayer, named_layers
from zoo.train.return_points import able_to_train, go_back
from zoo.train.run_directory import RunDirectory
from zoo.train.snapshot import Snapshot, all_finite
from zoo.train.statistics import read_statistics, statistics_in

if TYPE_CHECKING:
    from zoo.train.trainer import Trainer

LOWER = 0.1  # of the learning rate: what to try
MOVED = 0.01  # of the weights, in the first step: usual for networks that train


@dataclass(frozen=True)
class Divergence:
    """Where training stopped being finite.

    Attributes:
        step: of the run, from 1: the first that is not finite; 0 where repeated steps are.
        epoch: its epoch, from 1.
        lr: its learning rate.
        layers: the network's layers.
        bad: the first thing in it that is not finite; None where that is not known.
        batch: what the step was on; None where no step was at fault.
        examination: the step, looked at.
        before: the moment before the step.
        unexamined: why the step could not be looked at; "" where it was, or there is none.
    """

    step: int
    epoch: int
    lr: float
    layers: list[NamedLayer]
    bad: Bad | None
    batch: Batch | None = None
    examination: Examination | None = None
    before: Snapshot | None = None
    unexamined: str = ""

    @property
    def cause(self) -> str:
        """Why, and what to do, in one or two sentences."""
        if self.unexamined:
            return (
                f"So there is no diverged.pkl of it: {self.unexamined}. A layer that can be copied "
                "(copy.deepcopy) allows that. Or steps are too large: use a smaller learning rate."
            )
        return cause_of(self.bad, self.examination, self.step)

    @property
    def blames_data(self) -> bool:
        """Whether another learning rate would not help."""
        found = self.examination
        of_batch = self.bad is not None and self.bad.what in ("input", "target")
        return of_batch or (found is not None and not found.most_input <= NO_PICTURE)

    def message(self, steps: int, seen: str) -> list[str]:
        """What to tell the user, in lines.

        Args:
            steps: of the whole run.
            seen: what was not finite when it was noticed.
        """
        when = f"(epoch {self.epoch}, lr {self.lr:.3g})"
        if self.bad is None and self.batch is None:
            return [
                f"training diverged: {seen}, noticed after step {self.step} of {steps} {when}; "
                "the same steps, repeated one by one, are finite. A layer that draws random "
                "numbers of its own may do so, or faulty memory."
            ]
        what = described(self.bad or Bad("step", "forward"), self.layers)
        if self.unexamined:
            what = "it could not be examined which layer is at fault"
        at = f"at step {self.step} of {steps}" if self.batch else f"after step {self.step}"
        return [f"training diverged {at} {when}: {what}.", f"  {self.cause}"]


def find_divergence(trainer: Trainer, step: RunStep, good: Snapshot | None) -> Divergence:
    """Go back to the moment when all was finite, and repeat the steps since then one by one.

    The model, the optimizer and torch's generators are then as before the bad step; progress, sums
    of losses and metrics stay as they are.

    Args:
        trainer: of the run.
        step: what takes steps.
        good: the latest moment that was looked at and finite.
    """
    progress = trainer.progress
    layers = named_layers(trainer.architecture, trainer.model)
    if good is None or good.progress.step == progress.step:
        bad = not_finite_now(trainer.model, trainer.optimizer.state_dict(), layers)
        return Divergence(progress.step, progress.epoch + 1, trainer.optimizer.lr, layers, bad)
    good.restore(trainer.model, trainer.optimizer, trainer.device)
    loss_sum = good.loss_sum.clone()
    trainer.model.train()
    for done in range(progress.step - good.progress.step):
        number, index = good.progress.step + done, good.progress.step_in_epoch + done
        samples = good.progress.samples + done * trainer.batches.batch_size
        at = replace(good.progress, step=number, step_in_epoch=index, samples=samples)
        before = Snapshot.of(trainer.model, trainer.optimizer, trainer.device, at, loss_sum)
        images = trainer.batches.images_in(index)
        shard = trainer.batches.shard(progress.epoch, index)
        _, loss = trainer.take_step(step, shard, number, images)
        if not math.isfinite(float(loss)) or not _all_finite(trainer):
            before.restore(trainer.model, trainer.optimizer, trainer.device)
            lr = trainer.lr_of(number)
            batch = trainer.batches.batch(progress.epoch, index)
            batch = trainer.corrected(step, batch, number)
            found, why = _examined(trainer, before, lr, batch, layers)
            bad = found.bad if found else None
            return Divergence(
                number + 1, progress.epoch + 1, lr, layers, bad, batch, found, before, why
            )
        loss_sum.add_(loss, alpha=images)
    return Divergence(progress.step, progress.epoch + 1, trainer.optimizer.lr, layers, None)


def after_divergence(
    trainer: Trainer,
    step: RunStep,
    directory: RunDirectory,
    warn: Callable[[str], object],
    seen: str,
) -> None:
    """Say where training stopped being finite, keep that step, and go back or end.

    Args:
        trainer: of the run, at the moment when it was noticed.
        step: what takes steps.
        directory: of the run.
        warn: told where, if the run goes back to its last checkpoint.
        seen: what was not finite when it was noticed.

    Raises:
        DivergenceError: the run may not go back, or has done so as often as it may, or the data
            are at fault.
    """
    divergence = find_divergence(trainer, step, trainer.good)
    steps = trainer.progress.step + trainer.steps_left
    lines, bundle = divergence.message(steps, seen), ""
    if divergence.examination is not None:
        directory.save_diverged(bundle_of(trainer, divergence))
        bundle = str(directory.diverged)
    progress, wanted = trainer.progress, trainer.architecture.train.on_divergence
    factor = progress.lr_factor * wanted["lr_factor"]
    may = progress.returns < wanted["returns"] and not divergence.blames_data
    if not may or not go_back(trainer, directory, divergence.step, factor):
        lr = None
        if not divergence.blames_data:
            lr = lower_rate(trainer, directory.statistics, divergence.layers)
        raise DivergenceError(
            *lines, bundle=bundle, lr=lr, go_on_from=able_to_train(trainer, directory)
        )
    warn(
        f"{lines[0]} Going back to step {trainer.progress.step}, with {factor:g} of the learning "
        f"rate (return {trainer.progress.returns} of {wanted['returns']})"
    )


def lower_rate(trainer: Trainer, statistics: Path, layers: Sequence[NamedLayer]) -> float:
    """A learning rate to try in the place of the run's.

    A tenth, or less: with which the first step changes no layer's weights by more than a hundredth.

    Args:
        trainer: of the run.
        statistics: its ``statistics.jsonl``, which need not be there.
        layers: the network's.
    """
    lower: float = LOWER * trainer.base_lr * trainer.progress.lr_factor
    for line in read_statistics(statistics, 0, layers)[0]:
        updates = [layer.update for layer in statistics_in(line)]
        moved = max((update for update in updates if update < math.inf), default=0.0)
        if moved and line["lr"]:  # what they are for, and another rate than now after a return
            return min(lower, float(line["lr"]) * MOVED / moved)
    return lower


def bundle_of(trainer: Trainer, divergence: Divergence) -> dict[str, Any]:
    """What ``diverged.pkl`` holds: a checkpoint of before the step, and the step.

    Args:
        trainer: as :func:`find_divergence` left it.
        divergence: what that found, with a batch.
    """
    batch, found, before = divergence.batch, divergence.examination, divergence.before
    assert batch is not None
    assert found is not None
    assert before is not None
    return {
        **trainer.checkpoint(),
        "progress": asdict(replace(before.progress, loss_sum=float(before.loss_sum))),
        "diverged": bundle_step(
            divergence.step,
            divergence.epoch,
            divergence.lr,
            device_name(trainer.device),
            found.bad or Bad("step", "forward"),
            divergence.cause,
            found,
            divergence.layers,
            batch,
        ),
    }


def _examined(
    trainer: Trainer, before: Snapshot, lr: float, batch: Batch, layers: list[NamedLayer]
) -> tuple[Examination | None, str]:
    """The step, looked at; or why a plugin's layer does not allow that."""
    try:
        return examine(trainer.compiler, trainer.model, before.optimizer, lr, batch, layers), ""
    except Exception as error:  # whatever a layer raises when it is copied
        return None, format_error(error)


def _all_finite(trainer: Trainer) -> bool:
    """Whether weights, buffers, gradients and the optimizer's state are, after a step."""
    states = trainer.optimizer.state_dict()["state"]
    gradients = [parameter.gradient for parameter in trainer.model.param()]
    of_optimizer = [value for state in states for value in state.values()]
    return all_finite([*trainer.model.state_dict().values(), *gradients, *of_optimizer])
