"""How the layers fill their weights and biases."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from zoo.nn import Conv2d, ConvTranspose2d, Linear, Upsampling


@pytest.mark.parametrize(
    ("layer", "reference", "arguments"),
    [
        (Conv2d, torch.nn.Conv2d, (4, 6, (3, 5), 1, 0, 1, 2)),
        (ConvTranspose2d, torch.nn.ConvTranspose2d, (4, 6, (3, 5), 1, 0, 0, 2)),
        (Upsampling, torch.nn.Conv2d, (4, 6, (3, 5), 1, 0, 1, 2)),
        (Linear, torch.nn.Linear, (5, 7)),
    ],
    ids=["conv2d", "conv_transpose2d", "upsampling", "linear"],
)
def test_initial_values_are_torchs(
    layer: type[Linear], reference: type[torch.nn.Linear], arguments: tuple[int, int]
) -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        expected = reference(*arguments)
        torch.manual_seed(3)
        module = layer(*arguments)
    own = layer(*arguments, generator=torch.Generator().manual_seed(3))
    assert expected.weight.equal(module.weight)
    assert module.bias is not None
    assert expected.bias.equal(module.bias)
    assert own.weight.equal(module.weight)


def test_initializers_are_given_the_fans_of_the_weight() -> None:
    calls: list[tuple[tuple[int, ...], int, int]] = []

    def record(value: Tensor, *, fan_in: int, fan_out: int, generator: object = None) -> None:
        calls.append((tuple(value.shape), fan_in, fan_out))

    Linear(5, 7, init=record, bias_init=record)
    Conv2d(4, 6, (3, 5), groups=2, init=record, bias_init=record)
    assert calls == [
        ((7, 5), 5, 7),
        ((7,), 5, 7),
        ((6, 2, 3, 5), 30, 90),
        ((6,), 30, 90),
    ]
