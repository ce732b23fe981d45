"""A page of sections: one HTML file that asks for nothing else and may run nothing else."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from zoo.report.scales import compact, duration, short
from zoo.report.svg import join
from zoo.version import VERSION


@dataclass(frozen=True)
class Section:
    """A part of a page.

    Attributes:
        anchor: its name in links, unique in the page: letters and hyphens.
        title: its heading.
        body: what is in it.
        lead: a sentence under the heading.
    """

    anchor: str
    title: str
    body: Markup
    lead: str = ""


def render_page(title: str, sections: Sequence[Section], head: str = "") -> str:
    """The page as HTML.

    Args:
        title: of the page; also the browser's.
        sections: in their order; those with an empty body are left out.
        head: what stands between the title and the sections; a text is escaped.
    """
    style, script = (_source(name) for name in ("style.css", "script.js"))
    policy = "; ".join(
        [
            "default-src 'none'",
            "img-src data:",
            f"style-src '{_digest(style)}'",
            f"script-src '{_digest(script)}'",
            "base-uri 'none'",
            "form-action 'none'",
        ]
    )
    page = _environment().get_template("page.html")
    return page.render(
        title=title,
        head=head,
        sections=[section for section in sections if section.body],
        policy=policy,
        style=Markup(style),  # ours
        script=Markup(script),
        version=VERSION,
    )


def render(template: str, **values: Any) -> Markup:
    """A part of a page, from a template of this package; every text in it is escaped."""
    return Markup(_environment().get_template(template).render(values))


def figures(parts: Sequence[Markup]) -> Markup:
    """Figures side by side, as many as fit."""
    return render("figures.html", parts=join(parts)) if parts else Markup("")


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("zoo.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(short=short, compact=compact, duration=duration)
    return environment


def _source(name: str) -> str:
    loader = _environment().loader
    assert loader is not None
    return loader.get_source(_environment(), name)[0].strip()


def _digest(text: str) -> str:
    return f"sha256-{b64encode(sha256(text.encode()).digest()).decode()}"
