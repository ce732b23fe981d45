"""``zoo denoise``: a trained model on the user's own pictures."""

from __future__ import annotations

from pathlib import Path

import click

from zoo.cli.console import warn
from zoo.cli.options import AtLeast, UserPath, device_option, json_option
from zoo.errors import UsageError
from zoo.spec.value_range import fits_float32

A_WEEK = 7 * 24 * 60  # minutes
FORMATS = ("png", "jpeg", "tiff", "bmp", "webp")


@click.command()
@click.argument("model", metavar="MODEL", required=False, type=UserPath(text=True))
@click.argument("inputs", metavar="INPUT...", nargs=-1, type=UserPath(text=True))
@click.option(
    "--output",
    "-o",
    metavar="OUT",
    type=UserPath(text=True),
    help="File or folder to write, or '-'.  [default: NAME.denoised.EXT beside each input]",
)
@click.option(
    "--self",
    "alone",
    is_flag=True,
    help="Without MODEL: train a small network on each picture, and denoise it with that. For "
    "noise up to sigma 25 or so: beyond, non-local means may be as good.",
)
@click.option("--minutes", type=float, metavar="M", help="How long --self trains on each picture.")
@click.option(
    "--network",
    metavar="ARCH.toml",
    type=UserPath(),
    help="What --self trains, instead of the network that zoo has for it.",
)
@click.option("--strength", default=1.0, show_default=True, help="0 for the input, up to 1.")
@click.option(
    "--ensemble", is_flag=True, help="Average over 8 flips and rotations; 8 times slower."
)
@click.option("--format", "file_format", type=click.Choice(FORMATS), help="Another file format.")
@click.option("--depth", type=click.Choice(["8", "16", "float"]), help="Another depth of values.")
@click.option("--quality", type=click.IntRange(1, 100), help="Of JPEG and WebP.")
@click.option("--axes", metavar="AXES", help="What the axes of a stack are, as in TYX or ZCYX.")
@click.option("--white", type=float, metavar="VALUE", help="Value of white, as 4095 for 12 bits.")
@click.option("--tile", type=AtLeast(1), metavar="N", help="Side of the tiles of large pictures.")
@click.option(
    "--compare",
    metavar="FILE",
    type=UserPath(text=True),
    help="Write a PNG of before, after and what was removed.",
)
@click.option("--max-pixels", type=AtLeast(1), metavar="N", help="Refuse larger pictures.")
@click.option("--overwrite", is_flag=True, help="Replace outputs that are there.")
@click.option("--skip-existing", is_flag=True, help="Leave outputs that are there and go on.")
@click.option(
    "--cluster",
    metavar="local|tcp://HOST:PORT|FILE",
    help="Denoise on the workers of a Dask cluster: of this machine, or that of a scheduler's "
    "address or file.",
)
@device_option
@json_option
def denoise(
    model: str | None,
    inputs: tuple[str, ...],
    output: str | None,
    alone: bool,
    minutes: float | None,
    network: Path | None,
    strength: float,
    ensemble: bool,
    file_format: str | None,
    depth: str | None,
    quality: int | None,
    axes: str | None,
    white: float | None,
    tile: int | None,
    compare: str | None,
    max_pixels: int | None,
    overwrite: bool,
    skip_existing: bool,
    cluster: str | None,
    device: str,
    as_json: bool,
) -> None:
    """Denoise pictures: PNG, JPEG, TIFF, BMP and WebP files, and folders of them.

    MODEL is a run's folder, a checkpoint or the name of an installed model. An output has its
    input's format, depth, size, axes and metadata. Nothing is overwritten unless asked for.

    INPUT '-' is the standard input; its output goes to the standard output.

    With --self there is no MODEL: zoo denoise --self INPUT... trains a network on the pixels of
    each picture, in a minute or two, for pictures unlike those that models were trained on.
    """
    if model is None:
        raise UsageError(
            "zoo denoise: no INPUT. Give a model and pictures, or --self and pictures."
        )
    inputs = _inputs(model, inputs, alone)
    _check_alone(alone, minutes, network, inputs)
    if not 0 <= strength <= 1:
        raise UsageError(f"--strength {strength:.12g}: is not between 0 and 1.")
    if white is not None and not fits_float32(0, white):
        raise UsageError(f"--white {white:g}: is not a number from 1e-30 to 1e30.")
    if cluster is not None and (alone or compare is not None or "-" in (*inputs, output)):
        raise UsageError(
            "--cluster: sends files. Leave --self, --compare and the standard streams out."
        )
    from zoo.pictures.folders import OUTPUT
    from zoo.pictures.jobs import Outputs, plan_extra, plan_jobs

    new_format = file_format.upper() if file_format else None
    outputs = Outputs(output, OUTPUT, new_format, overwrite, skip_existing)
    jobs = plan_jobs([Path(path) for path in inputs], outputs, warn)
    if compare is not None:
        if len(jobs) != 1:
            raise UsageError(f"--compare: is of one picture, and there are {len(jobs)}.")
        if Path(compare).suffix.lower() != ".png":
            raise UsageError("--compare: is a PNG. Use a name that ends in .png.")
        plan_extra(Path(compare), jobs, outputs)
    if cluster is not None:
        from zoo.cluster.connect import require_scheduler

        require_scheduler(cluster)
    from zoo.cli.denoise_alone import Alone  # torch, which takes a while: mistakes come before
    from zoo.cli.denoising import denoise_all
    from zoo.inference.file import Options

    options = Options(
        strength=strength,
        ensemble=ensemble,
        tile=tile,
        white=white,
        axes=axes,
        depth=int(depth) if depth in ("8", "16") else "float" if depth else None,
        quality=quality,
        max_pixels=max_pixels,
        overwrite=overwrite,
    )
    train = Alone(network, minutes) if alone else None
    comparison = Path(compare) if compare else None
    denoise_all(train or model, jobs, options, comparison, device, as_json, cluster)


def _inputs(model: str, inputs: tuple[str, ...], alone: bool) -> tuple[str, ...]:
    """The inputs; with --self the first argument is one, and no model."""
    if alone:
        return model, *inputs
    if not inputs:
        raise UsageError(
            f"zoo denoise {model}: no INPUT. Give pictures or folders after the model, or --self "
            "to train on them instead of a model."
        )
    return inputs


def _check_alone(
    alone: bool, minutes: float | None, network: Path | None, inputs: tuple[str, ...]
) -> None:
    if not alone and (minutes is not None or network is not None):
        raise UsageError("--minutes and --network: are for --self, which trains.")
    if minutes is not None and not 0 < minutes <= A_WEEK:
        raise UsageError(f"--minutes {minutes:g}: is not above 0 and up to {A_WEEK}, a week.")
    if alone and "-" in inputs:
        raise UsageError("--self: the picture is read twice. Use a file, not the standard input.")
