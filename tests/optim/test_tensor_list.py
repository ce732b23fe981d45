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


@pytest.mark.parametrize(
    ("name", "operands", "options"),
    [
        ("add", (2,), {}),
        ("add_", (drawn(1),), {"alpha": 0.3}),
        ("mul_", (0.9,), {}),
        ("div", (drawn(1),), {}),
        ("lerp_", (drawn(1), 0.25), {}),
        ("addcmul", (drawn(1), drawn(2)), {"value": 0.5}),
        ("addcdiv_", (drawn(1), drawn(2)), {"value": -0.5}),
        ("clamp_min_", (drawn(1),), {}),
        ("clamp_min", (0.6,), {}),
        ("copy_", (drawn(1),), {}),
        ("sqrt", (), {}),
        ("neg", (), {}),
        ("sign", (), {}),
        ("zero_", (), {}),
    ],
)
def test_a_method_does_to_all_what_it_does_to_each(
    name: str, operands: tuple[Any, ...], options: dict[str, Any]
) -> None:
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


def test_there_are_no_operations_that_torch_lacks() -> None:
    assert not hasattr(TensorList(drawn(0)), "cumsum")
