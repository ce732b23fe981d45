"""``zoo export``: a trained network as a file that other programs read."""

from __future__ import annotations

from pathlib import Path

import click

from zoo.cli.console import warn
from zoo.cli.options import AtLeast, UserPath, refuse_the_model
from zoo.cli.streams import say, say_lines, work_counts


@click.command()
@click.argument("model", metavar="MODEL", type=UserPath(text=True))
@click.option(
    "-o",
    "--output",
    required=True,
    metavar="FILE",
    type=UserPath(),
    help="The file to write; its ending says the format: .pt, .onnx, .safetensors, .dtmodel.",
)
@click.option(
    "--to",
    type=click.Choice(["torch", "onnx", "safetensors", "dtmodel"]),
    help="The format, where the file's ending does not say it.",
)
@click.option(
    "--tile",
    type=AtLeast(1),
    metavar="N",
    help="ONNX for images of N x N pixels only, which some accelerators need.",
)
@click.option("--overwrite", is_flag=True, help="Replace the file if it is there.")
def export(model: str, output: Path, to: str | None, tile: int | None, overwrite: bool) -> None:
    """Write a trained network as a file that other programs read.

    MODEL is a run's folder, a checkpoint, or the name of an installed model. The file is kept only
    if it computes what the network does.
    """
    work_counts()
    from zoo.export.target import choose_target

    target = choose_target(output, to, tile, overwrite)
    from zoo.export import files, trained
    from zoo.plugins.registry import load_registry

    network = trained.load(model, load_registry(), warn)
    refuse_the_model(network.file, target.files)
    say(f"model: {network.architecture.name}, {network.file}")
    said = files.export(network, target)
    for file in target.files:
        say(f"wrote {file}: {file.stat().st_size:,} bytes")
    say_lines("\n".join(said))
