"""Elements of SVG and HTML; every text in them is escaped."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from markupsafe import Markup, escape

Value = str | float | int


def element(name: str, *children: str, **attributes: Value | None) -> Markup:
    """An element.

    Args:
        name: ``rect``.
        children: texts, which are escaped, and elements, which are not.
        attributes: ``stroke_width`` for ``stroke-width``, ``class_`` for ``class``; None leaves
            one out.
    """
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(_plain(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    inner = "".join(map(escape, children))
    return Markup(f"<{name}{written}>{inner}</{name}>")


def join(parts: Iterable[Markup]) -> Markup:
    """The elements one after the other."""
    return Markup("").join(parts)


def drawing(width: float, height: float, label: str, *children: Markup, kind: str = "") -> Markup:
    """A drawing that is as wide as its place and reads to a screen reader as its label."""
    return element(
        "svg",
        *children,
        viewBox=f"0 0 {_plain(width)} {_plain(height)}",
        role="img",
        aria_label=label,
        class_=kind or None,
    )


def path(points: Sequence[tuple[float, float]], *, closed: bool = False) -> str:
    """The ``d`` of a line through points."""
    steps = " ".join(f"{_plain(x)},{_plain(y)}" for x, y in points)
    return f"M{steps}{'Z' if closed else ''}"


def _plain(value: Value) -> str:
    """A number in few characters."""
    if isinstance(value, float):
        return f"{value:.2f}".rstrip("0").rstrip(".")
    return str(value)
