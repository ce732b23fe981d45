"""Evaluating a model, and the classical methods beside it, on noisy images."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import groupby
from typing import Any

import torch
from torch import Tensor

from zoo.data.evaluation import EvaluationImage
from zoo.engine import lower
from zoo.engine.passes import Loss
from zoo.errors import DataError, ShapeError
from zoo.inference.any_size import any_size
from zoo.inference.tiles import tiled_tensor
from zoo.nn.module import Module
from zoo.train.baselines import BASELINES, apply_baseline
from zoo.train.metrics import mean_psnr, psnr, psnr_of_mean_mse, squared_error, ssim

# Pixels of small images that go through the network at once.
PIXELS_AT_ONCE = 2**17


@dataclass(frozen=True)
class Score:
    """Means over the images of one method: both PSNRs in dB, and SSIM (None for tiny images)."""

    psnr: float
    psnr_of_mean_mse: float
    ssim: float | None


@dataclass(frozen=True)
class ImageScore:
    """One image: PSNR in dB of the denoised and of the noisy image, and SSIM of the denoised."""

    name: str
    psnr: float
    ssim: float | None
    psnr_noisy: float


@dataclass(frozen=True)
class Evaluation:
    """What an evaluation found.

    Attributes:
        model: the network's score; its output is clipped to [0, 1] before it is compared.
        noisy: the noisy input's, not clipped.
        baselines: the classical methods' by name, clipped.
        per_image: one for each image.
    """

    model: Score
    noisy: Score
    baselines: dict[str, Score]
    per_image: tuple[ImageScore, ...]

    def to_dict(self, data: str, weights: str, precision: str) -> dict[str, Any]:
        """The content of ``evaluation.json``.

        Args:
            data: what was evaluated on.
            weights: which of the run's weights: ``best`` or ``last``.
            precision: what they were trained in; they are evaluated in float32.
        """
        return {
            "data": data,
            "n_images": len(self.per_image),
            "psnr": self.model.psnr,
            "psnr_of_mean_mse": self.model.psnr_of_mean_mse,
            "ssim": self.model.ssim,
            "psnr_noisy": self.noisy.psnr,
            "psnr_of_mean_mse_noisy": self.noisy.psnr_of_mean_mse,
            "ssim_noisy": self.noisy.ssim,
            "baselines": {name: asdict(score) for name, score in self.baselines.items()},
            "weights": weights,
            "precision": precision,
            "per_image": [asdict(image) for image in self.per_image],
        }


def denoised(
    model: Module, images: Sequence[EvaluationImage], device: torch.device
) -> Iterator[Tensor]:
    """The network's output for each image, (C, H, W) on the CPU, before clipping.

    Raises:
        DataError: the network cannot take an image's size.
    """
    fast = lower(model)
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


def validate(
    model: Module, loss: Loss, images: Sequence[EvaluationImage], device: torch.device
) -> tuple[float, float]:
    """The mean loss of the network's output, and the mean PSNR of its clipped output."""
    losses, errors = [], []
    for image, y in zip(images, denoised(model, images, device), strict=True):
        losses.append(float(loss.forward(y, image.reference)))
        errors.append(squared_error(y.clamp(0, 1), image.reference))
    return sum(losses) / len(losses), mean_psnr(errors)


def evaluate(
    model: Module,
    images: Sequence[EvaluationImage],
    device: torch.device,
    on_image: Callable[[int], None] = lambda done: None,
) -> Evaluation:
    """Evaluate the model, the noisy input and the classical methods.

    Args:
        model: the network, in evaluation mode.
        images: one or more.
        device: the model's.
        on_image: told how many images are done, after each.
    """
    model_scores, noisy_scores = _Scores(), _Scores()
    baselines = {name: _Scores() for name in BASELINES}
    pairs = zip(images, denoised(model, images, device), strict=True)
    for done, (image, y) in enumerate(pairs, start=1):
        model_scores.add(y.clamp(0, 1), image.reference)
        noisy_scores.add(image.noisy, image.reference)
        for name, scores in baselines.items():
            scores.add(apply_baseline(name, image.noisy).clamp(0, 1), image.reference)
        on_image(done)
    return Evaluation(
        model=model_scores.mean(),
        noisy=noisy_scores.mean(),
        baselines={name: scores.mean() for name, scores in baselines.items()},
        per_image=tuple(
            ImageScore(image.name, psnr(error), similarity, psnr(noisy_error))
            for image, error, similarity, noisy_error in zip(
                images,
                model_scores.errors,
                model_scores.similarities,
                noisy_scores.errors,
                strict=True,
            )
        ),
    )


class _Scores:
    """Each image's MSE, SSIM and number of pixels for one method."""

    def __init__(self) -> None:
        self.errors: list[float] = []
        self.similarities: list[float | None] = []
        self.pixels: list[int] = []

    def add(self, output: Tensor, reference: Tensor) -> None:
        self.errors.append(squared_error(output, reference))
        self.similarities.append(ssim(output, reference))
        self.pixels.append(reference.numel())

    def mean(self) -> Score:
        known = [value for value in self.similarities if value is not None]
        return Score(
            mean_psnr(self.errors),
            psnr_of_mean_mse(self.errors, self.pixels),
            sum(known) / len(known) if known else None,
        )


def _chunks(items: list[EvaluationImage], size: int) -> Iterator[list[EvaluationImage]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]
