"""``zoo denoise --self``: a network trained on each picture alone; imports torch."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import torch

from zoo.architecture import read_architecture
from zoo.cli.console import warn
from zoo.cli.denoise_progress import DenoiseProgress
from zoo.errors import ArchitectureError, PluginError
from zoo.inference import Denoiser
from zoo.inference.file import Options, check_output
from zoo.pictures.jobs import Job
from zoo.pictures.values import ValueRange
from zoo.plugins.registry import Registry
from zoo.single import DEFAULT_NETWORK, Training, denoiser_of


@dataclass(frozen=True)
class Alone:
    """That each picture is denoised by a network trained on it alone.

    Attributes:
        network: its architecture file; None for zoo's own.
        minutes: how long to train; None for as many steps as the file says.
    """

    network: Path | None
    minutes: float | None


def check_network(network: Path | None, registry: Registry) -> None:
    """Refuse mistakes in an architecture, which are no picture's, and say what is not used of it.

    Args:
        network: its file; None for zoo's own.
        registry: what is installed.

    Raises:
        ArchitectureError: it has mistakes.
        PluginError: zoo's own needs a plugin that is not installed.
    """
    file = network or DEFAULT_NETWORK
    try:
        data = read_architecture(file, registry).data
    except ArchitectureError as error:
        if network is not None:
            raise
        raise PluginError(
            f"--self: its own network cannot be used: {error.problems[0].text} Or name one with "
            "--network."
        ) from error
    if data.noise is not None and data.noise.type != "none":
        warn(f"{file}: data.noise is not used: a picture that --self trains on is noisy already")
    if data.value_range is not None:
        warn(f"{file}: data.range is not used: a picture's span is, or what --white says")


def trained_alone(
    how: Alone,
    registry: Registry,
    device: torch.device,
    options: Options,
    job: Job,
    progress: DenoiseProgress,
) -> tuple[Denoiser, Training]:
    """A network trained on the picture of a job, if its output can be written, and how long."""
    check_output(job.source, job.target, replace(options, format=job.format))
    trained: list[Training] = []
    denoiser = denoiser_of(
        job.source,
        registry,
        device,
        network=how.network or DEFAULT_NETWORK,
        minutes=how.minutes,
        value_range=None if options.white is None else ValueRange(0, options.white),
        axes=options.axes,
        max_pixels=options.max_pixels,
        on_step=progress.on_training,
        on_end=trained.append,
    )
    return denoiser, trained[0]
