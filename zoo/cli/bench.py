"""``zoo bench``: how fast a network is, beside the same network in torch.nn."""

from __future__ import annotations

import re
from pathlib import Path

import click
from rich.console import Console

from zoo.architecture import read_architecture
from zoo.architecture.overrides import Override, parse_overrides
from zoo.cli.console import print_json, warn_of_failures
from zoo.cli.options import AtLeast, UserPath, device_option, json_option, set_option
from zoo.plugins.registry import load_registry


@click.command()
@click.argument("file", metavar="ARCH.toml", type=UserPath())
@device_option
@click.option(
    "--batch-size",
    "batch_sizes",
    multiple=True,
    metavar="N",
    type=AtLeast(1),
    help="Images in a batch; can be repeated.  [default: training 10, 100; inference 1, 10, 100]",
)
@click.option(
    "--size",
    metavar="HxW",
    help="Height and width of the images in pixels.  [default: the file's input]",
)
@click.option(
    "--image",
    metavar="HxW",
    help="Time one picture of that size instead, as it is denoised: tile by tile.",
)
@click.option(
    "--depth",
    type=click.Choice(["8", "16"]),
    help="Bits of that picture's channels; in 8 convolutions may round more.  [default: 16]",
)
@click.option(
    "--repeats",
    default=30,
    show_default=True,
    type=AtLeast(1),
    help="Samples of each; fewer, but 5, where they take longer than a minute.",
)
@click.option("--no-compile", is_flag=True, help="Leave torch.compile out.")
@click.option("--no-torch", is_flag=True, help="Time zoo alone.")
@click.option("--no-memory", is_flag=True, help="Leave out the peak memory, which takes a while.")
@set_option
@json_option
def bench(
    file: Path,
    device: str,
    batch_sizes: tuple[int, ...],
    size: str | None,
    image: str | None,
    depth: str | None,
    repeats: int,
    no_compile: bool,
    no_torch: bool,
    no_memory: bool,
    changes: tuple[str, ...],
    as_json: bool,
) -> None:
    """Time a training step and inference, beside the same network in torch.nn.

    torch.nn runs with images as they come (NCHW), in channels_last, and with torch.compile; in one
    process, in turn, medians. "ratio" is zoo's time over that of the fastest of torch.nn; "memory"
    zoo's peak over their least. First the losses of 20 steps are compared: unless they agree
    nothing is timed. GFLOP/s are zoo's, of the operations that the layers take by definition; a
    form that needs fewer may pass the rate of the machine.
    """
    registry = load_registry()
    picture = None if image is None else _height_and_width("--image", image)
    if picture is not None and batch_sizes:
        raise click.UsageError("--image is one picture. Leave --batch-size out.")
    if picture is None and depth is not None:
        raise click.UsageError("--depth is of a picture. Use it with --image.")
    overrides = [*parse_overrides(changes, file.parent), *_size(size)]
    spec = read_architecture(file, registry, overrides)
    warn_of_failures(registry)
    from zoo.bench.benchmark import Plan, benchmark  # torch: mistakes are reported before
    from zoo.cli.bench_table import print_report
    from zoo.train.device import choose_device

    target = choose_device(device)
    sizes = {"training": batch_sizes, "inference": batch_sizes} if batch_sizes else {}
    plan = Plan(
        **sizes,
        rounds=repeats,
        with_torch=not no_torch,
        compiled=not no_compile,
        memory=not no_memory,
        picture=picture,
        depth=int(depth or 16),
    )
    console = Console(stderr=True)
    with console.status("", refresh_per_second=1) as status:  # seldom: it is timed too
        report = benchmark(spec, registry, target, plan, status.update)
    if as_json:
        print_json(report.to_dict())
    else:
        print_report(report)


def _size(size: str | None) -> list[Override]:
    """The changes that ``--size`` makes."""
    if size is None:
        return []
    height, width = _height_and_width("--size", size)
    return [
        Override.of_option("--size", ("input", "height"), height),
        Override.of_option("--size", ("input", "width"), width),
    ]


def _height_and_width(option: str, size: str) -> tuple[int, int]:
    match = re.fullmatch(r"([1-9]\d{0,5})x([1-9]\d{0,5})", size)
    if match is None:
        raise click.BadParameter(
            f"{size!r} is no size. Write HxW in pixels, such as 64x64", param_hint=f"'{option}'"
        )
    return int(match[1]), int(match[2])
