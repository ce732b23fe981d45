"""What the ranks of a run share out, and compare, between epochs: held-out images, and weights."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

import torch
from torch import Tensor

from zoo.compiler import Compiler
from zoo.data.cache.opened import ChangedError
from zoo.data.evaluation import EvaluationImage
from zoo.distributed.shards import even_slices
from zoo.distributed.world import World
from zoo.errors import RankError
from zoo.nn.module import Module
from zoo.train.evaluation import Validated, evaluate, mean_of_validated, validated
from zoo.train.kept_images import EXAMPLES
from zoo.train.outcome import OutputRange
from zoo.train.scores import Evaluation, Score
from zoo.train.signals import StopRequest

if TYPE_CHECKING:
    from zoo.train.trainer import Trainer

T = TypeVar("T")


def own(items: Sequence[T], world: World) -> Sequence[T]:
    """This rank's items, consecutive ones."""
    return items[even_slices(0, len(items), world.size)[world.rank]]


def check_pictures(compiler: Compiler, world: World) -> None:
    """Refuse what was read of the cache of pictures, unless it is as it was for all ranks.

    Raises:
        ChangedError: a file of a rank's was changed in the meantime; names it.
    """
    if compiler.picture_cache is None:
        return
    found = ""
    try:
        compiler.check_pictures()
    except ChangedError as error:
        found = str(error)
    for message in filter(None, world.gather(found)):
        raise ChangedError(message)


def validate_together(
    trainer: Trainer, stop: StopRequest, see: Callable[[EvaluationImage, Tensor], object]
) -> tuple[float, float | None]:
    """Validate each image by one of the ranks, when all have taken the same steps.

    Args:
        trainer: of the run, with the network in evaluation mode.
        stop: asked after each image.
        see: given the first images and the network's clipped outputs for them.

    Returns:
        The mean loss of the network's output and the mean PSNR of its clipped output; see
        :func:`.evaluation.mean_of_validated`.

    Raises:
        Stopped: a rank was asked to.
        RankError: one has other weights.
    """
    world, images = trainer.world, trainer.validation
    first = even_slices(0, len(images), world.size)[world.rank].start
    found: list[Validated] = []
    shown: list[tuple[EvaluationImage, Tensor]] = []
    network, mine = trainer.backend.network, own(images, world)
    for image, output, it in validated(network, trainer.loss, mine, trainer.device):
        if first + len(found) < EXAMPLES:
            shown.append((image, output))
        found.append(it)
        if stop.signal is not None:
            break
    state = trainer.model.state_dict() if world.size > 1 else {}
    ranks = world.gather((stop.signal, checksum(state), found, shown))
    trainer.check_stop([signal for signal, *_ in ranks])
    _check_same([digest for _, digest, *_ in ranks], trainer.progress.epoch + 1)
    for *_, examples in ranks:
        for example in examples:
            see(*example)
    return mean_of_validated([it for _, _, part, _ in ranks for it in part])


def evaluate_together(
    model: Module,
    images: Sequence[EvaluationImage],
    device: torch.device,
    on_image: Callable[[int], None],
    world: World,
) -> tuple[Evaluation, OutputRange]:
    """:func:`.evaluation.evaluate` of each image by one of the ranks, and what outputs span.

    Args:
        model, images, device, on_image: as of that.
        world: the ranks, all with the same weights.
    """
    outputs, mine = OutputRange(), own(images, world)
    part = evaluate(model, mine, device, on_image, on_output=outputs.see) if mine else None
    ranks = world.gather((part, outputs))
    parts = [part for part, _ in ranks if part is not None]
    return _joined(parts), OutputRange.of([each for _, each in ranks])


def checksum(state: Mapping[str, Any]) -> str:
    """Of all tensors of a state dict, to the last bit."""
    digest = hashlib.sha256()
    for tensor in state.values():
        flat = tensor.detach().cpu().contiguous().reshape(-1)
        digest.update(flat.view(torch.uint8).numpy())
    return digest.hexdigest()


def _check_same(digests: Sequence[str], epoch: int) -> None:
    """Refuse weights that are not rank 0's.

    Raises:
        RankError: one has others.
    """
    for rank, digest in enumerate(digests):
        if digest != digests[0]:
            raise RankError(
                f"rank {rank}: has other weights than rank 0 after epoch {epoch}. The run is saved "
                "as rank 0 has it; a layer draws random numbers of its own, or memory is faulty."
            )


def _joined(parts: Sequence[Evaluation]) -> Evaluation:
    def scores(of: Callable[[Evaluation], Score]) -> Score:
        return Score(tuple(measure for part in parts for measure in of(part).images))

    return replace(
        parts[0],
        names=tuple(name for part in parts for name in part.names),
        model=scores(lambda part: part.model),
        noisy=scores(lambda part: part.noisy),
        baselines={
            name: scores(lambda part, name=name: part.baselines[name])  # type: ignore[misc]
            for name in parts[0].baselines
        },
        shots=tuple(shots for part in parts for shots in part.shots),
    )
