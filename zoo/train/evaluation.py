"""Evaluating a model, and the classical methods beside it, on noisy images."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, islice

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
    return (y for _, y in with_outputs(model, images, device))


def with_outputs(
    model: Module, images: Iterable[EvaluationImage], device: torch.device
) -> Iterator[tuple[EvaluationImage, Tensor]]:
    """Each image with the network's output for it, as of :func:`denoised`; each is drawn once."""
    fast = model if isinstance(model, Lowered) else lower(model)
    for chunk in _chunks(images):
        try:
            noisy = torch.stack([image.noisy for image in chunk]).to(device)
            y = tiled_tensor(fast, noisy) if len(chunk) == 1 else any_size(fast, noisy)
        except ShapeError as error:
            channels, height, width = chunk[0].noisy.shape
            raise DataError(
                f"{chunk[0].name}: {height}x{width} pixels, {channels} channels: {error}"
            ) from error
        yield from zip(chunk, y.cpu(), strict=True)


@dataclass(frozen=True)
class Validated:
    """What a network made of a held-out image.

    Attributes:
        loss: of its output.
        error: the mean squared error of its clipped output.
        measured: whether that tells how well it denoises; not where outputs are compared with a
            pairing's target.
    """

    loss: float
    error: float
    measured: bool


def validated(
    model: Module, loss: Loss, images: Iterable[EvaluationImage], device: torch.device
) -> Iterator[tuple[EvaluationImage, Tensor, Validated]]:
    """Each image, the network's clipped output for it, (C, H, W), and how good that is.

    Args:
        model: the network, in evaluation mode.
        loss: what is computed of each.
        images: any number.
        device: the model's.
    """
    for image, y in with_outputs(model, images, device):
        mask = () if image.mask is None else (image.mask[None],)
        value = float(loss.forward(y[None], image.reference[None], *mask))
        output = clipped(y, image.reference)
        error = squared_error(output, image.reference)
        yield image, output, Validated(value, error, image.compared_with in MEASURED)


def mean_of_validated(found: Sequence[Validated]) -> tuple[float, float | None]:
    """The mean loss, and the mean PSNR, None where that tells nothing; of one image or more."""
    loss = sum(each.loss for each in found) / len(found)
    known = all(each.measured for each in found)
    return loss, mean_psnr([each.error for each in found]) if known else None


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
    names, shots, compared_with = [], [], ""
    for done, (image, y) in enumerate(with_outputs(model, images, device), start=1):
        output = clipped(y, image.reference)
        if on_output is not None:
            on_output(image, output)
        of_model.append(Measure.of(output, image))
        of_noisy.append(Measure.of(image.noisy, image))
        for name, measures in of_baselines.items():
            output = clipped(apply_baseline(name, image.noisy), image.reference)
            measures.append(Measure.of(output, image))
        names.append(image.name)
        shots.append(image.shots)
        compared_with = compared_with or image.compared_with
        on_image(done)
    return Evaluation(
        names=tuple(names),
        model=Score(tuple(of_model)),
        noisy=Score(tuple(of_noisy)),
        baselines={name: Score(tuple(measures)) for name, measures in of_baselines.items()},
        compared_with=compared_with,
        shots=tuple(shots),
    )


def clipped(output: Tensor, reference: Tensor) -> Tensor:
    """An output within [0, 1], or within what the reference's values span beyond that.

    Integers of files lie in [0, 1]; floats, and noise in them, may leave it.
    """
    low, high = torch.aminmax(reference)
    return output.clamp(low.clamp(max=0), high.clamp(min=1))


def _chunks(images: Iterable[EvaluationImage]) -> Iterator[list[EvaluationImage]]:
    """Images of one size that follow each other, as many as go through the network at once."""
    for shape, same in groupby(images, lambda image: image.noisy.shape):
        at_once = max(1, PIXELS_AT_ONCE // shape[1:].numel())
        while chunk := list(islice(same, at_once)):
            yield chunk
