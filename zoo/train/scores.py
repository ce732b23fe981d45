"""How well a model and the methods beside it denoise: of each image, and their means."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from operator import mul
from typing import Any

from torch import Tensor

from zoo.architecture import Component
from zoo.data.evaluation import EvaluationImage
from zoo.train.baselines import BASELINES
from zoo.train.metrics import mean_psnr, psnr, psnr_of_mean_mse, squared_error, ssim


@dataclass(frozen=True)
class Measure:
    """One method on one image: MSE, SSIM (None for tiny images), and the number of values."""

    mse: float
    ssim: float | None
    size: int

    @classmethod
    def of(cls, output: Tensor, image: EvaluationImage, *, with_ssim: bool = True) -> Measure:
        """How close an output, (C, H, W), is to what it is compared with."""
        reference = image.reference
        if image.mask is None:
            similarity = ssim(output, reference) if with_ssim else None
            return cls(squared_error(output, reference), similarity, reference.numel())
        chosen = image.mask.expand_as(reference) > 0
        output, reference = (it[chosen][:, None, None] for it in (output, reference))
        return cls(squared_error(output, reference), None, reference.numel())

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
        compared_with, shots: of the images, as of :class:`zoo.data.evaluation.EvaluationImage`.
    """

    names: tuple[str, ...]
    model: Score
    noisy: Score
    baselines: Mapping[str, Score]
    compared_with: str = "clean"
    shots: tuple[int, ...] = ()

    @property
    def psnr_estimate(self) -> float | None:
        """The PSNR that the model would have against clean images, of the mean squared error.

        Where the references are the means of n other noisy views, of mean 0 and of the same
        variance and independent of the input's, their own noise has the part 1 / (n + 1) of the
        noisy input's squared error. None for other references, and where less than that is left.
        """
        if self.compared_with != "noisy":
            return None
        pairs = zip(self.model.images, self.noisy.images, self.shots, strict=True)
        errors = [model.mse - noisy.mse / (shots + 1) for model, noisy, shots in pairs]
        sizes = [image.size for image in self.model.images]
        error = sum(map(mul, errors, sizes)) / sum(sizes)
        return psnr(error) if error > 0 else None

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

    def to_dict(
        self, data: str, weights: str, precision: str, noise: Component | None = None
    ) -> dict[str, Any]:
        """The content of ``evaluation.json``.

        Args:
            data: what was evaluated on.
            weights: which of the run's weights: ``best`` or ``last``.
            precision: what they were trained in; they are evaluated in float32.
            noise: what was added to the images; None for nothing.
        """
        return {
            "data": data,
            "n_images": len(self.names),
            "noise": None if noise is None else {"type": noise.type, **noise.parameters},
            "compared_with": self.compared_with,
            **self.model.to_dict(),
            **({"psnr_estimate": self.psnr_estimate} if self.compared_with == "noisy" else {}),
            **{f"{name}_noisy": value for name, value in self.noisy.to_dict().items()},
            "baselines": {name: score.to_dict() for name, score in self.baselines.items()},
            "weights": weights,
            "precision": precision,
            "per_image": [asdict(image) for image in self.per_image],
        }
