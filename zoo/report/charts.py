"""Charts of values over an axis: lines, and dots for each of many things."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from textwrap import wrap

from markupsafe import Markup

from zoo.report.frame import (
    BOTTOM,
    HEIGHT,
    LEFT,
    RIGHT,
    TOP,
    WIDTH,
    Frame,
    colour,
    figure,
    legend,
    numbers,
    spread,
)
from zoo.report.scales import Scale, fitting, linear, short
from zoo.report.svg import element, path

MOST_POINTS, FEWEST_POINTS = 1200, 60  # of all lines of a chart, and of each
LEAST_DB = 0.5  # of an axis: less is no difference to be seen
MARKED = 40  # a line of so many points or fewer has a dot at each
ROW = 26.0  # height of a row of a dot plot
NAMES = 168.0  # width of the names beside it
LETTERS = 20  # of a line of a name there, as many as fit
LINE = 13.0  # height of a line of a name


@dataclass(frozen=True)
class Line:
    """A line of a chart; where y is NaN it is interrupted.

    Attributes:
        name: in the legend.
        xs, ys: the points, from left to right.
        series: number of its colour, from 0.
        dashed: whether it is.
        marked: where it has a ring; NaN for nowhere.
        mark: what is there, for the legend.
    """

    name: str
    xs: Sequence[float]
    ys: Sequence[float]
    series: int = 0
    dashed: bool = False
    marked: float = math.nan
    mark: str = ""

    @property
    def last(self) -> float:
        """The last value that there is."""
        return next((y for y in reversed(self.ys) if math.isfinite(y)), math.nan)


def line_chart(
    title: str,
    lines: Sequence[Line],
    *,
    x_label: str = "epoch",
    unit: str = "",
    note: str = "",
    from_zero: bool = False,
    whole: bool = True,
) -> Markup:
    """Lines over a common axis, with a legend that has each line's last value.

    The vertical axis is logarithmic where values above 0 span more than a factor of 30.

    Args:
        title: of the figure.
        lines: those without any value are left out.
        x_label: what the horizontal axis has.
        unit: of the values, ``dB``.
        note: a sentence below the chart.
        from_zero: whether the vertical axis begins at 0.
        whole: whether the horizontal axis is marked at whole numbers; if not it begins at 0.
    """
    lines = [line for line in lines if math.isfinite(line.last)]
    if not lines:
        return figure(title, element("p", "Nothing was measured.", class_="none"), note=note)
    values = [y for line in lines for y in line.ys]
    bottom, top = HEIGHT - BOTTOM, TOP
    least = LEAST_DB if unit == "dB" else 0.0
    y = linear([0.0, *values], bottom, top)
    if not from_zero:
        y = fitting(values, bottom, top, least=least)
    xs = [x for line in lines for x in line.xs]
    x = linear(xs if whole else [0.0, *xs], LEFT, WIDTH - RIGHT, whole=whole)
    frame = Frame(x, y, x_label, f"{unit} (log)".strip() if y.log else unit)
    most = max(FEWEST_POINTS, MOST_POINTS // len(lines))
    drawn = [part for line in lines for part in _line(line, frame, most)]
    after = f" {unit}" if unit else ""
    entries = [
        (f"{colour(it.series)}{' dashed' * it.dashed}", it.name, f"{short(it.last, 4)}{after}")
        for it in lines
    ]
    said = "; ".join(f"{name} ends at {value}" for _, name, value in entries)
    for line in lines:
        for at, value in zip(line.xs, line.ys, strict=True):
            if at == line.marked and math.isfinite(value):
                ring = {"cx": x(at), "cy": y(value), "r": 6}
                drawn.append(element("circle", class_=f"ring {colour(line.series)}", **ring))
                kind = f"{colour(line.series)} point ring"
                entries.append((kind, line.mark, f"{short(value, 4)}{after}"))
    chart = frame.draw(f"{title} by {x_label}: {said}", *drawn)
    return figure(title, legend(entries), chart, _line_numbers(lines, x_label), note=note)


def _line(line: Line, frame: Frame, most: int) -> Iterator[Markup]:
    kept = spread(len(line.xs), most)
    points = [
        (frame.x(line.xs[i]), frame.y(line.ys[i])) if math.isfinite(line.ys[i]) else None
        for i in kept
    ]
    kind = f"line {colour(line.series)}{' dashed' * line.dashed}"
    run: list[tuple[float, float]] = []
    for point in [*points, None]:
        if point is not None:
            run.append(point)
        elif run:
            if len(run) > 1:
                yield element("path", d=path(run), class_=kind)
            if len(points) <= MARKED or len(run) == 1:
                for x, y in run:
                    yield element("circle", cx=x, cy=y, r=2.6, class_=f"dot {colour(line.series)}")
            run = []


def _line_numbers(lines: Sequence[Line], x_label: str) -> Markup:
    at = [dict(zip(line.xs, line.ys, strict=True)) for line in lines]
    xs = sorted(set().union(*at))
    rows = [[f"{x:g}", *(short(ys.get(x, math.nan), 4) for ys in at)] for x in xs]
    return numbers([x_label, *(line.name for line in lines)], rows)


@dataclass(frozen=True)
class Dots:
    """A value for each of many things, NaN for none."""

    name: str
    values: Sequence[float]
    series: int = 0


def sorted_dots(
    title: str,
    names: Sequence[str],
    dots: Sequence[Dots],
    *,
    unit: str = "",
    of: str = "image",
    note: str = "",
) -> Markup:
    """A dot of each series for each thing, one beside the other, as they are given.

    The first and the last series of a thing are joined by a line: what was gained.

    Args:
        title: of the figure.
        names: of the things, in their order.
        dots: the series.
        unit: of the values.
        of: what the things are.
        note: a sentence below the chart.
    """
    count = len(names)
    x = linear((0.5, count + 0.5), LEFT, WIDTH - RIGHT, whole=True)
    values = [value for series in dots for value in series.values]
    y = linear(values, HEIGHT - BOTTOM, TOP, least=LEAST_DB if unit == "dB" else 0.0)
    frame = Frame(x, y, f"{of}, sorted", unit)
    radius = min(4.0, max(1.2, 140 / max(count, 1)))
    drawn = []
    for index in range(count):
        place = x(index + 1)
        ends = [series.values[index] for series in (dots[0], dots[-1])]
        if all(map(math.isfinite, ends)):
            ys = {"y1": y(ends[0]), "y2": y(ends[1])}
            drawn.append(element("line", x1=place, x2=place, class_="stem", **ys))
        for series in dots:
            value = series.values[index]
            if math.isfinite(value):
                kind = f"dot {colour(series.series)}"
                hint = element("title", f"{names[index]}: {series.name} {short(value, 4)} {unit}")
                at = {"cx": place, "cy": y(value), "r": radius}
                drawn.append(element("circle", hint, class_=kind, **at))
    means = [_mean(series.values) for series in dots]
    entries = [
        (f"{colour(series.series)} point", series.name, f"mean {short(mean, 4)} {unit}".strip())
        for series, mean in zip(dots, means, strict=True)
    ]
    said = "; ".join(f"{name}: {value}" for _, name, value in entries)
    rows = [
        [name, *(short(series.values[index], 4) for series in dots)]
        for index, name in enumerate(names)
    ]
    chart = frame.draw(f"{title}, {count} of {of}: {said}", *drawn)
    table = numbers([of, *(series.name for series in dots)], rows)
    return figure(title, legend(entries), chart, table, note=note)


def _mean(values: Sequence[float]) -> float:
    known = [value for value in values if math.isfinite(value)]
    return sum(known) / len(known) if known else math.nan


def dot_plot(
    title: str,
    rows: Sequence[tuple[str, Sequence[float]]],
    *,
    unit: str = "",
    note: str = "",
) -> Markup:
    """For each row its values as dots, with their mean and standard deviation.

    Args:
        title: of the figure.
        rows: a name, and one or more values, as of runs that differ in their seed.
        unit: of the values.
        note: a sentence below the chart.
    """
    wrapped = [wrap(name, LETTERS, break_on_hyphens=False) or [""] for name, _ in rows]
    row = max(ROW, LINE * max(map(len, wrapped), default=1) + LINE)
    height = TOP + row * len(rows) + BOTTOM
    x = linear((value for _, values in rows for value in values), NAMES, WIDTH - RIGHT, count=4)
    places = tuple(range(len(rows)))
    y = linear((-0.5, len(rows) - 0.5), TOP, height - BOTTOM, whole=True)
    frame = Frame(x, _without_ticks(y), f"{unit}", "", WIDTH, height)
    drawn, table = [], []
    for place, (name, values) in zip(places, rows, strict=True):
        known = [value for value in values if math.isfinite(value)]
        mean, at = _mean(known), y(place)
        for line, text in enumerate(wrapped[place]):
            below = at + 4 + LINE * (line - (len(wrapped[place]) - 1) / 2)
            drawn.append(element("text", text, x=NAMES - 10, y=below, class_="end name"))
        drawn.append(element("line", x1=NAMES, x2=WIDTH - RIGHT, y1=at, y2=at, class_="grid"))
        spread_of = _deviation(known)
        if known:
            ends = {"x1": x(mean - spread_of), "x2": x(mean + spread_of), "y1": at, "y2": at}
            drawn.append(element("line", class_="spread s1", **ends))
            for index in spread(len(known), max(1, MOST_POINTS // len(rows))):
                own = {"cx": x(known[index]), "cy": at, "r": 2.6}
                drawn.append(element("circle", class_="dot s1 faint", **own))
            drawn.append(element("circle", cx=x(mean), cy=at, r=4.5, class_="dot s1"))
        deviation = short(spread_of) if len(known) > 1 else "–"
        table.append([name, short(mean, 4), deviation, str(len(known))])
    said = "; ".join(f"{row[0]}: {row[1]} {unit}" for row in table[:20])
    chart = frame.draw(f"{title}: {said}", *drawn)
    head = ["", f"mean {unit}".strip(), "standard deviation", "values"]
    return figure(title, chart, numbers(head, table), note=note)


def _without_ticks(scale: Scale) -> Scale:
    return replace(scale, ticks=())


def _deviation(values: Sequence[float]) -> float:
    """The standard deviation of a sample; 0 for fewer than two."""
    if len(values) < 2:
        return 0.0
    mean = sum(values) / len(values)
    return math.sqrt(sum((value - mean) ** 2 for value in values) / (len(values) - 1))
