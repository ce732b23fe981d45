"""``zoo run --replay``: a step that was not finite, repeated layer by layer; imports torch."""

from __future__ import annotations

import math
from pathlib import Path

from rich.table import Table

from zoo.cli.console import cell, print_table, warn
from zoo.cli.streams import say
from zoo.plugins.registry import Registry
from zoo.train.bundle import Replay, replay
from zoo.train.device import choose_device, device_name
from zoo.train.layer_statistics import LayerStatistics
from zoo.train.run_directory import RunDirectory


def print_replay(path: Path, registry: Registry, device_option: str) -> None:
    """Repeat the step in a ``diverged.pkl``, and print what each layer made of it.

    Args:
        path: the file, or the run's folder that it is in.
        registry: what is installed.
        device_option: as the option.
    """
    device = choose_device(device_option)
    path = RunDirectory(path).diverged if path.is_dir() else path
    result = replay(path, registry, device, warn)
    now = device_name(device)
    there = "" if now == result.device else f", recorded on {result.device}"
    say(f"step {result.step} (epoch {result.epoch}, lr {result.lr:.3g}), on {now}{there}")
    print_table(_table(result))
    if result.same:
        say(f"The same came out: {result.description}.")
    else:
        say(f"It came out otherwise: {result.description}. Recorded was: {result.before}.")
    say(result.cause)


def _table(result: Replay) -> Table:
    """A row for each layer, and a mark at the first that is not finite."""
    table = Table(title=f"loss {result.found.loss:.5g}", title_justify="left", box=None)
    table.padding = (0, 1, 0, 0)
    for name in ("layer", "line", "type"):
        table.add_column(name, no_wrap=True)
    for name in ("mean", "std", "max", "zeros", "grad", "weight"):
        table.add_column(name, justify="right", no_wrap=True)
    bad = result.found.bad.layer if result.found.bad else None
    for layer in result.found.layers:
        first = layer.name == bad
        mark, style = ("> ", "bold") if first else ("  ", "")
        line = str(layer.line or "")
        table.add_row(
            cell(mark + _short(layer.name)), line, cell(layer.type), *_numbers(layer), style=style
        )
    table.caption_justify = "left"
    table.caption = (
        "mean, std, largest magnitude and share of zeros of the output; root mean square "
        "of the gradient with respect to it, and of the weights"
    )
    return table


def _short(name: str) -> str:
    """A layer's name without those that it is inside of: these are above it, further left."""
    *outer, parameter, position = ("", "", *name.split("."))
    inside = " " * (len(outer) // 2)
    return f"{inside}{parameter}.{position}" if parameter else position


def _numbers(layer: LayerStatistics) -> list[str]:
    """The figures as they are printed; of a layer without weights none of these."""
    zeros = "" if math.isnan(layer.zeros) else f"{100 * layer.zeros:.0f}%"
    most = max(abs(layer.min), abs(layer.max))
    without = math.isnan(layer.weight) and math.isnan(layer.weight_gradient)
    numbers = (layer.mean, layer.std, most, layer.gradient, layer.weight)
    mean, std, largest, gradient, weight = (f"{number:.2g}" for number in numbers)
    return [mean, std, largest, zeros, gradient, "" if without else weight]
