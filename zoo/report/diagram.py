"""A tower of boxes, a network's layers from the top down, with the boxes of bodies and skips."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import sqrt

from markupsafe import Markup

from zoo.report.svg import element, path

WIDEST, NARROWEST = 84.0, 12.0  # of a box
LANE = 13.0  # between the lines of skips
THICK = 14.0  # of a box
JOINT = 6.0  # radius of what a skip ends with


@dataclass(frozen=True)
class Block:
    """A box.

    Attributes:
        columns: of the layer's output, which decide the width.
        trained: whether it has weights.
        outline: whether it is the head of a body, which is no box of its own.
    """

    columns: int
    trained: bool
    outline: bool = False


@dataclass(frozen=True)
class Nest:
    """A layer with a body: the rows from its own, ``first``, to the body's ``last``.

    Attributes:
        depth: in how many others it is.
        joins: what a line past the body ends with, ``+`` or ``c``; "" for no line.
    """

    first: int
    last: int
    depth: int
    joins: str


def tower(blocks: Sequence[Block], nests: Sequence[Nest], row: int) -> Markup:
    """The drawing, as tall as a table with a head and a row for each block.

    Args:
        blocks: the input, and a box for each layer.
        nests: layers with a body.
        row: height of a row of the table in pixels.
    """
    deepest = max((nest.depth + 1 for nest in nests), default=0)
    left = 8 + LANE * deepest
    width, height = left + WIDEST + 16, row * (len(blocks) + 1) + JOINT
    centre = left + WIDEST / 2
    parts = [
        *_frames(nests, deepest, left, row),
        *_boxes(blocks, centre, row),
        *_skips(nests, deepest, left, centre, row),
    ]
    return element(
        "svg",
        *parts,
        width=width,
        height=height,
        viewBox=f"0 0 {width:g} {height:g}",
        aria_hidden="true",
    )


def _middle(index: int, row: int) -> float:
    """The height of a row's middle; the table's head is above row 0."""
    return row * (index + 1.5)


def _frames(nests: Sequence[Nest], deepest: int, left: float, row: int) -> Iterator[Markup]:
    for nest in nests:
        inset = 3.0 * nest.depth
        top, bottom = row * (nest.first + 1) + 2 + inset / 2, row * (nest.last + 2) - 2 - inset
        yield element(
            "rect",
            x=left - 5 + inset,
            width=WIDEST + 10 - 2 * inset,
            y=top,
            height=bottom - top,
            rx=5,
            class_="nest",
        )


def _boxes(blocks: Sequence[Block], centre: float, row: int) -> Iterator[Markup]:
    most = max(block.columns for block in blocks)
    yield element(
        "line",
        x1=centre,
        x2=centre,
        y1=_middle(0, row),
        y2=_middle(len(blocks) - 1, row),
        class_="flow",
    )
    for index, block in enumerate(blocks):
        if block.outline:
            continue
        width = max(NARROWEST, (WIDEST - 20) * sqrt(block.columns / most))
        for kind in ("back", "box s1" if block.trained else "box plain"):
            yield element(
                "rect",
                x=centre - width / 2,
                y=_middle(index, row) - THICK / 2,
                width=width,
                height=THICK,
                rx=3,
                class_=kind,
            )


def _skips(
    nests: Sequence[Nest], deepest: int, left: float, centre: float, row: int
) -> Iterator[Markup]:
    ends: dict[int, int] = {}
    for nest in sorted(nests, key=lambda it: -it.depth):
        if not nest.joins:
            continue
        lane = 8 + LANE * nest.depth
        shift = 13.0 * ends.get(nest.last, 0)  # several that end in one row are beside each other
        ends[nest.last] = ends.get(nest.last, 0) + 1
        top = _middle(nest.first, row)
        bottom = row * (nest.last + 2) - 1.0
        join = centre + shift
        steps = [
            (centre, top),
            (lane + 5, top),
            (lane, top + 5),
            (lane, bottom - 5),
            (lane + 5, bottom),
            (join - JOINT, bottom),
        ]
        yield element("path", d=path(steps), class_="skip")
        yield element("circle", cx=join, cy=bottom, r=JOINT, class_="joint")
        yield element("text", nest.joins, x=join, y=bottom + 4, class_="sign")
