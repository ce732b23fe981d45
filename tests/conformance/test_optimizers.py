"""Every built-in optimizer, by its registered name, against torch.optim's in 20 training steps."""

from __future__ import annotations

import pytest
import torch

from tests.conformance.cases import OPTIMIZERS, TORCH_OPTIMIZERS, Arguments
from zoo.nn import Conv2d, Linear, ReLU, Sequential
from zoo.plugins.registry import load_registry
from zoo.testing import check_training_against_torch

EVERY_CASE = [
    pytest.param(name, arguments, id=f"{name}-{'-'.join(arguments) or 'defaults'}")
    for name, cases in OPTIMIZERS.items()
    for arguments in cases
]


@pytest.mark.parametrize(("name", "arguments"), EVERY_CASE)
def test_20_steps_are_those_of_torch(name: str, arguments: Arguments) -> None:
    generator = torch.Generator().manual_seed(0)
    model = Sequential(
        Conv2d(2, 4, 3, padding=1, generator=generator),
        ReLU(),
        Conv2d(4, 2, 3, bias=False, generator=generator),
        Linear(4, 3, generator=generator),
    ).to(torch.float64)
    optimizer = load_registry().get("optimizer", name).entry.load()
    reference = TORCH_OPTIMIZERS[name]
    check_training_against_torch(
        model,
        lambda params: optimizer(params, **arguments),
        lambda params: reference(params, **{"lr": 1e-3, **arguments}),
        torch.randn(3, 2, 5, 6, dtype=torch.float64, generator=generator),
        torch.randn(3, 2, 3, 3, dtype=torch.float64, generator=generator),
    )


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_option_has_a_case(name: str) -> None:
    options = load_registry().get("optimizer", name).entry.schema["properties"]
    assert {key for arguments in OPTIMIZERS[name] for key in arguments} == set(options)
