"""What ``zoo evaluate`` measures on: each source of images, at each level of noise."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePath
from typing import Any

import torch
from torch import Tensor

from zoo.architecture import Component
from zoo.compiler import Compiler
from zoo.data.evaluation import EvaluationImage
from zoo.data.noise.gaussian import Gaussian
from zoo.data.record import DataRecord
from zoo.data.sets import ImagePairs, Images, SingleImages
from zoo.errors import DataError, UsageError
from zoo.nn.module import Module
from zoo.train.evaluation import evaluate
from zoo.train.run_images import held_out_images, trained_on
from zoo.train.scores import Evaluation
from zoo.train.session import added_noise, load_evaluation_data, noisy_copies

HELD_OUT = "held out"


@dataclass(frozen=True)
class EvaluationSet:
    """Images and the noise that they get.

    Attributes:
        data: the source as the user named it, or ``held out``.
        label: a short name for it, as few others as possible have.
        images: before noise is added.
        sigma: of gaussian noise, in grey levels of 255; None for the architecture's
            ``evaluation_noise``, and for pairs.
        noise: what is added; None for nothing.
    """

    data: str
    label: str
    images: Images
    sigma: float | None
    noise: Component | None

    @property
    def folder(self) -> str:
        """A name for a folder of this set: the label with the sigma."""
        return self.label if self.sigma is None else f"{self.label}-sigma{self.sigma:g}"

    def __len__(self) -> int:
        return len(self.images.names)

    def copies(self, compiler: Compiler) -> Sequence[EvaluationImage]:
        """The noisy images, each with what it is compared with."""
        noise = None if self.sigma is None else Gaussian(self.sigma)
        return noisy_copies(compiler, self.images, noise)


@dataclass(frozen=True)
class SetEvaluation:
    """What was found on one set."""

    set: EvaluationSet
    evaluation: Evaluation

    def to_dict(self, weights: str, precision: str) -> dict[str, Any]:
        """As ``evaluation.json``, and with ``sigma`` where one was chosen."""
        sigma = {} if self.set.sigma is None else {"sigma": self.set.sigma}
        content = self.evaluation.to_dict(self.set.data, weights, precision, self.set.noise)
        return {**content, **sigma}


def evaluate_sets(
    compiler: Compiler,
    model: Module,
    sets: Sequence[EvaluationSet],
    device: torch.device,
    *,
    baselines: Sequence[str],
    on_image: Callable[[], None] = lambda: None,
    on_output: Callable[[EvaluationSet, EvaluationImage, Tensor], None] | None = None,
) -> list[SetEvaluation]:
    """Evaluate a model on one set after the other; only one set's noisy copies are in memory.

    Args:
        compiler: the model's.
        model: the network, in evaluation mode.
        sets: one or more.
        device: the model's.
        baselines: names of the classical methods to set beside it.
        on_image: called after each image.
        on_output: given each image, its set, and the network's clipped output for it, (C, H, W).
    """
    return [
        SetEvaluation(
            each,
            evaluate(
                model,
                each.copies(compiler),
                device,
                lambda done: on_image(),
                baselines=baselines,
                on_output=partial(on_output, each) if on_output else None,
            ),
        )
        for each in sets
    ]


def load_evaluation_sets(
    compiler: Compiler,
    checkpoint: Path,
    record: DataRecord | None,
    sources: Mapping[str, Component | None],
    sigmas: Sequence[float] = (),
    remark: Callable[[str], object] = lambda _: None,
) -> list[EvaluationSet]:
    """Each source at each sigma; every source is read, so that all mistakes are known at once.

    Args:
        compiler: the model's.
        checkpoint: what it was read from.
        record: of the images that it was trained on, if that is known.
        sources: by the names that the user gave; None for what the run held out.
        sigmas: of gaussian noise, in grey levels of 255; none for the architecture's noise.
        remark: called with what the user should know about the images.

    Raises:
        DataError: a line for each source that cannot be read.
        UsageError: a line for each that the noise does not fit: pairs have their own.
    """
    loaded: dict[str, Images] = {}
    unreadable: list[str] = []
    remarks: list[str] = []
    for data, source in sources.items():
        try:
            if source is None:
                loaded[data], more = held_out_images(compiler, checkpoint, record)
            else:
                loaded[data] = load_evaluation_data(compiler, source)
                more = (*loaded[data].remarks, trained_on(record, data, loaded[data]))
            remarks += filter(None, more)
        except DataError as error:
            unreadable += map(str, error.args)
    if unreadable:
        raise DataError(*unreadable)
    if misfits := list(_misfits(compiler, loaded, sigmas)):
        raise UsageError(*misfits)
    for line in remarks:
        remark(line)
    labels = _labels(list(sources))
    return [
        EvaluationSet(data, label, loaded[data], sigma, _noise(compiler, loaded[data], sigma))
        for data, label in zip(sources, labels, strict=True)
        for sigma in (sigmas or (None,))
    ]


def _noise(compiler: Compiler, images: Images, sigma: float | None) -> Component | None:
    if sigma is None:
        return added_noise(compiler, images)
    return Component("noise", "gaussian", {"sigma": sigma}, ())


def _misfits(
    compiler: Compiler, loaded: Mapping[str, Images], sigmas: Sequence[float]
) -> Iterator[str]:
    noise = compiler.architecture.data.evaluation_noise
    for data, images in loaded.items():
        if not isinstance(images, SingleImages) and sigmas:
            what = "pairs" if isinstance(images, ImagePairs) else "bursts"
            yield f"{data}: these are {what}, which have their own noise. Leave --sigma out."
        if isinstance(images, SingleImages) and noise is None and not sigmas:
            yield (
                f"{data}: these are clean images, and {compiler.architecture.name} names no noise "
                "to add to them. Choose gaussian noise, such as --sigma 25."
            )


def _labels(names: Sequence[str]) -> list[str]:
    """The last part of each path, where only one ends in it; of two folders, both as they are."""
    short = [name if "," in name else PurePath(name).name or name for name in names]
    count = Counter(short)
    return [end if count[end] == 1 else name for name, end in zip(names, short, strict=True)]
