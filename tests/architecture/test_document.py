"""A document in which every value knows where it is written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from zoo.architecture.document import (
    UNKNOWN,
    File,
    Node,
    SourceLocation,
    has_unknown,
    literal,
    parse,
)
from zoo.errors import ArchitectureError, Problem

TEXT = """\
name = "é" # a comment
a.b = [1, { c = 2 }]
[[layers]]
type = "relu"
[layers.init]
std = 0.5
"""


@pytest.fixture
def document() -> Node:
    return parse(TEXT, "net.toml", Path("/models"))


def at(location: SourceLocation | None) -> tuple[int | None, int | None, str]:
    assert location is not None
    return location.line, location.column, location.file.name


@pytest.mark.parametrize(
    ("path", "key", "value"),
    [
        (("name",), (1, 1), (1, 8)),
        (("a",), (2, 1), (2, 1)),
        (("a", "b"), (2, 3), (2, 7)),
        (("a", "b", 0), None, (2, 8)),
        (("a", "b", 1, "c"), (2, 13), (2, 17)),
        (("layers", 0), None, (3, 1)),
        (("layers", 0, "type"), (4, 1), (4, 8)),
        (("layers", 0, "init"), (5, 9), (5, 1)),
        (("layers", 0, "init", "std"), (6, 1), (6, 7)),
    ],
)
def test_where_keys_and_values_are(
    path: tuple[Any, ...],
    key: tuple[int, int] | None,
    value: tuple[int, int],
    document: Node,
) -> None:
    node = document.nearest(path)
    assert at(node.location) == (*value, "net.toml")
    assert node.location.path == path
    assert node.key is None if key is None else at(node.key) == (*key, "net.toml")


def test_the_plain_document(document: Node) -> None:
    assert document.plain() == {
        "name": "é",
        "a": {"b": [1, {"c": 2}]},
        "layers": [{"type": "relu", "init": {"std": 0.5}}],
    }


def test_the_nearest_node_of_what_is_not_there(document: Node) -> None:
    for path in (("layers", 0, "bias"), ("layers", 0, "bias", "x"), ("layers", 0, 3)):
        assert document.nearest(path) is document.nearest(("layers", 0))
    assert document.nearest(("layers", 7)) is document.nearest(("layers",))
    assert document.nearest(("layers", -1)) is document.nearest(("layers",))
    assert document.nearest(("name", "x")) is document.nearest(("name",))
    assert document.nearest(()) is document


def test_a_problem_has_the_line_and_the_text_of_its_place(document: Node) -> None:
    problem = document.nearest(("a", "b", 0)).location.problem("is 1. Use 2.", "Did you mean 2?")
    assert problem == Problem(
        file="net.toml",
        path=("a", "b", 0),
        message="is 1. Use 2.",
        line=2,
        column=8,
        hint="Did you mean 2?",
        excerpt="a.b = [1, { c = 2 }]",
    )
    assert str(problem) == "net.toml:2:8: a.b[0]: is 1. Use 2. Did you mean 2?"


def test_a_value_says_who_uses_it(document: Node) -> None:
    other = parse("\nx = 1", "other.toml", Path()).nearest(("x",))
    used = document.nearest(("a", "b")).used_by(document.nearest(("name",)).location)
    used = used.used_by(other.location)
    for path in ((), (0,), (1, "c")):
        assert used.nearest(path).location.problem("is wrong.").hint == (
            "Used by name in line 1, by x in other.toml:2."
        )
    assert used.plain() == document.nearest(("a", "b")).plain()


def test_a_value_from_elsewhere_is_all_in_one_place() -> None:
    location = SourceLocation(File("--set", Path(), "a={b=[1]}"), ("a",), 1, 1)
    node = literal({"b": [1]}, location, location)
    inner = node.nearest(("b", 0))
    assert (inner.value, inner.location.path, at(inner.location)) == (
        1,
        ("a", "b", 0),
        (1, 1, "--set"),
    )


@pytest.mark.parametrize(
    ("value", "known"),
    [(1, True), ([1, {"a": [UNKNOWN]}], False), ({"a": {"b": 1}}, True), (UNKNOWN, False)],
)
def test_what_could_not_be_found_out(value: Any, known: bool) -> None:
    assert has_unknown(value) is not known


def test_an_integer_that_python_refuses_to_read() -> None:
    with pytest.raises(ArchitectureError) as caught:
        parse(f"a = 1\nb = [2, {'1' * 5000}]", "net.toml", Path())
    assert str(caught.value) == (
        "net.toml:2:9: has an integer of more than 64 bits. TOML's have 64."
    )
