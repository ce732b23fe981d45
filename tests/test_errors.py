"""Errors as a user reads them."""

from __future__ import annotations

import datetime
import re
from typing import Any

import pytest

from zoo import errors
from zoo.errors import (
    ArchitectureError,
    Problem,
    Stopped,
    ZooError,
    format_error,
    format_path,
    format_value,
)

LINE = re.compile(r"^    [├└]── (\w+) +(\S.*)$", re.MULTILINE)


def test_the_tree_of_the_docstring_is_the_tree() -> None:
    assert errors.__doc__ is not None
    drawn = [name for name, _ in LINE.findall(errors.__doc__)]
    assert drawn
    assert sorted(drawn) == sorted(kind.__name__ for kind in ZooError.__subclasses__())
    defined = {
        kind.__name__
        for kind in vars(errors).values()
        if isinstance(kind, type) and issubclass(kind, Exception)
    }
    assert defined == {"ZooError", "EscapeError", *drawn}


def test_what_the_docstring_says_is_a_value_error_is_one() -> None:
    assert errors.__doc__ is not None
    for name, text in LINE.findall(errors.__doc__):
        assert issubclass(getattr(errors, name), ValueError) == ("also a ValueError" in text), name


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ((), ""),
        (("train",), "train"),
        (("layers", 2, "stride"), "layers[2].stride"),
        (("layers", 2, "kernel_size", 0), "layers[2].kernel_size[0]"),
        ((1, "a"), "[1].a"),
        (("a.b", "c d", "é", ""), '"a.b"."c d"."é".""'),
        (("line\nbreak", "a-b_C3"), '"line\\nbreak".a-b_C3'),
    ],
)
def test_a_path_is_written_as_toml_writes_keys(path: tuple[str | int, ...], text: str) -> None:
    assert format_path(path) == text


@pytest.mark.parametrize(
    ("problem", "text"),
    [
        (Problem("a.toml", ("lr",), "is 0."), "a.toml: lr: is 0."),
        (Problem("a.toml", (), "is empty."), "a.toml: is empty."),
        (Problem("a.toml", ("lr",), "is 0.", 3, 5), "a.toml:3:5: lr: is 0."),
        (Problem("a.toml", ("lr",), "is 0.", 3), "a.toml:3: lr: is 0."),
        (Problem("a.toml", (), "is empty.", 1, 1), "a.toml:1:1: is empty."),
        (
            Problem("a.toml", ("rl",), "is unknown.", hint="Did you mean lr?"),
            "a.toml: rl: is unknown. Did you mean lr?",
        ),
    ],
)
def test_a_problem_on_one_line(problem: Problem, text: str) -> None:
    assert str(problem) == text


def test_an_architecture_error_has_a_line_for_each_problem() -> None:
    problems = [Problem("a.toml", ("x",), "is 1."), Problem("a.toml", ("y",), "is 2.")]
    error = ArchitectureError(iter(problems))
    assert error.problems == tuple(problems)
    assert str(error) == "a.toml: x: is 1.\na.toml: y: is 2."


def test_stopped_knows_its_signal() -> None:
    stopped = Stopped("saved", 15)
    assert str(stopped) == "saved"
    assert stopped.signal == 15


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (True, "true"),
        (False, "false"),
        (3, "3"),
        (3.0, "3.0"),
        (1e-8, "1e-08"),
        (float("nan"), "nan"),
        (float("-inf"), "-inf"),
        ("a", '"a"'),
        ("é", '"é"'),
        ('"\n\\', '"\\"\\n\\\\"'),
        ([], "[]"),
        ([1, "a", [True]], '[1, "a", [true]]'),
        ({}, "{}"),
        ({"type": "sgd", "lr": 0.5}, '{type = "sgd", lr = 0.5}'),
        ({"a b": 1, "": 2, "c\nd": 3}, '{"a b" = 1, "" = 2, "c\\nd" = 3}'),
        (datetime.date(2026, 1, 31), "2026-01-31"),
        (2**63 - 1, "9223372036854775807"),
        (2**63, "an integer of more than 64 bits"),
        (-(2**70), "an integer of more than 64 bits"),
        ("x" * 58, '"' + "x" * 58 + '"'),
        ("x" * 59, '"' + "x" * 56 + "..."),
        ([123456] * 100, ("[" + "123456, " * 8)[:57] + "..."),
    ],
)
def test_a_value_as_it_is_written(value: Any, text: str) -> None:
    assert format_value(value) == text


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (KeyError("x"), "KeyError: 'x'"),
        (RuntimeError("no GPU\n  found."), "RuntimeError: no GPU found"),
        (RuntimeError(), "RuntimeError"),
        (SystemExit(3), "SystemExit: 3"),
        (ZooError("conv2d: groups is 0. Use an integer >= 1."),) * 2,
    ],
)
def test_an_exception_in_one_line(error: BaseException, text: object) -> None:
    assert format_error(error) == str(text)
