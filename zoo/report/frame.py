"""What all charts share: the axes, the legend, the table of the numbers, the figure around them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from zoo.report.scales import Scale
from zoo.report.svg import drawing, element, join

COLOURS = 8  # of style.css; the ninth series has the first one's again
MOST_ROWS = 60  # of a table of numbers
WIDTH, HEIGHT = 420.0, 236.0
LEFT, RIGHT, TOP, BOTTOM = 58.0, 12.0, 26.0, 34.0


@dataclass(frozen=True)
class Frame:
    """Two axes and what is drawn between them."""

    x: Scale
    y: Scale
    x_label: str = ""
    unit: str = ""
    width: float = WIDTH
    height: float = HEIGHT

    def draw(self, label: str, *content: Markup) -> Markup:
        """The chart.

        Args:
            label: what a screen reader says.
            content: drawn over the grid.
        """
        return drawing(
            self.width, self.height, label, *self._grid(), *content, *self._words(), kind="chart"
        )

    def _grid(self) -> Iterable[Markup]:
        for tick in self.y.ticks:
            y = self.y(tick)
            x1, x2 = self.x.start, self.x.end
            yield element("line", x1=x1, x2=x2, y1=y, y2=y, class_="grid")
        base = max(self.y.start, self.y.end)
        for tick in self.x.ticks:
            x = self.x(tick)
            yield element("line", x1=x, x2=x, y1=base, y2=base + 4, class_="axis")
        yield element("line", x1=self.x.start, x2=self.x.end, y1=base, y2=base, class_="axis")

    def _words(self) -> Iterable[Markup]:
        base = max(self.y.start, self.y.end)
        for tick, text in zip(self.y.ticks, self.y.labels, strict=True):
            yield element("text", text, x=self.x.start - 7, y=self.y(tick) + 4, class_="end")
        for tick, text in zip(self.x.ticks, self.x.labels, strict=True):
            yield element("text", text, x=self.x(tick), y=base + 17, class_="middle")
        if self.unit:
            yield element("text", self.unit, x=2, y=TOP - 12, class_="unit")
        if self.x_label:
            yield element("text", self.x_label, x=self.x.end, y=base + 31, class_="end unit")


def colour(index: int) -> str:
    """The class of the colour of a series."""
    return f"s{index % COLOURS + 1}"


def legend(entries: Sequence[tuple[str, str, str]]) -> Markup:
    """What each colour is.

    Args:
        entries: class of the mark, name, and a value or "".
    """
    rows = (
        element(
            "li",
            element("span", class_=f"key {kind}", aria_hidden="true"),
            element("span", name),
            *([element("b", value)] if value else []),
        )
        for kind, name, value in entries
    )
    return element("ul", join(rows), class_="legend")


def table(
    head: Sequence[str], rows: Sequence[Sequence[str]], kind: str = "", caption: str = ""
) -> Markup:
    """A table; its first column names the rows, the others are numbers."""
    title = [element("caption", caption)] if caption else []
    top = element("tr", *(element("th", name, scope="col") for name in head))
    body = (
        element(
            "tr",
            element("th", row[0], scope="row"),
            *(element("td", cell) for cell in row[1:]),
        )
        for row in rows
    )
    inner = [*title, element("thead", top), element("tbody", join(body))]
    return element("div", element("table", *inner, class_=kind or None), class_="scroll")


def numbers(head: Sequence[str], rows: Sequence[Sequence[str]], most: int = MOST_ROWS) -> Markup:
    """The numbers of a chart, to be opened; of many rows some, spread evenly, the last among them.

    Args:
        head: the columns.
        rows: as of :func:`table`.
        most: rows that are shown.
    """
    shown = thinned(rows, most)
    left_out = f" ({len(shown)} of {len(rows):,} rows)" if len(shown) < len(rows) else ""
    return element(
        "details",
        element("summary", f"The numbers{left_out}"),
        table(head, shown),
        class_="numbers",
    )


def thinned(rows: Sequence[Sequence[str]], most: int) -> Sequence[Sequence[str]]:
    """At most so many rows, spread evenly, the last among them."""
    return [rows[index] for index in spread(len(rows), most)]


def spread(count: int, most: int) -> Sequence[int]:
    """At most so many indices of ``count``, spread evenly, the last among them."""
    every = max(1, -(-count // most))
    return range((count - 1) % every, count, every)


def figure(title: str, *content: Markup, note: str = "", kind: str = "") -> Markup:
    """A figure under its title, with a sentence below it."""
    below = [element("p", note, class_="note")] if note else []
    caption = element("figcaption", title)
    return element("figure", caption, *content, *below, class_=kind or None)
