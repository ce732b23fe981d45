"""Programs run by torch's interpreter do what Python does."""

from __future__ import annotations

from functools import partial

import pytest
import torch
from torch import Tensor

from zoo.engine.capture.torchscript import AtenCall, Program


def calls(a: Tensor, b: Tensor, out: Tensor) -> list[AtenCall]:
    """out = relu(a b + 1/2 a), and its column sums in the first row of b."""
    return [
        AtenCall("mm", (a, b), {"out": out}),
        AtenCall("add_", (out, a), {"alpha": 0.5}),
        AtenCall("clamp", (out,), {"min": 0, "out": out}),
        AtenCall("sum", (out, [0]), {"dtype": None, "out": b[0]}),
    ]


def tensors() -> tuple[Tensor, Tensor, Tensor]:
    draws = torch.Generator().manual_seed(0)
    a, b = (torch.randn(5, 5, generator=draws) for _ in "ab")
    return a, b, torch.empty(5, 5)


def test_the_interpreter_does_the_same() -> None:
    ours, expected = tensors(), tensors()
    program = Program(calls(*ours))
    assert program.by_python == 0
    for _ in range(3):
        program()
        for call in calls(*expected):
            call()
        assert all(map(torch.equal, ours, expected))


@pytest.mark.parametrize(
    "unknown",
    [
        lambda x: AtenCall("clamp", (x,), {"max": float("inf"), "out": x}),
        lambda x: AtenCall("add_", (x, torch.nn), {}),
        lambda x: AtenCall("no_such_operation_", (x,), {}),
    ],
    ids=["infinity", "an object", "a name"],
)
def test_what_the_interpreter_does_not_know_is_left_to_python(unknown: object) -> None:
    x = torch.zeros(3)
    first = AtenCall("add_", (x, 2), {})
    program = Program([first, unknown(x)])  # type: ignore[operator]
    assert program.by_python == 2


def test_python_runs_what_is_left_to_it() -> None:
    x = torch.zeros(3)
    program = Program(
        [AtenCall("add_", (x, 2), {}), partial(x.mul_, 3), AtenCall("add_", (x, 1), {})]
    )
    program()
    assert x.tolist() == [7, 7, 7]
    assert program.by_python == 1


def test_no_operations() -> None:
    Program([])()
