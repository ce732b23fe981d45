"""Charts of distributions: a histogram, a heat map, and quantiles over time."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from markupsafe import Markup

from zoo.report.frame import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH, Frame, colour, spread
from zoo.report.scales import fitting, linear, short
from zoo.report.svg import drawing, element, path

QUANTILES = 5  # of a distribution: at 2.5, 16, 50, 84 and 97.5 %
BAND_WIDTH, BAND_HEIGHT = 170.0, 48.0
MOST_STEPS = 50  # of time in such a drawing
SHADES = 5  # of a heat map, on each side of 0


def histogram(
    label: str,
    low: float,
    high: float,
    counts: Sequence[float],
    *,
    sigma: float | None = None,
    mean: float = 0.0,
    x_label: str = "",
) -> Markup:
    """Bars of the counts, and a normal distribution of as many values.

    Args:
        label: what a screen reader says.
        low, high: of the axis, which is marked at whole numbers; each bar is an equal part of it.
        counts: of each bar.
        sigma: the normal distribution's standard deviation; None for no curve.
        mean: of the normal distribution.
        x_label: what the axis has.
    """
    total, width = sum(counts), (high - low) / len(counts)
    curve: list[tuple[float, float]] = []
    if sigma and total:
        peak = total * width / (sigma * math.sqrt(2 * math.pi))
        xs = [low + (high - low) * i / 120 for i in range(121)]
        curve = [(v, peak * math.exp(-0.5 * ((v - mean) / sigma) ** 2)) for v in xs]
    x = linear((low, high), LEFT, WIDTH - RIGHT, whole=True)
    shares = [100 * count / max(total, 1) for count in counts]
    heights = [100 * y / max(total, 1) for _, y in curve]
    y = linear([0.0, *shares, *heights], HEIGHT - BOTTOM, TOP, count=4)
    gap = 0.12 * (x(low + width) - x(low))
    bars = [
        element(
            "rect",
            element("title", f"{short(low + (i + 0.5) * width)} {x_label}: {short(share)} %"),
            x=x(low + i * width) + gap / 2,
            width=x(low + (i + 1) * width) - x(low + i * width) - gap,
            y=y(share),
            height=y(0) - y(share),
            class_="bar s1",
        )
        for i, share in enumerate(shares)
        if share
    ]
    points = [(x(v), y(share)) for (v, _), share in zip(curve, heights, strict=True)]
    line = [element("path", d=path(points), class_="line s2")] if points else []
    return Frame(x, y, x_label, "% of values").draw(label, *bars, *line)


def heat_map(
    label: str,
    values: Sequence[Sequence[float]],
    *,
    most: float = 1.0,
    rows: Sequence[str] = (),
    columns: Sequence[str] = (),
    cell: float = 0.0,
    row_names: float = 34.0,
    x_label: str = "",
    y_label: str = "",
    hint: Callable[[int, int], str] | None = None,
    width: float = WIDTH,
) -> Markup:
    """A square of a shade for each value: one colour below 0, another above; none for NaN.

    Args:
        label: what a screen reader says.
        values: rows of equally many.
        most: the value of the strongest shade, and more.
        rows, columns: what is written beside each row and below each column; "" for nothing.
        cell: height of a row; unless given, that of a square.
        row_names: width of what is beside the rows.
        x_label, y_label: what is across and down.
        hint: what is said of the value in a row and column; by default the value.
        width: of the drawing.
    """
    count = max(map(len, values), default=0)
    side = (width - row_names - RIGHT) / max(count, 1)
    tall, head = cell or side, 22 if y_label else 4
    drawn = []
    for down, row in enumerate(values):
        top = head + down * tall
        for across, value in enumerate(row):
            if math.isfinite(value):
                at = {
                    "x": row_names + across * side,
                    "y": top,
                    "width": side + 0.3,
                    "height": tall + 0.3,
                }
                said = element("title", hint(down, across) if hint else short(value))
                drawn.append(element("rect", said, class_=_shade(value / most), **at))
        if down < len(rows) and rows[down]:
            at_text = {"x": row_names - 7, "y": top + tall / 2 + 4}
            drawn.append(element("text", rows[down], class_="end name", **at_text))
    bottom = head + tall * len(values)
    if y_label:
        drawn.append(element("text", y_label, x=2, y=12, class_="unit"))
    for across, name in enumerate(columns):
        if name:
            place = row_names + (across + 0.5) * side
            drawn.append(element("text", name, x=place, y=bottom + 15, class_="middle"))
    below = bottom + (20 if columns else 4)
    if x_label:
        drawn.append(element("text", x_label, x=width - RIGHT, y=below + 11, class_="end unit"))
        below += 16
    return drawing(width, below, label, *drawn, kind="chart")


def shades(low: str, middle: str, high: str) -> Markup:
    """The shades of a heat map from the lowest value to the highest, and what they mean."""
    names = [
        *(f"minus{i}" for i in range(SHADES, 0, -1)),
        "none",
        *(f"plus{i}" for i in range(1, SHADES + 1)),
    ]
    boxes = [
        element("rect", x=12 * i, y=0, width=12, height=10, class_=f"heat {name}")
        for i, name in enumerate(names)
    ]
    bar = drawing(12 * len(names), 10, f"from blue, {low}, to orange, {high}", *boxes)
    words = f"blue: {low}; no colour: {middle}; orange: {high}"
    return element("div", bar, element("span", words), class_="scale")


def _shade(part: float) -> str:
    step = min(SHADES, math.floor(abs(part) * SHADES + 0.5))
    return f"heat {'plus' if part >= 0 else 'minus'}{step}"


def band(label: str, quantiles: Sequence[Sequence[float]], series: int = 0) -> Markup:
    """A distribution over time: the median as a line, 68 % and 95 % of the values as bands.

    Args:
        label: what a screen reader says.
        quantiles: for each moment the five of :data:`QUANTILES`; NaN where there are none.
        series: number of the colour.
    """
    kept = [quantiles[i] for i in spread(len(quantiles), MOST_STEPS)]
    kept *= 2 if len(kept) == 1 else 1  # a single moment is a band too
    known = [(i, q) for i, q in enumerate(kept) if all(map(math.isfinite, q))]
    if not known:
        return element("span", "not measured", class_="none")
    values = [value for _, q in known for value in q]
    x = linear((0.0, max(1.0, len(kept) - 1.0)), 2, BAND_WIDTH - 2, whole=True)
    y = linear(values, BAND_HEIGHT - 4, 4)
    kind = colour(series)

    def area(low: int, high: int) -> Markup:
        there = [(x(i), y(q[low])) for i, q in known]
        back = [(x(i), y(q[high])) for i, q in reversed(known)]
        return element("path", d=path([*there, *back], closed=True), class_=f"area {kind}")

    middle = [(x(i), y(q[2])) for i, q in known]
    line = element("path", d=path(middle), class_=f"line thin {kind}")
    zero = [_level(y(0.0))] if y.low < 0 < y.high else []
    drawn = [*zero, area(0, 4), area(1, 3), line]
    return drawing(BAND_WIDTH, BAND_HEIGHT, label, *drawn, kind="spark")


def spark(label: str, values: Sequence[float], series: int = 0) -> Markup:
    """One number over time, logarithmic where it spans much."""
    kept = [values[i] for i in spread(len(values), MOST_STEPS)]
    known = [(i, v) for i, v in enumerate(kept) if math.isfinite(v)]
    if not known:
        return element("span", "not measured", class_="none")
    x = linear((0.0, max(1.0, len(kept) - 1.0)), 3, BAND_WIDTH - 3, whole=True)
    y = fitting((v for _, v in known), BAND_HEIGHT - 5, 5)
    points = [(x(i), y(v)) for i, v in known]
    end = element(
        "circle", cx=points[-1][0], cy=points[-1][1], r=2.4, class_=f"dot {colour(series)}"
    )
    line = element("path", d=path(points), class_=f"line thin {colour(series)}")
    return drawing(BAND_WIDTH, BAND_HEIGHT, label, line, end, kind="spark")


def _level(y: float) -> Markup:
    return element("line", x1=2, x2=BAND_WIDTH - 2, y1=y, y2=y, class_="grid")
