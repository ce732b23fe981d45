"""What a page has, as a browser's parser sees it."""

from __future__ import annotations

import hashlib
import re
from base64 import b64encode
from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = {"meta", "link", "img", "input", "br"}


@dataclass
class Page:
    """Elements in their order: (name, attributes); and the text between them."""

    elements: list[tuple[str, dict[str, str | None]]] = field(default_factory=list)
    text: str = ""
    unclosed: list[str] = field(default_factory=list)

    def all(self, name: str) -> list[dict[str, str | None]]:
        return [attributes for element, attributes in self.elements if element == name]


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.page = Page()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.page.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.page.unclosed.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.page.unclosed.pop() == tag

    def handle_data(self, data: str) -> None:
        if not {"style", "script"} & set(self.page.unclosed):
            self.page.text += f" {data}"


def read(text: str) -> Page:
    """The page; every element is closed in its turn."""
    reader = _Reader()
    reader.feed(text)
    reader.close()
    assert reader.page.unclosed == []
    reader.page.text = " ".join(reader.page.text.split())
    return reader.page


def assert_is_closed(text: str) -> Page:
    """The page has its own style and script, which its policy names, and nothing from elsewhere."""
    page = read(text)
    (policy,) = [it["content"] for it in page.all("meta") if it.get("http-equiv")]
    assert policy is not None
    assert policy.startswith("default-src 'none'; img-src data:; ")
    for name in ("style", "script"):
        (content,) = re.findall(rf"<{name}>(.*?)</{name}>", text, re.DOTALL)
        digest = b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert f"{name}-src 'sha256-{digest}'" in policy
    for element, attributes in page.elements:
        assert not [key for key in attributes if key.startswith("on") or key == "style"], element
        for key in ("src", "href"):
            address = attributes.get(key) or "#"
            assert address.startswith(("#", "data:image/png;base64,", "data:,")), address
    identities = [it["id"] for _, it in page.elements if "id" in it]
    assert len(set(identities)) == len(identities)
    return page
