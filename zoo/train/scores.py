"""How well a model and the methods beside it denoise: of each image, and their means."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from torch import Tensor

from zoo.train.baselines import BASELINES
from zoo.train.metrics import mean_psnr, psnr, psnr_of_mean_mse, squared_error, ssim


@dataclass(frozen=True)
class Measure:
    """One method on one image: MSE, SSIM (None for tiny images), and the number of values."""

    mse: float
    ssim: float | None
    size: int

    @classmethod
    def of(cls, output: Tensor, reference: Tensor) -> Measure:
        """How close an output is to what it is compared with, both (C, H, W)."""
        return cls(squared_error(output, reference), ssim(output, reference), reference.numel())

    @property
    def psnr(self) -> float:
        """In dB."""
        return psnr(self.mse)


@dataclass(frozen=True)
class Score:
    """One method on one or more images."""

    images: tuple[Measure, ...]

    @property
    def psnr(self) -> float:
        """The mean of the images' PSNRs, in dB."""
        return mean_psnr(image.mse for image in self.images)

    @property
    def psnr_of_mean_mse(self) -> float:
        """The PSNR of the mean squared error of all values, in dB."""
        return psnr_of_mean_mse(
            [image.mse for image in self.images], [image.size for image in self.images]
        )

    @property
    def ssim(self) -> float | None:
        """The mean over the images that have one; None if none has."""
        known = [image.ssim for image in self.images if image.ssim is not None]
        return sum(known) / len(known) if known else None

    def to_dict(self) -> dict[str, float | None]:
        """The means, for JSON."""
        return {"psnr": self.psnr, "psnr_of_mean_mse": self.psnr_of_mean_mse, "ssim": self.ssim}


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
        names: the images'.
        model: the network's score; its output is clipped to [0, 1], or to what the reference spans.
        noisy: the noisy input's, not clipped.
        baselines: the classical methods' by name, clipped.
    """

    names: tuple[str, ...]
    model: Score
    noisy: Score
    baselines: Mapping[str, Score]

    @property
    def per_image(self) -> tuple[ImageScore, ...]:
        """One for each image."""
        measures = zip(self.names, self.model.images, self.noisy.images, strict=True)
        return tuple(
            ImageScore(name, model.psnr, model.ssim, noisy.psnr) for name, model, noisy in measures
        )

    @property
    def methods(self) -> Mapping[str, Score]:
        """The scores by the short names of the methods: noisy first, the model last."""
        baselines = {BASELINES[name].short: score for name, score in self.baselines.items()}
        return {"noisy": self.noisy, **baselines, "model": self.model}

    def to_dict(self, data: str, weights: str, precision: str) -> dict[str, Any]:
        """The content of ``evaluation.json``.

        Args:
            data: what was evaluated on.
            weights: which of the run's weights: ``best`` or ``last``.
            precision: what they were trained in; they are evaluated in float32.
        """
        return {
            "data": data,
            "n_images": len(self.names),
            **self.model.to_dict(),
            **{f"{name}_noisy": value for name, value in self.noisy.to_dict().items()},
            "baselines": {name: score.to_dict() for name, score in self.baselines.items()},
            "weights": weights,
            "precision": precision,
            "per_image": [asdict(image) for image in self.per_image],
        }
