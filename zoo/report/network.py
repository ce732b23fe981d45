"""The architecture as rows and as a tower of boxes: shapes, parameters, cost, receptive field."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from math import isfinite
from typing import Any

from markupsafe import Markup

from zoo.architecture import Architecture, Component
from zoo.architecture.infer_shapes import InferredLayer, InferredShapes
from zoo.errors import printable, shorten
from zoo.plugins.registry import Registry
from zoo.report.diagram import Block, Nest, tower
from zoo.report.page import Section, render
from zoo.report.scales import compact
from zoo.report.svg import element
from zoo.spec.input_range import InputRange, chain, receptive_field, same

MOST_ROWS = 200
ROW = 30  # pixels: as style.css has it
SHARE = 46.0  # width of the bar of a share
SETTINGS = ("kernel_size", "stride", "factor", "downscale_factor", "upscale_factor")

Ranges = tuple[InputRange, InputRange]


@dataclass(frozen=True)
class Row:
    """A layer of the network, those of its bodies after it.

    Attributes:
        component: what it is.
        depth: in how many bodies it is.
        shape: of its output.
        parameters, multiply_adds: of it, bodies included.
        field: rows and columns of the input that a pixel of its output depends on.
        given: the shape of its input.
        inside: how many rows after it are those of its bodies.
        joins: how its body's output and its input become its output, where that is known: ``+``
            for added, ``c`` for put together, "" for neither.
    """

    component: Component
    depth: int
    given: tuple[int, ...]
    shape: tuple[int, ...]
    parameters: int
    multiply_adds: int
    field: tuple[float, float]
    inside: int
    joins: str


def network_section(architecture: Architecture | None, registry: Registry) -> Section:
    """The architecture, drawn and as a table."""
    title = "Architecture"
    if architecture is None:
        return Section("architecture", title, Markup(""))
    shapes = architecture.shapes
    every = list(_rows(shapes, registry))
    rows = every[:MOST_ROWS]
    leaves = [row for row in rows if not row.inside]
    most = (
        max([row.parameters for row in leaves], default=0),
        max([row.multiply_adds for row in leaves], default=0),
    )
    pixels = architecture.input.height * architecture.input.width
    first = {"type": "input", "settings": "a training crop", "shape": _shape(shapes.input_shape)}
    shown = [{**_EMPTY, **first}, *(_shown(row, *most, pixels) for row in rows)]
    body = render(
        "network.html",
        tower=tower([_block(shapes.input_shape, False), *map(_of_row, rows)], _nests(rows), ROW),
        rows=shown,
        left_out=len(every) - len(rows),
    )
    return Section("architecture", title, body + _legend(rows, registry), _lead(architecture))


_EMPTY: Mapping[str, Any] = {
    "depth": 0,
    "settings": "",
    "parameters": "",
    "parameters_share": "",
    "multiply_adds": "",
    "multiply_adds_share": "",
    "field": "",
}


def _lead(architecture: Architecture) -> str:
    shapes = architecture.shapes
    count = compact(shapes.info.parameters)
    pixels = architecture.input.height * architecture.input.width
    cost = compact(shapes.info.multiply_adds / pixels)
    size = _pixels(shapes.receptive_field)
    return (
        f"{count} parameters; {cost} multiply-adds a pixel, by a crop of "
        f"{_shape(shapes.input_shape)}; a pixel of the output depends on {size} pixels of the "
        "input. Outputs are channels × height × width."
    )


def _rows(
    shapes: InferredShapes,
    registry: Registry,
    depth: int = 0,
    before: Ranges = (same, same),
) -> Iterator[Row]:
    """The rows of a chain; ``before`` says what a pixel of its input depends on."""
    given = shapes.input_shape
    for layer in shapes.layers:
        after = _after(before, layer)
        inner = [
            row
            for body in layer.bodies.values()
            for row in _rows(body, registry, depth + 1, before)
        ]
        yield Row(
            layer.component,
            depth,
            given,
            layer.info.output_shape,
            layer.info.parameters,
            layer.info.multiply_adds,
            (receptive_field(after[0]), receptive_field(after[1])),
            len(inner),
            _joins(layer, given, registry),
        )
        yield from inner
        before, given = after, layer.info.output_shape


def _after(before: Ranges, layer: InferredLayer) -> Ranges:
    rows, columns = layer.info.input_range
    return chain(before[0], rows), chain(before[1], columns)


def _joins(layer: InferredLayer, given: tuple[int, ...], registry: Registry) -> str:
    """Whether a layer gives its input on beside its body: as its own summary says."""
    bodies = list(layer.bodies.values())
    if len(bodies) != 1 or "input" not in registry.layer(layer.component.type).summary:
        return ""
    of_body = bodies[0].info.output_shape
    if layer.info.output_shape[0] == given[0] + of_body[0]:
        return "c"
    return "+" if layer.info.output_shape == of_body else ""


def _shown(row: Row, parameters: int, multiply_adds: int, pixels: int) -> Mapping[str, Any]:
    leaf = not row.inside
    return {
        "depth": row.depth,
        "type": row.component.type,
        "settings": _settings(row.component.parameters),
        "shape": _shape(row.shape),
        "parameters": f"{row.parameters:,}" if row.parameters else "",
        "parameters_share": _share(row.parameters, parameters) if leaf else _share(0, 0),
        "multiply_adds": compact(row.multiply_adds / pixels) if row.multiply_adds else "",
        "multiply_adds_share": _share(row.multiply_adds, multiply_adds) if leaf else _share(0, 0),
        "field": _pixels(row.field),
    }


def _settings(parameters: Mapping[str, Any]) -> str:
    """What sets a layer apart: ``3×3, stride 2``."""
    said = []
    for name in SETTINGS:
        value = parameters.get(name)
        if type(value) not in (int, list, tuple) or (name, value) in (
            ("stride", 1),
            ("padding", 0),
        ):
            continue
        sizes = "×".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)
        if name == "kernel_size":
            said.append(sizes if "×" in sizes else f"{sizes}×{sizes}")
        else:
            said.append(f"{name.removesuffix('_factor').replace('_', ' ')} {sizes}")
    return shorten(printable(", ".join(said)))


def _share(value: int, most: int) -> Markup:
    """A bar: how much of the largest; always of one width, so that columns stay aligned."""
    part = SHARE * value / most if most else 0.0
    bars = [element("rect", width=SHARE, height=8, rx=2, class_="track")] if value else []
    if part:
        bars.append(element("rect", width=max(part, 1.5), height=8, rx=2, class_="bar s1"))
    return element(
        "svg",
        *bars,
        width=SHARE,
        height=8,
        viewBox=f"0 0 {SHARE:g} 8",
        class_="share",
        aria_hidden="true",
    )


def _shape(shape: Sequence[int]) -> str:
    return " × ".join(map(str, shape))


def _pixels(numbers: Sequence[float]) -> str:
    return " × ".join(f"{number:g}" if isfinite(number) else "all" for number in numbers)


def _of_row(row: Row) -> Block:
    return _block(row.shape, bool(row.parameters) and not row.inside, outline=bool(row.inside))


def _block(shape: tuple[int, ...], trained: bool, outline: bool = False) -> Block:
    return Block(shape[-1] if len(shape) == 3 else 1, trained, outline)


def _nests(rows: Sequence[Row]) -> Sequence[Nest]:
    """Which rows are the body of another; rows count from the input, which is row 0."""
    return [
        Nest(index, min(index + row.inside, len(rows)), row.depth, row.joins)
        for index, row in enumerate(rows, 1)
        if row.inside
    ]


def _legend(rows: Sequence[Row], registry: Registry) -> Markup:
    """What the drawing shows, and what each layer with a body does."""
    types = dict.fromkeys(row.component.type for row in rows if row.inside)
    said = [f"{name}: {registry.layer(name).summary}." for name in islice(types, 8)]
    first = "Blue boxes have weights; a box is as wide as its output has columns, not to scale."
    skips = " Orange lines carry the input past a body (+ added to its output, c put beside it)."
    notes = [first + (skips if any(row.joins for row in rows) else ""), *said]
    return Markup("").join(element("p", printable(note), class_="note") for note in notes)
