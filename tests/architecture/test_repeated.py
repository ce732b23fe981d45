"""Keys and tables that are written twice: which line the first is in, and what to do."""

from __future__ import annotations

from pathlib import Path

import pytest
import tomli

from zoo.architecture.positions import Scanner, normalised
from zoo.architecture.repeated import clashes
from zoo.architecture.syntax import syntax_problem

ROOT = Path(__file__).parents[2]

EXAMPLES = [
    ("a = {b = 1, b = 2}", "1:13 a.b: is set twice, first in line 1. Set it once."),
    ("a = 1\nb = 2\na = 3", "3:1 a: is set twice, first in line 1. Set it once."),
    (
        "[a]\n[b]\n[a]",
        "3:2 a: has two headers, the first in line 1. Write all of its keys below one.",
    ),
    (
        "[a]\n[b]\n[[a]]",
        "3:3 a: is a table and a list of tables, the first in line 1. Write it as one.",
    ),
    (
        "[[a]]\n[b]\n[a]",
        "3:2 a: is a table and a list of tables, the first in line 1. Write it as one.",
    ),
    ("a = []\n[[a]]", "2:3 a: is set twice, first in line 1. Set it once."),
    ("a = {x = 1}\n[a.y]", "2:2 a: is complete in line 1. Write its keys inside the braces there."),
    (
        "a = {x = 1}\na.y = 1",
        "2:1 a: is complete in line 1. Write its keys inside the braces there.",
    ),
    (
        "a = 1\na.b = 2",
        "2:1 a: has a value in line 1, so it cannot have keys. Write one of the two.",
    ),
    ("a = 1\n[a.b]", "2:2 a: has a value in line 1, so it cannot have keys. Write one of the two."),
    ("[a.b]\n[a]\nb.c = 1", "3:1 a.b: has a header in line 1. Write its keys below that."),
    ("a.b = 1\n[a]", "2:2 a: has keys already in line 1. Write all of them in one place."),
    ("a.b = 1\na.b = 2", "2:3 a.b: is set twice, first in line 1. Set it once."),
    ("a.b = 1\na = 2", "2:1 a: has keys already in line 1. Write all of them in one place."),
    ("[a]\nb.c = 1\n[a.b]", "3:4 a.b: has keys already in line 2. Write all of them in one place."),
    ("[a.b]\n[[a]]", "2:3 a: has keys already in line 1. Write all of them in one place."),
    (
        '[t]\nx = 1\n["t"]',
        "3:2 t: has two headers, the first in line 1. Write all of its keys below one.",
    ),
    ("[[l]]\nx = 1\nx = 2", "3:1 l[0].x: is set twice, first in line 2. Set it once."),
    (
        "[[l]]\n[l.m]\nx = 1\n[l.m]",
        "4:4 l[0].m: has two headers, the first in line 2. Write all of its keys below one.",
    ),
    ("a = [{x = 1, x = 2}]", "1:14 a[0].x: is set twice, first in line 1. Set it once."),
    (
        "a = {b.c = 1, b = 2}",
        "1:15 a.b: has keys already in line 1. Write all of them in one place.",
    ),
    (
        "a = {b = {c = 1}, b.d = 2}",
        "1:19 a.b: is complete in line 1. Write its keys inside the braces there.",
    ),
    ("a = {b = 1}\na = {b = 2}", "2:1 a: is set twice, first in line 1. Set it once."),
    ('"\\u2028" = 1\n"\\u2028" = 2', '2:1 "\\u2028": is set twice, first in line 1. Set it once.'),
]
ALLOWED = [
    "[a.b]\n[a]\nx = 1\n[a.c]",
    "a.b = 1\na.c = 2",
    "[a]\nb.c = 1\nb.d = 2\n[a.b.e]",
    "[a.b.c]\n[a]\nb.x = 1",
    "[[a]]\n[a.b]\n[[a]]\n[a.b]",
    "[[a]]\nb = 1\n[[a.c]]\n[[a.c]]\n[[a]]\nb = 1\n[[a.c]]",
    "[[a.b]]\n[a]\nx = 1\n[[a.b]]",
    "a = [{b = 1}, {b = 1}]\nb = {b.b = 1, b.c = 2}",
]


@pytest.mark.parametrize(("text", "expected"), EXAMPLES)
def test_what_is_written_twice(text: str, expected: str) -> None:
    with pytest.raises(tomli.TOMLDecodeError) as caught:
        tomli.loads(text)
    message, line, column = syntax_problem(text, caught.value)
    assert f"{line}:{column} {message}" == expected


@pytest.mark.parametrize("text", ALLOWED)
def test_what_is_allowed(text: str) -> None:
    assert found(text) == 0


def test_files_have_nothing_twice() -> None:
    files = sorted(ROOT.glob("architectures/*.toml"))
    assert files
    assert [found(normalised(path.read_text("utf-8"))) for path in files] == [0] * len(files)


def found(text: str) -> int:
    """How many clashes there are in a text that tomli accepts."""
    tomli.loads(text)
    scanner = Scanner(text)
    scanner.scan()
    assert scanner.mentions
    return len(list(clashes(scanner.mentions)))
