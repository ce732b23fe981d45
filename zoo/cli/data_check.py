"""``zoo data check``: what is wrong or doubtful with a data set, before training."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console

from zoo.cli.caching import cache_option, opened_cache, say_unused
from zoo.cli.console import print_json, warn
from zoo.cli.options import UserPath, json_option, source_components
from zoo.cli.streams import work_counts
from zoo.errors import UsageError, printable
from zoo.files import require_folder, write_atomically
from zoo.plugins.registry import load_registry
from zoo.spec.value_range import ALLOWED, fits_float32

if TYPE_CHECKING:
    from zoo.data.sets import Images
    from zoo.data_check.report import Report

COLOURS = {"ok": "green", "note": None, "warning": "yellow", "error": "red"}
ANSWERS = {"yes": "green", "no": "red"}
LEVEL_WIDTH, NAME_WIDTH, WIDEST = 12, 15, 100
AUTO = "auto"
TARGETS = ("noisy", "clean", "neighbors", "blind_spot")
DATA_EXIT = 4
WORD = re.compile(r"[a-z]+[ ,]")


class Range(click.ParamType):  # type: ignore[type-arg]  # as zoo.cli.options.Sigmas
    """Values of black and white with a comma between them, as in ``0,4095``; or ``auto``."""

    name = "range"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[float, float] | str:
        """The two numbers, or ``auto``."""
        if isinstance(value, tuple):
            return value
        if value == AUTO:
            return AUTO
        try:
            low, high = (float(part) for part in value.strip("[]").split(","))
        except ValueError:
            low = high = 0.0
        if not low < high:
            self.fail(
                f"is {value}. Use the values of black and white, as in 0,4095, or auto.", param, ctx
            )
        if not fits_float32(low, high):
            self.fail(f"is {value}. {ALLOWED}", param, ctx)
        return low, high


@click.command()
@click.argument("source", metavar="SOURCE")
@click.option(
    "--target",
    type=click.Choice(TARGETS),
    help="What the data are meant for: exit code 4 where they cannot be used for that.",
)
@click.option(
    "--range",
    "value_range",
    type=Range(),
    metavar="BLACK,WHITE|auto",
    help="Values of black and white, as data.range has them: 0,4095 for 12 bits in files of 16; "
    "auto for what the pictures span.",
)
@click.option(
    "--output",
    "-o",
    metavar="FILE.png",
    type=UserPath(),
    help="Draw the variance of the noise against the intensity there.",
)
@cache_option
@json_option
@click.pass_context
def check(
    ctx: click.Context,
    source: str,
    target: str | None,
    value_range: tuple[float, float] | str | None,
    output: Path | None,
    cache: Path | None,
    as_json: bool,
) -> None:
    """Say what is wrong or doubtful with a data set, with figures, before training.

    SOURCE is what --data takes everywhere. Shift, scale, rotation and brightness of pairs, copies,
    clipping, how strong the noise is, whether it is independent from pixel to pixel, and what can
    be learnt from it. Needs no model. Exit code 4 where the data cannot be used.
    """
    if output is not None:
        _require_free(output)
        work_counts()
    registry = load_registry()
    component = source_components(registry, [source])[source]
    from zoo.cli.data_images import read_images, value_types
    from zoo.data_check.report import check_images
    from zoo.pictures.values import ValueRange
    from zoo.train.measured_range import AS_STORED, measured_range

    def read(ends: tuple[float, float] | None) -> Images:
        span = None if ends is None else ValueRange(*ends)
        is_clean = target == "clean"
        return read_images(
            registry, component, span, second_is_clean=is_clean, picture_cache=pictures
        )

    with opened_cache(cache) as pictures:
        if isinstance(value_range, str):
            value_range = measured_range(read(AS_STORED), f"{component.name}:", "--range")
        images = read(value_range)
        say_unused(pictures)
        for remark in images.remarks:
            warn(remark)
        report = check_images(images, target, types=value_types(component))
        if pictures is not None:
            pictures.check()
    if as_json:
        print_json({**report.to_dict(), "range": value_range})
    else:
        _print(report, value_range, text_plot=output is None)
    if output is not None:
        _draw(report, output)
    ctx.exit(0 if report.usable else DATA_EXIT)


def _require_free(path: Path) -> None:
    """Refuse, before the work, a file that cannot be written."""
    if path.suffix.lower() != ".png":
        raise UsageError(f"--output {path}: a PNG is written. Use a name that ends in .png.")
    if path.exists():
        raise UsageError(f"--output {path}: already there. Use another name.")
    require_folder(f"--output {path}", path)


def _draw(report: Report, path: Path) -> None:
    from zoo.data_check.plot import plot_picture

    if report.measured.noise is None:
        warn(f"--output {path}: not written, as too little is seen of the noise")
        return
    picture = plot_picture(report.measured.noise)
    write_atomically(path, lambda stream: picture.save(stream, "PNG"), overwrite=False)


def _print(report: Report, value_range: tuple[float, float] | None, *, text_plot: bool) -> None:
    from zoo.data_check.plot import plot_text

    width = max(60, min(Console().width, WIDEST))
    for finding in report.findings:
        sentences = (finding.figure, finding.meaning, finding.advice)
        _print_row(finding.level, COLOURS[finding.level], finding.what, sentences, width)
    noise = report.measured.noise
    measured = report.measured
    if noise and measured.noisy and measured.model_is_known and not measured.range_remarks:
        if text_plot:
            click.echo("\n" + "\n".join(plot_text(noise)))
        click.echo("\nTo add such noise to clean pictures, in [data]:")
        click.echo(noise.toml)
    if value_range is not None:
        click.echo("\nThe figures are of this range, in [data]:")
        click.echo("range = [{:.6g}, {:.6g}]".format(*value_range))
    click.echo("\n" + click.style("What can be learnt from these data", bold=True))
    for pairing in report.pairings:
        colour = ANSWERS.get(pairing.answer, "yellow")
        _print_row(pairing.answer, colour, pairing.name, [pairing.reason], width)
    click.echo(f"\n{report.verdict}.")


def _print_row(state: str, colour: str | None, name: str, texts: Sequence[str], width: int) -> None:
    """A state, a name, and sentences, each on lines of its own."""
    indent = LEVEL_WIDTH + NAME_WIDTH
    wrapper = textwrap.TextWrapper(width - indent, break_long_words=False, break_on_hyphens=False)
    lines = [line for text in texts for line in wrapper.wrap(printable(_sentence(text)))]
    head = click.style(state.ljust(LEVEL_WIDTH), fg=colour) + name.ljust(NAME_WIDTH)
    for number, line in enumerate(lines or [""]):
        click.echo((head if number == 0 else " " * indent) + line)


def _sentence(text: str) -> str:
    """The text with a capital where it begins with a plain word; names stay as they are."""
    return text[:1].upper() + text[1:] if WORD.match(text) else text
