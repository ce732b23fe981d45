"""Training a small network on the pixels of one noisy picture, and nothing else."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from zoo.architecture import Architecture, read_architecture
from zoo.architecture.overrides import parse_overrides
from zoo.compiler import Compiler
from zoo.data.augment import Augment
from zoo.data.batches import Batches
from zoo.data.images import read_images
from zoo.data.noise.none import NoNoise
from zoo.data.sets import SingleImages
from zoo.data.stored import pixels_of
from zoo.errors import DataError, DivergenceError
from zoo.inference import Denoiser
from zoo.inference.any_size import any_size
from zoo.nn.sequential import Sequential
from zoo.pictures.channel_pages import channel_pages
from zoo.pictures.read import open_picture
from zoo.pictures.values import ValueRange
from zoo.plugins.registry import Registry
from zoo.single.neighbours import NeighboursEstimate, neighbours_estimate
from zoo.spec.value_range import fits_float32
from zoo.train.measured_range import AS_STORED, span
from zoo.train.session import initial_model
from zoo.train.step import TrainStep

DEFAULT_NETWORK = Path(__file__).with_name("network.toml")
SMALLEST_CROP = 8  # pixels; input and target are half as large as what they are drawn from
MOST_PAGES = 32  # of a stack, evenly chosen, are trained on
TRIED = 10  # steps, of which the last ones are timed
WARM = 4
ENDLESS = 2**31  # samples; how many are drawn is decided on the way


@dataclass(frozen=True)
class Training:
    """How long a network was trained.

    Attributes:
        steps: that were done.
        usual: that the network's file asks for.
        seconds: that they took.
        estimate: whether non-local means would likely be better; None where that cannot be told.
    """

    steps: int
    usual: int
    seconds: float
    estimate: NeighboursEstimate | None = None


def single_architecture(
    path: Path, registry: Registry, channels: int, size: tuple[int, int]
) -> Architecture:
    """The architecture in the file ``path``, for pictures of so many channels and that size.

    Args:
        path: an architecture whose pairing makes both sides out of one view.
        registry: what can be written in it.
        channels: of the picture.
        size: height and width of the picture, in pixels.

    Raises:
        ArchitectureError: the file has mistakes.
        DataError: the picture is too small for any crop.
    """

    def read(*texts: str) -> Architecture:
        of_picture = (f"input.channels={channels}", *texts)
        return read_architecture(path, registry, parse_overrides(of_picture, path.parent))

    given = read()
    pairing = Compiler(given, registry).pairing()
    if pairing.needs != "nothing":
        raise given.error(
            ("data", "target"),
            f"is {given.data.target.type}, which takes two views. "
            "Use one that takes one, such as neighbors.",
        )
    crop = [given.input.height, given.input.width]
    for axis in (0, 1):
        while pairing.window(*crop)[axis] > size[axis]:
            crop[axis] //= 2
    if min(crop) < SMALLEST_CROP:
        needed = pairing.window(SMALLEST_CROP, SMALLEST_CROP)
        raise DataError(
            f"is {size[0]} x {size[1]} pixels (height x width), and {needed[0]} x {needed[1]} "
            "are needed to train on it"
        )
    turning = [name for name in ("transpose", "rotate") if given.data.augment[name]]
    upright = [f"data.augment.{name}=false" for name in turning if crop[0] != crop[1]]
    return read(f"input.height={crop[0]}", f"input.width={crop[1]}", *upright)


@torch.no_grad()
def denoiser_of(
    picture: Path,
    registry: Registry,
    device: torch.device,
    *,
    network: Path = DEFAULT_NETWORK,
    minutes: float | None = None,
    value_range: ValueRange | None = None,
    axes: str | None = None,
    max_pixels: int | None = None,
    on_step: Callable[[float], object] = lambda done: None,
    on_end: Callable[[Training], object] = lambda training: None,
) -> Denoiser:
    """Train a network on a picture, and give back what denoises it.

    Args:
        picture: a picture file; of a stack all pages are trained on, up to 32 of them.
        registry: what can be written in the network's file.
        device: where to train.
        network: the architecture file.
        minutes: how long to train, about; None for the file's own number of steps.
        value_range: black and white of the file's values; None for what they span.
        axes: a letter for each axis of a TIFF, by the user's word; None for those of the file.
        max_pixels: larger pictures are refused; None for what memory allows.
        on_step: called with the part that is done, 0 to 1; what it raises ends the work.
        on_end: called when the network is trained.

    Raises:
        DataError: the picture cannot be read, or is too small.
        ArchitectureError: the network's file has mistakes.
        DivergenceError: the loss is no longer finite.
    """
    with open_picture(picture, max_pixels=max_pixels) as opened:
        channels = channel_pages(opened, axes).channels
    images, value_range = _pages(picture, channels, value_range, axes)
    height, width = (min(image.shape[axis] for image in images) for axis in (1, 2))
    try:
        spec = single_architecture(network, registry, channels, (height, width))
    except DataError as error:
        raise DataError(f"{picture}: {error}.") from None
    names = tuple(f"{picture.name}[{page}]" for page in range(len(images)))
    model, training = _trained(
        Compiler(spec, registry), SingleImages(names, images), device, minutes, on_step
    )
    denoiser = Denoiser(model.eval(), value_range)

    def denoise(noisy: Tensor) -> Tensor:
        return any_size(denoiser.network, noisy[None].to(device))[0].cpu()

    on_end(replace(training, estimate=neighbours_estimate(denoise, images[0])))
    return denoiser


def _pages(
    picture: Path, channels: int, value_range: ValueRange | None, axes: str | None
) -> tuple[tuple[Tensor, ...], ValueRange]:
    """The images of a file, black at 0 and white at 1, and the values of both in the file."""
    given = value_range or ValueRange(*AS_STORED)
    (pages,) = read_images([picture], channels, value_range=given, axes=axes)
    images = [pixels_of(it).float() for it in pages[:: -(-len(pages) // MOST_PAGES)]]
    if value_range is not None:
        return tuple(images), value_range
    low, high = _ends(images)
    if not fits_float32(low, high):
        raise DataError(
            f"{picture}: its values are from {low:g} to {high:g}, too close together to learn "
            "from. Save it in another unit, or say which value is white."
        )
    return tuple((image - low) / (high - low) for image in images), ValueRange(low, high)


def _ends(images: Sequence[Tensor]) -> tuple[float, float]:
    """Black and white by what the images span, or hold at all where that is a single value."""
    low, high = span(images)
    if low == high:
        low = min(float(image.min()) for image in images)
        high = max(float(image.max()) for image in images)
    if low == high:  # nothing to see, and nothing to divide by
        high = low + max(1, abs(low))
    return low, high


def _trained(
    compiler: Compiler,
    pages: SingleImages,
    device: torch.device,
    minutes: float | None,
    on_step: Callable[[float], object],
) -> tuple[Sequential, Training]:
    """The network, trained for the architecture's own steps, or as many as ``minutes`` allow."""
    spec = compiler.architecture
    model = initial_model(compiler, spec.train.seed).to(device).train()
    optimizer, schedule, pairing = (
        compiler.optimizer(model.param()),
        compiler.schedule(),
        compiler.pairing(),
    )
    base_lr, step = optimizer.lr, TrainStep(model, compiler.loss(), optimizer)
    batches = Batches(
        pages,
        NoNoise(),
        batch_size=spec.train.batch_size,
        height=spec.input.height,
        width=spec.input.width,
        pairing=pairing,
        augment=Augment(**spec.data.augment),
        samples=ENDLESS,
        seed=spec.train.seed,
        device=device,
    )
    usual = max(1, (spec.data.samples_per_epoch or 1) * spec.train.epochs // spec.train.batch_size)
    steps, began = usual, time.monotonic()
    loss, started = torch.zeros(()), 0.0
    with closing(batches.iterate(0)) as drawn:
        for taken, batch in enumerate(drawn):
            if minutes is not None and taken == WARM:
                started = time.monotonic()
            if minutes is not None and taken == TRIED:
                each = (time.monotonic() - started) / (TRIED - WARM)
                steps = min(max(TRIED, round(minutes * 60 / each)), ENDLESS)
            if taken >= steps:
                break
            optimizer.lr = base_lr * schedule(taken, steps, 1)
            batch = pairing.correct(batch, step.predict, taken / steps)
            loss = step(batch.x, batch.target, batch.mask)
            on_step((taken + 1) / steps)
    if not loss.isfinite():
        raise DivergenceError(
            f"{pages.names[0]}: training diverged. Use a network with a smaller learning rate."
        )
    return model, Training(steps, usual, time.monotonic() - began)
