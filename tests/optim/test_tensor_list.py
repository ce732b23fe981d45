"""TensorList: a tensor's methods for several at once."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from zoo.optim import TensorList


def drawn(seed: int) -> list[Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return [torch.rand(shape, generator=generator) + 0.1 for shape in ((3, 4), (5,), (), (0, 2))]


def check(name: str, operands: tuple[Any, ...], options: dict[str, Any]) -> None:
    """A method does to all tensors what it does to each, bit for bit."""
    given, together = drawn(0), TensorList(drawn(0))
    expected = [
        getattr(tensor, name)(
            *(item[index] if isinstance(item, list) else item for item in operands), **options
        )
        for index, tensor in enumerate(given)
    ]
    lists = [TensorList(item) if isinstance(item, list) else item for item in operands]
    result = getattr(together, name)(*lists, **options)
    torch.testing.assert_close(result.tensors, expected, rtol=0, atol=0)
    torch.testing.assert_close(together.tensors, given, rtol=0, atol=0)
    assert (result is together) == name.endswith("_")


def test_the_tensors_are_those_given() -> None:
    tensor = torch.ones(2)
    TensorList([tensor]).mul_(3)
    assert tensor.tolist() == [3, 3]


METHODS = [name for name in vars(TensorList) if not name.startswith("__")]


@pytest.mark.parametrize("name", METHODS)
def test_every_method_is_one_of_a_tensor(name: str) -> None:
    operands: tuple[Any, ...] = {
        **dict.fromkeys(("abs", "neg", "sign", "sqrt", "zero"), ()),
        **dict.fromkeys(("addcdiv", "addcmul"), (drawn(1), drawn(2))),
        "lerp": (drawn(1), 0.25),
    }.get(name.removesuffix("_"), (drawn(1),))
    check(name, operands, {})


@pytest.mark.parametrize(
    ("name", "operands", "options"),
    [
        ("add", (2,), {}),
        ("add_", (drawn(1),), {"alpha": 0.3}),
        ("mul_", (0.9,), {}),
        ("pow", (2,), {}),
        ("addcmul", (drawn(1), drawn(2)), {"value": 0.5}),
        ("addcdiv_", (drawn(1), drawn(2)), {"value": -0.5}),
        ("clamp_min", (0.6,), {}),
    ],
)
def test_numbers_and_factors(name: str, operands: tuple[Any, ...], options: dict[str, Any]) -> None:
    check(name, operands, options)
