"""Where the index says that keys and values are, by line and column."""

from __future__ import annotations

import pytest
import tomli

from zoo.architecture.positions import LineStarts, Position, StuckError, Written, index, normalised
from zoo.errors import format_path

SourceLocation = tuple[tuple[int, int] | None, tuple[int, int], str]


def places(text: str) -> dict[str, SourceLocation]:
    """Of each path: (line, column) of its key and of its value, and the value as written."""
    text = normalised(text)
    tomli.loads(text)
    starts = LineStarts(text)
    return {
        format_path(path): (
            starts.line_and_column(key.start) if key else None,
            starts.line_and_column(value.start),
            text[value.start : value.end],
        )
        for path, (key, value) in index(text).items()
        if path
    }


EXAMPLES: dict[str, tuple[str, dict[str, SourceLocation]]] = {
    "dotted keys": (
        "train.epochs = 3\ntrain . seed= 0\n",
        {
            "train": ((1, 1), (1, 1), "train"),
            "train.epochs": ((1, 7), (1, 16), "3"),
            "train.seed": ((2, 9), (2, 15), "0"),
        },
    ),
    "an inline table": (
        "input = { channels = 3, size.h = 16 }",
        {
            "input": ((1, 1), (1, 9), "{ channels = 3, size.h = 16 }"),
            "input.channels": ((1, 11), (1, 22), "3"),
            "input.size": ((1, 25), (1, 25), "size"),
            "input.size.h": ((1, 30), (1, 34), "16"),
        },
    ),
    "headers": (
        "[a.b]\n[ a ]\n  x = 1",
        {
            "a": ((2, 3), (2, 1), "[ a ]"),
            "a.b": ((1, 4), (1, 1), "[a.b]"),
            "a.x": ((3, 3), (3, 7), "1"),
        },
    ),
    "a header that goes through a dotted key": (
        "[a]\nb.c = 1\n[a.b.d]\n",
        {
            "a": ((1, 2), (1, 1), "[a]"),
            "a.b": ((2, 1), (2, 1), "b"),
            "a.b.c": ((2, 3), (2, 7), "1"),
            "a.b.d": ((3, 6), (3, 1), "[a.b.d]"),
        },
    ),
    "a table without a header of its own": (
        "[a.b]\nx = 1\n[a.c]\n",
        {
            "a": ((1, 2), (1, 2), "a"),
            "a.b": ((1, 4), (1, 1), "[a.b]"),
            "a.b.x": ((2, 1), (2, 5), "1"),
            "a.c": ((3, 4), (3, 1), "[a.c]"),
        },
    ),
    "a list of tables": (
        '[[layers]]\ntype = "conv2d"\n[layers.init]\nx = 1\n\n[[layers]]\ninit.x = 2\n',
        {
            "layers": ((1, 3), (1, 1), "[[layers]]"),
            "layers[0]": (None, (1, 1), "[[layers]]"),
            "layers[0].type": ((2, 1), (2, 8), '"conv2d"'),
            "layers[0].init": ((3, 9), (3, 1), "[layers.init]"),
            "layers[0].init.x": ((4, 1), (4, 5), "1"),
            "layers[1]": (None, (6, 1), "[[layers]]"),
            "layers[1].init": ((7, 1), (7, 1), "init"),
            "layers[1].init.x": ((7, 6), (7, 10), "2"),
        },
    ),
    "lists of tables in a list of tables": (
        "[[a]]\n[[a.b]]\n[[a]]\n[[a.b]]\n[[a.b]]\n",
        {
            "a": ((1, 3), (1, 1), "[[a]]"),
            "a[0]": (None, (1, 1), "[[a]]"),
            "a[0].b": ((2, 5), (2, 1), "[[a.b]]"),
            "a[0].b[0]": (None, (2, 1), "[[a.b]]"),
            "a[1]": (None, (3, 1), "[[a]]"),
            "a[1].b": ((4, 5), (4, 1), "[[a.b]]"),
            "a[1].b[0]": (None, (4, 1), "[[a.b]]"),
            "a[1].b[1]": (None, (5, 1), "[[a.b]]"),
        },
    ),
    "lists in lists": (
        "a = [ [1, 2], # ]\n  [], { b = 3 },\n]",
        {
            "a": ((1, 1), (1, 5), "[ [1, 2], # ]\n  [], { b = 3 },\n]"),
            "a[0]": (None, (1, 7), "[1, 2]"),
            "a[0][0]": (None, (1, 8), "1"),
            "a[0][1]": (None, (1, 11), "2"),
            "a[1]": (None, (2, 3), "[]"),
            "a[2]": (None, (2, 7), "{ b = 3 }"),
            "a[2].b": ((2, 9), (2, 13), "3"),
        },
    ),
    "keys in quotes": (
        '"a.b".\'c d\' = 1\n"\\u0061" = 2\n',
        {
            '"a.b"': ((1, 1), (1, 1), '"a.b"'),
            '"a.b"."c d"': ((1, 7), (1, 15), "1"),
            "a": ((2, 1), (2, 12), "2"),
        },
    ),
    "text of many lines": (
        'a = """"q" \\""" \\\n  b"""""\nb = \'\'\'\n\\\'\'\'\'\nc = 1',
        {
            "a": ((1, 1), (1, 5), '""""q" \\""" \\\n  b"""""'),
            "b": ((3, 1), (3, 5), "'''\n\\''''"),
            "c": ((5, 1), (5, 5), "1"),
        },
    ),
    "dates": (
        "a = 1979-05-27 # b\nb = 1979-05-27 07:32:00 # c\nc = [1979-05-27, 07:32:00]",
        {
            "a": ((1, 1), (1, 5), "1979-05-27"),
            "b": ((2, 1), (2, 5), "1979-05-27 07:32:00"),
            "c": ((3, 1), (3, 5), "[1979-05-27, 07:32:00]"),
            "c[0]": (None, (3, 6), "1979-05-27"),
            "c[1]": (None, (3, 18), "07:32:00"),
        },
    ),
    "a byte order mark and the line ends of Windows": (
        '\ufeffa = """x\r\ny"""\r\nb = 1\r\n',
        {"a": ((1, 1), (1, 5), '"""x\ny"""'), "b": ((3, 1), (3, 5), "1")},
    ),
    "text that is not ASCII": (
        'n = { "é😀" = "日本😀", x = 1 } # 😀\ny = 2',
        {
            "n": ((1, 1), (1, 5), '{ "é😀" = "日本😀", x = 1 }'),
            'n."é😀"': ((1, 7), (1, 14), '"日本😀"'),
            "n.x": ((1, 21), (1, 25), "1"),
            "y": ((2, 1), (2, 5), "2"),
        },
    ),
}


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example(name: str) -> None:
    text, expected = EXAMPLES[name]
    assert places(text) == expected


def test_an_empty_document() -> None:
    nothing = {(): Written(None, Position(0, 0))}
    assert index("") == nothing
    assert index("\n# a = 1\n") == nothing


def test_lines_and_columns_up_to_the_end() -> None:
    starts = LineStarts("ab\n\nc")
    found = [starts.line_and_column(offset) for offset in range(6)]
    assert found == [(1, 1), (1, 2), (1, 3), (2, 1), (3, 1), (3, 2)]


@pytest.mark.parametrize("text", ["a = 1\r\r\n", "a = '''\r\r\n'''", "\ufeff\ufeffa = 1"])
def test_normalising_makes_no_text_valid(text: str) -> None:
    for one in (text, normalised(text)):
        with pytest.raises(tomli.TOMLDecodeError):
            tomli.loads(one)


@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ("{a=", "}")])
def test_deep_nesting(opening: str, closing: str) -> None:
    assert len(index(f"a = {opening * 200}1{closing * 200}")) == 202
    with pytest.raises(RecursionError):
        index(f"a = {opening * 5000}1{closing * 5000}")


@pytest.mark.parametrize(
    ("text", "expected", "at"),
    [
        ("a", "=", 1),
        ("a = ", "value", 4),
        ("a = [1, ", "value", 8),
        ("a = [1 ", "]", 7),
        ("a = {b = 1", "}", 10),
        ("a = {", "key", 5),
        ("[a", "header", 2),
        ("[", "key", 1),
        ('a = "b', "value", 4),
        ('a = """b""', "value", 4),
    ],
)
def test_a_text_that_breaks_off(text: str, expected: str, at: int) -> None:
    with pytest.raises(StuckError) as caught:
        index(text)
    assert (caught.value.expected, caught.value.at) == (expected, at)
    assert str(caught.value) == f"expected {expected} at offset {at}"
