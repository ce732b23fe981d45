"""Evaluating a model, and the classical methods beside it, on noisy images."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

import torch
from torch import Tensor

from zoo.data.evaluation import MEASURED, EvaluationImage
from zoo.engine import Lowered, lower
from zoo.engine.passes import Loss
from zoo.errors import DataError, ShapeError
from zoo.inference.any_size import any_size
from zoo.inference.tiles import tiled_tensor
from zoo.nn.module import Module
from zoo.train.baselines import BASELINES, apply_baseline
from zoo.train.metrics import mean_psnr, squared_error
from zoo.train.scores import Evaluation, Measure, Score

# Pixels of small images that go through the network at once.
PIXELS_AT_ONCE = 2**17


def denoised(
    model: Module, images: Sequence[EvaluationImage], device: torch.device
) -> Iterator[Tensor]:
    """The network's output for each image, (C, H, W) on the CPU, before clipping.

    Raises:
        DataError: the network cannot take an image's size.
    """
    fast = model if isinstance(model, Lowered) else lower(model)
    for (channels, height, width), same in groupby(images, lambda image: image.noisy.shape):
        at_once = max(1, PIXELS_AT_ONCE // (height * width))
        for chunk in _chunks(list(same), at_once):
            try:
                noisy = torch.stack([image.noisy for image in chunk]).to(device)
                y = tiled_tensor(fast, noisy) if len(chunk) == 1 else any_size(fast, noisy)
            except ShapeError as error:
                raise DataError(
                    f"{chunk[0].name}: {height}x{width} pixels, {channels} channels: {error}"
                ) from error
            yield from y.cpu()


@dataclass(frozen=True)
class Validated:
    """What a network made of a held-out image.

    Attributes:
        loss: of its output.
        error: the mean squared error of its clipped output.
        output: that, (C, H, W).
    """

    loss: float
    error: float
    output: Tensor


def validated(
    model: Module, loss: Loss, images: Sequence[EvaluationImage], device: torch.device
) -> Iterator[Validated]:
    """What the network makes of each image.

    Args:
        model: the network, in evaluation mode.
        loss: what is computed of each.
        images: any number.
        device: the model's.
    """
    for image, y in zip(images, denoised(model, images, device), strict=True):
        mask = () if image.mask is None else (image.mask[None],)
        value = float(loss.forward(y[None], image.reference[None], *mask))
        output = clipped(y, image.reference)
        yield Validated(value, squared_error(output, image.reference), output)


def mean_of_validated(
    images: Sequence[EvaluationImage], losses: Sequence[float], errors: Sequence[float]
) -> tuple[float, float | None]:
    """The mean loss of the network's output, and the mean PSNR of its clipped output.

    None where outputs are compared with a pairing's target, of which PSNR tells nothing.

    Args:
        images: one or more.
        losses, errors: of each, as of :class:`Validated`.
    """
    known = all(image.compared_with in MEASURED for image in images)
    return sum(losses) / len(losses), mean_psnr(errors) if known else None


def evaluate(
    model: Module,
    images: Sequence[EvaluationImage],
    device: torch.device,
    on_image: Callable[[int], None] = lambda done: None,
    *,
    baselines: Sequence[str] = tuple(BASELINES),
    on_output: Callable[[EvaluationImage, Tensor], None] | None = None,
) -> Evaluation:
    """Evaluate the model, the noisy input and the classical methods.

    Args:
        model: the network, in evaluation mode.
        images: one or more.
        device: the model's.
        on_image: told how many images are done, after each.
        baselines: names of the classical methods.
        on_output: given each image and the network's clipped output for it, (C, H, W).
    """
    of_model, of_noisy = [], []
    of_baselines: dict[str, list[Measure]] = {name: [] for name in baselines}
    pairs = zip(images, denoised(model, images, device), strict=True)
    for done, (image, y) in enumerate(pairs, start=1):
        output = clipped(y, image.reference)
        if on_output is not None:
            on_output(image, output)
        of_model.append(Measure.of(output, image))
        of_noisy.append(Measure.of(image.noisy, image))
        for name, measures in of_baselines.items():
            output = clipped(apply_baseline(name, image.noisy), image.reference)
            measures.append(Measure.of(output, image))
        on_image(done)
    return Evaluation(
        names=tuple(image.name for image in images),
        model=Score(tuple(of_model)),
        noisy=Score(tuple(of_noisy)),
        baselines={name: Score(tuple(measures)) for name, measures in of_baselines.items()},
        compared_with=images[0].compared_with,
        shots=tuple(image.shots for image in images),
    )


def clipped(output: Tensor, reference: Tensor) -> Tensor:
    """An output within [0, 1], or within what the reference's values span beyond that.

    Integers of files lie in [0, 1]; floats, and noise in them, may leave it.
    """
    low, high = torch.aminmax(reference)
    return output.clamp(low.clamp(max=0), high.clamp(min=1))


def _chunks(items: list[EvaluationImage], size: int) -> Iterator[list[EvaluationImage]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]
