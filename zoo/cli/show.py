"""``zoo show``: the layers of an architecture, or its resolved file."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from math import isfinite
from pathlib import Path
from typing import Any

import click
import tomli

from zoo.architecture import Architecture, read_architecture
from zoo.architecture.document import SourceLocation
from zoo.architecture.infer_shapes import InferredShapes, ShapeInference
from zoo.architecture.overrides import parse_overrides
from zoo.cli.console import aligned, print_json, warn_of_failures
from zoo.cli.options import UserPath, json_option, set_option
from zoo.cli.streams import say
from zoo.plugins.registry import load_registry
from zoo.spec.shapes import format_shape
from zoo.spec.sizes import SizeRule, describe_sizes

HEAD = ("layer", "line", "output", "parameters", "multiply-adds")


@click.command()
@click.argument("file", metavar="ARCH.toml", type=UserPath())
@click.option("--resolved", is_flag=True, help="Print the file with every default filled in.")
@set_option
@json_option
def show(file: Path, resolved: bool, changes: tuple[str, ...], as_json: bool) -> None:
    """Show what each layer makes of a training crop, or the resolved file.

    Parameters are the numbers that are trained; multiply-adds those of the forward pass of one
    crop, without biases. The receptive field is the part of the input that one pixel of the output
    depends on. The resolved file has variables, blocks and defaults filled in and means the same.
    """
    registry = load_registry()
    warn_of_failures(registry)
    spec = read_architecture(file, registry, parse_overrides(changes, file.parent))
    if resolved and as_json:
        print_json(tomli.loads(spec.text))
    elif resolved:
        click.echo(spec.text, nl=False)
    else:
        rules = ShapeInference(registry, spec.root).size_rules(spec.shapes)
        if as_json:
            print_json(_as_json(spec, rules))
        else:
            _print(spec, rules)


def _print(spec: Architecture, rules: tuple[SizeRule | None, SizeRule | None]) -> None:
    """The table, every column as wide as it needs; a file that is not the first before its rows."""
    info = spec.shapes.info
    files = [spec.file]
    cells: list[tuple[str, ...]] = [HEAD]
    cells.append(("input", "", format_shape(spec.shapes.input_shape), "", ""))
    for row in _rows(spec, spec.shapes):
        files.append(row["file"])
        counts = (f"{row[key]:,}" if row[key] else "" for key in ("parameters", "multiply_adds"))
        cells.append((_name(row), str(row["line"]), format_shape(row["output"]), *counts))
    cells.append(("in all", "", "", f"{info.parameters:,}", f"{info.multiply_adds:,}"))
    head, given, *layers, total = aligned(cells)
    say(f"{spec.name}{': ' if spec.description else ''}{spec.description}")
    say(head)
    say(given)
    for (before, file), line in zip(pairwise(files), layers, strict=True):
        if file != before:
            say(f"in {file}:")
        say(line)
    say("")
    say(total)
    say(f"receptive field: {_pixels(spec.shapes.receptive_field)} pixels")
    say(f"image sizes: {describe_sizes(*rules)}")


def _as_json(spec: Architecture, rules: tuple[SizeRule | None, SizeRule | None]) -> dict[str, Any]:
    info = spec.shapes.info
    return {
        "file": spec.file,
        "name": spec.name,
        "description": spec.description,
        "input": list(spec.shapes.input_shape),
        "layers": list(_rows(spec, spec.shapes)),
        "parameters": info.parameters,
        "multiply_adds": info.multiply_adds,
        "receptive_field": spec.shapes.receptive_field,
        "sizes": {
            axis: None if rule is None else {"first": rule.first, "step": rule.step}
            for axis, rule in zip(("height", "width"), rules, strict=True)
        },
    }


def _rows(
    spec: Architecture, shapes: InferredShapes, outer: tuple[str | int, ...] = ()
) -> Iterator[dict[str, Any]]:
    """A row for each layer, those of its bodies after it."""
    for position, layer in enumerate(shapes.layers):
        location = spec.root.nearest(layer.component.path).location
        yield {
            "layer": [*outer, position],
            "type": layer.component.type,
            **_written(location),
            "output": list(layer.info.output_shape),
            "parameters": layer.info.parameters,
            "multiply_adds": layer.info.multiply_adds,
        }
        for name, body in layer.bodies.items():
            yield from _rows(spec, body, (*outer, position, name))


def _name(row: dict[str, Any]) -> str:
    """``3 conv2d``; ``body.0 conv2d``, indented, for the first layer in the body of another."""
    path = row["layer"]
    return f"{'  ' * (len(path) // 2)}{'.'.join(map(str, path[-2:]))} {row['type']}"


def _written(location: SourceLocation) -> dict[str, Any]:
    users = [{"file": user.file.name, "line": user.line} for user in location.users]
    return {"file": location.file.name, "line": location.line, "used_by": users}


def _pixels(numbers: tuple[float, ...]) -> str:
    return " x ".join(f"{number:g}" if isfinite(number) else "all" for number in numbers)
