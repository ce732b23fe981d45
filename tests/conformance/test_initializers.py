"""Every built-in initializer, by its registered name, against theory."""

from __future__ import annotations

import math

import pytest
import torch

from tests.conformance.cases import INITIALIZERS, InitializerCase
from zoo.init import fans
from zoo.plugins.registry import load_registry

EVERY_CASE = [
    pytest.param(name, case, id=f"{name}-{'-'.join(case.arguments) or 'defaults'}")
    for name, cases in INITIALIZERS.items()
    for case in cases
]


@pytest.mark.parametrize("shape", [(300, 200), (64, 32, 3, 5)], ids=["matrix", "kernel"])
@pytest.mark.parametrize(("name", "case"), EVERY_CASE)
def test_mean_and_variance_are_those_of_theory(
    name: str, case: InitializerCase, shape: tuple[int, ...]
) -> None:
    fan_in, fan_out = fans(shape)
    initializer = load_registry().get("initializer", name).entry.load()(**case.arguments)
    value = torch.full(shape, math.nan, dtype=torch.float64)
    generator = torch.Generator().manual_seed(0)
    initializer(value, fan_in=fan_in, fan_out=fan_out, generator=generator)

    std = math.sqrt(case.variance(fan_in, fan_out))
    n = value.numel()
    # Five standard errors: of the mean sigma/sqrt(n), of a normal's deviation sigma/sqrt(2n).
    assert value.mean().item() == pytest.approx(case.mean, abs=5 * std / math.sqrt(n) + 1e-12)
    assert value.std().item() == pytest.approx(std, rel=5 / math.sqrt(2 * n), abs=1e-12)


@pytest.mark.parametrize("name", INITIALIZERS)
def test_every_option_has_a_case(name: str) -> None:
    options = load_registry().get("initializer", name).entry.schema["properties"]
    assert {key for case in INITIALIZERS[name] for key in case.arguments} == set(options)
