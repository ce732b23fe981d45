"""Putting runs together: the data of an architecture, and models from files and checkpoints."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from zoo.architecture import Architecture, Component, parse_resolved
from zoo.compiler import Compiler
from zoo.data.augment import Augment
from zoo.data.batches import Batches
from zoo.data.brightness import brightness_remarks
from zoo.data.evaluation import EvaluationImage, evaluation_images
from zoo.data.noise.base import Noise
from zoo.data.pairings.base import Pairing
from zoo.data.record import DataRecord
from zoo.data.seeding import generator
from zoo.data.sets import ImagePairs, Images, SingleImages, all_images
from zoo.errors import (
    ArchitectureError,
    ArgumentError,
    CheckpointError,
    StateError,
)
from zoo.init import Unfilled
from zoo.nn.sequential import Sequential
from zoo.plugins.registry import Registry
from zoo.train.checkpoint import load_checkpoint
from zoo.train.checkpoint_content import load_weights
from zoo.train.providers import check_providers
from zoo.train.run_images import RunImages, new_images

# The stream of random numbers that initial weights are drawn from (see zoo.data.seeding).
WEIGHTS_STREAM = 1


@dataclass(frozen=True)
class RunData:
    """What a run trains and validates on, and what the user should know about it.

    Attributes:
        batches: to train on.
        validation: to validate and evaluate on.
        noise: what was added to these; None for nothing.
        record: of the images of both.
        remarks: what the user should know.
        masked_by: the key of ``[data]`` that leaves out pixels of the target; "" for none.
    """

    batches: Batches
    validation: Sequence[EvaluationImage]
    noise: Component | None
    record: DataRecord
    remarks: tuple[str, ...]
    masked_by: str = ""


def load_run_data(
    compiler: Compiler, device: torch.device, images: RunImages | None = None
) -> RunData:
    """What a run trains and validates on.

    Args:
        compiler: of its architecture.
        device: where batches are put.
        images: those of the run; unless given, a new run's (:func:`.run_images.new_images`).

    Raises:
        DataError: they are missing, unreadable or unsuitable.
        ArchitectureError: the ``[data]`` table does not fit them.
    """
    spec = compiler.architecture
    chosen = new_images(compiler) if images is None else images
    train = chosen.train
    noise, pairing = _noise(compiler, train, spec.data.noise), compiler.pairing()
    masked_by = _masked_by(compiler, noise, pairing)
    try:
        batches = Batches(
            train,
            noise,
            batch_size=spec.train.batch_size,
            height=spec.input.height,
            width=spec.input.width,
            pairing=pairing,
            augment=Augment(**spec.data.augment),
            samples=spec.data.samples_per_epoch,
            seed=spec.train.seed,
            device=device,
        )
    except ArgumentError as error:
        raise spec.error((), str(error)) from error
    remarks = (*chosen.remarks, *_remarks(spec, train))
    if compiler.value_range is None:
        remarks += tuple(brightness_remarks(all_images(train)))
    held_out = chosen.held_out
    return RunData(
        batches,
        noisy_copies(compiler, held_out),
        added_noise(compiler, held_out),
        chosen.record,
        remarks,
        masked_by,
    )


def load_evaluation_data(compiler: Compiler, source: Component) -> Images:
    """The images of a source to evaluate on.

    Of a source that holds out images of its own, such as the demo, only these are used.

    Raises:
        DataError: they are missing, unreadable or unsuitable.
    """
    images = compiler.data(source)
    if images.held_out:
        chosen = [i for i, name in enumerate(images.names) if name in images.held_out]
        images = replace(images.take(chosen), remarks=images.remarks)
    return images


def added_noise(compiler: Compiler, images: Images) -> Component | None:
    """The noise that images to evaluate on get; None for those that are taken as they are."""
    noise = compiler.architecture.data.evaluation_noise
    if noise is None or not isinstance(images, SingleImages):
        return None
    built: Noise = compiler.build(noise)
    return noise if built.simulated else None


def noisy_copies(
    compiler: Compiler, images: Images, noise: Noise | None = None
) -> Sequence[EvaluationImage]:
    """What a model of the architecture is evaluated on: the same copies in every run.

    Args:
        images: pictures, or pairs or bursts, which are taken as they are.
        noise: to add to pictures, in the place of the architecture's ``evaluation_noise``.

    Raises:
        ArchitectureError: the images are photographs, and there is no noise to add.
    """
    spec = compiler.architecture
    if noise is None:
        noise = _noise(compiler, images, spec.data.evaluation_noise)
    pairing = spec.data.target.type, compiler.pairing()
    return evaluation_images(images, noise, spec.train.seed, pairing=pairing)


def load_model(
    architecture: Architecture, registry: Registry, device: torch.device, seed: int
) -> Sequential:
    """A freshly initialised network."""
    return initial_model(Compiler(architecture, registry), seed).to(device)


def initial_model(compiler: Compiler, seed: int) -> Sequential:
    """The network as it is before training, on the CPU; ``seed`` decides its weights."""
    return compiler.model(generator(seed, WEIGHTS_STREAM))


def unfilled_model(compiler: Compiler) -> Sequential:
    """The network with values that are still to be loaded, on the CPU; nothing is drawn."""
    return compiler.model(Unfilled())


def load_trained(
    path: Path, registry: Registry, warn: Callable[[str], object] = lambda _: None
) -> tuple[Compiler, Sequential]:
    """The network of a checkpoint in evaluation mode, rebuilt from the checkpoint alone.

    Args:
        path: the checkpoint.
        registry: what is installed.
        warn: called with a message for each plugin that has another version than when it was
            written.

    Raises:
        CheckpointError: it is missing or damaged, its architecture is wrong, or its weights do not
            fit it.
        PluginError: a plugin that it needs is missing or cannot be used.
    """
    return rebuild(path, load_checkpoint(path), registry, warn)


def rebuild(
    path: Path,
    content: Mapping[str, Any],
    registry: Registry,
    warn: Callable[[str], object] = lambda _: None,
) -> tuple[Compiler, Sequential]:
    """:func:`load_trained` of a checkpoint that is read already."""
    for warning in check_providers(path, content["plugins"], registry):
        warn(warning)
    try:
        architecture = parse_resolved(content["architecture"], registry, str(path))
        compiler = Compiler(architecture, registry)
        model = unfilled_model(compiler)
        load_weights(model, content["model"])
    except ArchitectureError as error:
        raise _wrong_architecture(error) from error
    except StateError as error:
        raise CheckpointError(f"{path}: {error}") from error
    return compiler, model.eval()


def _wrong_architecture(error: ArchitectureError) -> CheckpointError:
    """The first mistake of a checkpoint's architecture; lines are those of its text."""
    first, *others = error.problems
    more = f" There are {len(others)} more mistakes." if others else ""
    return CheckpointError(f"{first}{more}")


def _noise(compiler: Compiler, images: Images, noise: Component | None) -> Noise | None:
    """The noise to add to pictures; None for pairs and bursts, which have their own."""
    if not isinstance(images, SingleImages):
        return None
    if noise is None:
        raise compiler.architecture.error(
            ("data", "noise"),
            "is missing. For clean images use a table such as "
            '{type = "gaussian", sigma = 25}; for noisy ones "none".',
        )
    built: Noise = compiler.build(noise)
    return built


def _masked_by(compiler: Compiler, noise: Noise | None, pairing: Pairing) -> str:
    """What leaves out pixels of the target; refuses it with a loss that takes no mask."""
    spec = compiler.architecture
    of_noise = noise is not None and noise.masks and pairing.needs != "clean"
    if not (of_noise or pairing.masks):
        return ""
    key = "target" if pairing.masks else "noise"
    if "mask" not in inspect.signature(compiler.loss().forward).parameters:
        used = getattr(spec.data, key)
        raise spec.error(
            ("data", key),
            f"{used.type if used else 'the noise'} leaves out pixels of the target, and the loss "
            f"{spec.loss.type} takes no mask. Use a loss that does, such as mse.",
        )
    return key


def _remarks(spec: Architecture, images: Images) -> Iterator[str]:
    """What may surprise a user about the combination of images, noise, target and loss."""
    noise = spec.data.noise
    if not isinstance(images, SingleImages):
        if noise is not None and noise.type != "none":
            yield "the images are noisy already: data.noise is not used"
        second_is_clean = isinstance(images, ImagePairs) and images.second_is_clean
        if spec.data.validation is None and not second_is_clean:
            other = (
                "second image of each pair"
                if isinstance(images, ImagePairs)
                else "mean of the other shots of each burst"
            )
            yield (
                "there are no clean images to validate on: PSNR and SSIM compare with the "
                f"{other}, and where that is noisy they are lower than against a clean one"
            )
        return
    yield from _other_noise(spec)
    if noise is not None and noise.type == "none" and spec.data.validation is None:
        yield (
            "there are no clean images to validate on: the validation loss is that of "
            f"{spec.data.target.type} on the images held out, and the latest weights count"
        )
    elif (
        noise is not None
        and noise.type in ("impulse", "text")
        and (spec.loss.type, spec.data.target.type) == ("mse", "noisy")
    ):
        yield (
            f"{noise.type} noise is not zero-mean: with noisy targets the mse learns a mean that "
            'is drawn towards grey. Use loss = "l1", which learns the median, or '
            'data.target = "clean"'
        )


def _other_noise(spec: Architecture) -> Iterator[str]:
    """That a model is measured on another kind of noise than it learns."""
    noise, other = spec.data.noise, spec.data.evaluation_noise
    if noise is None or other is None or "none" in (noise.type, other.type):
        return
    if noise.type != other.type:
        yield (
            f"data.noise is {noise.type} and data.evaluation_noise {other.type}: the model is "
            "validated, and evaluated, on another noise than it learns. If it should not be, set "
            "data.evaluation_noise too"
        )
